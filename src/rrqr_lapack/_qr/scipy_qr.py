"""What `scipy.linalg.qr` of the installed SciPy does where its versions differ, for `qr` to do the same.

| | until 1.17 | from 1.18 on, where it is a loop in C |
|---|---|---|
| `lwork` | at least N | more than M, and deprecated |
| dtypes other than integers and LAPACK's four | taken | taken with a warning |
| a stack | a list, or the array if it is one | a tuple |
| a stack of no matrices | refused | an empty stack |
| a matrix without elements | its own dtype | LAPACK's dtype; one P for a whole stack |
| memory order | Q Fortran's, R C's | both C's |
| `overwrite_a` of a Fortran-ordered matrix | for LAPACK to work in | also for Q, if 'economic', or else R to lie in |

SciPy 1.15 takes no stacks; they are here as in 1.16.
"""

import inspect
import warnings
from typing import Any

import numpy as np
import scipy.linalg

from .. import _core
from .._common.arrays import lapack_dtype
from .._common.types import Array

# The default of lwork: from 1.18 on a mark of its own, so that whoever gives any value is warned.
LWORK = inspect.signature(scipy.linalg.qr).parameters["lwork"].default
IN_C = LWORK is not None
MODES = ("full", "qr", "r", "raw", "economic") if IN_C else ("full", "r", "economic", "raw")
LISTED = frozenset(np.typecodes["AllInteger"] + "fdFD")  # dtypes that are here to stay


def check(a: Array, lwork: Any) -> None:
    """ValueError if SciPy refuses the shape or `lwork`; its warnings, for the caller of `qr`."""
    if a.ndim < 2:
        expected = "Expected at least a 2-D array" if IN_C else "expected a 2-D array"
        raise ValueError(f"{expected}, or a stack of them, got {a.ndim} dimensions")
    if not IN_C and 0 in a.shape[:-2]:
        raise ValueError(f"`qr` does not support zero-size batches. The shape is {a.shape}")
    if IN_C and a.dtype.char not in LISTED:
        warnings.warn(
            f"SciPy deprecates qr of the dtype {a.dtype}; cast it to float32, float64, complex64 or complex128",
            DeprecationWarning,
            stacklevel=3,
        )
    if lwork is not LWORK:
        _check_lwork(lwork, *a.shape[-2:])


def _check_lwork(lwork: Any, m: int, n: int) -> None:
    if IN_C:
        if lwork not in (None, -1) and lwork <= m:
            raise ValueError(f"lwork should be None, -1 or > M, got {lwork} for M = {m}")
        warnings.warn("SciPy deprecates lwork, which has no use; leave it out", DeprecationWarning, stacklevel=4)
    elif lwork != -1 and lwork < max(1, n):
        raise ValueError(f"lwork must be at least {max(1, n)} for this matrix, or -1 or None, got {lwork}")


def working_dtype(a: Array) -> np.dtype[Any]:
    """The dtype of the results: one of LAPACK's, of which what is no number is read as double precision."""
    if not IN_C and a.size == 0:
        return a.dtype
    return lapack_dtype(a.dtype) if a.dtype.kind in "biufc" else np.dtype(np.float64)


def one_by_one(a: Array) -> bool:
    """Whether to factor the matrices of a stack; a stack without elements has its own answer from 1.18 on."""
    return a.ndim > 2 and not (IN_C and a.size == 0)


def without_elements(a: Array, rows: int, mode: str, pivoting: bool) -> tuple[Any, ...]:
    """The results for a matrix, or a stack, without elements: Q with so many columns, R with so many rows."""
    *batch, m, n = a.shape
    tail = (np.empty((*batch, rows, n), a.dtype), np.arange(n, dtype=np.int32))[: 1 + bool(pivoting)]
    if mode == "r":
        return tail
    if mode == "raw":
        return ((np.empty(a.shape, a.dtype), np.zeros((*batch, min(m, n)), a.dtype)), *tail)
    q = np.empty((*batch, m, rows), a.dtype)
    q[...] = np.eye(m, rows)
    return (q, *tail)


def arranged(q: Array | None, r: Array, a: Array, mode: str, in_place: bool) -> tuple[Array | None, Array]:
    """Q (or None) and the C-ordered R in SciPy's memory order; `in_place` the one of them that has its place in `a`
    lies there."""
    if IN_C and in_place and q is not None and mode == "economic":
        held = a[:, : q.shape[1]]
        held[...] = q
        return held, r
    if IN_C and in_place and mode != "raw":
        a[...] = r
        return q if q is None else _rows_first(q), a
    return _rows_first(q) if IN_C and q is not None else q, r


def _rows_first(a: Array) -> Array:
    """A C-ordered copy of a Fortran-ordered matrix."""
    return _core.transposed(a.T).T


def stacked(results: list[Any], batch: tuple[int, ...], mode: str) -> Any:
    """The results of several matrices as stacks over the leading dimensions `batch`."""
    if mode == "raw":
        results = [(*raw, *tail) for raw, *tail in results]
    stacks = [np.stack(parts).reshape(*batch, *parts[0].shape) for parts in zip(*results, strict=True)]
    if mode == "raw":
        return ((stacks[0], stacks[1]), *stacks[2:])
    return wrapped(stacks)


def wrapped(stacks: list[Array]) -> Any:
    """The results for a stack."""
    if IN_C:
        return tuple(stacks)
    return stacks if len(stacks) > 1 else stacks[0]


def ordered(q: Array | None, r: Array, p: Array) -> list[Array]:
    """C-ordered Q (if any) and R, and P, or stacks of them, in SciPy's memory order."""
    if q is not None and not IN_C:
        q = np.ascontiguousarray(q.mT).mT
    return [r, p] if q is None else [q, r, p]
