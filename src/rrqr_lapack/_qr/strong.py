"""Strong rank-revealing QR: no entry of R11^{-1} R12 is large, and R11 and R22 show the singular values of A.

M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
Comput. 17(4) (1996), doi:10.1137/0917055, Algorithm 4.

With q = sqrt(1 + f^2 k (N - k)): |R11^{-1} R12| <= f, sigma_i(A) <= q sigma_i(R11), sigma_j(R22) <= q sigma_{k+j}(A).
"""

import math
from typing import Any, Self, Unpack

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from .._common.arrays import check_tolerance
from .._common.foreign import become, foreign
from .._common.norms import frobenius
from .._common.progress import Progress
from .._common.rule import Rule
from .._common.types import Reals, Seed
from .factored import TruncatedQR, in_turn
from .truncated import Driver, Truncation, numerical_rtol


def check_bound(f: Any) -> float:
    """The bound of the entries of R11^{-1} R12, a finite number >= 1."""
    try:
        number = check_tolerance("f", f)
    except ValueError:
        number = -1.0
    if f is None or number < 1:
        raise ValueError(f"f must be finite and at least 1, got {f!r}")
    return number


class StrongRRQR(TruncatedQR):
    """``A[:, P] ~= Q R`` with ``|R11^{-1} R12| <= f``; made by `strong_rrqr`.

    It is a `TruncatedQR`, with all that this can do, of other columns where greedy pivoting chose badly. What it
    certifies follows from ``rho``, the largest factor by which an exchange of a chosen column with another one would
    multiply ``|det R11|``:
    ``rho_ij^2 = |T_ij|^2 + (||R22[:, j]|| ||R11^{-1}[i, :]||)^2``, ``T = R11^{-1} R12``.

    Attributes
    ----------
    f : float
        What was asked for.
    max_coefficient : float
        ``max |T_ij|``, at most `rho`.
    rho : float
        ``max rho_ij`` as it was reached: at most `f`, where `f` is 1 up to rounding in ``R11^{-1}``. The norms of R22
        in it are known to ``sqrt(eps)``, or are upper bounds. Infinite after an interrupted `extend`.
    bound : float
        ``q = sqrt(1 + rho^2 k (N - k))``. For all singular values of R11 and R22,
        ``sigma_i(A) / q <= sigma_i(R11) <= sigma_i(A)`` and ``sigma_{k+j}(A) <= sigma_j(R22) <= q sigma_{k+j}(A)``.
    swaps : int
        Exchanges of two columns that it took.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import strong_rrqr
    >>> strong_rrqr(np.diag([1.0, 3.0, 2.0]), rank=2)
    <StrongRRQR of shape (3, 3), float64: rank 2, relmaxresid 0.333>
    """

    _kept = (*TruncatedQR._kept, "f", "_max_t", "_rho", "_swaps")

    def __init__(self, a: ArrayLike, *, f: float = 2.0, **options: Unpack[Truncation]) -> None:
        if type(a) is not np.ndarray and foreign(a):
            become(self, "a", a, {"f": f, **options})
            return
        self.f = check_bound(f)
        self._swaps = 0
        super().__init__(a, **options)

    def _run(self, rule: Rule, progress: Progress | None) -> None:
        self._max_t = self._rho = math.inf
        rule = rule.at_least(numerical_rtol(self._factor.a))
        super()._run(rule, progress)
        swaps, self._max_t, self._rho = self._factor.strong(rule.rank, rule.rtol, rule.atol, rule.tie_tol, self.f)
        self._swaps += swaps

    @property
    @in_turn
    def max_coefficient(self) -> float:
        return self._max_t

    @property
    @in_turn
    def rho(self) -> float:
        return self._rho

    @property
    @in_turn
    def swaps(self) -> int:
        return self._swaps

    @property
    @in_turn
    def bound(self) -> float:
        missing = self.rank * (self.shape[1] - self.rank)
        return math.hypot(1, self.rho * math.sqrt(missing)) if missing else 1.0

    @in_turn
    def extend(
        self,
        *,
        rank: int | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Go on from the present columns until the new rule holds, and make the result strong again.

        Columns that were chosen may leave. A run that is interrupted leaves a valid truncated QR of some rank, of which
        nothing is certified until an extension has run through.

        Parameters
        ----------
        rank, rtol, atol, progress : optional
            As for `TruncatedQR.extend`.

        Returns
        -------
        StrongRRQR
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `rank` or a tolerance is out of its range.

        Notes
        -----
        4 M N (k_new - k) flops to first order, and as much as `strong_rrqr` for exchanges.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import strong_rrqr
        >>> strong_rrqr(np.eye(5), rank=2).extend(rank=4).max_coefficient
        0.0
        """
        return super().extend(rank=rank, rtol=rtol, atol=atol, progress=progress)

    @in_turn
    def singular_value_bounds(self) -> tuple[Reals, Reals]:
        """Bounds of the leading singular values of A, ``sigma_i(R11) <= sigma_i(A) <= q sigma_i(R11)``.

        For the one after them, ``max_j ||R22[:, j]|| / q <= sigma_{k+1}(A) <= ||R22||_F``: no approximation of rank k
        is closer to A than the first. They hold up to rounding of the largest one.

        Returns
        -------
        lower : (min(k + 1, M, N),) ndarray
            What the singular values are not below, in their order.
        upper : (min(k + 1, M, N),) ndarray
            What they do not exceed.

        Notes
        -----
        O(k^3) flops beside ``2 M N p`` for the norms of R22, where p is the number of columns not yet applied to it.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import strong_rrqr
        >>> lower, upper = strong_rrqr(np.diag([3.0, 1.0, 2.0]), rank=2).singular_value_bounds()
        >>> lower.round(3), upper.round(3)
        (array([3.   , 2.   , 0.816]), array([3.674, 2.449, 1.   ]))
        """
        k, norms = self.rank, self.residual_column_norms
        lower = scipy.linalg.svdvals(self.R[:, :k]) if k else np.zeros(0, norms.dtype)
        upper = lower * norms.dtype.type(self.bound)
        if k < min(self.shape):
            lower = np.append(lower, norms.max() / norms.dtype.type(self.bound))
            upper = np.append(upper, norms.dtype.type(frobenius(norms)))
        return lower, upper


def strong_rrqr(
    a: ArrayLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float = 2.0,
    overwrite_a: bool = False,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
    progress: Progress | None = None,
) -> StrongRRQR:
    """Strong rank-revealing QR, ``A[:, P] ~= Q R`` with ``|R11^{-1} R12| <= f`` and error ``||R22||``.

    A truncated pivoted QR, as `qr_truncated` makes it, whose columns are then exchanged as long as one exchange
    multiplies ``|det R11|`` by more than `f`. Almost always greedy pivots are strong already, and looking is all that
    it takes; but on some matrices, Kahan's for one, they miss the singular values and ``R11^{-1} R12`` by many orders
    of magnitude. The rank never exceeds the numerical rank of the chosen columns,
    ``|r_kk| > max(M, N) eps |r_11|``.

    Parameters
    ----------
    a : (M, N) array_like
        Matrix to factor.
    rank : int, optional
        Largest number of columns, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances, finite and >= 0, for the largest residual column norm, beside that of `a` or by itself; off by
        default. They hold after the exchanges: where one of these undid them, more columns are taken.
    f : float, optional
        The bound, at least 1. Smaller ones take more exchanges, in the worst case O(k log_f N) of them.
    overwrite_a : bool, optional
        Let the factorization live in the memory of `a` where its layout allows.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'auto', 'greedy', 'randomized', 'lapack'}, optional
        Where the first columns come from, as for `qr_truncated`. The guarantee is the same for all.
    tie_tol : float, optional
        Relative width of a tie between column norms.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver's sketch.
    progress : callable, optional
        As for `TruncatedQR`; exchanges are not counted.

    Returns
    -------
    StrongRRQR
        With `P`, `R`, `rank`, ``interpolation()`` and all else that `TruncatedQR` has; `max_coefficient`, `rho`,
        `bound`, `swaps` and ``singular_value_bounds()``. The chosen columns ``P[:k]`` are in greedy order.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `qr_truncated`; stacks of matrices are not taken.

    See Also
    --------
    interpolative_decomposition : the same with `f`, as a product of columns and coefficients.

    Notes
    -----
    4 M N k flops to first order and k^2 N to look. An exchange takes O(M N + k N). If there was one, the matrix is
    factored anew for the columns that were found, which at most doubles or triples the time. Memory beyond that of
    `qr_truncated`: 2 k N + k^2 numbers, and k N / 2 more where columns are exchanged.

    With T = interpolation(), ``||A - A[:, P[:k]] T||_2 <= sqrt(1 + f^2 k (N - k)) sigma_{k+1}(A)``.

    References
    ----------
    M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
    Comput. 17(4) (1996), doi:10.1137/0917055.

    Examples
    --------
    On Kahan's matrix greedy pivoting keeps the order of the columns:

    >>> import numpy as np
    >>> from rrqr_lapack import TruncatedQR, strong_rrqr
    >>> s, c = np.sin(1.2), np.cos(1.2)
    >>> A = s ** np.arange(100)[:, None] * (np.eye(100) - c * np.triu(np.ones((100, 100)), 1))
    >>> A *= 1 - 1e-6 * np.arange(100)
    >>> bool(abs(TruncatedQR(A, rank=99).interpolation()).max() > 1e12)
    True
    >>> F = strong_rrqr(A, rank=99)
    >>> F.swaps, bool(F.max_coefficient <= 2)
    (1, True)
    """
    return StrongRRQR(
        a,
        rank=rank,
        rtol=rtol,
        atol=atol,
        f=f,
        overwrite_a=overwrite_a,
        check_finite=check_finite,
        driver=driver,
        tie_tol=tie_tol,
        rng=rng,
        progress=progress,
    )
