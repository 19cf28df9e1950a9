"""Strong rank-revealing QR beside the truncated QR that it starts from, and beside low-rank-toolbox's.

After each time come the largest |T_ij|, where at most 2 is asked for; the largest sigma_i(A) / sigma_i(R11), where at
most as much as the strong one certifies is right; and the error ||A P1 - Q R11||_F / ||A||_F of the chosen columns.
"""

import importlib.util
import warnings

import numpy as np
import scipy.linalg

import rrqr_lapack

from .. import report, timing
from ..matrices import MATRICES, make

COLUMNS = ("matrix", "truncated", "strong", "strong / truncated", "exchanges", "certified", "low-rank-toolbox")


def measure(quick, threads, budget):
    """A row for each test matrix at rank 100 of 2000 columns, and for Kahan's at all columns but one."""
    n, k = (100, 5) if quick else (2000, 100)
    cases = [(name, n, k) for name in MATRICES] + [("kahan", size, size - 1) for size in (100, 200)]
    return COLUMNS, (_row(*case, threads, budget) for case in report.progress(cases, "factoring"))


def _row(name, n, k, threads, budget):
    a = make(name, (n, n))
    k = rrqr_lapack.strong_rrqr(a, rank=k).rank  # the numerical rank may be less
    calls = {
        "truncated": lambda: rrqr_lapack.TruncatedQR(a, rank=k),
        "strong": lambda: rrqr_lapack.strong_rrqr(a, rank=k),
    }
    if importlib.util.find_spec("low_rank_toolbox"):
        calls["low-rank-toolbox"] = lambda: _toolbox(a, k)
    timings, results = timing.race(calls, threads, budget)
    values = np.linalg.svdvals(a)[:k]
    strong = results["strong"]
    factors = {name: (f.form_q(), f.R, f.P) for name, f in results.items() if isinstance(f, rrqr_lapack.TruncatedQR)}
    factors = results | factors
    cells = {name: _cell(a, values, *factors[name], timings.median(name)) for name in factors}
    return [
        f"{name} {n}x{n}, k = {k}",
        cells["truncated"],
        cells["strong"],
        f"{timings.speedup('truncated', 'strong'):.2f}",
        strong.swaps,
        f"{strong.bound:.0f}",
        cells.get("low-rank-toolbox", "-"),
    ]


def _toolbox(a, k):
    from low_rank_toolbox.cssp.utils import sRRQR_rank

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of imaginary parts that its rotations leave to a real matrix
        return sRRQR_rank(a, 2.0, k)


def _cell(a, values, q, r, p, seconds):
    """Time, largest |T_ij|, how much the worst singular value of R11 is too small, and the error."""
    k = len(values)
    t = scipy.linalg.solve_triangular(r[:, :k], r[:, k:])
    worst = (values / np.linalg.svdvals(r[:, :k])).max(initial=0)
    error = np.linalg.norm(a[:, p[:k]] - q @ r[:, :k]) / np.linalg.norm(a)
    return f"{report.seconds(seconds)} ({np.abs(t).max(initial=0):.3g}, {worst:.3g}, {error:.1e})"
