"""What comes in: finite, and near 1, so that squares neither overflow nor underflow. Powers of two round nothing."""

import numpy as np

from .._common.types import Array
from .standard import Standard
from .types import DeviceArray


def near_one(library: Standard, a: DeviceArray) -> tuple[DeviceArray, DeviceArray, Array]:
    """A / unit, its column norms, and the unit (...,) of each matrix: 1 where the entries do no harm, with A itself."""
    with np.errstate(over="ignore", invalid="ignore"):  # of arrays that are NumPy's inside
        return _near_one(library, a)


def _near_one(library: Standard, a: DeviceArray) -> tuple[DeviceArray, DeviceArray, Array]:
    xp = library.xp
    norms = library.norms(a.mT)
    tops = library.host(library.largest(norms, axis=-1))
    reach = 2.0 ** (np.log2(float(library.limits.max)) // 8)
    unit = np.ones(tops.shape)
    if np.all((tops < reach) & (tops > 1 / reach)):
        return a, norms, unit
    parts = [xp.real(a), xp.imag(a)] if library.complex else [a]
    largest = np.max(
        [library.host(library.largest(library.largest(abs(part), axis=-1), axis=-1)) for part in parts], axis=0
    )
    if not np.isfinite(largest).all():
        _refuse(library, a)
    least, most = np.frexp([float(library.limits.smallest_normal), float(library.limits.max)])[1]
    unit = 2.0 ** np.clip(np.frexp(largest)[1], least + 1, most - 2)
    unit = np.where(largest == 0, 1.0, unit)
    inverse = library.numbers(1 / unit)
    a = a * inverse[..., None, None]
    norms = library.norms(a.mT)
    if np.any(library.host(library.largest(norms, axis=-1)) * unit > float(library.limits.max)):
        raise OverflowError("a column norm is too large for the dtype; scale the matrix down, or use a wider dtype")
    return a, norms, unit


def _refuse(library: Standard, a: DeviceArray) -> None:
    xp = library.xp
    bad = xp.any(~xp.isfinite(a), axis=-2)
    where = tuple(np.argwhere(library.host(bad))[0])
    column = library.host(a[(*map(int, where[:-1]), slice(None), int(where[-1]))])
    value = column[~np.isfinite(column)][0]
    name = "a" if a.ndim == 2 else f"a (matrix {', '.join(map(str, where[:-1]))} of the stack)"
    raise ValueError(
        f"{name} must be finite, but column {where[-1]} holds {value}; remove or replace such entries first"
    )
