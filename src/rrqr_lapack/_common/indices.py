"""Index arrays that come in: vectors of integers, in range, each once where that matters."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_indices(name: str, value: Any, kind: str = "a vector of integers") -> NDArray[np.intp]:
    """`value` as a vector of intp, whatever its entries; TypeError for what is no vector of integers."""
    indices = np.asarray(value)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise TypeError(f"{name} must be {kind}, got {value!r}")
    return indices.astype(np.intp, copy=False)


def check_indices(
    name: str, value: Any, size: int, *, kind: str = "a vector of integers", distinct: bool = False
) -> NDArray[np.intp]:
    """`value` as a vector of intp in 0..size-1, none of them twice if they must be `distinct`."""
    indices = as_indices(name, value, kind)
    outside = (indices < 0) | (indices >= size)
    if outside.any():
        raise ValueError(f"{name} must be between 0 and {size - 1}, got {np.asarray(value)[outside][0]}")
    if distinct:
        found, counts = np.unique(indices, return_counts=True)
        if len(found) < len(indices):
            raise ValueError(f"{name} must hold each index once, got {found[counts > 1][0]} more than once")
    return indices
