"""The table for CuPy."""

from importlib import import_module
from typing import Any

import numpy as np

from .._common.types import Array
from .on_torch import leading
from .standard import Standard
from .types import DeviceArray, Namespace


class Cupy(Standard):
    """CuPy, on the device that holds the matrix."""

    def __init__(self, xp: Namespace, like: DeviceArray) -> None:
        self.cupy: Any = import_module("cupy")
        self.linalg: Any = import_module("cupyx.scipy.linalg")
        self.xp = xp
        self.device = like.device
        self.dtype = like.dtype
        self.complex = like.dtype.kind == "c"
        self.limits = np.finfo(like.dtype)
        self.eps = float(self.limits.eps)
        self.real_dtype = like.real.dtype

    @property
    def accelerated(self) -> bool:
        return True

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> DeviceArray:
        return self.cupy.zeros(shape, dtype=self.dtype if dtype is None else dtype)

    def indices(self, values: Any) -> DeviceArray:
        return self.cupy.asarray(np.asarray(values, np.int64))

    def host(self, x: DeviceArray) -> Array:
        return x.get()

    def norms(self, x: DeviceArray) -> DeviceArray:
        return self.cupy.linalg.norm(x, axis=-1)

    def pick(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        return self.cupy.take_along_axis(x, where[:, None, None], axis=2)[:, :, 0]

    def permuted(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        return self.cupy.take_along_axis(x, where[:, None, :], axis=2)

    def solve_lower(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.linalg.solve_triangular(triangle, b, lower=True)

    def solve_upper(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.linalg.solve_triangular(triangle, b)

    def triangle(self, x: DeviceArray) -> DeviceArray:
        return self.cupy.linalg.qr(x, mode="r")

    def leading_rows(self, a: DeviceArray, count: int) -> list[int]:
        _, swaps = self.linalg.lu_factor(a, check_finite=False)
        return leading(swaps.get(), a.shape[0], count)

    def gaussian(self, rng: np.random.Generator, shape: tuple[int, ...]) -> DeviceArray:
        generator = self.cupy.random.default_rng(int(rng.integers(2**63)))
        drawn = generator.standard_normal(shape, dtype=self.real_dtype)
        if self.complex:
            drawn = drawn + 1j * generator.standard_normal(shape, dtype=self.real_dtype)
        return drawn.astype(self.dtype, copy=False)

    def synchronize(self) -> None:
        self.cupy.cuda.Device(self.device.id).synchronize()
