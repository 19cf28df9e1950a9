"""The chosen columns A[:, C], by a second pass over the blocks that reads nothing else of them."""

from typing import Any

import numpy as np
from scipy import sparse

from .._common.types import Array, Indices
from ._chunks import in_dtype, kind, only_block
from ._layers import blocks_of, grid_of, stacked, tasks
from ._marks import check_mark
from ._stand_in import Source


def chosen_columns(source: Source, columns: Any) -> Any:
    """A[:, C] as a Dask array in blocks of whole rows; C is an array, or a lazy one of unknown length.

    A lazy C comes from the first pass of the same graph: each block is then held to its mark from that pass.
    """
    x, first, marks = source.x, source.chosen_by, source.marks
    if isinstance(columns, np.ndarray):
        return x[:, columns].rechunk({1: -1}).map_blocks(in_dtype, dtype=kind(x).dtype, meta=kind(x))
    columns = only_block(columns)
    begin = np.cumsum((0, *x.chunks[1]))
    picks = tasks(_picked, blocks_of(source.again(first)), columns, grid_of(begin[:-1].tolist()), marks)
    return stacked(tasks(_joined, columns, begin, *picks.T), x.chunks[0], np.nan, kind(x))


def _picked(block: Any, columns: Indices, start: int, before: Array) -> Any:
    """Those of the columns that are in this block."""
    local = columns[(columns >= start) & (columns < start + block.shape[1])] - start
    chosen = in_dtype(block[:, local])
    check_mark(chosen, before[local], local + start)
    return chosen


def _joined(columns: Indices, begin: Array, *picks: Any) -> Any:
    """The columns of a row of blocks in the order of their choice."""
    if len(picks) == 1:
        return picks[0]
    home = np.searchsorted(begin, columns, side="right") - 1
    order = np.argsort(np.argsort(home, kind="stable"), kind="stable")
    if sparse.issparse(picks[0]):
        return sparse.hstack(picks, format="csr")[:, order]
    return np.concatenate(picks, axis=1)[:, order]
