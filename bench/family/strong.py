"""Strong rank-revealing QR beside the truncated QR that it starts from, and beside SciPy's interpolative decomposition.

`worst` is the largest sigma_i(A) / sigma_i(R11): 1 is perfect, and of the strong ones at most the bound that they certify.
No package for Python that could be installed has a strong rank-revealing QR of its own.
"""

import numpy as np
import scipy.linalg
import scipy.linalg.interpolative as sli

import rrqr_lapack

from .. import report, timing
from ..matrices import MATRICES, make

COLUMNS = (
    "matrix",
    "truncated",
    "strong",
    "strong / truncated",
    "exchanges",
    "max T truncated",
    "max T strong",
    "worst truncated",
    "worst strong",
    "certified",
    "scipy ID",
    "max T scipy",
)


def measure(quick, threads, budget):
    """A row for each test matrix at rank 100 of 2000 columns, and for Kahan's at all but one."""
    n, k = (100, 5) if quick else (2000, 100)
    cases = [(name, n, k) for name in MATRICES] + [("kahan", size, size - 1) for size in (100, 200)]
    return COLUMNS, (_row(*case, threads, budget) for case in report.progress(cases, "factoring"))


def _row(name, n, k, threads, budget):
    a = make(name, (n, n))
    calls = {
        "truncated": lambda: rrqr_lapack.TruncatedQR(a, rank=k),
        "strong": lambda: rrqr_lapack.strong_rrqr(a, rank=k),
        "scipy": lambda: sli.interp_decomp(a, k, rand=False),
    }
    timings, results = timing.race(calls, threads, budget)
    truncated, strong, (_, coefficients) = results.values()
    values = np.linalg.svdvals(a)
    return [
        f"{name} {n}x{n}, k = {strong.rank}",
        report.seconds(timings.median("truncated")),
        report.seconds(timings.median("strong")),
        f"{timings.speedup('truncated', 'strong'):.2f}",
        strong.swaps,
        f"{_largest(truncated):.3g}",
        f"{strong.max_t:.3g}",
        f"{_worst(values, truncated):.3g}",
        f"{_worst(values, strong):.3g}",
        f"{strong.bound:.0f}",
        report.seconds(timings.median("scipy")),
        f"{np.abs(coefficients).max(initial=0):.3g}",
    ]


def _largest(factor):
    """The largest |T_ij|, as far as R11 lets it be known."""
    r, k = factor.R, factor.rank
    return np.abs(scipy.linalg.solve_triangular(r[:, :k], r[:, k:])).max(initial=0)


def _worst(values, factor):
    return (values[: factor.rank] / np.linalg.svdvals(factor.R[:, : factor.rank])).max(initial=0)
