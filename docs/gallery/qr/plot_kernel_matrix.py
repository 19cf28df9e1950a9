r"""
A 200 x 200 kernel matrix: QR beside the SVD
============================================

:math:`K_{ij} = \exp(-|x_i - x_j|^2 / 2 h^2)` for 200 points on a line: a smooth kernel, whose singular values fall
faster than any power. Pivoted QR follows the SVD down to rounding, and its pivots are points: they spread over the
interval.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import TruncatedQR

x = np.linspace(0, 1, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
for h, color in ((0.3, "C0"), (0.1, "C1"), (0.03, "C2")):
    K = np.exp(-((x[:, None] - x) ** 2) / (2 * h**2))
    F = TruncatedQR(K, rtol=1e-14)
    sigma = np.linalg.svd(K, compute_uv=False)
    tails = np.sqrt(np.cumsum(np.sum(F.R[::-1] ** 2, axis=1))[::-1])
    optimum = np.sqrt(np.cumsum(sigma[::-1] ** 2)[::-1])
    left.semilogy(tails / tails[0], color=color, label=f"h = {h}")
    left.semilogy(optimum[: F.rank + 5] / optimum[0], "--", color=color)
    right.plot(x[F.P[:15]], np.arange(1, 16), "o", color=color, ms=4)
left.set(xlabel="k", title="relative error: QR (solid), SVD (dashed)", ylim=(1e-16, 2))
left.legend()
right.set(xlabel="x", ylabel="step", title="the first 15 pivots")
figure.tight_layout()
