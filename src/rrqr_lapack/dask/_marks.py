"""Marks of blocks, by which a matrix that changes between two passes is found out."""

from typing import Any

import numpy as np

from .._common.types import Array, Indices
from ._chunks import beside, is_sparse, to_host

SLACK = 0.5  # power of eps: a mark may be off by eps^(1/2) of the sum of moduli, which rounding never is


def mark(block: Any) -> Array:
    """One combination of the rows, with weights from 1 to 2: a number for each column."""
    weights = _weights(block)
    return to_host(block.T @ weights) if is_sparse(block) else to_host(weights @ block)


def check_mark(chosen: Any, before: Array, columns: Indices) -> None:
    """ValueError where columns of a block are not those that were marked."""
    now, moduli = mark(chosen), mark(abs(chosen))
    tolerance = np.finfo(now.dtype).eps ** SLACK * moduli
    changed = ~(abs(now - before) <= tolerance)
    if changed.any():
        column = int(columns[int(np.argmax(changed))])
        raise ValueError(
            f"x must hold the same numbers each time it is computed, but column {column} changed between two passes; "
            "persist it, or seed what makes it"
        )


def _weights(block: Any) -> Any:
    weights = np.random.default_rng(0).uniform(1, 2, block.shape[0])
    return beside(weights.astype(np.finfo(block.dtype).dtype) if block.dtype.kind in "fc" else weights, block)
