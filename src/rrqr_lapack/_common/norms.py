"""2-norms and Frobenius norms, of which no square overflows or underflows."""

from typing import Any

import numpy as np
from scipy import sparse

from .arrays import lapack_dtype
from .scaling import near_one, power_of_two
from .types import Array, Indices, Matrix, Reals

BLOCK = 64  # columns of a sparse matrix that are dense at a time


def frobenius(a: Any) -> float:
    """||A||_F of an ndarray or sparse array in double precision; infinite only if it is itself too large."""
    values = (a.data if sparse.issparse(a) else a).ravel(order="K")
    values = values.astype(lapack_dtype(values.dtype), copy=False)
    limits = np.finfo(values.dtype)
    norm = _root_of_squares(values)
    if np.sqrt(limits.tiny) / limits.eps < norm < np.inf:
        return norm
    parts = values.view(limits.dtype)
    scale = power_of_two(parts)
    return scale * _root_of_squares(parts / scale)


def _root_of_squares(values: Array) -> float:
    """The 2-norm of a vector: rows of it squared by BLAS, their sum in double precision."""
    step = 4096  # single precision adds so many squares without losing more than a digit
    whole = len(values) // step * step
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        rows = np.vecdot(values[:whole].reshape(-1, step), values[:whole].reshape(-1, step))
        return float(np.sqrt(rows.real.sum(dtype=np.float64) + np.vdot(values[whole:], values[whole:]).real))


def column_norms(a: Any) -> Reals:
    """2-norms of the columns of an ndarray or sparse array, in its real dtype; to rounding of the largest."""
    a, scale = near_one(a)
    if sparse.issparse(a):
        norms = np.sqrt(np.asarray(abs(a).power(2).sum(axis=0)).ravel())
    else:
        norms = np.linalg.norm(a, axis=0)
    with np.errstate(over="ignore"):
        return norms * norms.dtype.type(scale)


def outside_norms(a: Any, q: Matrix, columns: Indices) -> Reals:
    """Norms of the columns of (I - Q Q^H) A[:, columns]; A is sparse, and no difference of squares is formed."""
    found = np.empty(len(columns), np.finfo(a.dtype).dtype)
    for start in range(0, len(columns), BLOCK):
        part = slice(start, start + BLOCK)
        block = a[:, columns[part]].toarray()
        block -= q @ (q.conj().T @ block)
        found[part] = column_norms(block)
    return found


def difference_norms(a: Any, x: Matrix, y: Matrix) -> Reals:
    """Norms of the columns of A - X Y."""
    if isinstance(a, np.ndarray):
        return column_norms(a - x @ y)
    parts = [slice(start, start + BLOCK) for start in range(0, a.shape[1], BLOCK)]
    blocks = [column_norms(a[:, part].toarray() - x @ y[:, part]) for part in parts]
    return np.concatenate(blocks) if blocks else np.empty(0)
