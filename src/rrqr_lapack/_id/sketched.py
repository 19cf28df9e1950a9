"""Interpolative decomposition from products alone: that of a sketch of the rows.

P. G. Martinsson, V. Rokhlin, M. Tygert, "A randomized algorithm for the decomposition of matrices", Appl. Comput.
Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003. With l x M Gaussian Omega, the columns C and the
coefficients T of Omega A ~= Omega A[:, C] T serve A: E ||A[:, C] T - A||_F^2 <= (1 + k / (l - k - 1)) ||R||_F^2, where
R is what no coefficients of the columns C can reach, if C is independent of Omega.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._common.error import PROBES, estimated
from .._common.low_rank import error_of
from .._common.norms import column_norms
from .._common.operand import columns, densified, dtype_of
from .._common.products import adjoint_times, times
from .._common.random import gaussian
from .._qr.truncated import numerical_rtol
from .least_squares import least_squares

OVERSAMPLING = 10  # l = 2k + this many rows: then the factor above is below 2
FIRST_RANK = 32  # the first guess where a tolerance decides; doubled until it is enough


def sketched(a, rank, rtol, atol, refit, decompose, rng):
    """C, T, A[:, C], the `Error` of A[:, C] T, and that of its worst column.

    `a` is a sparse array or LinearOperator, `decompose` the decomposition of an ndarray; a tolerance below 0 is off.
    """
    m, n = a.shape
    guess = min(rank, FIRST_RANK) if max(rtol, atol) >= 0 or rank == min(m, n) else rank
    # the residual of the sketch is about half of what the error will be, for the coefficients are fitted to the sketch
    stop = {"rtol": max(rtol / 2 if rtol < 1 else rtol, numerical_rtol(a)), "atol": atol / 2 if atol >= 0 else None}
    sketch = np.empty((0, n), dtype_of(a))
    while True:
        count = 2 * guess + OVERSAMPLING
        if count + PROBES >= m:
            return _from_all_rows(a, rank, rtol, atol, refit, decompose, rng)
        sketch = np.vstack([sketch, _combinations(a, count - len(sketch), rng)])
        d = decompose(sketch / sketch.real.dtype.type(_size(sketch)), rank=guess, **stop)
        if d.rank < guess or guess == rank:
            break
        guess = min(2 * guess, rank)
    skeleton = columns(a, d.C)
    T = least_squares(a, d.C, skeleton, with_norms=False)[0] if refit and d.rank else d.T
    tests = _combinations(a, PROBES, rng)  # rows of another sketch, which took no part in the choice
    residual = tests - tests[:, d.C] @ T
    worst = column_norms(residual).max(initial=0) / _size(residual)
    return d.C, T, skeleton, estimated(residual.T), float(worst)


def _from_all_rows(a, rank, rtol, atol, refit, decompose, rng):
    """For a matrix of so few rows that no sketch is smaller than itself: the exact decomposition."""
    stop = {name: value for name, value in (("rtol", rtol), ("atol", atol)) if value >= 0}
    dense = densified(a)
    if isinstance(a, LinearOperator):  # of which this takes A or A^H: one product with either is a test of both
        times(a, gaussian(rng, a.shape[1], 1, dtype_of(a))), _combinations(a, 1, rng)
    d = decompose(dense, rank=rank, refit=refit, **stop)
    return d.C, d.T, columns(a, d.C), error_of(d), d.max_column_error


def _combinations(a, count, rng):
    """`count` combinations of A's rows with independent standard normal coefficients."""
    return adjoint_times(a, gaussian(rng, a.shape[0], count, dtype_of(a))).conj().T


def _size(combinations):
    """The 2-norm of the coefficients of each column of A in these combinations, as root mean square."""
    return np.sqrt(len(combinations) * (2 if combinations.dtype.kind == "c" else 1))
