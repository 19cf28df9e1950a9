"""Randomized singular value decomposition: the SVD of a matrix within a randomized range.

N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions", SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 5.1.

``||A - U diag(s) Vh||_F^2 = ||A||_F^2 - sum s_j^2``, and s_j <= sigma_j(A).
"""

import numpy as np
import scipy.linalg

from .._common.foreign import elsewhere, foreign
from .._common.low_rank import TruncatedSVD
from .._common.products import adjoint_times, times
from .._common.rule import Rule, check_rule
from .._common.types import Matrix, MatrixLike, Operand, Reals, Seed
from .orthonormal import tall_qr
from .sampler import Sampler, basis_columns, fewest, measured
from .sketch import SketchName


class RandomizedSVD(TruncatedSVD):
    """``A ~= U diag(s) Vh``; made by `randomized_svd`.

    Unpacks to ``(U, s, Vh)`` and multiplies as the matrix it stands for.

    Attributes
    ----------
    U : (M, k) ndarray
        Left singular vectors, orthonormal to rounding.
    s : (k,) ndarray
        Singular values, not increasing.
    Vh : (k, N) ndarray
        Right singular vectors, the rows orthonormal to rounding.
    error : float
        ``||A - U diag(s) Vh||_F``.
    error_kind : {'exact', 'estimate'}
        What `error` is.
    error_bound : float
        The error is at most this: always where it is exact, with probability 0.9999 where it is an estimate.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_svd
    >>> randomized_svd(np.eye(6), rank=2, rng=0)
    <RandomizedSVD of shape (6, 6), float64: rank 2, exact error 2>
    >>> abs(randomized_svd(np.diag([2.0, 0.0]), rank=1, rng=0).reconstruct()).round(12)
    array([[2., 0.],
           [0., 0.]])
    """


def randomized_svd(
    a: MatrixLike,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    oversample: int = 10,
    power: int = 2,
    sketch: SketchName = "gaussian",
    check_finite: bool = True,
    rng: Seed = None,
) -> RandomizedSVD:
    """Truncated SVD within a randomized range, ``A ~= U diag(s) Vh``.

    Without a tolerance it has `rank` singular values. With one it has as few as
    ``||A - U diag(s) Vh||_F <= max(atol, rtol ||A||_F)`` takes, and at most `rank`.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix; a LinearOperator needs its adjoint.
    rank : int, optional
        Number of singular values, or the most with a tolerance; 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances for the Frobenius norm of the error, `rtol` relative to ``||A||_F``; finite and >= 0, off by default.
        They are never taken below rounding, ``max(M, N) eps ||A||_F``. For a LinearOperator ``||A||_F`` is itself an
        estimate.
    oversample, power, sketch, check_finite, rng : optional
        As for `range_finder`.

    Returns
    -------
    RandomizedSVD
        Float32 stays float32, complex stays complex. The error is exact where `a` is no LinearOperator and the error is
        above about ``1e-6 ||A||_F`` (single precision: ``1e-2``), and otherwise an estimate from ten further random
        products.

    Raises
    ------
    TypeError, ValueError
        As `range_finder`.

    See Also
    --------
    randomized_eigh : for a Hermitian matrix.
    generalized_nystrom : from a single pass over the matrix.

    Notes
    -----
    ``2 power + 2`` products of A or A^H with rank + oversample columns, 2 M N flops a column for a dense matrix, and
    O((M + N) (rank + oversample)^2). No singular value exceeds A's own. With k = rank and p = oversample,
    ``E ||A - U diag(s) Vh||_F <= (1 + k / (p - 1))^(1/2) (sum_{j>k} sigma_j^2)^(1/2) + (sum_{k<j<=k+p} s_j^2)^(1/2)``.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_svd
    >>> x = np.linspace(0, 1, 200)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> U, s, Vh = randomized_svd(A, rank=5, rng=0)
    >>> bool(np.allclose(s, np.linalg.svd(A, compute_uv=False)[:5]))
    True
    >>> bool(np.allclose(A, U * s @ Vh, atol=1e-5))
    True
    """
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(randomized_svd, locals())
    a, norm = measured(a, check_finite, with_adjoint=True)
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    return truncated_svd(a, norm, rule, basis_columns(a.shape, rule, oversample), power, sketch)


def truncated_svd(
    a: Operand, norm: float | None, rule: Rule, columns: int, power: int, sketch: SketchName
) -> RandomizedSVD:
    """The `RandomizedSVD` of an operand, its norm None if it is not known."""
    wide = a.shape[0] < a.shape[1]  # then of the transpose, for which fewer random numbers are needed
    sampler, rank = Sampler(a.T if wide else a, norm, rule, power, sketch), rule.rank
    if rule.by_tolerance:
        tolerance = sampler.tolerance()
        q, z = sampler.grown_basis(columns, tolerance)
    else:
        q, z = sampler.basis(columns), None
    z = adjoint_times(sampler.a, q) if z is None else z
    u, s, vh = svd_of_product(q, z)
    if rule.by_tolerance:
        rank = min(rank, fewest(s, sampler.error_outside(q, s).bound, tolerance))
    u, vh, error = times(q, u[:, :rank]), vh[:rank], sampler.error_beyond(rank, s, q, z)
    return RandomizedSVD(vh.T, s[:rank], u.T, error) if wide else RandomizedSVD(u, s[:rank], vh, error)


def svd_of_product(q: Matrix, z: Matrix) -> tuple[Matrix, Reals, Matrix]:
    """The SVD of ``Q Z^H`` for orthonormal columns Q, its left vectors in terms of Q."""
    p, r = tall_qr(z)
    u, s, wh = scipy.linalg.svd(r.conj().T, full_matrices=False, check_finite=False)
    return u, s, times(p, wh.conj().T).conj().T
