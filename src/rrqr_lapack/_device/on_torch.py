"""The table for PyTorch."""

from importlib import import_module
from typing import Any

import numpy as np

from .._common.types import Array
from .standard import Standard
from .types import DeviceArray, Namespace


class Torch(Standard):
    """PyTorch, on any device; both its own namespace and array-api-compat's will do."""

    def __init__(self, xp: Namespace, like: DeviceArray) -> None:
        self.torch: Any = import_module("torch")
        self.xp = self.torch
        self.device = like.device
        self.dtype = like.dtype
        self.complex = bool(like.dtype.is_complex)
        self.limits = self.torch.finfo(like.dtype)
        self.eps = float(self.limits.eps)
        self.real_dtype = like.dtype.to_real()

    @property
    def accelerated(self) -> bool:
        return self.device.type != "cpu"

    def indices(self, values: Any) -> DeviceArray:
        return self.torch.as_tensor(np.asarray(values, np.int64)).to(self.device, non_blocking=True)

    def host(self, x: DeviceArray) -> Array:
        return x.resolve_conj().cpu().numpy()

    def real(self, x: DeviceArray) -> DeviceArray:
        return x.real if x.is_complex() else x

    def norms(self, x: DeviceArray) -> DeviceArray:
        return self.torch.linalg.vector_norm(x, dim=-1)

    def largest(self, x: DeviceArray, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        return self.torch.amax(x, () if axis is None else axis, keepdim=keepdims)

    def copy(self, x: DeviceArray) -> DeviceArray:
        return x.clone(memory_format=self.torch.contiguous_format)

    def take(self, x: DeviceArray, where: DeviceArray, axis: int = 0) -> DeviceArray:
        return self.torch.index_select(x, axis, where)

    def drop(self, x: DeviceArray, kept: Array, first: int) -> DeviceArray:
        holes = np.flatnonzero(kept != np.arange(first, first + len(kept)))
        if len(holes):
            x.index_copy_(0, self.indices(holes + first), self.take(x, self.indices(kept[holes])))
        return x[first : first + len(kept)]

    def subtract(self, x: DeviceArray, key: Any, a: DeviceArray, b: DeviceArray) -> DeviceArray:
        part = x[key]
        (part.addmm_ if part.ndim == 2 else part.baddbmm_)(a, b, alpha=-1)
        return x

    def pick(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        return self.torch.take_along_dim(x, where[:, None, None], 2)[:, :, 0]

    def permuted(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        return self.torch.take_along_dim(x, where[:, None, :], 2)

    def solve_lower(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.torch.linalg.solve_triangular(triangle, b, upper=False)

    def solve_upper(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        return self.torch.linalg.solve_triangular(triangle, b, upper=True)

    def cholesky(self, gram: DeviceArray) -> DeviceArray:
        lower, info = self.torch.linalg.cholesky_ex(gram)
        return self.torch.where(info == 0, lower, float("nan"))

    def triangle(self, x: DeviceArray) -> DeviceArray:
        return self.torch.linalg.qr(x, mode="r")[1]

    def leading_rows(self, a: DeviceArray, count: int) -> list[int]:
        _, swaps, _ = self.torch.linalg.lu_factor_ex(a)
        return leading(swaps.cpu().numpy() - 1, a.shape[0], count)

    def gaussian(self, rng: np.random.Generator, shape: tuple[int, ...]) -> DeviceArray:
        generator = self.torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        return self.torch.randn(shape, generator=generator, dtype=self.dtype, device=self.device)

    def is_out_of_memory(self, error: Exception) -> bool:
        kinds = (MemoryError, getattr(self.torch, "OutOfMemoryError", MemoryError))
        return isinstance(error, kinds) or (isinstance(error, RuntimeError) and "not enough memory" in str(error))

    def synchronize(self) -> None:
        if self.accelerated:
            getattr(self.torch, self.device.type).synchronize(self.device)


def leading(swaps: Array, rows: int, count: int) -> list[int]:
    """The rows that LAPACK's exchanges, from 0, bring to the top."""
    order: dict[int, int] = {}  # what is where, as far as it has moved
    for i, other in enumerate(swaps[:count].tolist()):
        order[i], order[other] = order.get(other, other), order.get(i, i)
    return [order[i] for i in range(min(count, rows))]
