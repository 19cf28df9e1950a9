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
        tall.update(a[rows].toarray() if sparse.issparse(a) else a[rows])
    R = tall.R.astype(np.float64)
    Q = np.eye(len(R))
    tol = max(tol, len(columns) * float(np.finfo(a.dtype).eps))  # rounding error is no direction
    k = 0
    while k < min(rank, *R.shape):
        if abs(R[k, k]) >= tol:
            k += 1
        else:
            Q, R = scipy.linalg.qr_delete(Q, R, k, which="col", overwrite_qr=True, check_finite=False)
            columns = np.delete(columns, k)
    return columns[:k]
