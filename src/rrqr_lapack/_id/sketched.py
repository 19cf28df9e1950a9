"""Interpolative decomposition from products alone: that of a sketch of the rows.

P. G. Martinsson, V. Rokhlin, M. Tygert, "A randomized algorithm for the decomposition of matrices", Appl. Comput.
Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003. With l x M Gaussian Omega, the columns C and the
coefficients T of Omega A ~= Omega A[:, C] T serve A: E ||A[:, C] T - A||_F^2 <= (1 + k / (l - k - 1)) ||R||_F^2, where
R is what no coefficients of the columns C can reach, if C is independent of Omega.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._common.error import PROBES, estimated
from .._common.low_rank import error_of
from .._common.norms import column_norms
from .._common.operand import Streamed, columns, densified, dtype_of, settle
from .._common.products import adjoint_times, times
from .._common.random import gaussian
from .._common.rule import Rule
from .._common.types import Matrix, Operand
from .._qr.truncated import numerical_rtol
from .least_squares import least_squares

OVERSAMPLE = 10  # l = 2k + this many rows: then the factor above is below 2
FIRST_RANK = 32  # the first guess where a tolerance decides; doubled until it is enough
FIRST_STREAMED = 128  # the same where each guess is a pass over what is read


def sketched(a: Operand, rule: Rule, refit: str | None, decompose: Callable[..., Any]) -> tuple[Any, ...]:
    """C, T, A[:, C], the `Error` of A[:, C] T, and that of its worst column.

    `a` is a sparse array or LinearOperator, `decompose` the decomposition of an ndarray.
    """
    (m, n), rank, rng = a.shape, rule.rank, rule.rng
    guess = min(rank, FIRST_RANK) if rule.by_tolerance or rank == min(m, n) else rank
    # the residual of the sketch is about half of what the error will be, for the coefficients are fitted to the sketch
    halved = rule._replace(rtol=rule.rtol / 2 if rule.rtol < 1 else rule.rtol, atol=rule.atol / 2)
    tolerances = halved.at_least(numerical_rtol(a)).tolerances
    sketch = tests = np.empty((0, n), dtype_of(a))
    if isinstance(a, Streamed) and rule.by_tolerance:
        guess = min(rank, FIRST_STREAMED)
    while True:
        count = 2 * guess + OVERSAMPLE
        if count + PROBES >= m:
            return _from_all_rows(a, rule, refit, decompose)
        # the tests, rows of another sketch, take no part in the choice; where each product is a pass they come along
        along = PROBES if isinstance(a, Streamed) and not len(tests) else 0
        more = _combinations(a, count - len(sketch) + along, rng)
        sketch = np.vstack([sketch, more[: len(more) - along]])
        tests = more[len(more) - along :] if along else tests
        d = decompose(sketch / sketch.real.dtype.type(_size(sketch)), rank=guess, **tolerances)
        if d.rank < guess or guess == rank:
            break
        guess = min(2 * guess, rank)
    if not d.rank:
        settle(a)
    skeleton = columns(a, d.columns)
    T = least_squares(a, d.columns, skeleton, with_norms=False)[0] if refit and d.rank else d.coefficients
    tests = tests if len(tests) else _combinations(a, PROBES, rng)
    residual = tests - tests[:, d.columns] @ T
    worst = column_norms(residual).max(initial=0) / _size(residual)
    return d.columns, T, skeleton, estimated(residual.T), float(worst)


def _from_all_rows(a: Operand, rule: Rule, refit: str | None, decompose: Callable[..., Any]) -> tuple[Any, ...]:
    """For a matrix of so few rows that no sketch is smaller than itself: the exact decomposition."""
    dense = densified(a)
    if isinstance(a, LinearOperator):  # of which this takes A or A^H: one product with either is a test of both
        times(a, gaussian(rule.rng, a.shape[1], 1, dtype_of(a))), _combinations(a, 1, rule.rng)
    d = decompose(dense, rank=rule.rank, refit=refit, **rule.tolerances)
    return *d, columns(a, d.columns), error_of(d), d.max_column_error


def _combinations(a: Operand, count: int, rng: np.random.Generator) -> Matrix:
    """`count` combinations of A's rows with independent standard normal coefficients."""
    return adjoint_times(a, gaussian(rng, a.shape[0], count, dtype_of(a))).conj().T


def _size(combinations: Matrix) -> float:
    """The 2-norm of the coefficients of each column of A in these combinations, as root mean square."""
    return np.sqrt(len(combinations) * (2 if combinations.dtype.kind == "c" else 1))
