"""When a factorization stops, and what decides where its choice is free: one value, checked in one place.

Every algorithm says what its tolerances bound and what `rtol` is relative to; README has the table.
"""

from typing import Any, NamedTuple, Self, TypedDict

from .arrays import check_rank, check_rng, check_tie_tol, check_tolerance
from .types import Seed


class Tolerances(TypedDict):
    """Tolerances as arguments."""

    rtol: float | None
    atol: float | None


class Rule(NamedTuple):
    """Stop before the first step with what is left at most `atol`, or at most `rtol` of all, or after `rank` steps."""

    rank: int
    rtol: float = -1.0  # off
    atol: float = -1.0  # off
    tie_tol: float = 0.0  # relative width of a tie
    rng: Any = None  # the Generator of all that is random; None where nothing is

    @property
    def by_tolerance(self) -> bool:
        """Whether a tolerance may decide."""
        return self.rtol >= 0 or self.atol >= 0

    @property
    def tolerances(self) -> Tolerances:
        """The tolerances as arguments of another function."""
        return {"rtol": self.rtol if self.rtol >= 0 else None, "atol": self.atol if self.atol >= 0 else None}

    def at_least(self, rtol: float, atol: float = -1.0) -> Self:
        """The rule that also stops at these tolerances."""
        return self._replace(rtol=max(self.rtol, rtol), atol=max(self.atol, atol))


def check_rule(
    shape: tuple[int, ...],
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    tie_tol: float = 0.0,
    rng: Seed = None,
    *,
    smallest: int = 0,
    random: bool = True,
) -> Rule:
    """The arguments of a factorization of a matrix of this shape, each checked.

    Where nothing is `random`, no generator is made from None: fresh entropy takes longer than a tiny matrix.
    """
    return Rule(
        check_rank(rank, min(shape), smallest),
        check_tolerance("rtol", rtol),
        check_tolerance("atol", atol),
        check_tie_tol(tie_tol),
        check_rng(rng) if random or rng is not None else None,
    )
