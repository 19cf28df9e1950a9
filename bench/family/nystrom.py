"""Nystrom approximations of Gaussian kernel matrices that are never formed, beside scikit-learn's Nystroem.

Each cell holds the time, and in brackets the trace of what is left over the trace of K, or for few points over
that of the best approximation of the same rank. Ours include eigenvalues and eigenvectors. Nystroem takes
uniform landmarks; its error is that of the product of its features.
"""

from functools import partial

import numpy as np

from rrqr_lapack import KernelMatrix, nystrom, rbf

from .. import report, timing

LANDMARKS = ("rpcholesky", "greedy", "uniform")


def measure(quick, threads, budget):
    """Even points, clusters of very different size, and few points far from the others."""
    return ["points", "k", *LANDMARKS, "scikit-learn"], (_row(*case, threads, budget) for case in _cases(quick))


def _cases(quick):
    n, k = (300, 20) if quick else (3000, 100)
    for make in (cube, clusters, outliers):
        yield make.__name__, make(n), k, True
    n, k = (1000, 30) if quick else (100_000, 500)
    for make in (cube, clusters):
        yield make.__name__, make(n), k, False


def cube(n):
    """Uniform in a cube of four dimensions, three length scales wide."""
    return np.random.default_rng(0).uniform(0, 3, (n, 4))


def clusters(n):
    """Thirty clusters in eight dimensions, their sizes falling geometrically by a factor of a thousand."""
    rng = np.random.default_rng(0)
    share = np.geomspace(1, 1e-3, 30)
    which = rng.choice(30, n, p=share / share.sum())
    return rng.normal(0, 4, (30, 8))[which] + rng.normal(0, 0.3, (n, 8))


def outliers(n):
    """A line, and one point in twenty far from everything."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.uniform(0, 10, n), np.zeros(n)], axis=1)
    x[: n // 20, 1] = 100 * (1 + np.arange(n // 20))
    return x


def _row(name, x, k, small, threads, budget):
    calls = {how: partial(nystrom, KernelMatrix(rbf, x), rank=k, landmarks=how, rng=0) for how in LANDMARKS}
    calls["scikit-learn"] = partial(_features, x, k)
    timings, results = timing.race(calls, threads, budget)
    left = {how: results[how].error for how in LANDMARKS}
    left["scikit-learn"] = len(x) - np.linalg.norm(results["scikit-learn"]) ** 2
    best = np.linalg.eigvalsh(rbf(x, x))[:-k].sum() if small else len(x)
    cells = (f"{report.seconds(timings.median(how))} ({left[how] / best:.3g})" for how in calls)
    return [f"{name}, {len(x)}", k, *cells]


def _features(x, k):
    from sklearn.kernel_approximation import Nystroem

    return Nystroem(kernel="rbf", gamma=0.5, n_components=k, random_state=0).fit_transform(x)
