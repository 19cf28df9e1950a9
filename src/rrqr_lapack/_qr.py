"""QR as `scipy.linalg.qr` defines it."""

import math

import numpy as np

from . import _core, _truncated
from ._arrays import as_fortran

_MODES = ("full", "qr", "r", "economic", "raw")


def qr(a, overwrite_a=False, lwork=None, mode="full", pivoting=False, check_finite=True):
    """QR decomposition, ``A = Q R`` or with pivoting ``A[:, P] = Q R``.

    A drop-in for `scipy.linalg.qr`: the same arguments, results and exceptions.

    Parameters
    ----------
    a : (..., M, N) array_like
        Matrix, or stack of matrices, to factor.
    overwrite_a : bool, optional
        Allow the contents of `a` to be destroyed. Saves a copy where `a` is Fortran-ordered, writeable and of one of
        the four LAPACK dtypes.
    lwork : int, optional
        At least N, or -1. Checked as SciPy does; the workspace is always the optimal one.
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
        not numbers, or a stack of no matrices.

    See Also
    --------
    qr_truncated : stop at a rank or a tolerance.

    Notes
    -----
    4 K^2 (max(M, N) - K / 3) flops or less for R. The result has the dtype that LAPACK works in: float32 for booleans,
    float16 and integers of up to 16 bits, float64 for wider ones.

    References
    ----------
    P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7
    (1965), doi:10.1007/BF01436084.

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
    if mode not in _MODES:
        raise ValueError("mode must be one of 'full', 'r', 'economic', 'raw', got " + repr(mode))
    mode = "full" if mode == "qr" else mode
    if not isinstance(overwrite_a, (int, np.bool_, type(None))):
        raise TypeError(f"overwrite_a must be True or False, got {overwrite_a!r}")
    a1 = np.asarray(a)
    if a1.dtype.kind not in "biufc":
        a1 = a1.astype(np.float64)
    if a1.ndim < 2:
        raise ValueError(f"expected a 2-D array, or a stack of them, got {a1.ndim} dimensions")
    n = a1.shape[-1]
    if lwork not in (None, -1) and lwork < max(1, n):
        raise ValueError(f"lwork must be at least {max(1, n)} for this matrix, or -1 or None, got {lwork}")
    if a1.ndim > 2:
        return _stacked(a1, overwrite_a, mode, pivoting, check_finite)
    if a1.size == 0:
        return _empty(a1, mode, pivoting)
    own = a1 is not a and a1.base is None and (isinstance(a, np.ndarray) or not hasattr(a, "__array__"))
    return _factored(as_fortran(a1, overwrite=overwrite_a or own, check_finite=check_finite), mode, pivoting)


def _factored(a, mode, pivoting):
    """The tuple that `mode` asks for, from a Fortran-ordered matrix that may be destroyed."""
    m, n = a.shape
    least = min(m, n)
    factor = _core.Factor(a)
    if not pivoting:
        factor.geqrf()
    elif a.size > _truncated.TINY and factor.has_norms():
        _truncated.run(factor, "auto", least, -1.0, -1.0, 0.0, None)
    else:  # tiny, or with NaN, infinity or overflow, by which no pivot can be chosen: what LAPACK makes of it
        factor.full()
    rows = least if mode in ("economic", "raw") else m
    tail = (factor.upper(rows), factor.pivots) if pivoting else (factor.upper(rows),)
    if mode == "r":
        return tail
    if mode == "raw":
        return ((factor.a, factor.tau), *tail)
    return (factor.form_q(rows), *tail)


def _empty(a, mode, pivoting):
    """The results for a matrix without elements, in its own dtype as SciPy has them."""
    m, n = a.shape
    rows = 0 if mode in ("economic", "raw") else m
    tail = (np.empty((rows, n), a.dtype), np.arange(n, dtype=np.int32))[: 1 + bool(pivoting)]
    if mode == "r":
        return tail
    if mode == "raw":
        return ((np.empty((m, n), a.dtype), np.zeros(0, a.dtype)), *tail)
    return (np.eye(m, rows, dtype=a.dtype), *tail)


def _stacked(a, overwrite_a, mode, pivoting, check_finite):
    """One factorization after the other over the leading dimensions; a list of stacks, as SciPy returns it."""
    batch = a.shape[:-2]
    if 0 in batch:
        raise ValueError(f"`qr` does not support zero-size batches, got the shape {a.shape}")
    results = [
        qr(item, overwrite_a=overwrite_a, mode=mode, pivoting=pivoting, check_finite=check_finite)
        for item in a.reshape(math.prod(batch), *a.shape[-2:])
    ]
    if mode == "raw":
        results = [(*raw, *tail) for raw, *tail in results]
    stacks = [np.stack(parts).reshape(*batch, *parts[0].shape) for parts in zip(*results, strict=True)]
    if mode == "raw":
        return ((stacks[0], stacks[1]), *stacks[2:])
    return stacks if len(stacks) > 1 else stacks[0]
