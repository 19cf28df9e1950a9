"""Kernel ridge regression with a Gaussian kernel, beside scikit-learn's, exact and on Nystroem's features.

Each cell holds the time of fitting and predicting, and in brackets the root mean square error on other points, where
the noise has 0.1. Ours by conjugate gradients solve the same system as scikit-learn's KernelRidge, which forms it.
"""

from functools import partial

import numpy as np

from rrqr_lapack import kernel_ridge, rbf

from .. import report, timing

SHIFT, LARGEST = 1e-2, 6000  # points for which the exact system is solved
COLUMNS = ["points", "k", "nystrom", "cg", "iterations", "scikit-learn exact", "scikit-learn Nystroem"]


def measure(quick, threads, budget):
    """A smooth function of four variables with noise."""
    sizes = [(300, 30), (600, 30)] if quick else [(4000, 200), (20_000, 500), (100_000, 500)]
    return COLUMNS, (_row(n, k, threads, budget) for n, k in sizes)


def _row(n, k, threads, budget):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 3, (n + 1000, 4))
    y = np.sin(3 * x[:, 0]) * np.cos(2 * x[:, 1]) + x[:, 2] * x[:, 3] ** 2 / 5
    train, new, target = x[:n], x[n:], y[:n] + 0.1 * rng.standard_normal(n)
    calls = {"nystrom": partial(_ours, train, target, new, k, "nystrom")}
    if n <= 5 * LARGEST:
        calls["cg"] = partial(_ours, train, target, new, k, "cg")
    if n <= LARGEST:
        calls["scikit-learn exact"] = partial(_exact, train, target, new)
    calls["scikit-learn Nystroem"] = partial(_features, train, target, new, k)
    timings, results = timing.race(calls, threads, budget)
    cells = {
        how: f"{report.seconds(timings.median(how))} ({np.sqrt(np.mean((found - y[n:]) ** 2)):.4f})"
        for how, (found, _) in results.items()
    }
    cells["iterations"] = results["cg"][1] if "cg" in results else "-"
    return [n, k, *(cells.get(column, "-") for column in COLUMNS[2:])]


def _ours(x, y, new, k, method):
    model = kernel_ridge(rbf, x, y, shift=SHIFT, rank=k, method=method, rtol=1e-4, rng=0)
    return model.predict(new), model.iterations


def _exact(x, y, new):
    from sklearn.kernel_ridge import KernelRidge

    return KernelRidge(alpha=SHIFT, kernel="rbf", gamma=0.5).fit(x, y).predict(new), 0


def _features(x, y, new, k):
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    features = Nystroem(kernel="rbf", gamma=0.5, n_components=k, random_state=0)
    return make_pipeline(features, Ridge(alpha=SHIFT, fit_intercept=False)).fit(x, y).predict(new), 0
