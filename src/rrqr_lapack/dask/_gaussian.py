"""Gaussian matrices of any number of rows, of which each worker makes those that it needs, the same whoever asks."""

from typing import Any

import numpy as np

from .._common.arrays import check_rng
from .._common.random import gaussian
from .._common.types import Matrix, Seed

TILE = 256  # rows of one stream of random numbers


def seed_of(rng: Seed) -> int:
    """One number that tells all streams of a factorization."""
    return int(check_rng(rng).integers(1 << 62))


def gaussian_rows(seed: int, block: int, start: int | None, rows: int, columns: int, dtype: Any) -> Matrix:
    """Rows ``start .. start + rows`` of a standard normal matrix; where the start is not known, those of the block."""
    stream = (seed, 0) if start is not None else (seed, 1, block)
    start = start or 0
    first, last = start // TILE, -(-(start + rows) // TILE)
    tiles = [gaussian(np.random.default_rng((*stream, tile)), columns, TILE, dtype).T for tile in range(first, last)]
    if not tiles:
        return np.empty((0, columns), dtype)
    return np.concatenate(tiles)[start - first * TILE :][:rows]
