"""Random sketches Omega: a few random combinations of many rows keep their geometry."""

import numpy as np


def gaussian(rng, rows, columns, dtype):
    """Independent standard normal entries (complex: real and imaginary part each so), a Fortran-ordered array."""
    dtype = np.dtype(dtype)
    shape = (columns, rows)
    if dtype.kind == "c":
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype).T
    return rng.standard_normal(shape, dtype).T
