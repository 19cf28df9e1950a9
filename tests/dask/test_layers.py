"""Graphs: in as many layers for a hundred blocks as for ten, so that the client takes so much a block, and no more."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")

import dask
import dask.array as da

from rrqr_lapack.dask import cur, interpolative_decomposition, qr_truncated, randomized_svd, range_finder, tall_qr
from rrqr_lapack.dask._layers import gathered, grid_of, merged, stacked, tasks

RESULTS = {
    "tall_qr": tall_qr,
    "R": lambda x: qr_truncated(x).R,
    "R of a sketch": lambda x: qr_truncated(x, rank=2, by="sketch", rng=0).R,
    "Q": lambda x: qr_truncated(x, rank=2).form_q(),
    "skeleton": lambda x: interpolative_decomposition(x, rank=2, by="sketch", rng=0).skeleton,
    "cur": lambda x: cur(x, rank=2).R,
    "U": lambda x: randomized_svd(x, 2, by="triangle").U,
    "Vh": lambda x: randomized_svd(x, 2, by="sketch", rng=0).Vh,
    "range": lambda x: range_finder(x, 2, rng=0).Q,
}


@pytest.mark.parametrize("name", RESULTS)
def test_layers_do_not_grow_with_the_blocks(name):
    few, many = (len(RESULTS[name](da.ones((count * 10, 20), chunks=(10, 10))).dask.layers) for count in (10, 100))
    assert few == many < 200


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_a_graph_takes_memory_in_proportion_to_the_blocks(by):
    """A layer for each block took 120 kB a block at 500 of them, twice as much at a thousand; measured: 2 and 5."""
    count = 150
    x = da.ones((count * 10, 4), chunks=(10, 4))
    randomized_svd(x[:20], 2, by=by, rng=0)  # what is kept for ever
    tracemalloc.start()
    found = randomized_svd(x, 2, by=by, rng=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.s.shape == (2,)
    assert peak < 15e3 * count


def total(*parts):
    return sum(parts)


def test_a_tree_merges_each_column_of_a_grid_in_its_order():
    grid = tasks(np.add, grid_of(range(11))[:, None], grid_of([100, 200]))
    (sums,) = dask.compute(merged(grid, total, 3).tolist())
    assert sums == [55 + 1100, 55 + 2200]
    (texts,) = dask.compute(merged(tasks(str, grid_of(range(11))), lambda *parts: "".join(parts), 4))
    assert texts == "012345678910"
    (lists,) = dask.compute(gathered(lambda lists, more: [lists, more], grid[:2], grid[2, 0]))
    assert lists == [[[100, 200], [101, 201]], 102]


def test_blocks_are_stacked_in_their_order():
    rows = tasks(np.full, grid_of([2, 3]), grid_of([5.0, 7.0]))
    columns = tasks(np.reshape, rows, np.array([-1, 1]))
    found = stacked(columns, [2, 3], 1, np.empty((0, 0)))
    assert found.chunks == ((2, 3), (1,))
    assert found.compute().ravel().tolist() == [5, 5, 7, 7, 7]
