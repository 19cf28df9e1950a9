"""Powers of two that bring a matrix near 1, so that squares neither overflow nor underflow; they round nothing."""

import math

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .types import Array, Operand


def largest_part(a: Array) -> float:
    """max |Re a_ij| and |Im a_ij| of an ndarray, whose absolute values may overflow where it is complex; 0 if empty."""
    parts = (a.real, a.imag) if a.dtype.kind == "c" else (a,)
    return float(np.max([(part.max(initial=0), -part.min(initial=0)) for part in parts]))


def power_of_two(a: Array) -> float:
    """The power of two by which A is divided to bring its largest entry near 1; 1 where that is zero or not finite.

    It and its inverse are normal numbers in A's dtype.
    """
    limits, largest = np.finfo(a.dtype), largest_part(a)
    exponent = math.frexp(largest)[1] if math.isfinite(largest) else 0
    return 2.0 ** min(max(exponent, limits.minexp + 1), limits.maxexp - 2)


def near_one(a: Operand) -> tuple[Operand, float]:
    """(A / 2^e, 2^e) of an array or sparse matrix; e = 0 where its largest entry does no harm, and for an operator."""
    if isinstance(a, LinearOperator):
        return a, 1.0
    scale = power_of_two(a.data if sparse.issparse(a) else a)
    if abs(math.log2(scale)) < np.finfo(a.dtype).maxexp // 8:
        return a, 1.0
    return a * np.finfo(a.dtype).dtype.type(1 / scale), scale  # divided, a sparse array of singles becomes double
