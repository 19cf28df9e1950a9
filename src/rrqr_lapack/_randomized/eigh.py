"""Randomized eigendecomposition of a Hermitian matrix.

For any Hermitian matrix the eigenvalues of Q^H A Q (Rayleigh-Ritz) within a randomized range Q: N. Halko, P. G.
Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 5.3. For a positive semidefinite one
the Nystrom approximation ``A Q (Q^H A Q)^+ Q^H A``, Algorithm 5.5, from the same products closer to A: it lies between
Rayleigh-Ritz's and A, and leaves ``||A - B||_F <= ||A - Q Q^H A||_F``.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg

from .._common.arrays import check_flag
from .._common.error import Error, as_bound
from .._common.low_rank import LowRank
from .._common.norms import frobenius
from .._common.products import adjoint_times, times
from .._common.rule import check_rule
from .._common.types import Matrix, MatrixLike, Reals, Seed
from .._qr.truncated import numerical_rtol
from .orthonormal import tall_qr
from .sampler import Sampler, basis_columns, fewest, measured
from .sketch import SketchName


class RandomizedEigh(LowRank):
    """``A ~= V diag(w) V^H``; made by `randomized_eigh`.

    Unpacks to ``(w, V)`` and multiplies as the matrix it stands for.

    Attributes
    ----------
    w : (k,) ndarray
        Eigenvalues, real, their absolute values not increasing.
    V : (N, k) ndarray
        Eigenvectors, orthonormal to rounding.
    error : float
        ``||A - V diag(w) V^H||_F``.
    error_kind : {'exact', 'bound', 'estimate'}
        What `error` is.
    error_bound : float
        The error is at most this, where it is an estimate with probability 0.9999.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_eigh
    >>> randomized_eigh(np.eye(6), rank=2, rng=0)
    <RandomizedEigh of shape (6, 6), float64: rank 2, exact error 2>
    >>> abs(randomized_eigh(np.diag([2.0, 0.0]), rank=1, rng=0).reconstruct()).round(12)
    array([[2., 0.],
           [0., 0.]])
    """

    def __init__(self, w: Reals, V: Matrix, error: Error) -> None:
        super().__init__(error)
        self.w, self.V = w, V

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.V, self.w, self.V.conj().T

    def __iter__(self) -> Iterator[Matrix]:
        return iter((self.w, self.V))


def randomized_eigh(
    a: MatrixLike,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    psd: bool = False,
    oversample: int = 10,
    power: int = 2,
    sketch: SketchName = "gaussian",
    check_finite: bool = True,
    rng: Seed = None,
) -> RandomizedEigh:
    """Eigenvalues of largest modulus of a Hermitian matrix, ``A ~= V diag(w) V^H``, within a randomized range.

    Parameters
    ----------
    a : (N, N) array_like, sparse array or matrix, or LinearOperator
        Hermitian matrix. Both triangles are read.
    rank : int, optional
        Number of eigenvalues, or the most with a tolerance; 0 to N, which is the default.
    rtol, atol : float, optional
        Stop with as few as ``||A - V diag(w) V^H||_F <= max(atol, rtol ||A||_F)`` takes; off by default. They are never
        taken below rounding, ``N eps ||A||_F``. For a LinearOperator ``||A||_F`` is itself an estimate.
    psd : bool, optional
        `a` is positive semidefinite: take the Nystrom approximation, which is closer to it.
    oversample, power, sketch, check_finite, rng : optional
        As for `range_finder`. Each power iteration multiplies twice by A.

    Returns
    -------
    RandomizedEigh
        With `rank` eigenvalues; with `psd` no more than `a` has above rounding. float32 stays float32, complex stays
        complex. The error is exact where `a` is no LinearOperator and the error is above about ``1e-6 ||A||_F`` (single
        precision: ``1e-2``), and otherwise an estimate from ten further random products. With `psd` a bound takes the
        place of the exact error, ``(||A||_F^2 - sum w_j^2 + 100 eps ||A||_F^2)^(1/2)``, the last term for rounding.

    Raises
    ------
    TypeError
        As `range_finder`.
    ValueError
        As `range_finder`; `a` is not square, is seen not to be Hermitian, or with `psd` to have a negative eigenvalue.

    See Also
    --------
    randomized_svd : for any matrix.

    Notes
    -----
    ``2 power + 2`` products of A with rank + oversample columns, 2 N^2 flops a column for a dense matrix, and
    O(N (rank + oversample)^2). In order of modulus no ``|w_j|`` exceeds A's ``|lambda_j|``; with `psd` they are at
    least as large as without. With B the approximation before it is truncated to `rank`,
    ``||A - B||_F^2 <= ||A||_F^2 - sum w_j^2 <= 2 ||A - Q Q^H A||_F^2``, for which `range_finder` has the bounds.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithms 5.3 and 5.5.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_eigh
    >>> x = np.linspace(0, 1, 200)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> w, V = randomized_eigh(A, rank=5, psd=True, rng=0)
    >>> bool(np.allclose(w, np.linalg.eigvalsh(A)[:-6:-1]))
    True
    >>> bool(np.allclose(A @ V, V * w))
    True
    """
    check_flag("psd", psd)
    a, norm = measured(a, check_finite, with_adjoint=power != 0)
    if a.shape[0] != a.shape[1]:
        raise ValueError(f"a must be square, got the shape {a.shape}")
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    columns = basis_columns(a.shape, rule, oversample)
    sampler, rank = Sampler(a, norm, rule, power, sketch), rule.rank
    if rule.by_tolerance:
        tolerance = sampler.tolerance()
        q, _ = sampler.grown_basis(columns, tolerance / math.sqrt(2))
    else:
        q = sampler.basis(columns)
    w, v = (nystrom if psd else _rayleigh_ritz)(q, times(a, q), numerical_rtol(a))
    if rule.by_tolerance:  # ||A||_F^2 - sum w_j^2 is at most 2 ||A - Q Q^H A||_F^2
        exact = sampler.exact_error(w)
        left = exact.bound if exact else math.sqrt(2) * sampler.error_outside(q).bound
        rank = min(rank, fewest(w, left, tolerance))
    w, v = w[:rank], v[:, :rank]
    error = sampler.exact_error(w)
    if error is None:
        error = sampler.estimated_error(lambda x: times(v, w[:, None] * adjoint_times(v, x)))
    elif psd and norm is not None:  # A - V diag(w) V^H is semidefinite, so that the difference of squares is a bound
        error = as_bound(error, norm, w.dtype)
    return RandomizedEigh(w, v, error)


def _compressed(q: Matrix, y: Matrix, rounding: float) -> tuple[Reals, Matrix]:
    """Eigenpairs of Q^H A Q for Y = A Q, in order of modulus."""
    t = adjoint_times(q, y)
    if not frobenius(t - t.conj().T) <= math.sqrt(rounding) * frobenius(t):
        raise ValueError("a must be Hermitian, but differs from its adjoint; randomized_svd takes any matrix")
    w, z = scipy.linalg.eigh(t, check_finite=False)
    order = np.argsort(-np.abs(w), kind="stable")
    return w[order], z[:, order]


def _rayleigh_ritz(q: Matrix, y: Matrix, rounding: float) -> tuple[Reals, Matrix]:
    w, z = _compressed(q, y, rounding)
    return w, times(q, z)


def nystrom(q: Matrix, y: Matrix, rounding: float) -> tuple[Reals, Matrix]:
    """Eigenpairs of ``Y (Q^H Y)^+ Y^H``: from the singular values of ``Y Z diag(w)^{-1/2}`` where w is not rounding."""
    w, z = _compressed(q, y, rounding)
    largest = np.abs(w).max(initial=0)
    if (w < -math.sqrt(rounding) * largest).any():
        raise ValueError(f"a must be positive semidefinite with psd=True, but has an eigenvalue below {w.min():.3g}")
    kept = w > 10 * rounding * largest
    p, r = tall_qr(times(y, z[:, kept] / np.sqrt(w[kept])))
    u, s, _ = scipy.linalg.svd(r, check_finite=False)
    return s * s, times(p, u)
