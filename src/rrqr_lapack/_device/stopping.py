"""When a factorization on a device stops."""

from typing import NamedTuple


class Stop(NamedTuple):
    """Before the first step with what is left at most `limit`, or after `rank` steps."""

    rank: int
    rtol: float  # -1 where off
    atol: float

    @property
    def by_tolerance(self) -> bool:
        """Whether a tolerance may decide."""
        return self.rtol >= 0 or self.atol >= 0

    def limit(self, largest: float, unit: float) -> float:
        """The column norm of the residual at which to stop, from the largest of the matrix, both in this unit."""
        return max(self.rtol * largest, self.atol / unit, 0.0)
