r"""
Kernel ridge regression on landmarks
====================================

Kernel ridge regression with all N points solves a system with an N x N matrix. On k landmarks, chosen by randomly
pivoted Cholesky, it takes :math:`N k^2` operations and never forms K. The landmarks go where the points are.
"""

import matplotlib.pyplot as plt
import numpy as np

from rrqr_lapack import KernelMatrix, kernel_ridge, rbf, rpcholesky

rng = np.random.default_rng(0)


def truth(x):
    """Slow on the left, fast on the right."""
    return np.sin(2 * np.pi * x[:, 0] ** 3) * np.cos(4 * x[:, 1])


def kernel(a, b):
    """Of length 0.2."""
    return rbf(a / 0.2, b / 0.2)


X = np.concatenate([rng.uniform(0, 1, (1500, 2)), 0.05 * rng.standard_normal((1500, 2)) + (0.8, 0.5)])
y = truth(X) + 0.1 * rng.standard_normal(len(X))
new = rng.uniform(0, 1, (1000, 2))

counts = [10, 20, 40, 80, 160]
errors = {}
for landmarks in ("rpcholesky", "greedy", "uniform"):
    fits = [kernel_ridge(kernel, X, y, shift=1e-2, rank=k, landmarks=landmarks, rng=0) for k in counts]
    errors[landmarks] = [np.sqrt(np.mean((fit.predict(new) - truth(new)) ** 2)) for fit in fits]

pivots = rpcholesky(KernelMatrix(kernel, X), rank=40, rng=0).columns
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4))
left.plot(*X.T, ".", color="0.8", ms=2)
left.plot(*X[pivots].T, "o", color="C3", ms=5)
left.set_title("40 landmarks")
for name, values in errors.items():
    right.loglog(counts, values, "o-", label=name)
right.set(xlabel="landmarks", title="root mean square error on new points")
right.legend()
figure.tight_layout()
