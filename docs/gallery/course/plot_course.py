r"""
Pivoted QR in eight questions
=============================

A numerical-analysis project from the first bound to a smaller network. Each answer is a few lines of mathematics and
a few that run.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from threadpoolctl import threadpool_limits

from rrqr_lapack import TruncatedQR, basic_lstsq, interpolative_decomposition
from rrqr_lapack.prune import Dense, Network, analyze, apply, plan

rng = np.random.default_rng(0)

# %%
# 1. Why does :math:`\|R_{22}\|` bound least squares with k nonzeros?
# ---------------------------------------------------------------------
#
# Let x be any vector and :math:`P^T x = (x_1, x_2)`. With :math:`z = x_1 + R_{11}^{-1} R_{12} x_2` at the first k
# pivots,
#
# .. math:: A x - A P_{1:k} z = Q \begin{pmatrix} R_{11} x_1 + R_{12} x_2 - R_{11} z \\ R_{22} x_2 \end{pmatrix}
#           = Q \begin{pmatrix} 0 \\ R_{22} x_2 \end{pmatrix},
#
# so the k columns reach :math:`A x` to within :math:`\|R_{22}\|\,\|x_2\|`, and the residual of the best z is at most
# that much above that of x.

A = rng.standard_normal((80, 12)) @ rng.standard_normal((12, 50)) + 0.01 * rng.standard_normal((80, 50))
b = rng.standard_normal(80)
F = TruncatedQR(A)
x = np.linalg.lstsq(A, b, rcond=None)[0]
for k in (5, 12, 20):
    above = np.linalg.norm(A @ basic_lstsq(A, b, rank=k).x - b) - np.linalg.norm(A @ x - b)
    bound = np.linalg.norm(F.R[k:, k:], 2) * np.linalg.norm(x[F.P[k:]])
    print(f"k = {k:2}: residual above the least by {above:.3f}, at most {bound:.3f}")
    assert above <= bound

# %%
# 2. Why is it the error of the interpolative decomposition?
# ------------------------------------------------------------
#
# Question 1 for all unit vectors at once: :math:`A - A_{:,C} T = Q_2 (0, R_{22}) P^T`, and Q has orthonormal columns.

for k in (5, 12, 20):
    C, T = interpolative_decomposition(A, rank=k)
    print(f"k = {k:2}: error {np.linalg.norm(A - A[:, C] @ T):.6f}, ||R22|| {np.linalg.norm(F.R[k:, k:]):.6f}")

# %%
# 3. On which matrices does unpivoted QR fail?
# ----------------------------------------------
#
# Where the first columns are dependent, or small: :ref:`sphx_glr_auto_gallery_qr_plot_why_pivot.py` draws it for every
# k. Pivoting fails rarely: on Kahan's matrix :math:`\|R_{22}\|` is far above :math:`\sigma_n`, although the columns are
# chosen greedily.

rank = 8
late = rng.standard_normal((60, rank)) @ rng.standard_normal((rank, 40))
growing = late * np.geomspace(1e-6, 1, 40)
late[:, :20] = late[:, 38:] @ rng.standard_normal((2, 20))
for name, matrix, k in (("dependent columns first", late, rank), ("short columns first", growing, rank // 2)):
    for how, R in (("without", np.linalg.qr(matrix, mode="r")), ("with", TruncatedQR(matrix).R)):
        print(f"{name}, k = {k}: ||R22|| / ||A|| = {np.linalg.norm(R[k:]) / np.linalg.norm(R):.1e} {how} pivoting")

n, angle = 60, 1.2
kahan = np.diag(np.sin(angle) ** np.arange(n)) @ (np.eye(n) - np.cos(angle) * np.triu(np.ones((n, n)), 1))
kahan *= 1 - 1e-10 * np.arange(n)  # so that rounding does not choose
diagonal = np.abs(np.diagonal(TruncatedQR(kahan).R))
print(f"Kahan, n = {n}: |r_nn| / sigma_n = {diagonal[-1] / np.linalg.svd(kahan, compute_uv=False)[-1]:.1e}")

# %%
# 4. What does it cost?
# -----------------------
#
# :math:`4 m n k - 2 k^2 (m + n) + 4 k^3 / 3` operations: proportional to each of m, n and k while k is small. Measured
# and fitted, one at a time; :ref:`sphx_glr_auto_gallery_qr_plot_cost.py` draws larger ones.


def seconds(m, n, k):
    """Of the processor, the least of three runs."""
    matrix, times = np.asfortranarray(rng.standard_normal((m, n))), []
    for _ in range(3):
        start = time.process_time()
        TruncatedQR(matrix, rank=k)
        times.append(time.process_time() - start)
    return min(times)


base = {"m": 800, "n": 800, "k": 60}
with threadpool_limits(1):
    for name, size in base.items():
        values = np.array([size // 2, size, 2 * size, 4 * size])
        slope = np.polyfit(np.log(values), np.log([seconds(**{**base, name: value}) for value in values]), 1)[0]
        print(f"time ~ {name}^{slope:.2f}")

# %%
# 5. How good is it beside the SVD on a kernel matrix?
# ------------------------------------------------------
#
# Within a small factor down to rounding: :ref:`sphx_glr_auto_gallery_qr_plot_kernel_matrix.py` draws it.

points = np.linspace(0, 1, 200)
K = np.exp(-50 * (points[:, None] - points) ** 2)
R, sigma = TruncatedQR(K, rtol=1e-12).R, np.linalg.svd(K, compute_uv=False)
ratios = [np.linalg.norm(R[k:]) / np.linalg.norm(sigma[k:]) for k in range(0, len(R) - 2, 4)]
print(f"||R22|| over the optimum, k = 0, 4, ...: {np.array2string(np.array(ratios), precision=2)}")

# %%
# 6. What does it do to one hidden layer?
# -----------------------------------------
#
# :math:`f(x) = w^T g(V x + b)`. With Z the values of g on samples, :math:`Z w \approx Z_{:,C} (T w)`: neurons outside
# C go, and w becomes T w.

V, shift = rng.standard_normal((3, 100)), rng.standard_normal(100)
X = rng.standard_normal((2000, 3))
Z = np.maximum(X @ V + shift, 0)
w = rng.standard_normal((100, 1))
network = Network([Dense(V, shift, activation="relu"), Dense(w)])
small = apply(analyze(network, X), plan(analyze(network, X), keep=0.3))
print(f"{network.parameters} -> {small.parameters} parameters")

# %%
# 7. What is the error, and what bounds it?
# -------------------------------------------
#
# :math:`\|Z w - Z_{:,C} T w\| \le \|R_{22}\|_2 \|w\|` on the samples, for every k from one factorization. On new
# samples of the same kind it is about as large, as long as there are many more samples than neurons.

F = TruncatedQR(Z)
new = np.maximum(rng.standard_normal((2000, 3)) @ V + shift, 0)
counts = np.arange(5, 100, 5)
seen, unseen, bounds = [], [], []
for k in counts:
    T = np.zeros((k, 100))
    T[:, F.P] = np.linalg.solve(F.R[:k, :k], F.R[:k])
    for errors, values in ((seen, Z), (unseen, new)):
        errors.append(np.linalg.norm(values @ w - values[:, F.P[:k]] @ (T @ w)) / np.linalg.norm(values @ w))
    bounds.append(np.linalg.norm(F.R[k:, k:], 2) * np.linalg.norm(w) / np.linalg.norm(Z @ w))
figure, axis = plt.subplots(figsize=(6.5, 3.6))
axis.semilogy(counts, seen, label="on the samples")
axis.semilogy(counts, unseen, "--", label="on new ones")
axis.semilogy(counts, bounds, "k:", label="bound")
axis.set(xlabel="neurons kept of 100", title="relative error of the outputs")
axis.legend()
figure.tight_layout()

# %%
# 8. And a deep network?
# ------------------------
#
# Layer by layer, front to back; a budget for the whole network goes where it costs the outputs least, and what one
# layer loses the next can make up for. :ref:`sphx_glr_auto_gallery_networks_plot_fashion_mnist.py` has seven layers,
# and every way of choosing beside the others.
