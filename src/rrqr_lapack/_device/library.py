"""Which table an array's library has, by the name of its type's module: nothing is imported that the user has not."""

import sys
from importlib import import_module

from .._common import foreign
from .on_cupy import Cupy
from .on_jax import Jax
from .on_torch import Torch
from .standard import Standard
from .types import DeviceArray, Namespace

TABLES: dict[str, type[Standard]] = {"torch": Torch, "jax": Jax, "cupy": Cupy}


def library_of(a: DeviceArray, xp: Namespace = None) -> Standard:
    """The table for this array, with its namespace: array-api-compat's where it is installed, otherwise its own."""
    table = TABLES.get(foreign.library_of(a.__class__) or "", Standard)
    return table(namespace_of(a) if xp is None else xp, a)


def namespace_of(a: DeviceArray) -> Namespace:
    """The functions for this array."""
    try:
        return import_module("array_api_compat").array_namespace(a)
    except ImportError:
        if hasattr(a, "__array_namespace__"):
            return a.__array_namespace__()
        return sys.modules[foreign.library_of(a.__class__) or "numpy"]
