"""Real numbers from whatever holds them: weights, samples, activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from rrqr_lapack._common.arrays import as_ndarray


def real_array(value: Any, name: str) -> np.ndarray:
    """`value` as an array of booleans, integers or real numbers, in its own dtype.

    Raises
    ------
    TypeError
        Complex numbers, strings or objects; masked entries, which an array would show; a sparse array.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._reals import real_array
    >>> real_array([1, 2], "x")
    array([1, 2])
    >>> real_array(np.ma.array([1, 2], mask=[True, False]), "x")
    Traceback (most recent call last):
    TypeError: x must have no masked entries, got some; fill them first, as with x.filled(0)
    """
    if isinstance(value, list | tuple) and any(isinstance(each, np.ma.MaskedArray) for each in value):
        value = [as_ndarray(each, name) for each in value]  # a list of rows, whose masks NumPy drops
    array = as_ndarray(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {array.dtype}")
    return array


def is_sparse(value: object) -> bool:
    """Whether it is one of SciPy's sparse arrays or matrices."""
    return hasattr(value, "tocsr") and hasattr(value, "nnz")
