"""Randomized range finder: an orthonormal basis of most of a matrix's range, from a few products with it.

N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions", SIAM Review 53(2) (2011), doi:10.1137/090771806. The blocks that grow to a tolerance
are those of W. Yu, Y. Gu, Y. Li, "Efficient randomized algorithms for the fixed-precision low-rank matrix
approximation", SIAM J. Matrix Anal. Appl. 39(3) (2018), doi:10.1137/17M1141977.

For l = k + p columns of a Gaussian sketch, without power iterations and with sigma_j the singular values of A,

    E ||A - Q Q^H A||_F <= (1 + k / (p - 1))^(1/2) (sum_{j>k} sigma_j^2)^(1/2).
"""

from typing import Any

import numpy as np

from .._common.error import Error
from .._common.foreign import adjoint_of, elsewhere, foreign
from .._common.low_rank import LowRank
from .._common.rule import check_rule
from .._common.types import Matrix, MatrixLike, Seed
from .sampler import Sampler, basis_columns, measured
from .sketch import SketchName


class Range(LowRank):
    """``A ~= Q Q^H A`` with orthonormal Q; made by `range_finder`.

    Multiplies as the projector ``P = Q Q^H``, so that ``P @ A`` is the approximation.

    Attributes
    ----------
    Q : (M, l) ndarray
        The basis, orthonormal to rounding.
    rank : int
        l.
    shape, dtype
        Those of the projector, (M, M), and the LAPACK dtype of A.
    error : float
        ``||A - Q Q^H A||_F``.
    error_kind : {'exact', 'estimate'}
        What `error` is.
    error_bound : float
        The error is at most this: always where it is exact, with probability 0.9999 where it is an estimate.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import range_finder
    >>> range_finder(np.eye(40), rank=30, atol=4.0, rng=0)
    <Range of shape (40, 40), float64: rank 32, exact error 2.83>
    """

    def __init__(self, Q: Matrix, error: Error) -> None:
        super().__init__(error)
        self.Q = Q

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.Q, adjoint_of(self.Q)


def range_finder(
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
) -> Range:
    """Orthonormal basis of an approximate range, ``A ~= Q Q^H A``, from a few products with A.

    Q spans ``(A A^H)^power A Omega^T`` for a random sketch Omega, orthonormalized after every product. Without a
    tolerance it has ``min(rank + oversample, M, N)`` columns. With one, blocks of columns join it until
    ``||A - Q Q^H A||_F <= max(atol, rtol ||A||_F)``, or it has as many columns as that.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix; a LinearOperator needs its adjoint only if ``power > 0``.
    rank : int, optional
        Rank whose singular vectors the range should hold, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances for the Frobenius norm of what is left, `rtol` relative to ``||A||_F``; finite and >= 0, off by
        default. They are never taken below rounding, ``max(M, N) eps ||A||_F``. For a LinearOperator ``||A||_F`` is
        itself an estimate.
    oversample : int, optional
        Columns beyond the rank.
    power : int, optional
        Power iterations. Each takes two more products, and takes the (2 power + 1)-th root of the factor by which the
        spectral error may exceed the optimum.
    sketch : {'gaussian', 'sparse', 'srtt'}, optional
        Independent normal entries, eight random signs in a column, or a subsampled random cosine transform, which take
        less time for a dense matrix from some hundred columns on.
    check_finite : bool, optional
        Refuse NaN and infinity in an array.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator. The sketch does not depend on the number of threads.

    Returns
    -------
    Range
        With `Q` (M, l) in A's LAPACK dtype, and its `error`, which is exact where tolerances are given, `a` is no
        LinearOperator and the error is above about ``1e-6 ||A||_F`` (single precision: ``1e-2``), and otherwise an
        estimate from ten further random products.

    Raises
    ------
    TypeError
        `a` is masked or not numeric, or a LinearOperator without the adjoint that it needs; an integer argument is no
        integer, or a tolerance no number.
    ValueError
        `a` has not two dimensions or holds NaN or infinity (the first such column is named), a product with a
        LinearOperator is not finite, its `rmatvec` is seen not to multiply by the adjoint, or another argument is out
        of its range.

    See Also
    --------
    randomized_svd : singular values and vectors from it.

    Notes
    -----
    ``2 power + 1`` products of A or A^H with l columns, 2 M N l flops each for a dense matrix, and O((M + N) l^2);
    memory O((M + N) l) beyond `a`. The same ten products (40 with a tolerance) estimate the error after every block, so
    that with b blocks the last bound holds with a probability of at least ``1 - b / 10000``.

    For Gaussian sketches, k = rank, p = oversample > 1 and q = power,
    ``E ||A - Q Q^H A||_F <= (1 + k / (p - 1))^(1/2) (sum_{j>k} sigma_j^2)^(1/2)`` and
    ``E ||A - Q Q^H A||_2^(2q+1) <= (1 + (k / (p - 1))^(1/2)) sigma_{k+1}^(2q+1) + e (k + p)^(1/2) / p (sum_{j>k}
    sigma_j^(4q+2))^(1/2)``.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithms 4.2 and 4.4,
    Theorems 10.5 and 10.6, Corollary 10.10.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import range_finder
    >>> x = np.linspace(0, 1, 200)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> found = range_finder(A, rtol=1e-5, rng=0)
    >>> bool(np.linalg.norm(A - found @ A) <= 1e-5 * np.linalg.norm(A))
    True
    """
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(range_finder, locals())
    a, norm = measured(a, check_finite, with_adjoint=power != 0)
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    columns = basis_columns(a.shape, rule, oversample)
    sampler = Sampler(a, norm, rule, power, sketch)
    q, z = sampler.grown_basis(columns, sampler.tolerance()) if rule.by_tolerance else (sampler.basis(columns), None)
    return Range(q, sampler.error_outside(q, z))
