"""The factor of a truncated pivoted QR as an object."""

import copy
import functools
import threading
from collections.abc import Callable
from typing import Any, Literal, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from .._common.arrays import as_fortran, as_numeric, check_choice, check_flag
from .._common.draw import Curves, axes_of, draw_curves
from .._common.foreign import become, foreign
from .._common.html import Shown
from .._common.norms import frobenius
from .._common.progress import Progress, check_progress
from .._common.rule import Rule, check_rule
from .._common.state import Kept
from .._common.types import Array, DType, Indices, Matrix, Reals, Seed, Shape
from .._common.words import some
from .truncated import Driver, checked, factor_of, run, sketches

Method = TypeVar("Method", bound=Callable[..., Any])


def in_turn(method: Method) -> Method:
    """The method as one turn of its object: while it runs no other thread changes what it reads."""

    @functools.wraps(method)
    def turn(self: Any, *arguments: Any, **options: Any) -> Any:
        with self._lock:
            return method(self, *arguments, **options)

    return cast(Method, turn)


class TruncatedQR(Kept, Shown):
    """The factorization ``A[:, P] ~= Q R`` in compact form, ready to be applied, solved with and extended.

    Parameters are those of `qr_truncated`, for one matrix.

    Parameters
    ----------
    a : (M, N) array_like
        Matrix to factor.
    rank : int, optional
        Largest number of columns, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances for the largest residual column norm, `rtol` relative to the largest of `a`; finite and >= 0, off by
        default.
    overwrite_a : bool, optional
        Let the factorization live in the memory of `a` where its layout allows.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'auto', 'greedy', 'randomized', 'lapack'}, optional
        As for `qr_truncated`.
    tie_tol : float, optional
        Relative width of a tie between column norms.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver's sketch.
    progress : callable, optional
        Called as ``progress("eliminating columns", done, total)`` between blocks and at the end.

    Attributes
    ----------
    shape : tuple of int
        (M, N).
    dtype : numpy.dtype
        float32, float64, complex64 or complex128.
    rank : int
        Columns eliminated, k.
    P : (N,) ndarray of int32
        Permutation; ``P[:k]`` are the chosen columns.
    R : (k, N) ndarray
        Upper trapezoidal factor.
    qr, tau : (M, N) and (k,) ndarray
        LAPACK's compact form: reflectors below the diagonal, R on and above it in the first k rows.
    maxresid : float
        Largest column norm of the residual block (with the 'lapack' driver ``|r_{k+1,k+1}|``); 0 when nothing is left.
    relmaxresid : float
        The same over the largest column norm of A.
    residual_column_norms : (N - k,) ndarray
        Norms of the residual's columns, those of A in the order ``P[k:]``.
    residual_norm : float
        ``||A[:, P] - Q R||_F = ||R22||_F``, from the residual block itself.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `qr_truncated`.

    Notes
    -----
    Cost and source as for `qr_truncated`. One object may be used from several threads: its methods and attributes
    take turns. A pickle holds the M N numbers of the compact form once and goes on bit for bit as the object would
    have; no other thread may extend the object while it is pickled.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import TruncatedQR
    >>> A = np.vander(np.linspace(0, 1, 30), 20)
    >>> F = TruncatedQR(A, rtol=1e-3)
    >>> coarse = F.rank
    >>> F.extend(rtol=1e-9).rank > coarse
    True
    >>> bool(np.linalg.norm(A[:, F.P] - F.form_q() @ F.R) <= 1.001 * F.residual_norm)
    True
    """

    _kept: tuple[str, ...] = ("_driver", "_rule", "_factor")

    def __init__(
        self,
        a: ArrayLike,
        *,
        rank: int | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        overwrite_a: bool = False,
        check_finite: bool = True,
        driver: Driver = "auto",
        tie_tol: float = 0.0,
        rng: Seed = None,
        progress: Progress | None = None,
    ) -> None:
        if type(a) is not np.ndarray and foreign(a):
            how = {"rtol": rtol, "atol": atol, "check_finite": check_finite, "driver": driver, "tie_tol": tie_tol}
            become(self, "a", a, {"rank": rank, "overwrite_a": overwrite_a, "rng": rng, "progress": progress, **how})
            return
        progress = check_progress(progress)
        a, rule = checked(a, rank, rtol, atol, driver, tie_tol, rng)
        if a.ndim != 2:
            raise ValueError(f"a must have 2 dimensions, got {a.ndim}; qr_truncated takes stacks of matrices")
        self._driver = driver
        self._rule = rule  # its tie_tol and rng also when it goes on
        self._renew()
        self._factor = factor_of(a, overwrite_a, check_finite, sketches(driver, *a.shape))
        self._run(rule, progress)
        self._factor.settle()  # `a` may change from here on

    def _renew(self) -> None:
        self._lock = threading.RLock()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        with self._lock:
            twin = type(self).__new__(type(self))
            twin.__setstate__(copy.deepcopy(self.__getstate__(), memo))
            return twin

    def _run(self, rule: Rule, progress: Progress | None) -> None:
        """Factor, or go on, until the rule holds."""
        run(self._factor, self._driver, rule, progress)

    @property
    def shape(self) -> Shape:
        return self._factor.a.shape

    @property
    def dtype(self) -> DType:
        return self._factor.a.dtype

    @property
    @in_turn
    def rank(self) -> int:
        return self._factor.rank

    @property
    @in_turn
    def P(self) -> Indices:
        return self._factor.pivots.copy()

    @property
    @in_turn
    def R(self) -> Matrix:
        return self._factor.upper(self._factor.rank)

    @property
    @in_turn
    def qr(self) -> Matrix:
        return self._factor.a.copy(order="F")

    @property
    @in_turn
    def tau(self) -> Matrix:
        return self._factor.tau[: self._factor.rank].copy()

    @property
    @in_turn
    def maxresid(self) -> float:
        return self._factor.maxresid()

    @property
    @in_turn
    def relmaxresid(self) -> float:
        return self.maxresid / self._factor.maxnorm if self._factor.maxnorm else 0.0

    @property
    @in_turn
    def residual_column_norms(self) -> Reals:
        return self._factor.residual_norms()

    @property
    @in_turn
    def residual_norm(self) -> float:
        return frobenius(self.residual_column_norms)

    @in_turn
    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of shape {self.shape}, {self.dtype}: "
            f"rank {self.rank}, relmaxresid {self.relmaxresid:.3g}>"
        )

    @in_turn
    def _facts(self) -> dict[str, str]:
        m, n = self.shape
        return {
            "shape": f"{m:,} x {n:,}",
            "dtype": str(self.dtype),
            "rank": f"{self.rank:,}",
            "relmaxresid": f"{self.relmaxresid:.3g}",
            "columns": some(self.P[: self.rank], 12),
        }

    @in_turn
    def _curves(self) -> Curves:
        k = np.arange(1, self.rank + 1)
        return Curves(k, {"": np.abs(np.diagonal(self.R))}, "k", "|r_kk|")

    @in_turn
    def plot(self, axes: Any = None) -> Any:
        """Draw ``|r_kk|`` and the error of rank k, ``||R22||_F``, against k.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Notes
        -----
        k N flops, and what `residual_norm` takes.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> TruncatedQR(np.eye(5)).plot()  # doctest: +SKIP
        """
        axes, curves = axes_of(axes), self._curves()
        rows = [self.residual_norm, *(frobenius(row) for row in self.R[:0:-1])]  # from the last to the second
        lines = {"|r_kk|": curves.lines[""], "error of rank k": np.hypot.accumulate(rows)[::-1][: self.rank]}
        return draw_curves(axes, curves._replace(lines=lines, ylabel=""))

    @in_turn
    def extend(
        self,
        *,
        rank: int | None = None,
        rtol: float | None = None,
        atol: float | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Go on from the present rank, without starting again, until the new rule holds.

        Gives what one run with that rule from the start would have given: bit for bit with the 'greedy' and 'lapack'
        drivers, to rounding with 'auto', and with a new sketch of what is left with 'randomized'. A run that is
        interrupted leaves the object valid at the rank it had reached.

        Parameters
        ----------
        rank : int, optional
            Largest number of columns, from the present rank to min(M, N), which is the default.
        rtol, atol : float, optional
            Tolerances for the largest residual column norm, `rtol` relative to the largest of A; finite and >= 0, off
            by default.
        progress : callable, optional
            As for the constructor.

        Returns
        -------
        TruncatedQR
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `rank` or a tolerance is out of its range.

        Notes
        -----
        4 M N (k_new - k) flops to first order.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> TruncatedQR(np.eye(5), rank=2).extend(rank=4).rank
        4
        """
        how = {"tie_tol": self._rule.tie_tol, "rng": self._rule.rng, "random": False}
        rule = check_rule(self.shape, rank, rtol, atol, smallest=self.rank, **how)
        self._run(rule, check_progress(progress))
        return self

    @in_turn
    def form_q(self, full: bool = False) -> Matrix:
        """Q itself, orthonormal to rounding: its first k columns, or all M.

        Parameters
        ----------
        full : bool, optional
            All M columns instead of k.

        Returns
        -------
        (M, k) or (M, M) ndarray
            Q, Fortran-ordered.

        Raises
        ------
        MemoryError
            Q does not fit.

        Notes
        -----
        2 M k^2 flops, or 4 M^2 k for all columns.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> TruncatedQR(np.ones((4, 3)), rank=1).form_q().ravel()
        array([-0.5, -0.5, -0.5, -0.5])
        """
        return self._factor.form_q(self.shape[0] if check_flag("full", full) else self.rank)

    @in_turn
    def apply_q(self, c: ArrayLike, *, adjoint: bool = False, side: Literal["left", "right"] = "left") -> Matrix:
        """``Q c``, ``Q^H c``, ``c Q`` or ``c Q^H`` with the full M x M Q, which is not formed.

        Parameters
        ----------
        c : (M,), (M, p) or, for the right side, (p, M) array_like
            What to multiply; it is not modified.
        adjoint : bool, optional
            Multiply with Q^H.
        side : {'left', 'right'}, optional
            Side on which Q stands.

        Returns
        -------
        ndarray
            The product, of the shape of `c`.

        Raises
        ------
        ValueError
            `c` does not have M rows (columns, for the right side), or `side` is unknown.
        TypeError
            `c` is complex while A is real, or not numeric.

        Notes
        -----
        4 M k p flops.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> A = np.arange(12.0).reshape(4, 3)
        >>> F = TruncatedQR(A, rank=2)
        >>> bool(np.allclose(F.apply_q(A[:, F.P], adjoint=True)[:2], F.R))
        True
        """
        left = check_choice("side", side, ("left", "right")) == "left"
        check_flag("adjoint", adjoint)
        c = as_numeric(c, "c")
        work, vector = self._operand(c, "c", rows=left)
        self._factor.apply_q(work, left, adjoint)
        return work.reshape(-1) if vector else work

    @in_turn
    def lstsq(self, b: ArrayLike) -> tuple[Matrix, Any]:
        """Basic least squares, ``min ||A[:, P[:k]] z - b||_2``: solutions of A x ~= b with k nonzeros.

        Columns past the numerical rank of R11, ``|r_jj| <= max(M, N) eps |r_11|``, take no part: their entries of z
        are zero.

        Parameters
        ----------
        b : (M,) or (M, p) array_like
            Right-hand sides.

        Returns
        -------
        z : (k,) or (k, p) ndarray
            Coefficients of the columns ``P[:k]``.
        resid : float or (p,) ndarray
            ``||A[:, P[:k]] z - b||_2`` for each right-hand side.

        Raises
        ------
        ValueError
            `b` does not have M rows or is not finite.
        TypeError
            `b` is complex while A is real, or not numeric.

        Notes
        -----
        4 M k p flops.

        References
        ----------
        G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.5.7.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> A = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> F = TruncatedQR(A)
        >>> z, resid = F.lstsq([1.0, 3.0, 5.0])
        >>> x = np.zeros(2)
        >>> x[F.P[:2]] = z
        >>> x.round(12)
        array([1., 2.])
        """
        b = as_numeric(b, "b")
        work, vector = self._operand(b, "b", rows=True, check_finite=True)
        k, used = self.rank, self._factor.numerical_rank()
        resid = self._factor.lstsq(work, used)
        z = np.zeros((k, work.shape[1]), self.dtype, order="F")
        z[:used] = work[:used]
        return (z[:, 0], resid[0]) if vector else (z, resid)

    @in_turn
    def interpolation(self) -> Matrix:
        """The k x N matrix T with ``A ~= A[:, P[:k]] T``, ``T[:, P[:k]] = I`` and ``T[:, P[k:]] = R11^{-1} R12``.

        The error ``||A - A[:, P[:k]] T||`` is that of the factorization, `residual_norm`.

        Returns
        -------
        (k, N) ndarray
            T, its columns in A's order.

        Raises
        ------
        numpy.linalg.LinAlgError
            R11 is numerically singular; factor with a smaller `rank`, or call `interpolative_decomposition`, which
            stops at the numerical rank.

        Notes
        -----
        k^2 (N - k) flops.

        References
        ----------
        H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci.
        Comput. 26(4) (2005), doi:10.1137/030602678.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TruncatedQR
        >>> TruncatedQR(np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 4.0]]), rank=1).interpolation()
        array([[0.25, 0.5 , 1.  ]])
        """
        used = self._factor.numerical_rank()
        if used < self.rank:
            raise np.linalg.LinAlgError(
                f"rank must be at most the numerical rank, {used}, since beyond it R11 is singular, got {self.rank}; "
                f"factor with rank={used} or call interpolative_decomposition"
            )
        return self._factor.interpolation()

    def _operand(self, c: Array, name: str, rows: bool, check_finite: bool = False) -> tuple[Matrix, bool]:
        """A Fortran-ordered copy of `c` in A's dtype, and whether it was a vector."""
        m = self.shape[0]
        if c.ndim not in (1, 2) or c.shape[0 if rows else -1] != m:
            allowed = f"({m},) or ({m}, p)" if rows else f"({m},) or (p, {m})"
            raise ValueError(f"{name} must have the shape {allowed}, got {c.shape}")
        if c.dtype.kind == "c" and self.dtype.kind != "c":
            raise TypeError(
                f"{name} must be real as the factored matrix is, got {c.dtype}; apply to {name}.real and {name}.imag"
            )
        work = c.astype(self.dtype, copy=False)
        if c.ndim == 1:
            work = work.reshape(-1, 1) if rows else work.reshape(1, -1)
        return as_fortran(work, overwrite=False, check_finite=check_finite, name=name), c.ndim == 1
