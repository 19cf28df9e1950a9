"""Tall matrices with an explicit Q, beside LAPACK without pivoting and CQRRPT on the same BLAS.

In brackets are ``||A[:, P] - QR||_F / ||A||_F`` and ``||Q^T Q - I||_F``; the last columns are how many times as fast as
CQRRPT `qr` and the randomized driver are.
"""

from functools import partial

import numpy as np
from scipy.linalg import get_lapack_funcs

from rrqr_lapack import TruncatedQR, qr, qr_truncated

from .. import report
from ..cqrrpt import cqrrpt
from ..matrices import make
from ..method import qr_error
from ..timing import race

SHAPES = ((20_000, 500), (20_000, 1000), (100_000, 256))
QUICK_SHAPES = ((2000, 64),)
MATRICES = ("gaussian", "algebraic", "geometric")


def measure(quick, threads, budget):
    """The table's columns and rows, one for each matrix and shape."""
    return ("matrix", *METHODS, *(f"{name} / CQRRPT" for name in OURS)), _rows(quick, threads, budget)


def _rows(quick, threads, budget):
    cases = [(name, shape) for name in MATRICES for shape in (QUICK_SHAPES if quick else SHAPES)]
    for name, shape in report.progress(cases, "racing"):
        a = make(name, shape)
        timings, results = race({method: partial(run, a) for method, run in METHODS.items()}, threads, budget)
        cells = [f"{report.seconds(timings.median(method))} ({_errors(a, *results[method])})" for method in METHODS]
        ratios = [f"{timings.speedup(method, 'CQRRPT'):.2f}" for method in OURS]
        yield f"{name} {shape[0]} x {shape[1]}", *cells, *ratios


def _errors(a, q, r, p=slice(None)):
    return f"{qr_error(a, q, r, p):.0e}, {np.linalg.norm(q.T @ q - np.eye(q.shape[1])):.0e}"


def _reflectors(a):
    factor = TruncatedQR(a)
    return factor.form_q(), factor.R, factor.P


def _unpivoted(a):
    geqrf, orgqr = get_lapack_funcs(("geqrf", "orgqr"), (a,))
    factor, tau = geqrf(a, lwork=int(geqrf(a, lwork=-1)[-2][0]))[:2]
    r = np.triu(factor[: a.shape[1]])
    return orgqr(factor, tau, lwork=int(orgqr(factor, tau, lwork=-1)[-2][0]), overwrite_a=True)[0], r


METHODS = {
    "qr": lambda a: qr(a, mode="economic", pivoting=True),
    "randomized": lambda a: qr_truncated(a, driver="randomized", rng=0),
    "by reflectors": _reflectors,
    "geqrf, orgqr": _unpivoted,
    "CQRRPT": lambda a: cqrrpt(a, np.random.default_rng(0)),
}
OURS = ("qr", "randomized")
