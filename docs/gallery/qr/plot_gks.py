r"""
Where greedy pivots mislead, and GKS does not
=============================================

Greedy pivoting looks at lengths. Nine columns of ten lie in a space of dimension 10, and the others are longer, each
in a direction of its own: greedy takes these first. Golub-Klema-Stewart pivots on the singular vectors, which know
what most columns share.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import select_columns

rng = np.random.default_rng(0)
m, n, rank = 200, 150, 10
A = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))
A /= np.linalg.norm(A, axis=0)
loners = np.arange(0, n, 10)
A[:, loners] = np.linalg.qr(rng.standard_normal((m, len(loners))))[0] * 1.2

sigma = np.linalg.svd(A, compute_uv=False)
optimum = np.sqrt(np.cumsum(sigma[::-1] ** 2)[::-1])
counts = range(2, 26)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
for method, marker in (("greedy", "o"), ("strong", "s"), ("gks", "^")):
    chosen = [select_columns(A, k, method=method) for k in counts]
    left.plot(
        counts,
        [found.error / optimum[k] for k, found in zip(counts, chosen, strict=True)],
        marker + "-",
        ms=3,
        label=method,
    )
    right.plot(counts, [np.isin(found.columns, loners).sum() for found in chosen], marker + "-", ms=3, label=method)
left.set(xlabel="k", title="error over the SVD's")
right.set(xlabel="k", title="how many of the chosen are loners")
left.legend()
figure.tight_layout()
