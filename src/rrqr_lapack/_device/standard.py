"""What the factorizations ask of an array library beyond the array API standard, done with the standard alone.

The tables of single libraries (`on_torch`, `on_jax`, `on_cupy`) replace what their library has a better way for. Arrays
that a method takes as `c` or `x` and returns changed may or may not be changed in place: only what is returned counts.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .._common.types import Array
from .types import DeviceArray, Namespace


class Standard:
    """Any library that follows the standard."""

    def __init__(self, xp: Namespace, like: DeviceArray) -> None:
        self.xp = xp
        self.device = like.device
        self.dtype = like.dtype
        self.complex = bool(xp.isdtype(like.dtype, "complex floating"))
        self.limits = xp.finfo(like.dtype)
        self.eps = float(self.limits.eps)
        self.real_dtype = xp.real(like).dtype if self.complex else like.dtype

    @property
    def accelerated(self) -> bool:
        """Whether products want wide blocks, since a call costs as much as many operations."""
        return False

    # --- arrays ---------------------------------------------------------------------------------------------------

    def zeros(self, shape: tuple[int, ...], dtype: Any = None) -> DeviceArray:
        """An array of zeros on the device, by default of the matrix's dtype."""
        return self.xp.zeros(shape, dtype=self.dtype if dtype is None else dtype, device=self.device)

    def indices(self, values: Sequence[int] | Array) -> DeviceArray:
        """Integers of the host as indices on the device."""
        return self.xp.asarray([int(v) for v in values], dtype=self.xp.int64, device=self.device)

    def numbers(self, values: Array) -> DeviceArray:
        """Real numbers of the host on the device."""
        flat = [float(v) for v in values.ravel()]
        return self.xp.reshape(self.xp.asarray(flat, dtype=self.real_dtype, device=self.device), values.shape)

    def host(self, x: DeviceArray) -> Array:
        """A small array on the host: this waits for the device."""
        flat = self.xp.reshape(x, (-1,))
        kind: Any = complex if self.xp.isdtype(x.dtype, "complex floating") else float
        if self.xp.isdtype(x.dtype, "integral"):
            kind = int
        return np.array([kind(flat[i]) for i in range(flat.shape[0])]).reshape(x.shape)

    def conj(self, x: DeviceArray) -> DeviceArray:
        """The complex conjugate; a real array as it is."""
        return self.xp.conj(x) if self.complex else x

    def real(self, x: DeviceArray) -> DeviceArray:
        """The real part; a real array as it is."""
        return self.xp.real(x) if self.xp.isdtype(x.dtype, "complex floating") else x

    def squares(self, x: DeviceArray) -> DeviceArray:
        """|x_i|^2."""
        if not self.complex:
            return x * x
        real, imag = self.xp.real(x), self.xp.imag(x)
        return real * real + imag * imag

    def norms(self, x: DeviceArray) -> DeviceArray:
        """The 2-norms of the rows."""
        return self.xp.linalg.vector_norm(x, axis=-1)

    def largest(self, x: DeviceArray, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
        """The largest entry, of all or along an axis."""
        return self.xp.max(x, axis=axis, keepdims=keepdims)

    def copy(self, x: DeviceArray) -> DeviceArray:
        """A copy of x with contiguous rows."""
        return self.xp.asarray(x, copy=True)

    def take(self, x: DeviceArray, where: DeviceArray, axis: int = 0) -> DeviceArray:
        """The rows, or slices along another axis, at the indices."""
        return self.xp.take(x, where, axis=axis)

    def drop(self, x: DeviceArray, kept: Array, first: int) -> DeviceArray:
        """The rows `kept`, in this order, of which all that differ from first, first + 1, ... are few; x is lost."""
        return self.take(x, self.indices(kept))

    def put(self, x: DeviceArray, key: Any, value: DeviceArray) -> DeviceArray:
        """x with x[key] = value."""
        x[key] = value
        return x

    def subtract(self, x: DeviceArray, key: Any, a: DeviceArray, b: DeviceArray) -> DeviceArray:
        """x with x[key] -= a @ b."""
        x[key] = x[key] - a @ b
        return x

    def pick(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        """Of each matrix of a stack (b, m, n) the column at where (b,): (b, m)."""
        index = self.xp.broadcast_to(where[:, None, None], (*x.shape[:2], 1))
        return self.xp.take_along_axis(x, index, axis=2)[:, :, 0]

    def permuted(self, x: DeviceArray, where: DeviceArray) -> DeviceArray:
        """The columns of each matrix of a stack (b, k, n) in the order where (b, n)."""
        return self.xp.take_along_axis(x, self.xp.broadcast_to(where[:, None, :], x.shape), axis=2)

    # --- linear algebra -------------------------------------------------------------------------------------------

    def solve_lower(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        """L^{-1} B, not finite where L is singular."""
        flip = self.xp.flip  # upside down it is an upper triangle, in which elimination exchanges no rows
        return flip(self.solve_upper(flip(triangle, axis=(-2, -1)), flip(b, axis=-2)), axis=-2)

    def solve_upper(self, triangle: DeviceArray, b: DeviceArray) -> DeviceArray:
        """R^{-1} B, not finite where R is singular."""
        return self._or_nan(b, self.xp.linalg.solve, triangle, b)

    def cholesky(self, gram: DeviceArray) -> DeviceArray:
        """The lower factor, not finite where there is none."""
        return self._or_nan(gram, self.xp.linalg.cholesky, gram)

    def triangle(self, x: DeviceArray) -> DeviceArray:
        """R of ``x = Q R``, without pivoting."""
        return self.xp.linalg.qr(x)[1]

    def _or_nan(self, like: DeviceArray, function: Callable[..., Any], *arguments: DeviceArray) -> DeviceArray:
        try:
            return function(*arguments)
        except Exception as error:
            if type(error).__name__ != "LinAlgError":
                raise
            return like * float("nan")

    def leading_rows(self, a: DeviceArray, count: int) -> list[int]:
        """The rows of a tall matrix that elimination with partial pivoting takes as pivots first, in their order."""
        xp, chosen = self.xp, []
        index = xp.arange(a.shape[0], device=self.device)
        taken = xp.zeros(a.shape[0], dtype=xp.bool, device=self.device)
        for j in range(count):
            row = xp.argmax(xp.where(taken, -1.0, xp.abs(a[:, j])), axis=0, keepdims=True)
            taken = taken | (index == row)
            pivot = self.take(a, row)
            value = pivot[:, j : j + 1]
            factors = xp.where(taken[:, None] | (value == 0), 0.0, a[:, j : j + 1] / xp.where(value == 0, 1.0, value))
            a = a - factors * pivot
            chosen.append(row)
        return [int(p) for p in self.host(xp.concat(chosen))]

    # --- the rest -------------------------------------------------------------------------------------------------

    def gaussian(self, rng: np.random.Generator, shape: tuple[int, ...]) -> DeviceArray:
        """Independent standard normal entries, drawn on the host."""
        drawn: Array = rng.standard_normal(shape)
        if self.complex:
            drawn = drawn + 1j * rng.standard_normal(shape)
        return self.xp.asarray(drawn.tolist(), dtype=self.dtype, device=self.device)

    def compiled(self, step: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the library and arrays as one of arrays, translated where that pays."""
        return partial(step, self)

    def is_out_of_memory(self, error: Exception) -> bool:
        """Whether this is how the library says that the device is full."""
        return isinstance(error, MemoryError)

    def synchronize(self) -> None:
        """Wait until the device has done all that was asked of it."""
