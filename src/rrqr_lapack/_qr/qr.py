"""QR as `scipy.linalg.qr` defines it."""

import math
from typing import Any, Literal, TypeAlias, TypedDict, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from .. import _core
from .._common.arrays import as_fortran, as_rows, check_finite_columns, check_finite_items
from .._common.foreign import elsewhere, foreign
from .._common.rule import Rule
from .._common.types import Array, Indices, Matrix
from . import scipy_qr, truncated

LANES = 16  # matrices that fill any processor's lanes: fewer are factored one by one, with LAPACK's own pivots

Two: TypeAlias = Literal["full", "economic"]


class _Others(TypedDict, total=False):
    """The arguments that do not say what is returned."""

    overwrite_a: bool
    lwork: Any
    check_finite: bool


# What a mode returns for a matrix. Of a stack SciPy 1.15 to 1.17 make lists, and of R alone the array itself.
@overload
def qr(
    a: ArrayLike, *, mode: Two = ..., pivoting: Literal[False] = ..., **others: Unpack[_Others]
) -> tuple[Matrix, Matrix]: ...
@overload
def qr(
    a: ArrayLike, *, mode: Two = ..., pivoting: Literal[True], **others: Unpack[_Others]
) -> tuple[Matrix, Matrix, Indices]: ...
@overload
def qr(
    a: ArrayLike, *, mode: Literal["r"], pivoting: Literal[False] = ..., **others: Unpack[_Others]
) -> tuple[Matrix]: ...
@overload
def qr(
    a: ArrayLike, *, mode: Literal["r"], pivoting: Literal[True], **others: Unpack[_Others]
) -> tuple[Matrix, Indices]: ...
@overload
def qr(
    a: ArrayLike, *, mode: Literal["raw"], pivoting: Literal[False] = ..., **others: Unpack[_Others]
) -> tuple[tuple[Matrix, Matrix], Matrix]: ...
@overload
def qr(
    a: ArrayLike, *, mode: Literal["raw"], pivoting: Literal[True], **others: Unpack[_Others]
) -> tuple[tuple[Matrix, Matrix], Matrix, Indices]: ...
@overload
def qr(
    a: ArrayLike,
    overwrite_a: bool = ...,
    lwork: Any = ...,
    mode: str = ...,
    pivoting: bool = ...,
    check_finite: bool = ...,
) -> tuple[Any, ...]: ...


def qr(
    a: ArrayLike,
    overwrite_a: bool = False,
    lwork: Any = scipy_qr.LWORK,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """QR decomposition, ``A = Q R`` or with pivoting ``A[:, P] = Q R``.

    A drop-in for `scipy.linalg.qr` of the SciPy that is installed: the same arguments, results, warnings, exceptions.

    Parameters
    ----------
    a : (..., M, N) array_like
        Matrix, or stack of matrices, to factor.
    overwrite_a : bool, optional
        Allow the contents of `a` to be destroyed. Saves a copy where `a` is Fortran-ordered, writeable and of one of
        the four LAPACK dtypes.
    lwork : int, optional
        Checked as SciPy does, and deprecated with SciPy from 1.18 on; the workspace is always the optimal one.
    mode : {'full', 'r', 'economic', 'raw'}, optional
        What to return: Q and R, R alone, the first K = min(M, N) columns of Q and rows of R, or LAPACK's compact form.
    pivoting : bool, optional
        Choose at each step the column of largest remaining norm, so that ``|R[j, j]|`` does not increase.
    check_finite : bool, optional
        Refuse NaN and infinity.

    Returns
    -------
    Q : ndarray
        (..., M, M), or (..., M, K) for ``mode='economic'``; for ``mode='raw'`` the tuple ``(qr, tau)``; not returned
        for ``mode='r'``.
    R : ndarray
        (..., M, N), or (..., K, N) for ``mode='economic'`` and ``'raw'``.
    P : ndarray of int32
        (..., N), only with pivoting.

    Raises
    ------
    TypeError
        `overwrite_a` is not a truth value.
    ValueError
        For an unknown mode, fewer than two dimensions, NaN or infinity, an `lwork` that is too small, values that are
        not numbers, or before SciPy 1.18 a stack of no matrices.

    Warns
    -----
    DeprecationWarning
        With SciPy from 1.18 on: for any `lwork`, and for dtypes other than the integers and LAPACK's four.

    See Also
    --------
    qr_truncated : stop at a rank or a tolerance.

    Notes
    -----
    4 K^2 (max(M, N) - K / 3) flops or less for R. With pivoting, and M >= 6 N for an economic Q or M >= 12 N for R
    alone, the results for a well-conditioned matrix come from the Cholesky factor of its Gram matrix, with M N^2 flops
    each and O(N^2) memory beyond the results; pivots and signs are those of reflectors all the same. The result has the
    dtype that LAPACK works in: float32 for booleans, float16 and integers of up to 16 bits, float64 for wider ones.
    Without pivoting R comes from one call of LAPACK, as SciPy's: Ctrl-C is heard after it.

    What depends on the version of SciPy is listed in ``rrqr_lapack/_qr/scipy_qr.py``. Some things do not: stacks are
    taken with SciPy 1.15 as well; an `overwrite_a` that is not a truth value is always refused; memory that is
    read-only is never written to; and numbers in another byte order are read as what they are.

    References
    ----------
    P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7
    (1965), doi:10.1007/BF01436084. Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, "Roundoff error analysis of
    the CholeskyQR2 algorithm", Electron. Trans. Numer. Anal. 44 (2015).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import qr
    >>> A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> Q, R, P = qr(A, pivoting=True)
    >>> bool(np.allclose(A[:, P], Q @ R))
    True
    >>> P
    array([2, 0, 1], dtype=int32)
    """
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(qr, locals())
    if mode != "qr" and mode not in scipy_qr.MODES:
        raise ValueError(f"Mode argument should be one of {list(scipy_qr.MODES)}, got {mode!r}")
    mode = "full" if mode == "qr" else mode
    if not isinstance(overwrite_a, (int, np.bool_, type(None))):
        raise TypeError(f"overwrite_a must be True or False, got {overwrite_a!r}")
    a1 = np.asarray(a)
    scipy_qr.check(a1, lwork)
    dtype = scipy_qr.working_dtype(a1)
    if a1.dtype.char != dtype.char:
        a1 = a1.astype(dtype)
    own = a1 is not a and a1.base is None and (isinstance(a, np.ndarray) or not hasattr(a, "__array__"))
    if a1.ndim > 2 and pivoting and mode != "raw" and a1.size and _little(a1.shape, mode):
        return _in_loops(a1, dtype, mode, check_finite)
    if scipy_qr.one_by_one(a1):
        items = a1.reshape(math.prod(a1.shape[:-2]), *a1.shape[-2:])
        results = [_single(item, mode, pivoting, False, check_finite) for item in items]
        return scipy_qr.stacked(results, a1.shape[:-2], mode)
    return _single(a1, mode, pivoting, overwrite_a or own, check_finite)


def _little(shape: tuple[int, ...], mode: str) -> bool:
    """Whether the matrix, and all of Q where that is wanted, are so small that calls cost more than the work."""
    *_, m, n = shape
    return m * max(n, m if mode == "full" else 0) <= truncated.TINY


def _in_loops(a: Array, dtype: np.dtype[Any], mode: str, check_finite: bool) -> Any:
    """The pivoted QR of a stack of small matrices in one call of C."""
    *batch, m, n = a.shape
    items = as_rows(a.reshape(-1, m, n), dtype)
    if check_finite:
        check_finite_items(items, "array must not contain infs or NaNs: a")
    count, rank = len(items), min(m, n)
    rows = rank if mode == "economic" else m
    q = None if mode == "r" else np.empty((count, m, rows), dtype)
    r, p, ranks = np.empty((count, rows, n), dtype), np.empty((count, n), np.int32), np.empty(count, np.int32)
    tiny, together = truncated.tiny(m * n, dtype), count >= LANES
    _core.factor_stack(items, q, r, p, ranks, rank, -1.0, -1.0, 0.0, tiny, together, True)
    return scipy_qr.wrapped([x.reshape(*batch, *x.shape[1:]) for x in scipy_qr.ordered(q, r, p)])


def _single(a: Array, mode: str, pivoting: bool, overwrite: bool, check_finite: bool) -> tuple[Any, ...]:
    """The tuple that SciPy gives for one matrix, or for a stack without elements."""
    m, n = a.shape[-2:]
    rows = min(m, n) if mode in ("economic", "raw") else m
    if a.size == 0:
        return scipy_qr.without_elements(a, rows, mode, pivoting)
    in_c = pivoting and mode != "raw" and _little(a.shape, mode)
    if in_c and not (overwrite and a.flags.f_contiguous):
        found = _core.factor_one(a, 0 if mode == "r" else rows, rows, truncated.tiny(a.size, a.dtype), check_finite)
        if found:
            return tuple(scipy_qr.ordered(*found))
    work = as_fortran(a, overwrite=True, check_finite=False) if overwrite else a
    in_place = overwrite and work is a
    work, found = truncated.by_cholesky(work, mode, "auto", Rule(n)) if pivoting else (work, None)
    if found:
        q, r, pivots = found if mode == "economic" else (None, *found)
        q, r = scipy_qr.arranged(q, _with_rows(r, rows), a, mode, in_place)
        return (r, pivots) if q is None else (q, r, pivots)
    work = as_fortran(work, overwrite=overwrite or work is not a, check_finite=False)
    if check_finite:
        check_finite_columns(work, "array must not contain infs or NaNs: a")
    factor = factored(work, pivoting)
    q = factor.form_q(rows) if mode in ("full", "economic") else None
    ours = m == n and mode != "raw" and not in_place  # memory that R may have
    r = factor.take_upper_rows() if ours else factor.upper_rows(rows)
    q, r = scipy_qr.arranged(q, r, work, mode, in_place)
    tail = (r, factor.pivots) if pivoting else (r,)
    if mode == "raw":
        return ((work, factor.tau), *tail)
    return tail if q is None else (q, *tail)


def _with_rows(r: Matrix, rows: int) -> Matrix:
    """R with zeros below it."""
    below = np.zeros((rows, r.shape[1]), r.dtype)
    below[: len(r)] = r
    return below


def factored(a: Matrix, pivoting: bool = False) -> _core.Factor:
    """The full factorization of a Fortran-ordered matrix that may be destroyed."""
    factor = _core.Factor(a)
    if not pivoting:
        factor.geqrf()
    elif a.size > truncated.TINY and factor.has_norms():
        truncated.run(factor, "auto", Rule(min(a.shape)))
    else:  # tiny, or with NaN, infinity or overflow, by which no pivot can be chosen: what LAPACK makes of it
        factor.full()
    return factor
