"""Randomized SVD beside scikit-learn's, fbpca's, SciPy's interpolative one and ARPACK.

All randomized ones get the same rank, the same ten columns beyond it and the same power iterations q (SciPy's has its
own rule). Each cell holds the time, and in brackets ``||A - U diag(s) Vh||_F / ||A||_F``.
"""

import importlib.util
from functools import partial

import numpy as np
import scipy.linalg.interpolative
import scipy.sparse.linalg
from scipy import sparse

import rrqr_lapack

from .. import report, timing
from ..matrices import make

OVERSAMPLE = 10


def measure(quick, threads, budget):
    """Square, tall, wide and sparse matrices, in double and single precision."""
    return ["matrix", "k", "q", *_contestants()], (_row(*case, threads, budget) for case in _cases(quick))


def _cases(quick):
    scale = 20 if quick else 1
    for name, shape, dtype, rank, power in (
        ("algebraic", (4000, 4000), "float64", 100, 1),
        ("algebraic", (4000, 4000), "float64", 100, 2),
        ("algebraic", (4000, 4000), "float64", 100, 4),
        ("geometric", (4000, 4000), "float64", 100, 2),
        ("algebraic", (20000, 1000), "float64", 50, 2),
        ("algebraic", (1000, 20000), "float64", 50, 2),
        ("algebraic", (4000, 4000), "float32", 100, 2),
        ("algebraic", (4000, 4000), "float32", 100, 4),
    ):
        m, n = (side // scale for side in shape)
        yield f"{name} {m}x{n} {dtype}", np.ascontiguousarray(make(name, (m, n), dtype)), rank // scale, power
    m, n = 50000 // scale, 20000 // scale
    a = sparse.random_array((m, n), density=20 / n, rng=np.random.default_rng(0), format="csr")
    yield f"sparse {m}x{n}, 1/j columns", (a * (1 / np.arange(1, n + 1))).tocsr(), 50 // scale, 2


def _contestants():
    calls = {"ours": _ours}
    if importlib.util.find_spec("sklearn"):
        calls["scikit-learn"] = _sklearn
    if importlib.util.find_spec("fbpca"):
        calls["fbpca"] = _fbpca
    return calls | {"scipy svds": _svds, "scipy interpolative": _interpolative}


def _ours(a, rank, power):
    return rrqr_lapack.randomized_svd(a, rank, oversample=OVERSAMPLE, power=power, rng=0)


def _sklearn(a, rank, power):
    from sklearn.utils.extmath import randomized_svd

    return randomized_svd(a, rank, n_oversamples=OVERSAMPLE, n_iter=power, random_state=0)


def _fbpca(a, rank, power):
    import fbpca

    a = sparse.csr_matrix(a) if sparse.issparse(a) else a  # it takes no sparse arrays
    return fbpca.pca(a, rank, raw=True, n_iter=power, l=rank + OVERSAMPLE)


def _svds(a, rank, power):
    return scipy.sparse.linalg.svds(a, rank, rng=np.random.default_rng(0))


def _interpolative(a, rank, power):
    u, s, v = scipy.linalg.interpolative.svd(a, rank, rng=np.random.default_rng(0))
    return u, s, v.conj().T


def _row(name, a, rank, power, threads, budget):
    takes_it = {
        name: call for name, call in _contestants().items() if call is not _interpolative or a.dtype == "float64"
    }
    if sparse.issparse(a):
        takes_it.pop("scipy interpolative")
    timings, results = timing.race({c: partial(call, a, rank, power) for c, call in takes_it.items()}, threads, budget)

    def cell(contestant):
        if contestant not in results:
            return "-"
        return f"{report.seconds(timings.median(contestant))} ({_error(a, *results[contestant]):.4f})"

    return [name, rank, power, *map(cell, _contestants())]


def _error(a, u, s, vh):
    """||A - U diag(s) Vh||_F / ||A||_F for orthonormal U and Vh, in double and without a dense A."""
    u, s, vh = (x.astype("f8") for x in (u, s, vh))
    norm = np.linalg.norm(a.data if sparse.issparse(a) else a.astype("f8"))
    captured = 2 * (s * np.einsum("ik,ik->k", u, a @ vh.T)).sum() - (s * s).sum()
    return np.sqrt(max(norm**2 - captured, 0)) / norm
