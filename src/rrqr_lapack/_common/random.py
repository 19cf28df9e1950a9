"""Random numbers: all come one after the other from the caller's generator, and do not depend on threads."""

from typing import Any

import numpy as np

from .types import Matrix


def gaussian(rng: np.random.Generator, rows: int, columns: int, dtype: Any) -> Matrix:
    """Independent standard normal entries (complex: real and imaginary part each so), a Fortran-ordered array."""
    dtype = np.dtype(dtype)
    shape = (columns, rows)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype).T
    return rng.standard_normal(shape, dtype).T
