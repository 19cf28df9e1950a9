"""What stands behind `rrqr_lapack.interpolative`: SciPy's conventions, and factorizations of arrays and of all else."""

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from .._common.arrays import as_numeric, check_flag, check_rank, check_rng, check_tolerance
from .._common.indices import as_indices, check_indices
from .._common.operand import as_operand, densified, dtype_of, is_dense
from .._common.types import Matrix, MatrixLike, Operand, Reals, Seed
from .._qr.factored import TruncatedQR
from .._qr.truncated import Driver
from .column import InterpolativeDecomposition, interpolative_decomposition


def check_goal(A: MatrixLike, eps_or_k: float, rank: int | None) -> tuple[Operand, int | None, float | None, int]:
    """A as an operand, k or None, eps or None, and the largest rank."""
    A = as_operand(A, "A", with_adjoint=True)
    number = check_tolerance("eps_or_k", eps_or_k)
    if eps_or_k is None:
        raise TypeError("eps_or_k must be a real number, got None")
    limit = check_rank(rank, min(A.shape))
    if number >= 1:
        if rank is not None:
            raise ValueError(
                f"rank must be None where eps_or_k is a rank, {eps_or_k!r}, got {rank!r}; it limits a precision"
            )
        return A, int(number), None, limit
    smallest = 10 * float(np.finfo(dtype_of(A)).eps)
    if dtype_of(A).char in "fF" and number < smallest:
        raise ValueError(f"eps_or_k must be at least {smallest:.2g} for the dtype {A.dtype}, got {eps_or_k!r}")
    return A, None, number, limit


def check_steps(its: Any) -> int:
    """`its` as an int of at least 1."""
    if not isinstance(its, (int, np.integer)) or isinstance(its, bool) or its < 1:
        raise ValueError(f"its must be an integer of at least 1, got {its!r}")
    return int(its)


def check_id(idx: Any, proj: Any) -> tuple[NDArray[np.intp], Matrix]:
    """`idx` and `proj` as arrays that belong together."""
    proj = as_operand(as_numeric(proj, "proj"), "proj", check_finite=False)
    n = sum(proj.shape)
    idx = as_indices("idx", idx)
    if len(idx) != n:
        raise ValueError(f"idx must be a permutation of {n} columns for proj of shape {proj.shape}, got {len(idx)}")
    return check_indices("idx", idx, n, distinct=True), proj


def check_skeleton(B: Operand, proj: Matrix) -> None:
    """ValueError unless B has a column for each row of proj."""
    if B.shape[1] != len(proj):
        raise ValueError(f"B must have {len(proj)} columns for proj of shape {proj.shape}, got the shape {B.shape}")


def decomposed(A: Operand, rank: int, eps: float | None, rand: bool, rng: Seed) -> InterpolativeDecomposition:
    """The InterpolativeDecomposition behind all; where coefficients grow too large it is a strong one."""
    driver = "randomized" if check_flag("rand", rand) and is_dense(A) else "auto"
    how: dict[str, Any] = {"rank": rank, "rtol": eps, "driver": driver, "rng": check_rng(rng)}
    d = interpolative_decomposition(A, **how)
    if np.abs(d.coefficients).max(initial=0) > np.finfo(d.dtype).eps ** -0.25:
        d = interpolative_decomposition(A, f=2, **how)
    return d


def factored(A: Operand, rank: int, eps: float | None, rand: bool, rng: Seed) -> tuple[TruncatedQR, Matrix]:
    """A ~= Q G: a TruncatedQR with this Q, and G with as many rows as its rank."""
    if not is_dense(A):
        d = decomposed(A, rank, eps, rand, rng)
        return orthogonal(d.skeleton, d.coefficients)
    driver: Driver = "randomized" if check_flag("rand", rand) else "auto"
    factor = TruncatedQR(A, rank=rank, rtol=eps, driver=driver, rng=rng)
    return factor, factor.R[:, np.argsort(factor.P)]


def orthogonal(B: Operand, p: Matrix) -> tuple[TruncatedQR, Matrix]:
    """B P = Q (R P) for a sparse or dense B of few columns."""
    factor = TruncatedQR(densified(B))
    return factor, factor.R[:, np.argsort(factor.P)] @ p


def svd_of(factor: TruncatedQR, g: Matrix, k: int) -> tuple[Matrix, Reals, Matrix]:
    """U, S, V with k columns from A ~= Q G. Where G has fewer rows the rest of S is zero, U and V orthonormal still."""
    square = np.zeros((k, g.shape[1]), g.dtype)
    square[: len(g)] = g
    if not square.size:
        return np.zeros((factor.shape[0], 0), g.dtype), np.zeros(0, g.real.dtype), np.zeros((g.shape[1], 0), g.dtype)
    u, s, vh = scipy.linalg.svd(square, full_matrices=False, check_finite=False)
    padded = np.zeros((factor.shape[0], u.shape[1]), u.dtype, order="F")
    padded[:k] = u
    return factor.apply_q(padded), s, vh.conj().T
