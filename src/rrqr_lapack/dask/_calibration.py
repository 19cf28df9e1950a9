"""Rows of a matrix in blocks one batch after another, for what reads samples from one process."""

from collections.abc import Iterator
from typing import Any

import dask

from .._common.arrays import check_count
from ._chunks import as_matrix, panels, to_host


class RowBatches:
    """The rows of a matrix in blocks as NumPy arrays, batch after batch: calibration samples for `prune.analyze`.

    It can be read again, each time by a new pass; beside one block of rows nothing is in this process's memory.

    Parameters
    ----------
    x : (M, N) dask.array
        One sample a row, of any chunking.
    rows : int, optional
        Most rows of a batch.

    Raises
    ------
    TypeError, ValueError
        `x` is no 2-D Dask array of numbers with a known number of columns; `rows` is less than 1.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import RowBatches
    >>> from rrqr_lapack.prune import Dense, Network, analyze
    >>> samples = da.random.default_rng(0).random((400, 1), chunks=150)
    >>> [len(batch) for batch in RowBatches(samples, rows=100)]
    [100, 50, 100, 50, 100]
    >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
    >>> analyze(network, RowBatches(samples, rows=100)).statistics("layers[0]").rows
    400
    """

    def __init__(self, x: Any, rows: int = 256) -> None:
        self._x, self._rows = panels(as_matrix(x)), check_count("rows", rows, 1)

    def __iter__(self) -> Iterator[Any]:
        for block in self._x.to_delayed().ravel():
            (values,) = dask.compute(block)
            values = to_host(values)
            for start in range(0, len(values), self._rows):
                yield values[start : start + self._rows]
