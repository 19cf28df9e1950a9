"""Results that hold Dask arrays, and after ``dask.compute`` NumPy arrays in their place."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import dask
import dask.array as da
import numpy as np

from .._common.types import DType


@dataclass(frozen=True, repr=False)
class Lazy:
    """A dataclass of what one graph gives; Dask computes its fields together, and makes the same class of them."""

    def compute(self, **options: Any) -> Self:
        """The same with NumPy arrays and numbers in it, computed together.

        Parameters
        ----------
        **options
            As for `dask.compute`, `scheduler` for one.

        Returns
        -------
        Lazy
            An object of the same class.
        """
        (found,) = dask.compute(self, **options)
        return found

    def __repr__(self) -> str:
        known = [
            f"{field.name}={value}" if isinstance(value, str | int) else f"{field.name}={float(value):.3g}"
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), str | int | float)
        ]
        return f"<{type(self).__name__}: {', '.join(known)}>"


def pieces(found: Any, dtype: DType, shapes: Mapping[str, tuple[float, ...]]) -> dict[str, Any]:
    """Entries of a delayed dict as Dask arrays: of indices where the name says so, otherwise of this dtype."""
    return {
        name: da.from_delayed(found[name], shape, dtype=np.dtype(TYPES.get(name, dtype)))
        for name, shape in shapes.items()
    }


def an_object(found: Any) -> Any:
    """A delayed object of any kind as a Dask array without dimensions.

    For `dask.compute` gives the values of `Delayed` and of arrays back in another order, where they come mixed.
    """
    return da.from_delayed(found, (), dtype=object)


TYPES = {
    "P": np.int32,
    "columns": np.int32,
    "rows": np.int64,
    "rank": np.int64,
    **dict.fromkeys(("error", "error_bound", "max_column_error", "maxresid", "residual_norm"), np.float64),
    **dict.fromkeys(("max_coefficient", "rho", "bound"), np.float64),
}
