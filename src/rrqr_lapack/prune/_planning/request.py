"""What a plan is asked for, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from rrqr_lapack._common.arrays import check_choice, check_count

from .._face import Face, Group
from .._units.select import PIVOTED
from .._words import some
from .alike import Ties
from .budget import PER_GROUP, Budget, one_of
from .options import AllocationName, Options
from .recipe import Recipe

ALLOCATIONS: tuple[AllocationName, ...] = get_args(AllocationName)


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
    ties : Ties
        Those of them that keep one width between them.
    eps_scale : {None, 'output'}
    """

    budget: Budget
    recipe: Recipe
    allocations: tuple[str, ...]
    round_to: int
    groups: tuple[str, ...]
    ties: Ties
    eps_scale: str | None

    @classmethod
    def of(cls, face: Face[Any], groups: Mapping[str, Group], options: Options) -> Request:
        """From the arguments of `plan`, which says what they mean, for some groups of a face.

        Raises
        ------
        ValueError, TypeError
            As `plan`.
        """
        groups = _without(groups, options.skip)
        ties, groups = Ties.of(options.alike, groups, face.alike if options.alike == "config" else ())
        budget = one_of(options.budgets(), groups)
        recipe = Recipe.of(options.method, options.correction, options.affine, options.seed)
        check_choice("eps_scale", options.eps_scale, (None, "output"))
        check_choice("allocation", options.allocation, (None, *ALLOCATIONS))
        if budget.kind == "eps" and recipe.method not in PIVOTED:
            raise ValueError(f"eps must go with {' or '.join(map(repr, PIVOTED))}, got the method {recipe.method!r}")
        if budget.kind != "eps" and options.eps_scale is not None:
            raise ValueError(f"eps_scale must be None without eps, got {options.eps_scale!r} and {budget.kind}")
        if budget.kind in PER_GROUP and options.allocation is not None:
            raise ValueError(
                f"allocation must be None without params, flops or max_error, got {options.allocation!r}; "
                f"{budget.kind} is a rule for each group"
            )
        tried = (options.allocation,) if options.allocation else ALLOCATIONS
        allocations = () if budget.kind in PER_GROUP else tried
        round_to = check_count("round_to", options.round_to, 1)
        return cls(budget, recipe, allocations, round_to, tuple(groups), ties, options.eps_scale)


def _without(groups: Mapping[str, Group], skip: Iterable[str]) -> dict[str, Group]:
    """The groups but for those to leave alone."""
    skip = [skip] if isinstance(skip, str) else list(skip)
    unknown = [name for name in skip if name not in groups]
    if unknown:
        raise ValueError(f"skip must hold groups of the analysis, {some(groups)}, got {unknown[0]!r}")
    rest = {name: group for name, group in groups.items() if name not in skip}
    if not rest:
        raise ValueError(f"skip must leave a group to plan for, got all of them, {some(skip)}")
    return rest
