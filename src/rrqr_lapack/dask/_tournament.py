"""Rows of a tall array in blocks from which the others follow, by a tournament: each game leaves the k best of 2k.

J. Demmel, L. Grigori, M. Gu, H. Xiang, "Communication avoiding rank revealing QR factorization with column pivoting",
SIAM J. Matrix Anal. Appl. 36(1) (2015), doi:10.1137/13092157X: of the transpose, whose columns are the rows here.
"""

from typing import Any, NamedTuple

import numpy as np
from dask import delayed

from .._common.types import Array, Indices, Matrix
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from ._chunks import dense, starts, to_host
from ._layers import blocks_of, gathered, grid_of, merged, tasks


class Rows(NamedTuple):
    """Rows by their blocks and their places in these, in the order of choice."""

    blocks: Indices
    places: Indices
    values: Matrix


def winners(c: Any) -> Any:
    """The delayed `Rows` that a tournament finds in an array in blocks of whole rows, as many as it has columns."""
    blocks = blocks_of(c).ravel()
    return delayed(_game, pure=True)(merged(tasks(_first_game, blocks, grid_of(range(len(blocks)))), _game))


def in_the_matrix(rows: Any, x: Any) -> Any:
    """The delayed indices of the rows in the matrix; where chunks are of unknown size, from their sizes."""
    heights = starts(x.chunks[0])
    if None in heights:
        return delayed(_placed, pure=True)(rows, gathered(_begin, tasks(_height, blocks_of(x)[:, 0])))
    return delayed(_placed, pure=True)(rows, np.array(heights))


def _placed(rows: Rows, heights: Array) -> Indices:
    return np.asarray(heights)[rows.blocks] + rows.places


def _height(block: Any) -> int:
    return int(block.shape[0])


def _begin(heights: list[int]) -> Array:
    return np.cumsum([0, *heights])


def _first_game(block: Any, number: int) -> Rows:
    values = to_host(dense(block))
    return _best(Rows(np.full(len(values), number), np.arange(len(values)), values))


def _game(*parts: Rows) -> Rows:
    blocks, places, values = zip(*parts, strict=True)
    return _best(Rows(np.concatenate(blocks), np.concatenate(places), np.concatenate(values)))


def _best(rows: Rows) -> Rows:
    values = rows.values.conj().T
    factor = TruncatedQR(values, rtol=numerical_rtol(values))
    chosen = factor.P[: factor.rank]
    return Rows(rows.blocks[chosen], rows.places[chosen], rows.values[chosen])
