"""QR of a tall matrix whose rows arrive in pieces on a device."""

from typing import Any, Self

from .._common.arrays import check_flag
from .._device.library import library_of
from .._device.memory import on_device
from .._device.scale import near_one
from .._qr.tall import LEAST_ROWS, TallQR
from .home import Home


class DeviceTallQR(TallQR):
    """A `TallQR` of rows on another device, by the library's QR of the triangle and the rows that were gathered.

    Rows in half precision are summed up in single.
    """

    def __init__(self, rows: Any, *, home: Home, check_finite: bool = True) -> None:
        self._home, self._library = home, library_of(rows)
        self._check_finite = check_flag("check_finite", check_finite)
        self.dtype = home.dtype
        self.shape = (0, rows.shape[-1])
        self._upper = self._library.zeros((0, rows.shape[-1]))
        self._waiting: list[Any] = []
        self._append(rows)

    @property
    def R(self) -> Any:
        return self._home.rounded(self._eliminated())

    def update(self, rows: Any) -> Self:
        """Append rows."""
        self._append(self._home.alike(rows, "rows"))
        return self

    def merge(self, other: TallQR) -> Self:
        """Append the rows that another one has seen."""
        if not isinstance(other, TallQR):
            raise TypeError(f"other must be a TallQR, got {type(other).__name__}")
        if other.shape[1]:
            known = self.shape[0] + other.shape[0]
            self._append(other._eliminated() if isinstance(other, DeviceTallQR) else self._home.alike(other.R, "other"))
            self.shape = known, self.shape[1]
        return self

    def copy(self) -> Self:
        """An independent one of the same rows: no array is ever changed."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self), _waiting=list(self._waiting))
        return twin

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def _append(self, rows: Any) -> None:
        if rows.ndim != 2:
            raise ValueError(f"rows must have 2 dimensions, got {rows.ndim}")
        if rows.shape[1] != self.shape[1]:
            raise ValueError(f"rows must have {self.shape[1]} columns like the rows before, got {rows.shape[1]}")
        if self._check_finite and rows.shape[0] and rows.shape[1]:
            near_one(self._library, rows)  # says where it is not
        upper = self._upper
        with on_device(self._library, rows, "fewer rows at a time take less"):  # those before are kept as they are
            waiting = [*self._waiting, self._library.xp.asarray(rows, copy=True)]
            if sum(piece.shape[0] for piece in waiting) >= max(self.shape[1], LEAST_ROWS):
                upper, waiting = self._triangle(upper, waiting), []
        self._upper, self._waiting = upper, waiting
        self.shape = self.shape[0] + rows.shape[0], self.shape[1]

    def _eliminated(self) -> Any:
        """R of all rows so far."""
        return self._triangle(self._upper, self._waiting)

    def _triangle(self, upper: Any, waiting: list[Any]) -> Any:
        rows = self._library.xp.concat([upper, *waiting], axis=0)
        return self._library.triangle(rows) if 0 not in rows.shape else rows[: min(rows.shape), :]
