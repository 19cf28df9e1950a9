"""Column subset selection on a device: pivoted QR, its strong version, and pivots of a sketch."""

from functools import cached_property
from typing import Any

import numpy as np

from .._common.arrays import check_choice, check_count, check_flag
from .._common.error import Error, exact
from .._common.rule import Rule, check_rule
from .._common.types import Shape
from .._device import factor
from .._device.library import library_of
from .._device.scale import near_one
from .._device.standard import Standard
from .._qr.strong import check_bound
from .._selection.constraints import check_constraints
from .._selection.registry import METHODS
from .._selection.result import ColumnSelection
from .._selection.select import check_fit
from .device_basis import basis
from .device_strong import strong_factor
from .home import Home
from .numbers import numerical_rtol
from .refusals import only


def select_columns(
    home: Home,
    a: Any,
    *,
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    method: Any,
    include: Any,
    exclude: Any,
    heldout_rows: Any,
    check_finite: bool,
    rng: Any,
    **options: Any,
) -> ColumnSelection:
    """As `rrqr_lapack.select_columns`, without constraints."""
    if a.ndim != 2:
        raise ValueError(f"a must have 2 dimensions, got {a.ndim}")
    only("method", check_choice("method", method, tuple(METHODS)), *CHOICES)
    for name, value in {"include": include, "exclude": exclude, "heldout_rows": heldout_rows}.items():
        only(name, value, None)
    check_flag("check_finite", check_finite)
    given: Any = options
    check_fit(a, method, rank, (rtol, atol), check_constraints(a.shape, None, None, None), given)
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    columns = CHOICES[method](a, rule.at_least(numerical_rtol(a)), **options)
    return DeviceSelection(home, a, columns, method)


class DeviceSelection(ColumnSelection):
    """A `ColumnSelection` of an array on another device."""

    def __init__(self, home: Home, a: Any, chosen: Any, method: Any) -> None:
        self._home, self._a, self._chosen, self._library = home, a, chosen, library_of(a)
        self.columns, self.method = home.indices(chosen), method

    @property
    def shape(self) -> Shape:
        m, n = self._a.shape
        return m, n

    @property
    def dtype(self) -> Any:
        return self._home.dtype

    @cached_property
    def skeleton(self) -> Any:  # type: ignore[override]
        return self._home.rounded(self._library.take(self._a, self._chosen, 1))

    @cached_property
    def _fit(self) -> tuple[Any, Any]:
        return least_squares(self._library, self._a, self._chosen)

    @property
    def coefficients(self) -> Any:  # type: ignore[override]
        return self._home.rounded(self._fit[0])

    @cached_property
    def _error(self) -> Error:  # type: ignore[override]
        return exact(float(self._library.norms(self._fit[1])))

    @property
    def max_column_error(self) -> float:  # type: ignore[override]
        return float(self._library.largest(self._fit[1])) if self.shape[1] else 0.0

    @property
    def max_coefficient(self) -> float:
        return float(self._library.largest(abs(self._fit[0]))) if 0 not in self._fit[0].shape else 0.0

    @property
    def training_error(self) -> float:
        return self.error

    @property
    def heldout_error(self) -> float:
        return 0.0


def least_squares(library: Standard, a: Any, chosen: Any) -> tuple[Any, Any]:
    """T by a QR of the chosen columns, and the norms of what it leaves of each column."""
    q, r = library.xp.linalg.qr(library.take(a, chosen, 1))
    coordinates = library.conj(q.mT) @ a
    left = library.norms((a - q @ coordinates).mT)
    t = library.solve_upper(r, coordinates) if chosen.shape[0] else coordinates
    column = library.xp.arange(a.shape[1], device=library.device)
    unit = chosen[:, None] == column[None, :]
    taken = library.xp.any(unit, axis=0)
    where = library.xp.where
    return where(unit, 1.0, where(taken, 0.0, t)), where(taken, 0.0, left)


def _greedy(a: Any, rule: Rule) -> Any:
    found = factor(a, rank=rule.rank, **rule.tolerances)
    return found.pivots[: found.rank]


def _strong(a: Any, rule: Rule, f: float = 2.0) -> Any:
    found = strong_factor(a, factor(a, rank=rule.rank, **rule.tolerances), rule, check_bound(f)).factor
    return found.pivots[: found.rank]


def _sketch(a: Any, rule: Rule, pivoting: str = "lu", oversample: int = 10, power: int = 0) -> Any:
    check_choice("pivoting", pivoting, ("lu", "qr"))
    oversample, power = check_count("oversample", oversample), check_count("power", power)
    library = library_of(a)
    rows = rule.rank if pivoting == "lu" else min(rule.rank + oversample, *a.shape)
    if not rows:
        return library.indices(())
    a = near_one(library, a)[0]
    x = library.gaussian(rule.rng, (a.shape[0], rows))
    for _ in range(power):
        x = basis(library, a @ basis(library, library.conj(a.mT) @ x))
    yh = library.conj(a.mT) @ x
    if pivoting == "qr":
        return _greedy(library.conj(yh.mT), rule)
    chosen = np.array(library.leading_rows(yh, rows))
    within = factor(library.take(a, library.indices(chosen), 1), rtol=numerical_rtol(a))
    return library.indices(chosen[np.sort(library.host(within.pivots[: within.rank]).astype(int))])


CHOICES = {"greedy": _greedy, "strong": _strong, "sketch": _sketch}
