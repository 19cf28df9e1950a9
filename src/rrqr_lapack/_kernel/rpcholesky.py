"""Partial Cholesky of a positive semidefinite matrix, with random or greedy pivots: A ~= F F^H from k columns.

Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, "Randomly pivoted Cholesky", Comm. Pure Appl. Math. 78(5) (2025),
arXiv:2207.06503; the rounds with rejection: E. N. Epperly, J. A. Tropp, R. J. Webber, "Embrace rejection: kernel matrix
approximation by accelerated randomly pivoted Cholesky", 2024, arXiv:2410.03969; greedy pivots: H. Harbrecht, M. Peters,
R. Schneider, "On the low-rank approximation by the pivoted Cholesky decomposition", Appl. Numer. Math. 62(4) (2012),
doi:10.1016/j.apnum.2011.10.001.

Guarantee of the random pivots: E tr(A - F F^H) <= (1 + e) tr(A - [A]_r) from k >= r / e + r log(1 / (e h)) of them
on, where [A]_r is the best approximation of rank r and h = tr(A - [A]_r) / tr(A).
"""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import scipy.linalg

from .._common.arrays import check_choice
from .._common.error import exact
from .._common.low_rank import LowRank
from .._common.operand import dtype_of
from .._common.products import times
from .._common.rule import check_rule
from .._common.types import Array, Indices, Matrix, MatrixLike, Operand, Reals, Seed
from .psd import as_psd, check_consistent, check_zeros, dense_columns, diagonal, has_submatrix, submatrix

Pivoting: TypeAlias = Literal["random", "greedy"]
PROPOSALS = 100  # pivots proposed in a round; a round costs a PROPOSALS x PROPOSALS submatrix of A
ROOM = 512  # columns of F that there is room for at first
FLOOR = 100  # a pivot below FLOOR eps of its entry of A's diagonal is rounding error


class PartialCholesky(LowRank):
    """``A ~= F @ F^H`` for a positive semidefinite A; made by `rpcholesky`. Multiplies as the matrix it stands for.

    Attributes
    ----------
    columns : (k,) ndarray of intp
        Indices of the chosen columns, the pivots, in the order in which they were chosen.
    F : (N, k) ndarray
        The factor; ``F[columns]`` is lower triangular with a positive diagonal.
    residual_diagonal : (N,) ndarray
        Diagonal of ``A - F F^H``, zero at the pivots.
    error : float
        ``tr(A - F F^H)``, which is the trace norm of the error, since that is positive semidefinite.
    error_kind, error_bound
        'exact', and the error again.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import rpcholesky
    >>> factorization = rpcholesky(np.diag([4.0, 0.0, 9.0]), pivoting="greedy")
    >>> factorization.columns, factorization.error
    (array([2, 0]), 0.0)
    >>> factorization.reconstruct().diagonal()
    array([4., 0., 9.])
    """

    def __init__(self, columns: Indices, F: Matrix, residual_diagonal: Reals) -> None:
        super().__init__(exact(float(residual_diagonal.sum(dtype=np.float64))))
        self.columns, self.F, self.residual_diagonal = columns, F, residual_diagonal

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.F, self.F.conj().T


def rpcholesky(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    pivoting: Pivoting = "random",
    check_finite: bool = True,
    rng: Seed = None,
) -> PartialCholesky:
    """Randomly pivoted Cholesky, ``A ~= F F^H`` with trace-norm error ``tr(A - F F^H)``, exactly known.

    Each random pivot is drawn with a probability proportional to its entry in the diagonal of the residual
    ``A - F F^H``; a greedy one is the largest entry. The factorization stops before the first step at which
    ``tr(A - F F^H) <= max(atol, rtol tr A)``, after `rank` steps, or where the residual's diagonal is rounding error.
    Only the diagonal of A and k of its columns are computed, and a few small submatrices.

    Parameters
    ----------
    a : (N, N) array_like, sparse array or LinearOperator
        Hermitian positive semidefinite matrix, such as a `KernelMatrix`. A LinearOperator needs a method
        ``diagonal()``; it may have ``columns(indices)``, else its columns are products with unit vectors, and
        ``submatrix(rows, columns)``, else pivots are drawn one by one. That it is Hermitian is checked at the pivots.
    rank : int, optional
        Largest number of pivots, 0 to N, which is the default.
    rtol, atol : float, optional
        Tolerances for the trace of the residual, `rtol` relative to the trace of `a`; finite and >= 0, off by default.
    pivoting : {'random', 'greedy'}, optional
        'random' is safe: its error is near the best possible in expectation, whatever the matrix. 'greedy' is
        deterministic, and can be misled by outliers.
    check_finite : bool, optional
        Refuse NaN and infinity in an array before the start. The diagonal and the columns in use are checked anyway.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the random pivots.

    Returns
    -------
    PartialCholesky
        With `columns`, `F` and the exact `error`; float32 stays float32, complex stays complex.

    Raises
    ------
    TypeError
        `a` is no matrix of numbers, or a LinearOperator without ``diagonal()``; `rank` is not an integer.
    ValueError
        `a` is not square, not finite, or not Hermitian and positive semidefinite as far as that shows on the way; its
        diagonal is not that of its columns; `rank`, a tolerance or `pivoting` is out of its range.

    Notes
    -----
    N k^2 flops and N (k + 1) entries of A to first order; memory for N (k + 100) numbers. Columns beside zeros on the
    diagonal, which must be zero, are looked at, of a LinearOperator 32 at most. Random pivots are drawn in rounds: 100
    proposals follow the diagonal at the start of the round, and each is accepted with the probability by which the
    pivots accepted before it reduced its diagonal entry. So they are distributed as if drawn one by one, while the work
    is in matrix products.

    References
    ----------
    Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, "Randomly pivoted Cholesky", 2022, arXiv:2207.06503.
    E. N. Epperly, J. A. Tropp, R. J. Webber, "Embrace rejection", 2024, arXiv:2410.03969.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import rpcholesky
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> factorization = rpcholesky(A, rtol=1e-6, rng=0)
    >>> factorization.rank < 10
    True
    >>> bool(np.linalg.norm(A - factorization.F @ factorization.F.T, "nuc") <= 1e-6 * np.trace(A))
    True
    """
    a = as_psd(a, check_finite=check_finite)
    n, dtype = a.shape[0], dtype_of(a)
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    check_choice("pivoting", pivoting, get_args(Pivoting))

    original = diagonal(a)
    check_zeros(a, original)
    d = original.copy()
    floor = FLOOR * np.finfo(dtype).eps * original
    rank, goal = rule.rank, max(rule.atol, rule.rtol * d.sum())
    F = np.empty((n, min(rank, ROOM)), dtype, order="F")
    pivots = np.empty(0, np.intp)
    while (k := len(pivots)) < rank and d.sum() > goal and np.any(d > floor):
        weights = np.where(d > floor, d, 0)
        if pivoting == "greedy":
            new = np.argmax(weights, keepdims=True)
            L = np.sqrt(weights[new, None]).astype(dtype)
        else:
            new, L = _accepted(a, F[:, :k], weights, floor, rule.rng)
            new, L = new[: rank - k], L[: rank - k, : rank - k]
        F = _with_room(F, k + len(new), rank)
        G = F[:, k : k + len(new)]
        _eliminate(a, F[:, :k], pivots, original, new, L, G)
        G[pivots], G[new] = 0, L
        squares = np.abs(G) ** 2
        used = len(new)
        left = d.sum() - np.cumsum(squares.sum(axis=0, dtype=np.float64))
        if left[-1] <= goal:
            used = int(np.argmax(left <= goal)) + 1
        pivots = np.append(pivots, new[:used])
        d -= squares[:, :used].sum(axis=1, dtype=np.float64)
        d[pivots] = 0
        if np.any(d < -np.sqrt(np.finfo(dtype).eps) * original):
            raise ValueError(f"a must be positive semidefinite, but a residual has the diagonal entry {d.min():.3g}")
        np.maximum(d, 0, out=d)
        if left[-1] <= goal:
            break
    return PartialCholesky(pivots, F[:, : len(pivots)], d.astype(np.finfo(dtype).dtype))


def _accepted(a: Operand, F: Matrix, d: Reals, floor: Reals, rng: np.random.Generator) -> tuple[Indices, Matrix]:
    """Pivots of one round and the Cholesky factor of their block of the residual.

    A pivot proposed with a probability proportional to d_i, and accepted with the probability (what is left of d_i) /
    d_i, is distributed as one drawn from what is left.
    """
    single = not has_submatrix(a)  # the first proposal is always accepted, and needs no submatrix
    s = rng.choice(len(d), 1 if single else min(PROPOSALS, len(d)), p=d / d.sum())
    H = np.zeros((1, 1), F.dtype) if single else submatrix(a, s, s) - F[s] @ F[s].conj().T
    L = np.zeros_like(H)
    left = d[s]
    accepted: list[int] = []
    for i, draw in enumerate(rng.random(len(s)) * d[s]):
        if draw < left[i] and left[i] > floor[s[i]]:
            j = len(accepted)
            L[i, j] = np.sqrt(left[i])
            L[i + 1 :, j] = (H[i + 1 :, i] - L[i + 1 :, :j] @ L[i, :j].conj()) / L[i, j]
            left[i + 1 :] -= np.abs(L[i + 1 :, j]) ** 2
            accepted.append(i)
    return s[accepted], L[accepted][:, : len(accepted)]


def _eliminate(a: Operand, F: Matrix, pivots: Indices, original: Reals, new: Indices, L: Matrix, G: Array) -> None:
    """G = (A[:, new] - F F[new]^H) L^{-H}, in place: a residual of zeros in old pivots' rows, L L^H in the new ones."""
    G[:] = dense_columns(a, new)
    G -= times(F, F[new].conj().T)
    rows = np.append(pivots, new)
    expected = np.concatenate([np.zeros((len(pivots), len(new)), L.dtype), L @ L.conj().T])
    check_consistent(G[rows], expected, original[rows], original[new], rows, new)
    divide_by_adjoint(G, L)


def divide_by_adjoint(G: Array, L: Matrix) -> None:
    """G = G L^{-H} in place, for a lower triangular L with a real diagonal and a Fortran-ordered G."""
    if len(L) == 1:
        G /= L  # a BLAS with threads would take longer to start them
    elif L.size:
        (trsm,) = scipy.linalg.get_blas_funcs(("trsm",), (L, G))
        G[:] = trsm(1, L, G, side=1, lower=1, trans_a=2, overwrite_b=1)


def _with_room(F: Matrix, columns: int, largest: int) -> Matrix:
    """F with room for so many columns: doubled when it is full."""
    if columns <= F.shape[1]:
        return F
    grown = np.empty((len(F), min(max(columns, 2 * F.shape[1]), largest)), F.dtype, order="F")
    grown[:, : F.shape[1]] = F
    return grown
