"""Pivoted QR that stops at a rank or a tolerance."""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, get_args, overload

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._common.arrays import (
    as_fortran,
    as_numeric,
    as_rows,
    check_choice,
    check_finite_columns,
    check_finite_items,
    check_flag,
    check_workers,
    is_contiguous,
    is_fortran,
    lapack_dtype,
)
from .._common.foreign import elsewhere, foreign
from .._common.progress import Progress, check_progress
from .._common.random import gaussian
from .._common.rule import Rule, check_rule
from .._common.types import Array, Indices, Matrix, Seed
from . import cholesky

Mode: TypeAlias = Literal["economic", "r", "raw", "full"]
Driver: TypeAlias = Literal["auto", "greedy", "randomized", "lapack"]
MODES = get_args(Mode)
AUTOMATIC = ("auto", "randomized")  # those whose kernel for small matrices is chosen by the size
DRIVERS = (*get_args(Driver), "_prefetch", "_small", "_randomized")  # the last three whatever the size
TINY = _core.TINY  # elements up to which loops of our own beat BLAS; complex ones count fourfold
SMALL = _core.SMALL  # elements below which neither prefetching nor a sketch pays
PART = 1e8  # operations on a stack, less than a tenth of a second, after which Ctrl-C is heard whoever works on it
ELIMINATING, FACTORING = "eliminating columns", "factoring matrices"  # what progress is told of
CALL = 1000  # operations in the time that a matrix costs whatever its size


class Options(TypedDict, total=False):
    """How a matrix is factored."""

    overwrite_a: bool
    check_finite: bool
    driver: Driver
    tie_tol: float
    rng: Seed
    progress: Progress | None


class Truncation(Options, total=False):
    """How, and when to stop: what all factorizations of one matrix take, passed on unchanged."""

    rank: int | None
    rtol: float | None
    atol: float | None


def factor_of(a: Array, overwrite_a: bool, check_finite: bool, borrow: bool = False) -> _core.Factor:
    """A factor that has not begun. Its column norms tell whether `a` is finite, without a pass of their own.

    To borrow `a` is to read it where it lies, if its layout allows that, until the factor is no longer needed.
    """
    check_flag("overwrite_a", overwrite_a)
    check_flag("check_finite", check_finite)
    borrow = borrow and not (overwrite_a and is_fortran(a)) and a.size > 0 and is_contiguous(a)
    if not borrow:
        a = as_fortran(a, overwrite=overwrite_a, check_finite=False)
    factor = _core.Factor(a, borrow)
    if check_finite and not factor.has_norms():
        check_finite_columns(a, "a")
    return factor


def tiny(size: int, dtype: np.dtype[Any]) -> bool:
    """Whether loops of our own beat BLAS on so many elements."""
    return size * (4 if dtype.kind == "c" else 1) <= TINY


def sketches(driver: str, m: int, n: int) -> bool:
    """Whether a sketch chooses: where it costs more than it saves, greedy choices are as fast, and better.

    Measured at 200 and 300 columns, at ranks of 5 % and all, on Gaussian, ReLU, 1/j, geometric and kernel matrices:
    greedy choices take 0.5 to 0.9 of the time; from 500 on 0.8 to 2.9.
    """
    return driver == "_randomized" or (driver == "randomized" and m * n >= SMALL)


def run(factor: _core.Factor, driver: str, rule: Rule, progress: Progress | None = None) -> None:
    """Factor, or go on, until the rule holds."""
    if progress is None:
        _run(factor, driver, rule)
        return
    total = min(rule.rank, *factor.a.shape)
    factor.progress = lambda done: progress(ELIMINATING, done, total)
    try:
        _run(factor, driver, rule)
    finally:
        factor.progress = None
    progress(ELIMINATING, factor.rank, total)


def _run(factor: _core.Factor, driver: str, rule: Rule) -> None:
    rank, rtol, atol, tie_tol, rng = rule
    m, n = factor.a.shape
    if driver == "lapack":
        factor.truncated(rank, rtol, atol)
    elif sketches(driver, m, n):
        rows = _core.sketch_rows(m, n, min(rank, m, n) - factor.rank)
        single = "F" if factor.a.dtype.kind == "c" else "f"  # drawn in half the time
        omega = gaussian(rng, rows, m, single).astype(factor.a.dtype, copy=False)
        factor.randomized(rank, rtol, atol, tie_tol, omega)
    elif driver == "_small" or (driver in AUTOMATIC and tiny(m * n, factor.a.dtype)):
        factor.small(rank, rtol, atol, tie_tol)
    elif driver == "_prefetch" or (driver == "auto" and m * n >= SMALL):
        factor.prefetch(rank, rtol, atol, tie_tol)
    else:
        factor.greedy(rank, rtol, atol, tie_tol)


def by_cholesky(a: Array, mode: str, driver: str, rule: Rule) -> tuple[Array, tuple[Any, ...] | None]:
    """The matrix, or the copy of it that had to be made; and its results where it is tall and well conditioned."""
    if not cholesky.pays(a, mode, driver, rule):
        return a, None
    a = cholesky.readable(a)
    n = a.shape[1]
    if not sketches(driver, n, n):  # columns that tie in A have norms in the triangle that are equal to rounding
        rule = rule._replace(tie_tol=max(rule.tie_tol, cholesky.tie(a)))
    return a, cholesky.cholesky_qr(a, mode, lambda triangle: run(triangle, driver, rule))


def checked(
    a: ArrayLike, rank: int | None, rtol: float | None, atol: float | None, driver: str, tie_tol: float, rng: Seed
) -> tuple[Array, Rule]:
    """`a` as a numeric array of at least two dimensions, and the rule for it; the driver is checked too."""
    a = as_numeric(a)
    if a.ndim < 2:
        raise ValueError(f"a must have at least 2 dimensions, got {a.ndim}")
    check_choice("driver", driver, DRIVERS)
    return a, check_rule(a.shape[-2:], rank, rtol, atol, tie_tol, rng, random=sketches(driver, *a.shape[-2:]))


class _Others(Truncation, total=False):
    """The arguments that do not say what is returned."""

    workers: int


@overload
def qr_truncated(
    a: ArrayLike, *, mode: Literal["economic", "full"] = ..., **others: Unpack[_Others]
) -> tuple[Matrix, Matrix, Indices]: ...
@overload
def qr_truncated(a: ArrayLike, *, mode: Literal["r"], **others: Unpack[_Others]) -> tuple[Matrix, Indices]: ...
@overload
def qr_truncated(
    a: ArrayLike, *, mode: Literal["raw"], **others: Unpack[_Others]
) -> tuple[tuple[Matrix, Matrix], Matrix, Indices]: ...
@overload
def qr_truncated(a: ArrayLike, *, mode: str, **others: Unpack[_Others]) -> tuple[Any, ...]: ...
def qr_truncated(
    a: ArrayLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    mode: str = "economic",
    overwrite_a: bool = False,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> tuple[Any, ...]:
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
        Tolerances for the largest residual column norm, `rtol` relative to the largest of `a`; finite and >= 0, off by
        default. ``rtol >= 1`` gives rank 0.
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
        norms in the stopping rule; below 320 x 320 elements greedy choices are as fast, and it makes these. 'lapack' is
        LAPACK's full factorization cut at the rank, in one call, after which Ctrl-C is heard; by the others it is heard
        within half a second.
    tie_tol : float, optional
        Columns whose norm is at least ``(1 - tie_tol)`` times the largest count as tied, and of tied columns the first
        in `a` is taken. 0 breaks exact ties only, those of equal computed norms; since BLAS may round copies of one
        column differently, a value such as 1e-10 makes the choice among them, and on every machine, the same. The
        'lapack' driver has its own order.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver's sketch.
    progress : callable, optional
        Called as ``progress("eliminating columns", done, total)`` between blocks of a large matrix and at the end, for
        a stack as ``progress("factoring matrices", done, total)``. `total` is the most that there can be.
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
    overwritten, and O((M + N) 32). The 'randomized' driver needs O((M + N) 256) instead, and no copy of a
    contiguous `a` for ranks up to 256 and N / 4: it reads `a` where it lies, C-ordered or Fortran-ordered.

    For ``M >= 6 N``, or ``M >= 12 N`` where R alone is wanted, a rank of at least N / 2 and no tolerance, the results
    for a well-conditioned `a` come from the Cholesky factor of its Gram matrix: M N^2 flops for R, M k^2 for Q, and
    O(N^2) memory beyond the results; the driver chooses on the factor, whose columns have the same lengths and angles.
    A second pass, where the condition asks for it, makes Q orthonormal to rounding; what is not well enough conditioned
    for that goes the general way.

    In a stack the items may stop at different ranks. The results are then padded to the largest: Q with zero columns, R
    with zero rows, tau with zeros, so that ``Q @ R`` is right for each item, and an item's own rank is the number of
    nonzeros on the diagonal of its R.

    References
    ----------
    P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7
    (1965), doi:10.1007/BF01436084. J. A. Duersch, M. Gu, "Randomized QR with column pivoting", SIAM J. Sci. Comput.
    39(4) (2017), doi:10.1137/15M1044680. M. Melnichenko et al., "Anatomy of high-performance column-pivoted QR
    decomposition" (2025), arXiv:2507.00976. Y. Yamamoto et al., "Roundoff error analysis of the CholeskyQR2 algorithm",
    Electron. Trans. Numer. Anal. 44 (2015). Z. Drmac, Z. Bujanovic, "On the failure of rank-revealing QR factorization
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
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(qr_truncated, locals())
    a, rule = checked(a, rank, rtol, atol, driver, tie_tol, rng)
    check_choice("mode", mode, MODES)
    check_flag("overwrite_a", overwrite_a)
    check_flag("check_finite", check_finite)
    workers, progress = check_workers(workers), check_progress(progress)
    arguments = mode, overwrite_a, check_finite, driver
    return _single(a, *arguments, rule, progress) if a.ndim == 2 else _stacked(a, *arguments, workers, rule, progress)


def _single(
    a: Array,
    mode: str,
    overwrite_a: bool,
    check_finite: bool,
    driver: str,
    rule: Rule,
    progress: Progress | None = None,
) -> tuple[Any, ...]:
    own, found = by_cholesky(a, mode, driver, rule)
    if found:
        if progress is not None:  # of two or three products
            progress(ELIMINATING, rule.rank, rule.rank)
        return found
    factor = factor_of(own, overwrite_a or own is not a, check_finite, sketches(driver, *own.shape))
    run(factor, driver, rule, progress)
    k, m = factor.rank, a.shape[0]
    if mode == "full":
        return factor.form_q(m), factor.upper(m, True), factor.pivots
    if mode == "r":
        return factor.take_upper() if k == m and not overwrite_a else factor.upper(k), factor.pivots
    r = factor.upper(k)
    if mode == "raw":
        factor.settle()
        return (factor.a, factor.tau[:k]), r, factor.pivots
    return factor.form_q(k), r, factor.pivots


def _stacked(
    a: Array,
    mode: str,
    overwrite_a: bool,
    check_finite: bool,
    driver: str,
    workers: int,
    rule: Rule,
    progress: Progress | None,
) -> tuple[Any, ...]:
    """The items over the leading dimensions, padded to the largest rank."""
    batch, shape = a.shape[:-2], a.shape[-2:]
    if 0 in batch:
        raise ValueError(f"a must hold at least one matrix, got the shape {a.shape}")
    items = a.reshape(math.prod(batch), *shape)
    if mode in ("economic", "r") and driver in (*AUTOMATIC, "greedy") and 0 < math.prod(shape) < SMALL:
        stacks = _small(items, mode, check_finite, driver, workers, rule, progress)
    else:
        results = []
        for item in items:
            results.append(_single(item, mode, overwrite_a, check_finite, driver, rule))
            if progress is not None:
                progress(FACTORING, len(results), len(items))
        if mode == "raw":
            results = [(*raw, *tail) for raw, *tail in results]
        stacks = map(_padded, zip(*results, strict=True))
    stacks = [stack.reshape(*batch, *stack.shape[1:]) for stack in stacks]
    return ((stacks[0], stacks[1]), *stacks[2:]) if mode == "raw" else tuple(stacks)


def _small(
    items: Array, mode: str, check_finite: bool, driver: str, workers: int, rule: Rule, progress: Progress | None
) -> tuple[Array, ...]:
    """Small matrices, many of them without coming back to Python, in as many threads as there are workers."""
    (count, m, n), rank, dtype = items.shape, rule.rank, lapack_dtype(items.dtype)
    q = np.empty((count, m, rank), dtype) if mode == "economic" else None
    r = np.empty((count, rank, n), dtype)
    p = np.empty((count, n), np.int32)
    ranks = np.empty(count, np.int32)
    auto = driver in AUTOMATIC
    how = rank, rule.rtol, rule.atol, rule.tie_tol, auto and tiny(m * n, dtype), auto and count > 1, False

    def factor(part: slice) -> None:
        own = as_rows(items[part], dtype)  # by parts, between which Ctrl-C is heard
        if check_finite:
            check_finite_items(own, "a", part.start)
        _core.factor_stack(own, None if q is None else q[part], r[part], p[part], ranks[part], *how)

    operations = CALL + 8 * m * n * rank * (4 if dtype.kind == "c" else 1)
    parts = min(count, max(workers, math.ceil(count * operations / PART)))
    parts = [slice(i * count // parts, (i + 1) * count // parts) for i in range(parts)]
    pool = ThreadPoolExecutor(workers) if workers > 1 else None
    try:
        for part, _ in zip(parts, (pool.map if pool else map)(factor, parts), strict=True):
            if progress is not None:
                progress(FACTORING, part.stop, count)
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    k = ranks.max()
    return (r[:, :k], p) if q is None else (q[:, :, :k], r[:, :k], p)


def _padded(parts: tuple[Array, ...]) -> Array:
    """The arrays stacked, with zeros where one is smaller than the largest."""
    stack = np.zeros((len(parts), *np.max([p.shape for p in parts], axis=0)), parts[0].dtype)
    for slot, part in zip(stack, parts, strict=True):
        slot[tuple(map(slice, part.shape))] = part
    return stack


def numerical_rtol(a: Any) -> float:
    """The relative size below which a residual is rounding error, max(M, N) eps."""
    return max(a.shape) * np.finfo(lapack_dtype(a.dtype)).eps
