"""LU or QR with pivoting on a random sketch of the rows.

Y. Dong, P. G. Martinsson, "Simpler is better: a comparative study of randomized pivoting algorithms for CUR and
interpolative decompositions", Adv. Comput. Math. 49 (2023), doi:10.1007/s10444-023-10061-z, arXiv:2104.05877; for QR
also S. Voronin, P. G. Martinsson, "Efficient algorithms for CUR and interpolative matrix decompositions", Adv. Comput.
Math. 43 (2017), doi:10.1007/s10444-016-9494-8.

Guarantee for LU, with Y = Omega (A A^H)^power A and S = Y_C^{-1} Y: ||A - A_C T|| <= ||S||_2 ||A - A Y^+ Y||, which is
the error of the sketch's row space. QR sees a few more rows, and keeps S small.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
import scipy.linalg

from .._common.arrays import check_choice, check_count
from .._common.operand import dtype_of, settle
from .._common.products import adjoint_times, times
from .._common.random import gaussian
from .._common.rule import Rule
from .._common.types import Indices, Matrix, Operand
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .._randomized.orthonormal import well_conditioned_basis

SketchPivoting: TypeAlias = Literal["lu", "qr"]


def sketch(a: Operand, rule: Rule, *, pivoting: SketchPivoting = "lu", oversample: int = 10, power: int = 0) -> Indices:
    check_choice("pivoting", pivoting, get_args(SketchPivoting))
    oversample, power = check_count("oversample", oversample), check_count("power", power)
    rows = rule.rank if pivoting == "lu" else min(rule.rank + oversample, *a.shape)
    x = gaussian(rule.rng, rows, a.shape[0], dtype_of(a)).conj().T
    for _ in range(power):  # bases change no pivot of LU, and keep QR from seeing the norms of powers
        x = well_conditioned_basis(times(a, well_conditioned_basis(adjoint_times(a, x))))
    yh = adjoint_times(a, x)
    if not yh.any():
        settle(a)
    if not np.isfinite(yh).all():
        raise ValueError(
            "products with a must be finite, but one is not; check what the LinearOperator returns, or scale a down"
        )
    return _partial_pivots(yh) if pivoting == "lu" else _greedy_pivots(yh, rule.rank)


def _greedy_pivots(yh: Matrix, rank: int) -> Indices:
    factor = TruncatedQR(yh.conj().T, rank=rank, rtol=numerical_rtol(yh))
    return factor.P[: factor.rank]


def _partial_pivots(yh: Matrix) -> Indices:
    """The pivot rows of the tall Y^H: LAPACK records exchanges. Where a pivot is rounding error nothing is left."""
    if not yh.size:
        return np.empty(0, np.intp)
    getrf = scipy.linalg.get_lapack_funcs("getrf", (yh,))
    lu, exchanges, _ = getrf(yh)
    order = np.arange(len(yh))
    for i, j in enumerate(exchanges):
        order[[i, j]] = order[[j, i]]
    pivots = np.abs(np.diagonal(lu))
    dependent = pivots <= numerical_rtol(yh) * pivots.max(initial=0)
    return order[: int(np.argmax(dependent)) if dependent.any() else len(pivots)]
