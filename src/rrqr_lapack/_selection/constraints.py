"""Columns that must be in, columns that must stay out, rows that the choice must not see: LAPACK's ?GECXX.

I. Kozachenko, J. Demmel, SGECXX, DGECXX, CGECXX, ZGECXX (2026), https://github.com/Reference-LAPACK/lapack. The choice
runs on A_sub, which is A without the held-out rows and the columns that must stay out, with the columns that must be in
first; the tolerances and the residual are those of A_sub.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._common.indices import check_indices
from .._common.types import Indices, Operand, Shape


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rows and columns that take part, as index arrays; `include` are the first of the columns."""

    shape: Shape
    include: Indices
    exclude: Indices
    heldout_rows: Indices

    @cached_property
    def rows(self) -> Indices:
        return np.delete(np.arange(self.shape[0]), self.heldout_rows)

    @cached_property
    def columns(self) -> Indices:
        free = np.delete(np.arange(self.shape[1]), np.concatenate((self.include, self.exclude)))
        return np.concatenate((self.include, free))

    def __bool__(self) -> bool:
        return bool(self.include.size or self.exclude.size or self.heldout_rows.size)

    def restrict(self, a: Operand) -> Operand:
        """A_sub."""
        if self.heldout_rows.size:
            a = a[self.rows]
        return a[:, self.columns] if self.include.size or self.exclude.size else a


def check_constraints(shape: Shape, include: Any, exclude: Any, heldout_rows: Any) -> Constraints:
    """The constraints, each checked; ValueError where they contradict each other."""
    include = _indices("include", include, shape[1])
    exclude = _indices("exclude", exclude, shape[1])
    heldout_rows = _indices("heldout_rows", heldout_rows, shape[0])
    both = np.intersect1d(include, exclude)
    if both.size:
        raise ValueError(f"include and exclude must have no column in common, got {both[0]} in both")
    rows = shape[0] - heldout_rows.size
    if include.size > rows:
        raise ValueError(f"include must have at most as many columns as rows take part, {rows}, got {include.size}")
    return Constraints(shape, include, exclude, heldout_rows)


def _indices(name: str, value: Any, size: int) -> Indices:
    """Distinct indices in 0..size-1, from an array of them or a mask; None means none."""
    if value is None:
        return np.empty(0, np.intp)
    mask = np.asarray(value)
    if mask.dtype == bool:
        if mask.shape != (size,):
            raise ValueError(f"{name} as a mask must have the shape ({size},), got {mask.shape}")
        return np.flatnonzero(mask)
    return check_indices(name, value, size, kind="a vector of integers or a mask", distinct=True)
