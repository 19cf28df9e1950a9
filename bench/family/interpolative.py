"""Interpolative decompositions through `rrqr_lapack.interpolative`, beside SciPy's module of that name and librla.

Each cell holds the time, and in brackets ``||A - A[:, C] T||_F / ||A||_F`` and the rank. SciPy copies arrays to C order
and takes double precision only, so that is what all get.
"""

import importlib.util
from functools import partial

import numpy as np
import scipy.linalg.interpolative
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

import rrqr_lapack.interpolative

from .. import report, timing
from ..matrices import make
from ..method import id_error

MODULES = {"ours": rrqr_lapack.interpolative, "scipy": scipy.linalg.interpolative}
GOALS = (100, 1e-4)  # a rank, and a precision that the faster matrices meet near it


def measure(quick, threads, budget):
    """Arrays, a sparse matrix and an operator, to a rank and to a precision."""
    columns = ["matrix", "goal", *_contestants()]
    return columns, (_row(name, a, form, goal, threads, budget) for name, a, form, goal in _cases(quick))


def _cases(quick):
    n, rank = (200, 10) if quick else (2000, GOALS[0])
    for name in ("gaussian", "algebraic", "geometric", "kernel"):
        a = np.ascontiguousarray(make(name, (n, n)))
        for goal in (rank, GOALS[1]) if name in ("geometric", "kernel") else (rank,):
            yield f"{name} {n}x{n}", a, np.asarray, goal
    yield f"kernel {n}x{n}, operator", a, aslinearoperator, rank
    a = sparse.random_array((10 * n, 5 * n), density=10 / n, rng=0, format="csr")
    scale = 1 / np.arange(1, 5 * n + 1)
    yield f"sparse {10 * n}x{5 * n}, 1/j columns", (a * scale).tocsr(), _as_each_takes_it, rank


def _as_each_takes_it(a):
    return a


def _contestants():
    """name: (form, goal) -> columns, coefficients; what a contestant does not take is none of its business."""
    calls = {}
    for owner, module in MODULES.items():
        for kind, rand in (("greedy", False), ("random", True)):
            calls[f"{owner} {kind}"] = partial(_interp_decomp, module, rand)
    if importlib.util.find_spec("librla"):
        import librla

        calls["librla greedy"] = lambda a, goal: librla.id_qrpiv(a, goal)
        calls["librla random"] = lambda a, goal: librla.id_sketch(a, goal, rng=np.random.default_rng(0))
    return calls


def _interp_decomp(module, rand, a, goal):
    if sparse.issparse(a) and module is not rrqr_lapack.interpolative:
        a = aslinearoperator(a)
    *k, idx, proj = module.interp_decomp(a, goal, rand=rand, rng=0)
    return (k[0] if k else goal), idx, proj


def _row(name, a, form, goal, threads, budget):
    """What is no array has no greedy columns."""
    calls = {
        contestant: partial(call, form(a), goal)
        for contestant, call in _contestants().items()
        if form is np.asarray or (contestant.endswith("random") and not (sparse.issparse(a) and "librla" in contestant))
    }
    timings, results = timing.race(calls, threads, budget)

    def cell(contestant):
        if contestant not in results:
            return "-"
        k, idx, proj = results[contestant]
        return f"{report.seconds(timings.median(contestant))} ({_error(a, idx, proj):.1e}, {k})"

    return [name, f"{goal:g}", *map(cell, _contestants())]


def _error(a, idx, proj):
    t = scipy.linalg.interpolative.reconstruct_interp_matrix(idx, proj)
    chosen = idx[: len(proj)]
    if not sparse.issparse(a):
        return id_error(a, chosen, t)
    blocks = (
        a[:, first : first + 500] - a[:, chosen] @ t[:, first : first + 500] for first in range(0, a.shape[1], 500)
    )
    return float(np.sqrt(sum(np.linalg.norm(block) ** 2 for block in blocks)) / np.linalg.norm(a.data))
