"""The table for JAX, whose arrays do not change: what others do in place makes new ones."""

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

from .._common.types import Array
from .standard import Standard
from .types import DeviceArray, Namespace


@cache
def _jitted(step: Callable[..., Any]) -> Callable[..., Any]:
    return import_module("jax").jit(step, static_argnums=0)


class Jax(Standard):
    """JAX, called eagerly."""

    def __init__(self, xp: Namespace, like: DeviceArray) -> None:
        super().__init__(xp, like)
        self.jax: Any = import_module("jax")
        self.linalg: Any = import_module("jax.scipy.linalg")
        (self.device,) = like.devices()

    @property
    def accelerated(self) -> bool:
        return self.device.platform != "cpu"

    def indices(self, values: Any) -> DeviceArray:
        return self.jax.device_put(np.asarray(values, np.int32), self.device)

    def host(self, x: DeviceArray) -> Array:
        return np.asarray(x)

    def put(self, x: DeviceArray, key: Any, value: DeviceArray) -> DeviceArray:
        return x.at[key].set(value)

    def subtract(self, x: DeviceArray, key: Any, a: DeviceArray, b: DeviceArray) -> DeviceArray:
        return x.at[key].add(-(a @ b))

    def solve_lower(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.linalg.solve_triangular(triangle, b, lower=True)

    def solve_upper(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.linalg.solve_triangular(triangle, b)

    def triangle(self, x: DeviceArray) -> DeviceArray:
        return self.jax.numpy.linalg.qr(x, mode="r")

    def leading_rows(self, a: DeviceArray, count: int) -> list[int]:
        _, _, order = self.jax.lax.linalg.lu(a)
        return self.host(order[:count]).tolist()

    def gaussian(self, rng: np.random.Generator, shape: tuple[int, ...]) -> DeviceArray:
        key = self.jax.device_put(self.jax.random.key(int(rng.integers(2**31))), self.device)
        return self.jax.random.normal(key, shape, self.dtype)

    def compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
        return partial(_jitted(step), self)

    def __eq__(self, other: object) -> bool:  # what has been translated for one is good for the other
        return isinstance(other, Jax) and (self.device, self.dtype) == (other.device, other.dtype)

    def __hash__(self) -> int:
        return hash((self.device, self.dtype))

    def is_out_of_memory(self, error: Exception) -> bool:
        return super().is_out_of_memory(error) or "RESOURCE_EXHAUSTED" in str(error)
