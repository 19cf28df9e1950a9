r"""
Matrices on which QR without pivoting fails
===========================================

Without pivoting the diagonal of R says nothing of the rank: it may be large where the matrix has none left, and tiny in
the middle of it. Two matrices of rank 20 show the two ways.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import TruncatedQR

rng = np.random.default_rng(0)
n, rank = 100, 20

# %%
# The first 40 columns of the left matrix span 2 dimensions, and the rest comes late. In the right one columns grow, so
# that the short ones come first.

late = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n))
late[:, :40] = late[:, 60:62] @ rng.standard_normal((2, 40))
growing = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n)) * np.geomspace(1e-6, 1, n)


def errors(R):
    """||R22||_F over ||R||_F for every k."""
    squares = np.sum(np.abs(R) ** 2, axis=1)
    tails = np.append(np.cumsum(squares[::-1])[::-1], 0)
    return np.sqrt(tails / tails[0])


figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for axis, A, title in zip(axes, (late, growing), ("dependent columns first", "short columns first"), strict=True):
    sigma = np.linalg.svd(A, compute_uv=False)
    optimum = np.sqrt(np.append(np.cumsum(sigma[::-1] ** 2)[::-1], 0))
    axis.semilogy(errors(np.linalg.qr(A, mode="r")), label="no pivoting")
    axis.semilogy(errors(TruncatedQR(A).R), label="pivoting")
    axis.semilogy(optimum / optimum[0], "k--", lw=1, label="the SVD")
    axis.set(xlabel="k", xlim=(0, 60), ylim=(1e-17, 3), title=title)
axes[0].set_ylabel(r"$\|R_{22}\|_F\,/\,\|A\|_F$")
axes[0].legend()
figure.tight_layout()
