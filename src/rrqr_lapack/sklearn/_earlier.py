"""The columns that do not depend on those before them: pivoted QR that moves a column only where it is dependent.

The rule of R's `lm`, which is LINPACK's QR with limited pivoting (J. M. Chambers, "Regression", in J. M. Chambers,
T. J. Hastie (eds.), "Statistical Models in S", 1992): from left to right a column is kept unless what the kept ones
leave of it is below a tolerance times its own norm. So the unit of a column does not matter, and of several dependent
columns the last one goes.
"""

from typing import Any

import numpy as np
import scipy.linalg
from scipy import sparse

from .. import TallQR
from .._common.products import row_blocks
from .._common.types import Array


def earlier(a: Any, rank: int, tol: float) -> Array:
    """The first columns, at most `rank`, of which ``|r_jj| >= tol``; those of `a` have norm 1 or 0.

    A column that goes is deleted from the triangle of all columns by rotations, O(N^2) each.
    """
    tall, columns = TallQR(), np.arange(a.shape[1])
    for rows in row_blocks(a.shape):
        block = a[rows].toarray() if sparse.issparse(a) else a[rows]
        tall.update(block.astype(np.float64, copy=False))  # in single precision rounding would grow with the rows
    R = tall.R
    Q = np.eye(len(R))
    rounding = len(columns) * np.finfo(a.dtype).eps + a.shape[0] ** 0.5 * np.finfo(np.float64).eps
    tol = max(tol, float(rounding))  # no direction; measured up to 0.3 of it, for indicators in 10^2 to 10^6 rows
    k = 0
    while k < min(rank, *R.shape):
        if abs(R[k, k]) >= tol:
            k += 1
        else:
            Q, R = scipy.linalg.qr_delete(Q, R, k, which="col", overwrite_qr=True, check_finite=False)
            columns = np.delete(columns, k)
    return columns[:k]
