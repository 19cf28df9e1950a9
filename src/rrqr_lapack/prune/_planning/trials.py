"""What can be done under a budget, each tried on held-out samples as `apply` would do it: the best is the plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from ..._common.progress import Progress
from .._analyze import Analysis
from .._face import total
from .._sweep import Batches, sweep
from .._units.curves import Curves, Sensitivities
from .alike import Ties
from .allocate import Allocation
from .budget import Budget
from .recipe import Recipe
from .request import Request

TRIES = 6  # corrections of a predicted error by the measured one
NEAR = 1.05  # of the least error: other shares of drift are worth a trial
ENOUGH, LEAST = 4, 4  # rows a column, and batches, that a trial is fitted to where there are so many
CLOSE = 1.25  # error of 'uniform' without a refit, to the least: it may be better with one
MADE_UP = 0.85  # of the error without a refit: making up for what was lost before is worth all of it

Units: TypeAlias = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Trial:
    """One way to meet the budget.

    Attributes
    ----------
    label : str
        What it was tried for.
    recipe : Recipe
    allocation : str
        How the widths were found.
    widths : dict of str to int
    error : float
        Of the outputs on the held-out samples, the cuts fitted to others.
    units : dict of str to tuple of int
        Those that stay.
    """

    label: str
    recipe: Recipe
    allocation: str
    widths: dict[str, int]
    error: float = math.nan
    units: Units = field(default_factory=dict)


class Trials:
    """The ways that a request leaves open, from its first recipe on.

    The allocations are tried first, under a refit only the one that without it is best, and the same fraction
    everywhere if it is near. Then the other methods with the allocation that was best, then with the better method the
    other shares of drift, unless making up for all of it is clearly better than no refit.

    Parameters
    ----------
    analysis : Analysis
    request : Request
    progress : callable, optional

    Attributes
    ----------
    held_out : dict of str to float
        The error of each trial.
    """

    def __init__(self, analysis: Analysis[Any], request: Request, progress: Progress | None = None) -> None:
        self.analysis, self.request, self._progress = analysis, request, progress
        self.held_out: dict[str, float] = {}
        self._curves: dict[Recipe, Curves] = {}
        self._sensitivities: Sensitivities = {}
        self._batches: Batches = []
        self._exact = request.budget.kind == "max_error"  # the error is a promise, not a comparison

    def best(self) -> Trial:
        """The trial of the least error, or for `max_error` of the fewest parameters.

        Raises
        ------
        ValueError
            The budget cannot be met.
        """
        request = self.request
        recipes = request.recipes(read_again=self.analysis.batches is not None)
        names = request.allocations or (request.budget.kind,)
        spread = [self._trial(recipes[0], name, name) for name in reversed(names)]
        found = self._least([self._measured(each) for each in self._worth_it(spread)])
        if found is None:
            raise ValueError(
                f"max_error must be larger, got {request.budget.value}: no cut to the numerical rank is as good; skip "
                "groups, or allow more"
            )
        drift, allocation = recipes[0].drift, found.allocation
        others = [each for each in recipes[1:] if each.drift == drift]
        tried = [self._trial(each, allocation, each.method) for each in others]
        found = self._least([found, *(self._measured(each) for each in tried if each)]) or found
        first = found.error
        shares = [each for each in recipes if each.method == found.recipe.method and each.drift not in (drift, None)]
        if shares and first < MADE_UP * self.curves(found.recipe).together(found.widths):
            return found
        for recipe in shares:
            again = self._measured(replace(found, label=f"drift {recipe.drift:g}", recipe=recipe))
            found = self._least([found, again]) or found
            if again.error > NEAR * first:  # what lies between can hardly be better
                break
        return found

    def curves(self, recipe: Recipe) -> Curves:
        """Those of a recipe, whatever it is fitted to."""
        plain = replace(recipe, drift=None)
        if plain not in self._curves:
            request = self.request
            self._curves[plain] = Curves(
                self.analysis, request.groups, plain, request.round_to, self._sensitivities, self._progress
            )
        return self._curves[plain]

    def cut(self, recipe: Recipe, widths: Mapping[str, int], *, every: bool) -> tuple[float, Units]:
        """The output error on the held-out samples, the cuts fitted to every other one or to as many as it takes.

        With the units that stay.
        """
        curves = self.curves(recipe)
        units = {name: tuple(curves.units[name][:k].tolist()) for name, k in widths.items()}
        if recipe.drift is None or all(k == self.analysis.groups[name].width for name, k in widths.items()):
            return curves.together(widths), units
        self._batches = self._batches or self.analysis.again()
        batches, choose = self._batches if every else self._enough(), recipe.method == "forward"
        swept = sweep(self.analysis, units, batches, drift=recipe.drift, affine=recipe.affine, choose=choose)
        return swept.error, {name: tuple(swept.cuts[name].units.tolist()) for name in widths}

    def _enough(self) -> Batches:
        """The batches that are held out, and some of the others, evenly."""
        fit = [batch for batch in self._batches if not batch[1]]
        groups = [(self.analysis.groups[name], self.analysis.statistics(name).rows) for name in self.request.groups]
        share = max(ENOUGH * group.columns / max(rows, 1) for group, rows in groups)
        count = min(len(fit), max(LEAST, math.ceil(share * len(self._batches))))
        chosen = {id(fit[i * len(fit) // count]) for i in range(count)}
        return [batch for batch in self._batches if batch[1] or id(batch) in chosen]

    def _trial(self, recipe: Recipe, allocation: str, label: str) -> Trial | None:
        """What is to be tried, None where the budget cannot be met so."""
        if not self.request.allocations:
            budget, ties = self.request.budget, self.request.ties
            return Trial(label, recipe, allocation, by_rule(self.curves(recipe), budget, self.request.eps_scale, ties))
        widths = self._spread(recipe, allocation)
        return None if widths is None else Trial(label, recipe, allocation, widths)

    def _worth_it(self, trials: Sequence[Trial | None]) -> list[Trial]:
        """Of one recipe the best by errors without a refit, which take little time, and 'uniform' if near to it."""
        different = {tuple(each.widths.items()): each for each in trials if each is not None}
        found = list(different.values())
        if self._exact or len(found) < 2 or found[0].recipe.drift is None:
            return found
        errors = [self.curves(each.recipe).together(each.widths) for each in found]
        limits = [CLOSE * min(errors) if each.allocation == "uniform" else min(errors) for each in found]
        return [each for each, error, limit in zip(found, errors, limits, strict=True) if error <= limit]

    def _measured(self, trial: Trial) -> Trial:
        error, units = self.cut(trial.recipe, trial.widths, every=self._exact)
        self.held_out[trial.label] = error
        if self._progress:
            self._progress("measuring cuts", len(self.held_out), None)
        return replace(trial, error=error, units=units)

    def _least(self, trials: Sequence[Trial | None]) -> Trial | None:
        """The best of those that meet the budget, the first of equal ones."""

        def worth(trial: Trial) -> tuple[float, float]:
            return (self._parameters(trial.widths) if self._exact else 0.0), trial.error

        limit = self.request.budget.value if self._exact else math.inf
        return min((each for each in trials if each is not None and each.error <= limit), key=worth, default=None)

    def _parameters(self, widths: Mapping[str, int]) -> int:
        face = self.analysis.face
        return total(face.parameters, {**{group.name: group.width for group in face.groups}, **widths})

    def _spread(self, recipe: Recipe, name: str) -> dict[str, int] | None:
        """The widths of one allocation under the budget, None where there are none."""
        face, curves, budget = self.analysis.face, self.curves(recipe), self.request.budget
        errors = curves.output() if name == "sensitivity" else curves.relative()
        full = {group.name: group.width for group in face.groups}
        ties = self.request.ties
        errors, choices = ties.together(errors, curves.choices)
        allocation = Allocation(errors, choices, ties.renamed(budget.terms(face)), full, uniform=name == "uniform")
        if self._exact:
            return self._cheapest(recipe, allocation, budget.value)
        limit = budget.limit(face)
        widths = allocation.within(limit)
        if widths is None:
            raise ValueError(
                f"{budget.kind} must allow what the model has at its narrowest, "
                f"{allocation.cost(allocation.narrowest):,}, got {budget.value}, which allows {math.floor(limit):,}"
            )
        return ties.spread(widths)

    def _cheapest(self, recipe: Recipe, allocation: Allocation, max_error: float) -> dict[str, int] | None:
        """The widths of the least cost whose output error, measured, is at most `max_error`.

        The curves predict the error, and what is measured corrects the prediction a few times.
        """
        target, found = max_error, []
        for _ in range(TRIES):
            widths = allocation.cheapest(target**2) or allocation.widest
            measured, _ = self.cut(recipe, self.request.ties.spread(widths), every=True)
            if measured <= max_error:
                found.append(widths)
            target *= max_error / max(measured, 1e-3 * max_error)
        best = min(found, key=allocation.cost, default=None)
        return None if best is None else self.request.ties.spread(best)


def by_rule(curves: Curves, budget: Budget, eps_scale: str | None, ties: Ties) -> dict[str, int]:
    """The widths that eps, keep or ranks give each group."""
    result = {}
    for name in curves.choices:
        group = curves.analysis.groups[name]
        if budget.kind == "eps":
            diagonal = curves.recipe.factor(curves.analysis, name).diagonal
            eps = budget.value
            if eps_scale == "output":
                scale = np.linalg.norm(np.hstack(curves.analysis.face.consumers(name)), 2)
                eps = min(1.0, eps / scale) if scale else 1.0
            k = int(np.argmax(np.append(diagonal <= eps * diagonal[0], True)))
        elif budget.kind == "keep":
            k = round(budget.value * group.width)
        else:
            k = budget.value[name]
        result[name] = k
    _, choices = ties.together({name: np.zeros(len(each)) for name, each in curves.choices.items()}, curves.choices)
    largest = {name: max(k for other, k in result.items() if ties.leader(other) == name) for name in choices}
    return ties.spread(
        {
            name: int(widths[min(int(np.searchsorted(widths, largest[name])), len(widths) - 1)])
            for name, widths in choices.items()
        }
    )
