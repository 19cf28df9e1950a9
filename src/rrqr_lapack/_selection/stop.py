"""When a selection is complete."""

from typing import NamedTuple


class Stop(NamedTuple):
    """At most `rank` columns, fewer where a tolerance holds before (-1: off); the first `first` columns must be in."""

    rank: int
    rtol: float
    atol: float
    first: int = 0
