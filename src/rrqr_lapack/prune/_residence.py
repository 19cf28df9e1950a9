"""Activations where they lie, ndarrays or arrays of another device: sums and products are formed there, and only these
come to the host."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from .._device.library import library_of

Activations: TypeAlias = Any  # an ndarray, or an array that lies on another device


def namespace(Z: Activations) -> Any:
    """The functions of the array API standard for Z.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._residence import namespace
    >>> namespace(np.ones(2)).__name__
    'numpy'
    """
    return np if isinstance(Z, np.ndarray) else library_of(Z).xp


def on_host(x: Activations) -> np.ndarray:
    """A small array, of which each entry may be a sum over all rows, as an ndarray: this waits for the device."""
    return x if isinstance(x, np.ndarray) else library_of(x).host(x)


def is_finite(Z: Activations) -> bool:
    """Whether Z has neither NaN nor infinity."""
    xp = namespace(Z)
    return bool(xp.all(xp.isfinite(Z)))
