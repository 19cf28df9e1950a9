"""The estimators of `rrqr_lapack.sklearn` beside scikit-learn's own, on images of digits and of clothes.

Each cell holds the time of fitting, and of what else the quality takes, and in brackets the quality: the last column
says what that is. Where scikit-learn has nothing of the kind, the peer is what comes nearest.
"""

from functools import partial

import numpy as np

from .. import report, timing

COLUMNS = ["estimator", "data", "ours", "scikit-learn", "peer", "in brackets"]
GAMMA = 0.02
HIDDEN = 0.3  # share of the entries that imputers do not see


def measure(quick, threads, budget):
    """Each estimator on 1,797 digits of 64 pixels and on 2,000 images of clothes of 784."""
    samples = 200 if quick else 2000
    return COLUMNS, _rows(samples, threads, budget)


def _rows(samples, threads, budget):
    for contest in CONTESTS:
        for data, make, k in (("digits", _digits, 20), ("clothes", _clothes, 50)):
            X, labels = (each[:samples] for each in make())
            calls, quality, what = contest(X, labels, k)
            timings, results = timing.race(
                dict(zip(("ours", "scikit-learn"), calls.values(), strict=True)), threads, budget
            )
            cells = [f"{report.seconds(timings.median(how))} ({quality(found):.3g})" for how, found in results.items()]
            yield [contest.__name__, data, *cells, list(calls)[1], what]


def _digits():
    from sklearn.datasets import load_digits

    X, labels = load_digits(return_X_y=True)
    return X / 16, labels


def _clothes():
    from rrqr_lapack.prune._command.fashion_mnist import SHIPPED

    with np.load(SHIPPED) as images:
        return images["test_images"] / 255, images["test_labels"]


def _outside(X, directions):
    """What of X lies outside the span of some rows, over ||X||_F."""
    Q = np.linalg.qr(np.asarray(directions).T)[0]
    return np.linalg.norm(X - X @ Q @ Q.T) / np.linalg.norm(X)


def ColumnSelector(X, labels, k):
    from sklearn.cluster import FeatureAgglomeration

    from rrqr_lapack.sklearn import ColumnSelector

    calls = {"ours": ColumnSelector(k, scale=False), "FeatureAgglomeration": FeatureAgglomeration(k)}
    what = "error of the best fit of all columns, over the norm of X"
    return _fit_transforms(calls, X), lambda features: _outside(X.T, features.T), what


def RowSelector(X, labels, k):
    from sklearn.cluster import KMeans

    from rrqr_lapack.sklearn import RowSelector

    calls = {
        "ours": lambda: RowSelector(k).fit(X).exemplars_,
        "KMeans": lambda: KMeans(k, n_init=1, random_state=0).fit(X).cluster_centers_,
    }
    return calls, partial(_outside, X), "error of the best fit of all rows, over the norm of X"


def Nystroem(X, labels, k):
    from sklearn import kernel_approximation

    from rrqr_lapack.sklearn import Nystroem

    options = {"gamma": GAMMA, "n_components": 2 * k, "random_state": 0}
    calls = {"ours": Nystroem(**options), "Nystroem": kernel_approximation.Nystroem(**options)}
    what = f"trace of what {2 * k} landmarks leave, over that of K"
    return _fit_transforms(calls, X), lambda Z: 1 - np.linalg.norm(Z) ** 2 / len(X), what


def KernelRidge(X, labels, k):
    from sklearn import kernel_ridge

    from rrqr_lapack.sklearn import KernelRidge

    train, new, classes = X[::2], X[1::2], np.eye(10)[labels[::2]]

    def call(model):
        return model.fit(train, classes).predict(new).argmax(axis=1)

    options = {"alpha": 1e-2, "kernel": "rbf", "gamma": GAMMA}
    calls = {
        "ours": partial(call, KernelRidge(**options, n_components=5 * k, random_state=0)),
        "KernelRidge": partial(call, kernel_ridge.KernelRidge(**options)),
    }
    return (
        calls,
        lambda found: 100 * np.mean(found == labels[1::2]),
        f"% of the other half, from {5 * k} landmarks or all",
    )


def PCA(X, labels, k):
    from sklearn import decomposition

    from rrqr_lapack.sklearn import PCA

    calls = {
        "ours": lambda: PCA(k, random_state=0).fit(X).components_,
        "PCA": lambda: decomposition.PCA(k, random_state=0).fit(X).components_,
    }
    return calls, partial(_outside, X - X.mean(axis=0)), "error over the norm of centred X"


def PCA_partial_fit(X, labels, k):
    from sklearn import decomposition

    from rrqr_lapack.sklearn import PCA

    def call(make):
        model = make(k)
        for block in np.array_split(X, len(X) // (2 * k)):
            model.partial_fit(block)
        return model.components_

    calls = {
        "ours": partial(call, partial(PCA, random_state=0)),
        "IncrementalPCA": partial(call, decomposition.IncrementalPCA),
    }
    return calls, partial(_outside, X - X.mean(axis=0)), f"the same, in blocks of about {2 * k} rows"


def TruncatedSVD(X, labels, k):
    from sklearn import decomposition

    from rrqr_lapack.sklearn import TruncatedSVD

    calls = {
        "ours": lambda: TruncatedSVD(k, random_state=0).fit(X).components_,
        "TruncatedSVD": lambda: decomposition.TruncatedSVD(k, random_state=0).fit(X).components_,
    }
    return calls, partial(_outside, X), "error over the norm of X"


def SpectralEmbedding(X, labels, k):
    from sklearn import manifold
    from sklearn.neighbors import kneighbors_graph

    from rrqr_lapack.sklearn import SpectralEmbedding

    graph = kneighbors_graph(X, 10)
    graph = (graph + graph.T) / 2
    degrees = np.asarray(graph.sum(axis=0)).ravel()
    options = {"n_components": 5, "affinity": "precomputed", "random_state": 0}
    calls = {"ours": SpectralEmbedding(**options), "SpectralEmbedding": manifold.SpectralEmbedding(**options)}

    def quality(Z):
        return 1 - np.mean(np.vecdot(Z, graph @ Z, axis=0) / np.vecdot(Z, degrees[:, None] * Z, axis=0))

    return _fit_transforms(calls, graph), quality, "mean eigenvalue of the Laplacian, less is better; of a graph"


def MatrixCompletion(X, labels, k):
    from sklearn.impute import KNNImputer

    from rrqr_lapack.sklearn import MatrixCompletion

    X = X[:500]
    hidden = np.random.default_rng(0).random(X.shape) < HIDDEN
    seen = np.where(hidden, np.nan, X)
    calls = {
        "ours": MatrixCompletion(k, random_state=0),
        "KNNImputer": KNNImputer(keep_empty_features=True),
    }
    what = f"root mean square error on {HIDDEN:.0%} of the entries, over that of column means"
    worst = np.linalg.norm((X - np.nanmean(seen, axis=0))[hidden])
    return _fit_transforms(calls, seen), lambda found: np.linalg.norm((found - X)[hidden]) / worst, what


def _fit_transforms(estimators, X):
    return {name: partial(estimator.fit_transform, X) for name, estimator in estimators.items()}


CONTESTS = (
    ColumnSelector,
    RowSelector,
    Nystroem,
    KernelRidge,
    PCA,
    PCA_partial_fit,
    TruncatedSVD,
    SpectralEmbedding,
    MatrixCompletion,
)
