"""Columns without their means, of which rounding error alone is none."""

import numpy as np

from .._common.norms import column_norms
from .._common.types import Array


def centred(a: Array) -> Array:
    """``A - 1 m`` for the means m of the N columns; what is at most N eps of its column was constant, and becomes 0.

    In double precision, with a second pass for the rounding of the first: so it does not grow with the rows.
    """
    left = a - a.mean(axis=0, dtype=np.float64)
    left -= left.mean(axis=0)
    noise = a.shape[1] * float(np.finfo(a.dtype).eps)
    left[:, column_norms(left) <= noise * column_norms(a).astype(np.float64)] = 0
    return left.astype(a.dtype, copy=False)
