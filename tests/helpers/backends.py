"""The libraries whose arrays the package takes, each with what tests need: arrays in, ndarrays out.

`RRQR_LAPACK_TEST_DEVICE=cuda` adds PyTorch's tensors on a GPU.
"""

import importlib
import os
from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class Backend:
    """A library, whether its arrays are forced through the algorithms for devices, and where they lie."""

    library: str
    forced: bool = False
    device: str | None = None

    @property
    def on_host(self):
        """Whether the C kernels factor its arrays."""
        return not (self.forced or self.device == "cuda")

    @property
    def dtypes(self):
        """What it is tried in: JAX has double precision only where it is asked for; array-api-strict is slow."""
        return {"jax": "fF", "array_api_strict": "fD"}.get(self.library, "fdFD")

    def module(self):
        """The library, or a skip that says why not."""
        if self.device == "cuda" and os.environ.get("RRQR_LAPACK_TEST_DEVICE") != "cuda":
            pytest.skip("on a GPU only with RRQR_LAPACK_TEST_DEVICE=cuda")
        module = pytest.importorskip(self.library, reason=f"the test is on arrays of {self.library}")
        return importlib.import_module("jax.numpy") if self.library == "jax" else module

    def array(self, x):
        """An ndarray as an array of the library, a copy."""
        library = self.module()
        if self.library == "torch":
            return library.from_numpy(x.copy()).to(self.device or "cpu")
        if self.library == "array_api_strict" and self.device:
            return library.asarray(x.copy(), device=library.Device(self.device))
        return library.asarray(x.copy())

    def ndarray(self, x):
        """An array of the library as an ndarray."""
        if self.library == "torch":
            return x.detach().resolve_conj().cpu().numpy()
        if self.library == "array_api_strict":
            return np.array(np.from_dlpack(x.to_device(self.module().Device("CPU_DEVICE"))))
        return np.array(x)

    def like(self, x, a):
        """Whether `x` is an array of the same library on the same device as `a`."""
        return type(x) is type(a) and (self.library == "numpy" or x.device == a.device)

    def __str__(self):
        where = self.device or ("forced" if self.forced else "")
        return f"{self.library}-{where}" if where else self.library


JAX_FORCED = Backend("jax", forced=True)  # translates for every shape: it has a test of its own
BACKENDS = [
    Backend("numpy"),
    Backend("torch"),
    Backend("torch", forced=True),
    Backend("torch", device="cuda"),
    Backend("jax"),
    Backend("array_api_strict"),
    Backend("array_api_strict", forced=True, device="device1"),
]
