r"""
Few nonzeros, or the least norm?
================================

Of a least-squares problem whose columns are nearly dependent there are many solutions that fit. ``lstsq`` takes the
shortest, which has no zeros; `basic_lstsq` one with as many nonzeros as the rank. With :math:`\|R_{22}\|` small both
fit as well.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import basic_lstsq

rng = np.random.default_rng(1)
m, n, rank = 200, 60, 8
A = rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)) + 1e-4 * rng.standard_normal((m, n))
b = A @ rng.standard_normal(n) + 0.1 * rng.standard_normal(m)

basic = basic_lstsq(A, b, rank=rank)
shortest = np.linalg.lstsq(A, b, rcond=1e-2)[0]
for name, x in (("basic", basic.x), ("minimum norm", shortest)):
    residual, count = np.linalg.norm(A @ x - b), np.count_nonzero(x)
    print(f"{name:13} residual {residual:.4f}  norm {np.linalg.norm(x):.3f}  nonzeros {count}")

figure, axes = plt.subplots(2, 1, figsize=(8, 4), sharex=True)
axes[0].stem(basic.x, basefmt=" ")
axes[0].set_title(f"basic: {np.count_nonzero(basic.x)} nonzeros")
axes[1].stem(shortest, basefmt=" ")
axes[1].set_title("minimum norm")
axes[1].set_xlabel("coefficient")
figure.tight_layout()

# %%
# How the fit improves with each further column is known from one factorization.

counts = np.arange(1, 15)
residuals = [np.linalg.norm(A @ basic_lstsq(A, b, rank=int(k)).x - b) for k in counts]
figure, axis = plt.subplots(figsize=(6, 3))
axis.plot(counts, residuals, "o-")
axis.axhline(np.linalg.norm(A @ np.linalg.lstsq(A, b, rcond=None)[0] - b), color="grey", lw=0.8)
axis.set(xlabel="nonzeros", ylabel="residual", title="all columns: the grey line")
figure.tight_layout()
