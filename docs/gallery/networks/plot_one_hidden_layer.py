r"""
One hidden layer, with its error bound
======================================

A function is fitted by a network of 200 hidden neurons with random weights. With :math:`Z \approx Z_{:,C} T` the
outputs move by at most :math:`\|Z - Z_{:,C} T\|_2 \|w\|_2`: computed for every k from one pivoted QR, beside what it
is in truth.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import TruncatedQR

rng = np.random.default_rng(0)
x = np.linspace(-1, 1, 1000)[:, None]
target = np.sin(3 * np.pi * x[:, 0]) * np.exp(-(x[:, 0] ** 2))
V, b = 6 * rng.standard_normal((1, 200)), 4 * rng.standard_normal(200)
Z = np.tanh(x @ V + b)
w = np.linalg.lstsq(np.vstack([Z, 1e-3 * np.eye(200)]), np.append(target, np.zeros(200)), rcond=None)[0]

# %%
# The neurons that stay, the weights that they get, the error and its bound.

F = TruncatedQR(Z)
counts = range(2, 60)
errors, bounds = [], []
for k in counts:
    T = np.empty((k, 200))
    T[:, F.P] = np.linalg.solve(F.R[:k, :k], F.R[:k])
    outputs = Z[:, F.P[:k]] @ (T @ w)
    errors.append(np.linalg.norm(outputs - Z @ w) / np.linalg.norm(Z @ w))
    bounds.append(np.linalg.norm(F.R[k:, k:], 2) * np.linalg.norm(w) / np.linalg.norm(Z @ w))

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.6))
left.semilogy(counts, errors, label="error of the outputs")
left.semilogy(counts, bounds, "--", label=r"$\|R_{22}\|_2\,\|w\|_2$")
left.set(xlabel="neurons kept", title="relative error")
left.legend()
left.axhline(1, color="grey", lw=0.8)
right.plot(x, Z @ w, "k", lw=1, label="200 neurons")
for k in (8, 16, 24):
    T = np.empty((k, 200))
    T[:, F.P] = np.linalg.solve(F.R[:k, :k], F.R[:k])
    right.plot(x, Z[:, F.P[:k]] @ (T @ w), "--", lw=1, label=f"{k}")
right.legend()
right.set_title("the function")
figure.tight_layout()
