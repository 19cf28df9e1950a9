"""What a plan is asked for, checked before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

from rrqr_lapack._common.arrays import check_choice, check_count

from ..._common.words import some
from .._face import Face, Group
from .._units.select import PIVOTED, Method
from .alike import Ties
from .budget import PER_GROUP, Budget, one_of
from .options import AllocationName, Options
from .recipe import Recipe, Refit

DEFAULTS: tuple[Method, ...] = ("forward", "weighted")  # one of them is best nearly everywhere
DRIFTS = (1.0, 0.0, 0.5)  # in the order in which they are tried
ALLOCATIONS: tuple[AllocationName, ...] = get_args(AllocationName)


@dataclass(frozen=True)
class Request:
    """The arguments of `plan`, each checked.

    Attributes
    ----------
    budget : Budget
    plain : tuple of Recipe
        Those to try, without a refit.
    refit : {'auto', 'asymmetric', None}
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
    plain: tuple[Recipe, ...]
    refit: Refit
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
        check_choice("refit", options.refit, (None, "auto", "asymmetric"))
        eps = budget.kind == "eps"
        methods = (options.method,) if options.method is not None else ("id",) if eps else DEFAULTS
        affine = options.refit is not None and not eps if options.affine is None else options.affine
        recipes = tuple(Recipe.of(method, options.correction, affine, options.seed) for method in methods)
        recipe = recipes[0]
        if recipe.correction == "none":
            if options.refit == "asymmetric":
                raise ValueError(
                    f"refit must be None with the correction 'none' (of the method {recipe.method!r}), got "
                    f"{options.refit!r}; correction='lstsq' is what it fits"
                )
            recipes = tuple(replace(each, affine=bool(options.affine)) for each in recipes)
        check_choice("eps_scale", options.eps_scale, (None, "output"))
        check_choice("allocation", options.allocation, (None, *ALLOCATIONS))
        if eps and recipe.method not in PIVOTED:
            raise ValueError(f"eps must go with {' or '.join(map(repr, PIVOTED))}, got the method {recipe.method!r}")
        if not eps and options.eps_scale is not None:
            raise ValueError(f"eps_scale must be None without eps, got {options.eps_scale!r} and {budget.kind}")
        if budget.kind in PER_GROUP and options.allocation is not None:
            raise ValueError(
                f"allocation must be None without params, flops or max_error, got {options.allocation!r}; "
                f"{budget.kind} is a rule for each group"
            )
        tried = (options.allocation,) if options.allocation else ALLOCATIONS
        allocations = () if budget.kind in PER_GROUP else tried
        round_to = check_count("round_to", options.round_to, 1)
        refit = None if recipe.correction == "none" else options.refit
        return cls(budget, recipes, refit, allocations, round_to, tuple(groups), ties, options.eps_scale)

    def recipes(self, *, read_again: bool) -> tuple[Recipe, ...]:
        """Those to try, in this order, of samples that can be read again or not."""
        if self.refit is None or (self.refit == "auto" and not read_again):
            return self.plain
        shares = DRIFTS if self.refit == "auto" else DRIFTS[:1]
        return tuple(replace(each, drift=drift) for drift in shares for each in self.plain)


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
