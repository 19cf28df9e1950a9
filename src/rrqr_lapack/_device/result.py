"""The factor of a truncated pivoted QR on a device."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .standard import Standard
from .types import DeviceArray


class Basis(Protocol):
    """What Q is made of."""

    def form(self) -> DeviceArray:
        """Q itself, (..., m, k)."""


class Formed(NamedTuple):
    """Q as it is."""

    q: DeviceArray

    def form(self) -> DeviceArray:
        """Q, (..., m, k)."""
        return self.q


@dataclass(frozen=True, eq=False)
class DeviceFactor:
    """``A[..., P] ~= Q R``, on the device of A.

    R : (..., k, n), upper trapezoidal; of a stack the items of smaller rank have zero rows.
    pivots : (..., n) integers; those behind the rank are in no particular order.
    rank : of each matrix, an int; of a stack an array.
    residual_column_norms : (..., n), those of ``A - Q R`` in the order of A's columns; 0 for the pivots.
    """

    R: DeviceArray
    pivots: DeviceArray
    rank: Any
    residual_column_norms: DeviceArray
    shape: tuple[int, ...]
    _basis: Basis
    _library: Standard

    def q(self) -> DeviceArray:
        """Q, (..., m, k), orthonormal to rounding; of a stack the items of smaller rank have zero columns."""
        return self._basis.form()

    @property
    def residual_norm(self) -> DeviceArray:
        """``||A - Q R||_F``: an array without dimensions, or with those of the stack, on the device."""
        library, left = self._library, self.residual_column_norms
        if not left.shape[-1]:
            return library.xp.sum(left, axis=-1)
        most = library.largest(left, axis=-1, keepdims=True)
        unit = library.xp.where(most > 0, most, 1.0)
        return library.xp.sqrt(library.xp.sum((left / unit) ** 2, axis=-1)) * unit[..., 0]

    @property
    def used(self) -> DeviceArray:
        """(..., k), whether R11 may be solved with a column: those before the first |r_jj| <= max(m, n) eps |r_11|."""
        xp, r = self._library.xp, self.R
        k = r.shape[-2]
        if not k:
            return xp.zeros((*r.shape[:-2], 0), dtype=xp.bool, device=self._library.device)
        size = abs(xp.sum(r[..., :k] * self._identity(), axis=-2))
        small = size <= max(self.shape[-2:]) * self._library.eps * size[..., :1]
        row = xp.arange(k, device=self._library.device)
        first = k - self._library.largest(xp.where(small, k - row, 0), axis=-1, keepdims=True)
        return row < first

    @property
    def numerical_rank(self) -> Any:
        """How many columns R11 may be solved with, an int; of a stack an array."""
        xp, used = self._library.xp, self.used
        count = xp.sum(xp.where(used, xp.ones_like(used, dtype=xp.int64), 0), axis=-1)
        return count if len(self.shape) > 2 else int(count)

    def interpolation(self) -> DeviceArray:
        """T, (..., k, n), with ``A ~= A[:, P[:k]] T`` and ``T[:, P[:k]] = I``.

        Columns past the numerical rank stand for themselves alone, so that T is finite whatever R11 is.
        """
        xp, library, r = self._library.xp, self._library, self.R
        k, n = r.shape[-2:]
        inverse = xp.argsort(self.pivots, axis=-1)
        if not k or not n:
            return r
        used, identity = self.used, self._identity()
        both = used[..., :, None] & used[..., None, :]
        left = xp.where(both, r[..., :k], identity)
        right = xp.where(used[..., :, None], r[..., k:], xp.zeros_like(r[..., k:]))
        solved = library.solve_upper(left, right) if k < n else right
        t = xp.concat([xp.broadcast_to(identity, (*r.shape[:-2], k, k)), solved], axis=-1)
        return library.permuted(t, inverse) if t.ndim > 2 else library.take(t, inverse, 1)

    def _identity(self) -> DeviceArray:
        return self._library.xp.eye(self.R.shape[-2], dtype=self._library.dtype, device=self._library.device)
