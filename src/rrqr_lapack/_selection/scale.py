"""Powers of two that bring a matrix near 1, so that squares neither overflow nor underflow."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator


def near_one(a):
    """(2^e A, 2^e) of an array or sparse matrix; e = 0 where its largest entry does no harm, and for an operator."""
    if isinstance(a, LinearOperator):
        return a, 1.0
    entries = a.data if sparse.issparse(a) else a
    parts = (entries.real, entries.imag) if a.dtype.kind == "c" else (entries,)
    largest = max((max(part.max(), -part.min()) for part in parts), default=0) if entries.size else 0
    exponent = min(-int(np.frexp(largest)[1]), 1000)  # 2^1074 is no double
    if largest == 0 or abs(exponent) < np.finfo(a.dtype).maxexp // 8:
        return a, 1.0
    half = exponent // 2  # 2^150 is no single
    real = np.finfo(a.dtype).dtype.type
    return a * real(2.0**half) * real(2.0 ** (exponent - half)), 2.0**exponent
