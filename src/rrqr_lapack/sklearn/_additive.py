"""Biases of rows and columns: the least squares fit ``r_i + c_j`` to the entries of a matrix that are seen."""

import numpy as np

from .._common.types import Array

TOLERANCE = 100  # eps of the largest entry: by how much a sweep may still change a bias
SWEEPS = 1000  # at most; the entries seen at random of any matrix of use need tens


def row_biases(a: Array, seen: Array, columns: Array, empty: float) -> Array:
    """The r that fit best beside c: means of ``a_ij - c_j`` over what is seen of each row, or `empty`."""
    counts = seen.sum(axis=1)
    sums = (np.where(seen, a, 0) - seen * columns).sum(axis=1)
    return np.divide(sums, counts, out=np.full_like(columns, empty, shape=len(a)), where=counts > 0)


def biases(a: Array, seen: Array) -> tuple[float, Array]:
    """The mean of r and the c of the fit, found by sweeps over rows and columns; c has mean 0, and is 0 if unseen."""
    columns = np.zeros(a.shape[1], a.dtype)
    limit = TOLERANCE * float(np.finfo(a.dtype).eps) * np.abs(a, where=seen, out=np.zeros_like(a)).max(initial=0)
    some, rows = seen.any(axis=0), np.zeros(len(a), a.dtype)
    for _ in range(SWEEPS):
        rows = row_biases(a, seen, columns, 0.0)
        before, columns = columns, row_biases(a.T, seen.T, rows, 0.0)
        if some.any():
            columns[some] -= columns[some].mean()
        if np.abs(columns - before).max(initial=0) <= limit:
            break
    rows = row_biases(a, seen, columns, 0.0)[seen.any(axis=1)]
    return float(rows.mean()) if rows.size else 0.0, columns
