"""Pivoted QR that stops at a rank or a tolerance."""

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import _core
from ._arrays import (
    as_fortran,
    as_numeric,
    check_choice,
    check_rank,
    check_tie_tol,
    check_tolerance,
    check_workers,
    lapack_dtype,
)
from ._sketch import gaussian

MODES = ("economic", "r", "raw", "full")
DRIVERS = ("auto", "greedy", "randomized", "lapack")
LAPACK_MAX = 2**31 - 1  # its integers have 32 bits
TINY = 96 * 96  # elements up to which loops of our own beat BLAS, measured; complex ones count fourfold
SMALL = 256 * 256  # elements below which prefetching does not pay, measured


def tiny(a):
    """Whether loops of our own beat BLAS."""
    return a.size * (4 if a.dtype.kind == "c" else 1) <= TINY


def run(factor, driver, rank, rtol, atol, tie_tol, rng):
    """Factor, or go on, until the rule holds."""
    if driver == "lapack":
        factor.truncated(rank, rtol, atol)
    elif driver == "randomized":
        factor.randomized(
            rank, rtol, atol, tie_tol, gaussian(rng, _core.SKETCH_ROWS, factor.a.shape[0], factor.a.dtype)
        )
    elif driver == "auto" and tiny(factor.a):
        factor.small(rank, rtol, atol, tie_tol)
    elif driver == "auto" and factor.a.size >= SMALL:
        factor.prefetch(rank, rtol, atol, tie_tol)
    else:
        factor.greedy(rank, rtol, atol, tie_tol)


def _checked(a, rank, rtol, atol, driver, tie_tol, rng):
    """The arguments of a truncated factorization, each checked; `a` as a numeric array of at least two dimensions."""
    a = as_numeric(a)
    if a.ndim < 2:
        raise ValueError(f"a must have at least 2 dimensions, got {a.ndim}")
    if max(a.shape[-2:]) > LAPACK_MAX:
        raise ValueError(f"a must have fewer than 2**31 rows and columns (LAPACK's integers), got {a.shape}")
    rank = check_rank(rank, min(a.shape[-2:]))
    check_choice("driver", driver, DRIVERS)
    stop = rank, check_tolerance("rtol", rtol), check_tolerance("atol", atol), check_tie_tol(tie_tol)
    return a, (*stop, np.random.default_rng(rng) if driver == "randomized" else None)


def qr_truncated(
    a,
    *,
    rank=None,
    rtol=None,
    atol=None,
    mode="economic",
    overwrite_a=False,
    check_finite=True,
    driver="auto",
    tie_tol=0.0,
    rng=None,
    workers=1,
):
    """Truncated pivoted QR, ``A[:, P] ~= Q R`` with error ``||R22||``.

    Columns are eliminated in the order of their remaining norms, as in ``scipy.linalg.qr(a, pivoting=True)``. Before
    step j let ``maxresid`` be the largest column norm of the residual block, which is ``|r_jj|``. The factorization
    stops before the first step with ``maxresid <= atol``, or ``maxresid <= rtol * maxnorm`` where ``maxnorm`` is the
    largest column norm of `a`, or after `rank` steps, or where the residual is exactly zero.

    Parameters
    ----------
    a : (..., M, N) array_like
        Matrix, or stack of matrices.
    rank : int, optional
        Largest number of columns, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances, finite and >= 0; off by default. ``rtol >= 1`` gives rank 0.
    mode : {'economic', 'r', 'raw', 'full'}, optional
        What to return.
    overwrite_a : bool, optional
        Allow the contents of `a` to be destroyed. Saves a copy where `a` is Fortran-ordered, writeable and of one of
        the four LAPACK dtypes.
    check_finite : bool, optional
        Refuse NaN and infinity. Without the check a NaN stops the factorization at the step that meets it, and an
        infinity is an overflow.
    driver : {'auto', 'greedy', 'randomized', 'lapack'}, optional
        How the same rule is followed. 'auto' makes greedy choices by matrix products, 'greedy' column by column.
        'randomized' chooses on a random sketch: faster, with pivots that are nearly as good, and with the true residual
        norms in the stopping rule. 'lapack' is LAPACK's full factorization cut at the rank.
    tie_tol : float, optional
        Columns whose norm is at least ``(1 - tie_tol)`` times the largest count as tied, and of tied columns the first
        in `a` is taken. 0 breaks exact ties only, those of equal computed norms; since BLAS may round copies of one
        column differently, a value such as 1e-10 makes the choice among them, and on every machine, the same. The
        'lapack' driver has its own order.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver's sketch.
    workers : int, optional
        Threads among which a stack of small matrices is divided, -1 for one a core. Larger ones are left to the threads
        of BLAS. The results do not depend on it.

    Returns
    -------
    Q : ndarray
        'economic': (..., M, k). 'full': (..., M, M). 'raw': the tuple ``(qr, tau)`` of the compact form, (..., M, N)
        and (..., k). Not returned for 'r'.
    R : ndarray
        (..., k, N) upper trapezoidal; for 'full' (..., M, N) with the dense residual block in ``R[k:, k:]``.
    P : ndarray of int32
        (..., N), with ``A[:, P] ~= Q R``.

    Raises
    ------
    TypeError
        `a` is sparse, masked or not numeric; `rank` is not an integer; a tolerance is not a number.
    ValueError
        `a` has fewer than two dimensions or holds NaN or infinity (the first such column is named); `rank`, a
        tolerance, `mode` or `driver` is out of its range.
    OverflowError
        A column norm of `a` is too large for its dtype.
    MemoryError
        The workspace does not fit.

    See Also
    --------
    TruncatedQR : the factorization as an object that can be applied, solved with and extended.
    interpolative_decomposition : the same columns as a basis.

    Notes
    -----
    4 M N k flops to first order. Beyond the input and the results memory holds one copy of `a`, unless it is
    overwritten, and O((M + N) 32).

    In a stack the items may stop at different ranks. The results are then padded to the largest: Q with zero columns, R
    with zero rows, tau with zeros, so that ``Q @ R`` is right for each item, and an item's own rank is the number of
    nonzeros on the diagonal of its R.

    References
    ----------
    P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7
    (1965), doi:10.1007/BF01436084. J. A. Duersch, M. Gu, "Randomized QR with column pivoting", SIAM J. Sci. Comput.
    39(4) (2017), doi:10.1137/15M1044680. Z. Drmac, Z. Bujanovic, "On the failure of rank-revealing QR factorization
    software", ACM TOMS 35(2) (2008), doi:10.1145/1377612.1377616.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import qr_truncated
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((50, 8)) @ rng.standard_normal((8, 40))
    >>> Q, R, P = qr_truncated(A, rtol=1e-10)
    >>> Q.shape, R.shape
    ((50, 8), (8, 40))
    >>> bool(np.allclose(A[:, P], Q @ R))
    True
    """
    a, stop = _checked(a, rank, rtol, atol, driver, tie_tol, rng)
    check_choice("mode", mode, MODES)
    workers = check_workers(workers)
    arguments = mode, overwrite_a, check_finite, driver
    return _single(a, *arguments, *stop) if a.ndim == 2 else _stacked(a, *arguments, workers, *stop)


def _single(a, mode, overwrite_a, check_finite, driver, *stop):
    factor = _core.Factor(as_fortran(a, overwrite=overwrite_a, check_finite=check_finite))
    run(factor, driver, *stop)
    k, m = factor.rank, a.shape[0]
    if mode == "full":
        return factor.form_q(m), factor.upper(m, True), factor.pivots
    r = factor.upper(k)
    if mode == "r":
        return r, factor.pivots
    if mode == "raw":
        return (factor.a, factor.tau[:k]), r, factor.pivots
    return factor.form_q(k), r, factor.pivots


def _stacked(a, mode, overwrite_a, check_finite, driver, workers, *stop):
    """The items over the leading dimensions, padded to the largest rank."""
    batch, shape = a.shape[:-2], a.shape[-2:]
    if 0 in batch:
        raise ValueError(f"a must hold at least one matrix, got the shape {a.shape}")
    items = a.reshape(math.prod(batch), *shape)
    if mode in ("economic", "r") and driver in ("auto", "greedy") and 0 < math.prod(shape) < SMALL:
        stacks = _small(items, mode, check_finite, driver, workers, *stop)
    else:
        results = [_single(item, mode, overwrite_a, check_finite, driver, *stop) for item in items]
        if mode == "raw":
            results = [(*raw, *tail) for raw, *tail in results]
        stacks = map(_padded, zip(*results, strict=True))
    stacks = [stack.reshape(*batch, *stack.shape[1:]) for stack in stacks]
    return ((stacks[0], stacks[1]), *stacks[2:]) if mode == "raw" else tuple(stacks)


def _small(items, mode, check_finite, driver, workers, rank, rtol, atol, tie_tol, _):
    """Small matrices, one after the other without coming back to Python, in as many threads as there are workers."""
    items = np.ascontiguousarray(items, lapack_dtype(items.dtype))
    count, m, n = items.shape
    q = np.zeros((count, rank, m), items.dtype) if mode == "economic" else None
    r = np.zeros((count, n, rank), items.dtype)
    p = np.empty((count, n), np.int32)
    ranks = np.zeros(count, np.int32)
    rule = driver == "auto" and tiny(items[0]), rtol, atol, tie_tol

    def factor(part):
        bad = _core.first_nonfinite_column(items[part].reshape(part.stop - part.start, -1).T) if check_finite else -1
        if bad >= 0:
            as_fortran(
                items[part][bad], overwrite=False, check_finite=True, name=f"a (matrix {part.start + bad} of the stack)"
            )
        _core.factor_stack(items[part], None if q is None else q[part], r[part], p[part], ranks[part], *rule)

    workers = min(workers, count)
    parts = [slice(i * count // workers, (i + 1) * count // workers) for i in range(workers)]
    if workers == 1:
        factor(parts[0])
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(factor, parts))
    k = ranks.max()
    r = r.transpose(0, 2, 1)[:, :k]
    return (r, p) if q is None else (q.transpose(0, 2, 1)[:, :, :k], r, p)


def _padded(parts):
    """The arrays stacked, with zeros where one is smaller than the largest."""
    stack = np.zeros((len(parts), *np.max([p.shape for p in parts], axis=0)), parts[0].dtype)
    for slot, part in zip(stack, parts, strict=True):
        slot[tuple(map(slice, part.shape))] = part
    return stack


class TruncatedQR:
    """The factorization ``A[:, P] ~= Q R`` in compact form, ready to be applied, solved with and extended.

    Parameters are those of `qr_truncated`, for one matrix.

    Parameters
    ----------
    a : (M, N) array_like
        Matrix to factor.
    rank : int, optional
        Largest number of columns, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Tolerances, finite and >= 0; off by default.
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
    Cost and source as for `qr_truncated`. Methods of one object may be called from several threads; they take turns.

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

    def __init__(
        self,
        a,
        *,
        rank=None,
        rtol=None,
        atol=None,
        overwrite_a=False,
        check_finite=True,
        driver="auto",
        tie_tol=0.0,
        rng=None,
    ):
        a, stop = _checked(a, rank, rtol, atol, driver, tie_tol, rng)
        if a.ndim != 2:
            raise ValueError(f"a must have 2 dimensions, got {a.ndim}; qr_truncated takes stacks of matrices")
        self._driver = driver
        self._choice = stop[3:]
        self._lock = threading.Lock()
        self._factor = _core.Factor(as_fortran(a, overwrite=overwrite_a, check_finite=check_finite))
        run(self._factor, driver, *stop)

    @property
    def shape(self):
        return self._factor.a.shape

    @property
    def dtype(self):
        return self._factor.a.dtype

    @property
    def rank(self):
        return self._factor.rank

    @property
    def P(self):
        with self._lock:
            return self._factor.pivots.copy()

    @property
    def R(self):
        with self._lock:
            return self._factor.upper(self._factor.rank)

    @property
    def qr(self):
        with self._lock:
            return self._factor.a.copy(order="F")

    @property
    def tau(self):
        with self._lock:
            return self._factor.tau[: self._factor.rank].copy()

    @property
    def maxresid(self):
        with self._lock:
            return self._factor.maxresid()

    @property
    def relmaxresid(self):
        return self.maxresid / self._factor.maxnorm if self._factor.maxnorm else 0.0

    @property
    def residual_column_norms(self):
        with self._lock:
            return self._factor.residual_norms()

    @property
    def residual_norm(self):
        return _root_of_squares(self.residual_column_norms)

    def __repr__(self):
        return (
            f"<TruncatedQR of shape {self.shape}, {self.dtype}: rank {self.rank}, relmaxresid {self.relmaxresid:.3g}>"
        )

    def extend(self, *, rank=None, rtol=None, atol=None):
        """Go on from the present rank, without starting again, until the new rule holds.

        Gives what one run with that rule from the start would have given: bit for bit with the 'greedy' and 'lapack'
        drivers, to rounding with 'auto', and with a new sketch of what is left with 'randomized'. A run that is
        interrupted leaves the object valid at the rank it had reached.

        Parameters
        ----------
        rank : int, optional
            Largest number of columns, from the present rank to min(M, N), which is the default.
        rtol, atol : float, optional
            Tolerances, finite and >= 0; off by default.

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
        rtol, atol = check_tolerance("rtol", rtol), check_tolerance("atol", atol)
        with self._lock:
            rank = check_rank(rank, min(self.shape), self.rank)
            run(self._factor, self._driver, rank, rtol, atol, *self._choice)
        return self

    def form_q(self, full=False):
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
        with self._lock:
            return self._factor.form_q(self.shape[0] if full else self.rank)

    def apply_q(self, c, *, adjoint=False, side="left"):
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
        c = as_numeric(c, "c")
        work, vector = self._operand(c, "c", rows=left)
        with self._lock:
            self._factor.apply_q(work, left, adjoint)
        return work.reshape(-1) if vector else work

    def lstsq(self, b):
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
        with self._lock:
            k, used = self.rank, numerical_rank(self._factor)
            resid = self._factor.lstsq(work, used)
        z = np.zeros((k, work.shape[1]), self.dtype, order="F")
        z[:used] = work[:used]
        return (z[:, 0], resid[0]) if vector else (z, resid)

    def interpolation(self):
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
        with self._lock:
            used = numerical_rank(self._factor)
            if used < self.rank:
                raise np.linalg.LinAlgError(
                    f"R11 is numerically singular: the numerical rank is {used}, this factorization has rank "
                    f"{self.rank}; factor with rank={used} or call interpolative_decomposition"
                )
            return self._factor.interpolation()

    def _operand(self, c, name, rows, check_finite=False):
        """A Fortran-ordered copy of `c` in A's dtype, and whether it was a vector."""
        m = self.shape[0]
        if c.ndim not in (1, 2) or c.shape[0 if rows else -1] != m:
            allowed = f"({m},) or ({m}, p)" if rows else f"({m},) or (p, {m})"
            raise ValueError(f"{name} must have the shape {allowed}, got {c.shape}")
        if c.dtype.kind == "c" and self.dtype.kind != "c":
            raise TypeError(f"{name} is complex but the factored matrix is real; apply to {name}.real and {name}.imag")
        work = c.astype(self.dtype, copy=False)
        if c.ndim == 1:
            work = work.reshape(-1, 1) if rows else work.reshape(1, -1)
        return as_fortran(work, overwrite=False, check_finite=check_finite, name=name), c.ndim == 1


def numerical_rank(factor):
    """Number of leading columns with |r_jj| > max(M, N) eps |r_11|."""
    diagonal = np.abs(np.diagonal(factor.a)[: factor.rank])
    if not diagonal.size:
        return 0
    dependent = diagonal <= numerical_rtol(factor.a) * diagonal[0]
    return int(np.argmax(dependent)) if dependent.any() else factor.rank


def numerical_rtol(a):
    """The relative size below which a residual is rounding error, max(M, N) eps."""
    return max(a.shape) * np.finfo(lapack_dtype(a.dtype)).eps


def _root_of_squares(norms):
    """sqrt(sum norms^2) without overflow or underflow."""
    largest = norms.max(initial=0)
    return float(largest * np.linalg.norm(norms / largest)) if largest > 0 else float(largest)
