"""A stack of matrices factored one by one, padded to the largest rank."""

import math
from collections.abc import Callable

from .result import DeviceFactor
from .standard import Standard
from .types import DeviceArray


class Several:
    """Q of the items of a stack."""

    def __init__(self, library: Standard, items: list[DeviceFactor], batch: tuple[int, ...]) -> None:
        self.library, self.items, self.batch = library, items, batch

    def form(self) -> DeviceArray:
        """Q, (..., m, k)."""
        k = max(item.rank for item in self.items)
        return _stack(self.library, [item.q() for item in self.items], self.batch, (self.items[0].shape[0], k))


def stacked(library: Standard, a: DeviceArray, one: Callable[[DeviceArray], DeviceFactor]) -> DeviceFactor:
    """The factor of a stack (..., m, n) from those of its matrices."""
    xp, batch, (m, n) = library.xp, a.shape[:-2], a.shape[-2:]
    items = xp.reshape(a, (math.prod(batch), m, n))
    factors = [one(items[i, :, :]) for i in range(items.shape[0])]
    ranks = [each.rank for each in factors]
    return DeviceFactor(
        _stack(library, [each.R for each in factors], batch, (max(ranks), n)),
        xp.reshape(xp.stack([each.pivots for each in factors], axis=0), (*batch, n)),
        xp.reshape(library.indices(ranks), batch),
        xp.reshape(xp.stack([each.residual_column_norms for each in factors], axis=0), (*batch, n)),
        a.shape,
        Several(library, factors, batch),
        library,
    )


def _stack(library: Standard, items: list[DeviceArray], batch: tuple[int, ...], shape: tuple[int, ...]) -> DeviceArray:
    """The matrices stacked, with zeros where one is smaller than the shape."""
    whole = []
    for item in items:
        rows, columns = item.shape
        padded = library.zeros(shape)
        whole.append(library.put(padded, (slice(None, rows), slice(None, columns)), item))
    return library.xp.reshape(library.xp.stack(whole, axis=0), (*batch, *shape))
