r"""
An interpolative decomposition of a file
========================================

A matrix with many rows stays on disk. One pass over it leaves a triangle of :math:`n^2` numbers, whose pivots are
those of the whole matrix; a second pass would fetch the chosen columns, and nothing else is ever in memory.
"""

import tempfile
import tracemalloc
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import TallQR, TruncatedQR

rng = np.random.default_rng(0)
m, n = 200_000, 60
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "rows.npy"
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(m, n))
    mix = rng.standard_normal((12, n))
    for start in range(0, m, 20_000):
        rows[start : start + 20_000] = rng.standard_normal((20_000, 12)) @ mix + 0.01 * rng.standard_normal((20_000, n))
    rows.flush()

    tracemalloc.start()
    tall = TallQR()
    rows = np.load(path, mmap_mode="r")
    for start in range(0, m, 10_000):
        tall.update(rows[start : start + 10_000])
    F = tall.pivoted()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{path.stat().st_size / 2**20:.0f} MiB on disk; arrays in memory: {peak / 2**20:.0f} MiB at most")
    assert np.array_equal(F.P[:12], TruncatedQR(rows, rank=12).P[:12])  # of the whole, in memory, for comparison

tails = np.sqrt(np.cumsum(np.sum(F.R[::-1] ** 2, axis=1))[::-1])
figure, axis = plt.subplots(figsize=(6, 3.2))
axis.semilogy(tails / tails[0], "o-", ms=3)
axis.set(xlabel="columns kept", ylabel="relative error", title="the error of every rank, from one pass")
figure.tight_layout()
