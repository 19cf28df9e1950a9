"""Libraries of arrays: what is asked of each, the standard's answer once and others where they differ.

Nothing here imports a library that the user has not: it is in ``sys.modules``.
"""

import sys
from typing import Any

import numpy as np

from .._common.foreign import library_of
from .._common.types import Array

CPU = 1  # DLPack's number
WORKING = {"float32", "float64", "complex64", "complex128"}
HALF = {"float16", "bfloat16"}  # worked on in single precision


def dtype_name(a: Any) -> str:
    """The name of an array's dtype, without its library's."""
    return str(a.dtype).rpartition(".")[2]


class Library:
    """A library that follows the array API standard."""

    def check(self, a: Any, name: str) -> None:
        """TypeError for an array that holds no numbers which can be read."""

    def on_host(self, a: Any) -> bool:
        """Whether the array lies in memory that the C kernels can read."""
        return int(a.__dlpack_device__()[0]) == CPU

    def follows(self, a: Any) -> bool:
        """Whether what is computed of the array is to have a gradient."""
        return False

    def detached(self, a: Any) -> Any:
        """The array's numbers alone."""
        return a

    def single(self, a: Any) -> Any:
        """The array in single precision."""
        return self.cast(a, self.namespace(a).float32)

    def cast(self, a: Any, dtype: Any) -> Any:
        """The array in another dtype."""
        return self.namespace(a).astype(a, dtype)

    def int32(self, a: Any) -> Any:
        """The dtype of indices of 32 bits."""
        return self.namespace(a).int32

    def to_host(self, a: Any) -> Array:
        """The array as an ndarray of the same memory."""
        return np.from_dlpack(a)

    def from_host(self, x: Array, device: Any) -> Any:
        """An ndarray that nobody else holds as an array of the library."""
        raise NotImplementedError

    def namespace(self, a: Any) -> Any:
        """The functions of the array API standard for it."""
        return a.__array_namespace__()


class Standard(Library):
    """Any other library: its namespace is known from an array alone."""

    def __init__(self, xp: Any) -> None:
        self._xp = xp

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Standard) and self._xp is other._xp

    __hash__ = None  # type: ignore[assignment]

    def from_host(self, x: Array, device: Any) -> Any:
        return self._xp.asarray(self._xp.from_dlpack(x), device=device)


class Torch(Library):
    """PyTorch, whose tensors have gradients, views and layouts of their own."""

    def check(self, a: Any, name: str) -> None:
        if a.layout is not sys.modules["torch"].strided:
            raise TypeError(f"{name} must be dense, got the layout {a.layout}; pass {name}.to_dense()")
        if a.is_meta:
            raise TypeError(f"{name} must hold numbers, got a meta tensor of the shape {tuple(a.shape)}; load it first")

    def on_host(self, a: Any) -> bool:
        return a.device.type == "cpu"

    def follows(self, a: Any) -> bool:
        return a.requires_grad and sys.modules["torch"].is_grad_enabled()

    def detached(self, a: Any) -> Any:
        return a.detach()

    def cast(self, a: Any, dtype: Any) -> Any:
        return a.to(dtype)

    def to_host(self, a: Any) -> Array:
        return a.numpy(force=True)  # in one call, also of what has a gradient and of conjugate and negative views

    def from_host(self, x: Array, device: Any) -> Any:
        torch = sys.modules["torch"]
        try:
            return torch.from_numpy(x)
        except ValueError:  # for negative strides
            return torch.from_numpy(x.copy())

    def namespace(self, a: Any) -> Any:
        return sys.modules["torch"]


class Traced(TypeError):
    """An array that holds no numbers yet, since JAX traces the call."""


class Jax(Library):
    """JAX, which traces."""

    def check(self, a: Any, name: str) -> None:
        if isinstance(a, sys.modules["jax"].core.Tracer):
            raise Traced(
                f"{name} must be an array that holds numbers, got a tracer of the shape {a.shape}: under jax.jit, grad "
                f"or vmap the shape of a result must not depend on numbers, and its rank does; factor outside of the "
                f"transformation, or by qr_truncated with rank=k, which fixes the shapes"
            )

    def on_host(self, a: Any) -> bool:
        return all(device.platform == "cpu" for device in a.devices())

    def to_host(self, a: Any) -> Array:
        return np.asarray(a)

    def from_host(self, x: Array, device: Any) -> Any:
        return sys.modules["jax"].numpy.asarray(x, device=device)


class CuPy(Library):
    """CuPy, whose arrays never lie on the host."""

    def on_host(self, a: Any) -> bool:
        return False

    def namespace(self, a: Any) -> Any:
        return sys.modules["cupy"]

    def cast(self, a: Any, dtype: Any) -> Any:
        return a.astype(dtype)


KNOWN = {"torch": Torch(), "jax": Jax(), "cupy": CuPy()}


def library(a: Any) -> Library:
    """The library of a foreign array."""
    return KNOWN.get(library_of(a.__class__) or "") or Standard(a.__array_namespace__())
