"""TallQR: pivots of many rows, read once in pieces, beside pivoted QR of the whole matrix.

The matrix is one of ReLU activations. The error is ``||A - A[:, C] T||_F / ||A||_F`` over all rows at half the columns;
the last column counts the pivots up to there that are those of `scipy.linalg.qr(pivoting=True)`.
"""

import numpy as np
import scipy.linalg

from rrqr_lapack import TallQR, TruncatedQR

from .. import report
from ..timing import race

COLUMNS = ("matrix", "method", "seconds", "times as fast as SciPy", "error", "pivots as SciPy's")
SHAPES = ((20_000, 512), (20_000, 1536))
QUICK_SHAPES = ((1500, 64),)
ROWS = 512  # of a piece


def measure(quick, threads, budget):
    """The table's columns and rows, one for each shape, dtype and method."""
    return COLUMNS, _rows(QUICK_SHAPES if quick else SHAPES, threads, budget)


def _rows(shapes, threads, budget):
    cases = [(shape, dtype) for shape in shapes for dtype in ("float32", "float64")]
    for shape, dtype in report.progress(cases, "racing"):
        A = _activations(shape, dtype)
        calls = {name: lambda method=method, A=A: method(A) for name, method in METHODS.items()}
        timings, results = race(calls, threads, budget)
        reference = results["scipy.linalg.qr, R only"][0]
        for name, (P, T) in results.items():
            k = shape[1] // 2
            error = np.linalg.norm(A - A[:, P[:k]] @ T) / np.linalg.norm(A)
            same = int(np.argmin(np.append(P[:k] == reference[:k], False)))
            speed = timings.speedup(name, "scipy.linalg.qr, R only")
            time = report.seconds(timings.median(name))
            yield f"{shape[0]} x {shape[1]} {dtype}", name, time, f"{speed:.2f}", f"{error:.1e}", f"{same} of {k}"


def _activations(shape, dtype):
    """Of a random layer: correlated, half of them zero."""
    rng, (m, n) = np.random.default_rng(0), shape
    signal = rng.standard_normal((m, n // 4)) @ rng.standard_normal((n // 4, n))
    return np.maximum(signal + 2 * rng.standard_normal((m, n)), 0).astype(dtype)


def _streamed(A):
    tall = TallQR()
    for start in range(0, len(A), ROWS):
        tall.update(A[start : start + ROWS])
    F = tall.pivoted(rank=A.shape[1] // 2)
    return F.P, F.interpolation()


def _whole(A):
    F = TruncatedQR(A, rank=A.shape[1] // 2)
    return F.P, F.interpolation()


def _scipy(A):
    R, P = scipy.linalg.qr(A, mode="r", pivoting=True)
    k = A.shape[1] // 2
    T = np.zeros((k, A.shape[1]), A.dtype)
    T[:, P[:k]] = np.eye(k)
    T[:, P[k:]] = scipy.linalg.solve_triangular(R[:k, :k], R[:k, k:])
    return P, T


METHODS = {"TallQR, pieces of 512 rows": _streamed, "TruncatedQR": _whole, "scipy.linalg.qr, R only": _scipy}
