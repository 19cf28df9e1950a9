"""Columns in units of their own norms, so that the unit in which a column was measured decides nothing."""

from typing import Any

import numpy as np
from scipy import sparse

from .._common.norms import column_norms
from .._common.types import Array

TILT = 16  # eps, by which each column counts less than the one before: where norms are equal, the earlier one wins


def unit_columns(X: Any) -> tuple[Array, Any]:
    """The norms d of the columns up to a tilt, 1 for zeros, and ``X diag(d)^{-1}``; no square underflows."""
    peaks = abs(X).max(axis=0)
    peaks = _nonzero(peaks.toarray().ravel() if sparse.issparse(X) else peaks)
    a = _divided(X, peaks)
    lengths = _nonzero(column_norms(a)) * (1 + TILT * np.finfo(a.dtype).eps * np.arange(a.shape[1], dtype=a.dtype))
    return peaks.astype(np.float64) * lengths, _divided(a, lengths)


def _nonzero(values: Array) -> Array:
    return np.where(values > 0, values, values.dtype.type(1))


def _divided(X: Any, factors: Array) -> Any:
    if not sparse.issparse(X):
        return X / factors
    return sparse.csc_array((X.data / np.repeat(factors, np.diff(X.indptr)), X.indices, X.indptr), shape=X.shape)
