r"""
What it costs
=============

Truncated pivoted QR takes about :math:`4 m n k` operations: time proportional to each of m, n and k. Measured here on
whatever machine built this page, on one thread; a fit in logarithms gives the exponents.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from rrqr_lapack import TruncatedQR

rng = np.random.default_rng(0)


def seconds(m, n, k):
    """The least of five runs."""
    A = np.asfortranarray(rng.standard_normal((m, n)))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        TruncatedQR(A, rank=k)
        times.append(time.perf_counter() - start)
    return min(times)


base = {"m": 1000, "n": 1000, "k": 100}
sizes = {"m": [500, 1000, 2000, 4000], "n": [500, 1000, 2000, 4000], "k": [25, 50, 100, 200, 400]}
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.4), sharey=True)
with threadpool_limits(1):
    for axis, (name, values) in zip(axes, sizes.items(), strict=True):
        times = [seconds(**{**base, name: value}) for value in values]
        slope, intercept = np.polyfit(np.log(values), np.log(times), 1)
        axis.loglog(values, times, "o")
        axis.loglog(values, np.exp(intercept) * np.array(values, float) ** slope)
        axis.set(xlabel=name, title=f"{name}$^{{{slope:.2f}}}$")
axes[0].set_ylabel("seconds")
figure.tight_layout()
