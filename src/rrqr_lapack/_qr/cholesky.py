"""QR of a tall matrix with pivots from its small triangle and Q by products, where Cholesky's factor is accurate, or
becomes so by a sketch.

G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.4, for pivoting on the triangle of a tall
matrix; ``csrc/cholesky.c`` for the triangle and for Q. M. Melnichenko, O. Balabanov, R. Murray, J. Demmel, M. W.
Mahoney, P. Luszczek, "CholeskyQR with randomization and pivoting for tall matrices (CQRRPT)" (2023), arXiv:2311.08316,
precondition by a sketch and pivot on that; for a well-conditioned matrix the Gram matrix tells both, exactly, and for
another that of the preconditioned one (``csrc/precondition.c``).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _core
from .._common.arrays import as_fortran, is_fortran, lapack_dtype
from .._common.rule import Rule
from .._common.types import Array, Matrix

TALL = {"economic": 6, "r": 12}  # rows for each column from which on this pays, whatever the condition, measured
LEAST = 256 * 256  # elements, the same
DRIVERS = ("auto", "greedy", "randomized", "_randomized")  # those that need not see the matrix itself


def pays(a: Array, mode: str, driver: str, rule: Rule) -> bool:
    """Whether the matrix is tall and most of it is wanted, as Q and R or R alone; tolerances may end sooner."""
    m, n = a.shape
    wanted = mode in TALL and driver in DRIVERS and not rule.by_tolerance and 2 * rule.rank >= n
    return wanted and m >= TALL[mode] * n and a.size >= LEAST


def tie(a: Matrix) -> float:
    """The relative difference that rounding may make of norms in the triangle: that of sums over the rows."""
    return math.sqrt(a.shape[0]) * float(np.finfo(lapack_dtype(a.dtype)).eps)


def readable(a: Array) -> Matrix:
    """The matrix as one of LAPACK's, Fortran-ordered: itself where that is so, or a copy."""
    return a if is_fortran(a) else as_fortran(a, overwrite=False, check_finite=False)


def cholesky_qr(a: Matrix, mode: str, pivot: Callable[[_core.Factor], None]) -> tuple[Any, ...] | None:
    """``(Q, R, P)``, or ``(R, P)`` for mode 'r', of a `readable` matrix; None where it cannot be had so.

    `pivot` factors the triangle, in a `Factor`, as far as that is wanted.
    """
    triangle, passes = _core.gram_triangle(a)
    if not passes:
        return _preconditioned(a, mode, pivot)
    factor = _core.Factor(triangle)
    pivot(factor)
    r, pivots = factor.upper(factor.rank), factor.pivots
    _core.reflector_signs(a, pivots, r)
    if mode == "r" and passes == 1:
        return r, pivots
    q, sound = _core.cholesky_q(a, pivots, r, passes, mode != "r")
    if not sound:
        return None
    return (r, pivots) if mode == "r" else (q, r, pivots)


def _preconditioned(a: Matrix, mode: str, pivot: Callable[[_core.Factor], None]) -> tuple[Any, ...] | None:
    """The same of an ill-conditioned matrix."""
    found = _core.precondition(a, mode != "r")
    if found is None:
        return None
    triangle, inner, rows = found
    factor = _core.Factor(triangle)
    pivot(factor)
    r, pivots = factor.upper(factor.rank), factor.pivots
    q = _core.preconditioned_q(inner, factor.form_q(factor.rank), r, rows, mode != "r")
    return (r, pivots) if mode == "r" else (q, r, pivots)
