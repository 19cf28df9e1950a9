"""How much may stay: one of several budgets, checked, and what it means for the widths."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

from .._face import total
from .._words import some

KINDS = ("eps", "keep", "ranks", "params", "flops", "max_error")
PER_GROUP = ("eps", "keep", "ranks")  # rules for each group by itself


@dataclass(frozen=True)
class Budget:
    """One budget: its kind, and its value as it was given (for ranks a dict of widths by group).

    Attributes
    ----------
    kind : {'eps', 'keep', 'ranks', 'params', 'flops', 'max_error'}
    value : float, int or dict
    """

    kind: str
    value: float | int | dict

    def limit(self, face) -> float:
        """The most parameters or flops: numbers up to 1 are fractions of the model's, larger ones absolute."""
        terms = self.terms(face)
        whole = total(terms, {group.name: group.width for group in face.groups})
        return self.value * whole if self.value <= 1 else self.value

    def terms(self, face):
        """The cost that is limited, or for `max_error` made small."""
        return face.flops if self.kind == "flops" else face.parameters


def one_of(budgets: Mapping, groups: Mapping) -> Budget:
    """The one budget that is not None, checked.

    Raises
    ------
    ValueError, TypeError
        Not exactly one, or one out of range.
    """
    given = [name for name in budgets if budgets[name] is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(budgets)}; got {' and '.join(given) or 'none of them'}")
    kind = given[0]
    value = budgets[kind]
    if kind == "ranks":
        return Budget(kind, _ranks(value, groups))
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{kind} must be a real number, not {value!r}")
    if kind == "eps" and not 0 <= value < 1:
        raise ValueError(f"eps is {value}; allowed: 0 <= eps < 1")
    if kind == "keep" and not 0 < value <= 1:
        raise ValueError(f"keep is {value}; allowed: 0 < keep <= 1, the fraction of units to keep")
    if kind in ("params", "flops") and not 0 < value < float("inf"):
        raise ValueError(f"{kind} is {value}; allowed: a fraction, 0 < {kind} <= 1, or a number of them above 1")
    if kind == "max_error" and not 0 < value < float("inf"):
        raise ValueError(f"max_error is {value}; allowed: max_error > 0, relative to the outputs' norm")
    return Budget(kind, value)


def _ranks(ranks, groups):
    if isinstance(ranks, Mapping):
        unknown = [name for name in ranks if name not in groups]
        if unknown or len(ranks) < len(groups):
            raise ValueError(f"ranks names {some(ranks)}; give one for each of {some(groups)}")
        ranks = [ranks[name] for name in groups]
    try:
        ranks = [operator.index(value) for value in ranks]
    except TypeError:
        raise TypeError(f"ranks must be a sequence of integers, not {ranks!r}") from None
    if len(ranks) != len(groups):
        raise ValueError(f"ranks has {len(ranks)} entries; give one for each of the {len(groups)} groups")
    for k, (name, group) in zip(ranks, groups.items(), strict=True):
        if not 1 <= k <= group.width:
            raise ValueError(f"ranks asks for {k} units of {name}; allowed: 1 to {group.width}")
    return dict(zip(groups, ranks, strict=True))
