"""Calibration samples: an array, a memory map, a sparse array, or batches one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .._common.types import Sparse
from ._reals import is_sparse, real_array

Samples: TypeAlias = ArrayLike | Sparse | Iterable[ArrayLike | Sparse]

ROWS = 4096  # rows of an array that are read at a time, so that a memory map is never loaded whole


def batches(X: Samples, inputs: int, dtype: DTypeLike) -> Iterator[np.ndarray]:
    """Yield the samples in batches of rows, in the network's dtype, each checked.

    Parameters
    ----------
    X : (samples, inputs) array_like, memmap or sparse array, or an iterable of such batches
        An iterator is consumed once. A list of numbers is an array; a list of 2-D arrays is batches. Of a sparse array
        the rows of a batch are filled in.
    inputs : int
        Number of columns that the network takes.
    dtype : dtype
        float32 or float64.

    Raises
    ------
    TypeError
        Neither an array nor batches, or entries that are not real numbers or are masked.
    ValueError
        Wrong shape, no samples, or NaN or Inf (the first such sample is named).
    """
    seen = 0
    for batch in _pieces(X):
        batch = real_array(batch.toarray() if is_sparse(batch) else batch, "X")
        if batch.ndim != 2 or batch.shape[1] != inputs:
            raise ValueError(f"X must have shape (samples, {inputs}), one row a sample, got {batch.shape}")
        with np.errstate(over="ignore"):  # said below
            batch = batch.astype(dtype, copy=False)
        bad = ~np.isfinite(batch).all(axis=1)
        if bad.any():
            raise ValueError(f"X must be finite, got NaN or Inf in sample {seen + int(np.argmax(bad))}")
        seen += len(batch)
        if len(batch):
            yield batch
    if not seen:
        raise ValueError("X must hold samples, got none; give at least one, better several a neuron")


def _pieces(X: Any) -> Iterable[Any]:
    if isinstance(X, list | tuple) and len(X) and getattr(X[0], "ndim", None) == 2:
        return X
    if hasattr(X, "shape") or isinstance(X, list | tuple):
        X = X.tocsr() if is_sparse(X) and X.ndim == 2 else X if hasattr(X, "shape") else real_array(X, "X")
        samples = X.shape[0] if X.ndim > 1 else 0
        return (X[i : i + ROWS] for i in range(0, samples, ROWS)) if samples else (X,)
    if isinstance(X, Iterable) and not isinstance(X, str | bytes):
        return X
    raise TypeError(f"X must be an array or an iterable of batches, got {type(X).__name__}")
