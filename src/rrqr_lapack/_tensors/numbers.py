"""What is known of the numbers of a foreign array."""

from typing import Any

import numpy as np

from .._common.types import DType
from .libraries import dtype_name


def numpy_dtype(a: Any) -> DType:
    """The dtype of NumPy of the same name."""
    return np.dtype(dtype_name(a))


def numerical_rtol(a: Any) -> float:
    """The relative size below which a residual is rounding error, max(M, N) eps."""
    return max(a.shape[-2:]) * float(np.finfo(numpy_dtype(a)).eps)
