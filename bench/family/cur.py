"""CUR decompositions beside what can be made of the parts that others offer: columns and rows of their choice.

Each cell holds the time, and in brackets ``||A - C U R||_F`` over the error of the best approximation of that rank.
SciPy offers the columns (and rows, of the transpose), low-rank-toolbox the selection QDEIM on singular vectors, after
its randomized SVD with two power iterations; U = C^+ A R^+ is then made by least squares.
"""

import importlib.util
from functools import partial

import numpy as np
import scipy.linalg
import scipy.linalg.interpolative as sli
from scipy import sparse

import rrqr_lapack

from .. import report, timing
from ..matrices import make


def measure(quick, threads, budget):
    """Arrays, and a sparse matrix, which only ours takes as it is."""
    return ["matrix", "k", *_contestants()], (_row(*case, threads, budget) for case in _cases(quick))


def _cases(quick):
    n, rank = (200, 10) if quick else (2000, 100)
    for name in ("gaussian", "relu", "algebraic", "geometric"):
        yield f"{name} {n}x{n}", make(name, (n, n)), rank
    a = sparse.random_array((2 * n, n), density=10 / n, rng=0, format="csr") * (1 / np.arange(1, n + 1))
    yield f"sparse {2 * n}x{n}, 1/j columns", a.tocsr(), rank


def _contestants():
    calls = {
        "id": partial(rrqr_lapack.cur, rng=0),
        "id randomized": partial(rrqr_lapack.cur, driver="randomized", rng=0),
        "leverage, 2k": lambda a, rank: rrqr_lapack.cur(a, rank=rank, method="leverage", oversample=rank, rng=0),
        "scipy ID twice": _scipy,
    }
    if importlib.util.find_spec("low_rank_toolbox"):
        calls["low-rank-toolbox QDEIM"] = _qdeim
    return calls


def _scipy(a, rank):
    return _linked(a, *(sli.interp_decomp(np.ascontiguousarray(b), rank, rng=0)[0][:rank] for b in (a, a.T)))


def _qdeim(a, rank):
    from low_rank_toolbox.cssp import QDEIM
    from low_rank_toolbox.randomized import randomized_svd

    factors = randomized_svd(a, rank, q=2)
    return _linked(a, *(np.asarray(QDEIM(vectors)) for vectors in (np.asarray(factors.V), np.asarray(factors.U))))


def _linked(a, columns, rows):
    """C, U, R with U = C^+ A R^+."""
    c, r = a[:, columns], a[rows]
    t = scipy.linalg.lstsq(c, a, lapack_driver="gelsy")[0]
    return c, scipy.linalg.lstsq(r.T, t.T, lapack_driver="gelsy")[0].T, r


def _row(name, a, rank, threads, budget):
    own = {contestant: call for contestant, call in _contestants().items() if call not in (_scipy, _qdeim)}
    calls = own if sparse.issparse(a) else _contestants()
    ranks = {contestant: partial(call, a, rank=rank) for contestant, call in calls.items()}
    timings, results = timing.race(ranks, threads, budget)
    dense = a.toarray() if sparse.issparse(a) else a
    best = np.linalg.norm(scipy.linalg.svdvals(dense)[rank:])

    def cell(contestant):
        if contestant not in results:
            return "-"
        c, u, r = results[contestant]
        error = np.linalg.norm(dense - c @ (u @ r)) / best
        return f"{report.seconds(timings.median(contestant))} ({error:.2f})"

    return [name, rank, *map(cell, _contestants())]
