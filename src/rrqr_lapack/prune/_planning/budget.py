"""How much may stay: one of several budgets, checked, and what it means for the widths."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeAlias

from ..._common.words import some
from .._face import Face, Group, Term, total

Range: TypeAlias = tuple[Callable[[Any], bool], str]  # what is in it, and in words

PER_GROUP = ("eps", "keep", "ranks")  # rules for each group by itself
SIZE: Range = (lambda size: 0 < size < math.inf), "a fraction above 0 and up to 1, or a number of them above 1"
RANGES: dict[str, Range] = {
    "eps": (lambda eps: 0 <= eps < 1, "at least 0 and less than 1"),
    "keep": (lambda keep: 0 < keep <= 1, "above 0 and at most 1, the fraction of units to keep"),
    "params": SIZE,
    "flops": SIZE,
    "max_error": (lambda error: 0 < error < math.inf, "above 0 and finite, relative to the outputs' norm"),
}


@dataclass(frozen=True)
class Budget:
    """One budget: its kind, and its value as it was given (for ranks a dict of widths by group).

    Attributes
    ----------
    kind : {'eps', 'keep', 'ranks', 'params', 'flops', 'max_error'}
    value : float, or for ranks a dict of str to int
    """

    kind: str
    value: Any

    def limit(self, face: Face[Any]) -> float:
        """The most parameters or flops: numbers up to 1 are fractions of the model's, larger ones absolute."""
        terms = self.terms(face)
        whole = total(terms, {group.name: group.width for group in face.groups})
        return self.value * whole if self.value <= 1 else self.value

    def terms(self, face: Face[Any]) -> tuple[Term, ...]:
        """The cost that is limited, or for `max_error` made small."""
        return face.flops if self.kind == "flops" else face.parameters


def one_of(budgets: Mapping[str, Any], groups: Mapping[str, Group]) -> Budget:
    """The one budget that is not None, checked.

    Raises
    ------
    ValueError, TypeError
        Not exactly one, or one out of range.
    """
    given = [name for name in budgets if budgets[name] is not None]
    if len(given) != 1:
        raise ValueError(
            f"exactly one of {', '.join(budgets)} must be given, got {' and '.join(given) or 'none of them'}"
        )
    kind = given[0]
    value = budgets[kind]
    if kind == "ranks":
        return Budget(kind, _ranks(value, groups))
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{kind} must be a real number, got {value!r}")
    allowed, words = RANGES[kind]
    if not allowed(value):
        raise ValueError(f"{kind} must be {words}, got {value}")
    return Budget(kind, value)


def _ranks(ranks: Any, groups: Mapping[str, Group]) -> dict[str, int]:
    if isinstance(ranks, Mapping):
        unknown = [name for name in ranks if name not in groups]
        if unknown or len(ranks) < len(groups):
            raise ValueError(f"ranks must name each of {some(groups)}, got {some(ranks)}")
        ranks = [ranks[name] for name in groups]
    try:
        ranks = [operator.index(value) for value in ranks]
    except TypeError:
        raise TypeError(f"ranks must be a sequence of integers, got {ranks!r}") from None
    if len(ranks) != len(groups):
        raise ValueError(f"ranks must hold a number for each of the {len(groups)} groups, got {len(ranks)}")
    for k, (name, group) in zip(ranks, groups.items(), strict=True):
        if not 1 <= k <= group.width:
            raise ValueError(f"ranks must be between 1 and {group.width} for {name}, got {k}")
    return dict(zip(groups, ranks, strict=True))
