"""What a plan is asked for, checked before any work is done."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass

from .._face import Group
from .._units.select import PIVOTED
from .._words import some
from .budget import PER_GROUP, Budget, one_of
from .recipe import Recipe

ALLOCATIONS = ("uniform", "global", "sensitivity")


@dataclass(frozen=True)
class Request:
    """The arguments of `plan`, each checked.

    Attributes
    ----------
    budget : Budget
    recipe : Recipe
    allocations : tuple of str
        Those to try; empty for a rule of each group.
    round_to : int
    groups : tuple of str
        To plan for.
    eps_scale : {None, 'output'}
    """

    budget: Budget
    recipe: Recipe
    allocations: tuple[str, ...]
    round_to: int
    groups: tuple[str, ...]
    eps_scale: str | None

    @classmethod
    def of(
        cls,
        groups: Mapping[str, Group],
        *,
        eps=None,
        keep=None,
        ranks=None,
        params=None,
        flops=None,
        max_error=None,
        method="id",
        correction=None,
        affine=False,
        allocation=None,
        round_to=1,
        skip=(),
        eps_scale=None,
        seed=0,
    ) -> Request:
        """From the arguments of `plan`, which says what they mean.

        Raises
        ------
        ValueError, TypeError
            As `plan`.
        """
        groups = _without(groups, skip)
        budgets = {"eps": eps, "keep": keep, "ranks": ranks, "params": params, "flops": flops, "max_error": max_error}
        budget = one_of(budgets, groups)
        recipe = Recipe.of(method, correction, affine, seed)
        if budget.kind == "eps" and method not in PIVOTED:
            raise ValueError(f"eps is a rule of the methods {' and '.join(PIVOTED)}; {method!r} needs another budget")
        if eps_scale not in (None, "output"):
            raise ValueError(f"eps_scale is {eps_scale!r}; allowed: None, 'output'")
        if eps_scale is not None and budget.kind != "eps":
            raise ValueError(f"eps_scale scales eps; give eps, not {budget.kind}")
        if allocation not in (None, *ALLOCATIONS):
            raise ValueError(f"allocation is {allocation!r}; allowed: None, {', '.join(map(repr, ALLOCATIONS))}")
        if allocation is not None and budget.kind in PER_GROUP:
            raise ValueError(f"allocation spreads params, flops or max_error; {budget.kind} is a rule for each group")
        allocations = () if budget.kind in PER_GROUP else (allocation,) if allocation else ALLOCATIONS
        return cls(budget, recipe, allocations, _multiple(round_to), tuple(groups), eps_scale)


def _without(groups, skip):
    """The groups but for those to leave alone."""
    skip = [skip] if isinstance(skip, str) else list(skip)
    unknown = [name for name in skip if name not in groups]
    if unknown:
        raise ValueError(f"skip has {unknown[0]!r}; the analysis has {some(groups)}")
    rest = {name: group for name, group in groups.items() if name not in skip}
    if not rest:
        raise ValueError("skip leaves no group to plan for")
    return rest


def _multiple(round_to):
    try:
        value = operator.index(round_to)
    except TypeError:
        raise TypeError(f"round_to must be an integer, not {round_to!r}") from None
    if value < 1:
        raise ValueError(f"round_to is {value}; allowed: at least 1")
    return value
