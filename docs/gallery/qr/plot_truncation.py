"""
The rank of a noisy matrix
==========================

The diagonal of R falls like the singular values and stops at the noise. With a tolerance the factorization stops there
too: what comes after is never computed.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import TruncatedQR, qr

rng = np.random.default_rng(0)
m, n, rank = 600, 400, 60
A = rng.standard_normal((m, rank)) * np.geomspace(1, 1e-3, rank) @ rng.standard_normal((rank, n))
A += 1e-6 * rng.standard_normal((m, n))

# %%
# All of R, as SciPy has it, and the part up to a tolerance between signal and noise.

R, P = qr(A, mode="r", pivoting=True)
F = TruncatedQR(A, rtol=1e-5)
print(f"rank {F.rank}; relative error {F.residual_norm / np.linalg.norm(A):.1e}")

# %%
# :math:`|r_{kk}|` and :math:`\sigma_k` are within a small factor of each other, and so are the two errors at every k.

diagonal, sigma = np.abs(np.diagonal(R)), np.linalg.svd(A, compute_uv=False)
residual = np.sqrt(np.cumsum(np.sum(np.abs(R) ** 2, axis=1)[::-1])[::-1])
optimum = np.sqrt(np.cumsum(sigma[::-1] ** 2)[::-1])

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True)
left.semilogy(diagonal / diagonal[0], label=r"$|r_{kk}|\,/\,|r_{11}|$")
left.semilogy(sigma / sigma[0], "--", label=r"$\sigma_k\,/\,\sigma_1$")
left.axhline(1e-5, color="grey", lw=0.8)
left.axvline(F.rank, color="grey", lw=0.8)
left.set(xlabel="k", xlim=(0, 150), title="the tolerance finds the rank")
left.legend()
right.semilogy(residual / optimum[0], label=r"$\|R_{22}\|_F$")
right.semilogy(optimum / optimum[0], "--", label="the SVD's error")
right.set(xlabel="k", title="relative error, Frobenius norm")
right.legend()
figure.tight_layout()
