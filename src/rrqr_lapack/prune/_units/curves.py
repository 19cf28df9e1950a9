"""The curves that a plan is made from: for every width of every group, what it would cost the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..._common.progress import Progress
from .._analyze import HELD_OUT, Analysis
from .._face import Cut
from .._planning.recipe import Recipe

POINTS = 3  # widths of a group at which its effect on the outputs is measured
SMALL = 0.01  # relative error of a group below which its effect is not measured
LEAST = 1e-12  # relative error that counts as none

Sensitivities: TypeAlias = dict[str, tuple[np.ndarray, np.ndarray]]  # group -> logarithms of errors, and of ratios


class Curves:
    """Relative errors of each group for every k, and what they do to the outputs.

    The curve of a group is exact on the samples that were fitted, ``||Z - Z_C T||_F / ||Z||_F``. The output error of
    cutting one group alone is measured on the held-out samples at a few k; its ratio to the curve, interpolated over
    the logarithm of the error, is the group's sensitivity. Together they are the output error at every k; errors of
    several groups add as independent ones do, in squares.

    Parameters
    ----------
    analysis : Analysis
    names : sequence of str
        The groups to plan for.
    recipe : Recipe
        How they are cut.
    round_to : int
        Widths in columns are multiples of it, or all units.
    sensitivities : dict
        What was measured for other recipes, to which what is measured here is added: an error of a group does to the
        outputs what it does, whatever units are left.
    progress : callable, optional
    """

    def __init__(
        self,
        analysis: Analysis[Any],
        names: Iterable[str],
        recipe: Recipe,
        round_to: int,
        sensitivities: Sensitivities,
        progress: Progress | None = None,
    ) -> None:
        self.analysis, self.recipe, self.progress = analysis, recipe, progress
        self.choices: dict[str, np.ndarray] = {}
        self.units: dict[str, np.ndarray] = {}
        self.errors: dict[str, np.ndarray] = {}
        for name in names:
            whole, group = recipe.factor(analysis, name), analysis.groups[name]
            step = round_to // math.gcd(round_to, group.unit)
            self.choices[name] = widths(len(whole.units), group.width, step)
            self.units[name], self.errors[name] = whole.units, whole.errors / (whole.norm or 1.0)
        self.fit = {name: recipe.factor(analysis, name, fit=True) for name in self.choices}
        self._relative = {name: self._fitted(name) for name in self.choices}
        self._sensitivities, self._effects = sensitivities, 0

    def relative(self) -> dict[str, np.ndarray]:
        """Squared ``||Z - Z_C T||_F / ||Z||_F`` at each group's choices."""
        return {name: self._relative[name] ** 2 for name in self.choices}

    def output(self) -> dict[str, np.ndarray]:
        """Squared output errors at each group's choices, measured and interpolated."""
        return {name: self._output(name) ** 2 for name in self.choices}

    def alone(self, name: str, units: Sequence[int]) -> tuple[float, float]:
        """What cutting one group alone to these units loses of its activations, and of the held-out outputs."""
        whole, fit = (self.recipe.kept(self.analysis, name, units, fit=fit) for fit in (False, True))
        cuts = {name: fit.cut(len(units))} if len(units) < self.analysis.groups[name].width else {}
        return float(whole.errors[-1] / (whole.norm or 1.0)), self._effect(cuts)

    def _effect(self, cuts: Mapping[str, Cut]) -> float:
        """The output error of cuts of one group, measured on so many samples that all groups take few passes."""
        batches = len(self.analysis.held_out) * HELD_OUT
        error = self.analysis.output_error(cuts, most=-(-batches // ((POINTS + 1) * len(self.choices))))
        self._effects += 1
        if self.progress:
            self.progress("measuring cuts", self._effects, None)
        return error

    def together(self, widths: Mapping[str, int]) -> float:
        """The measured output error of cutting all groups, fitted to the original model."""
        return self.analysis.output_error(self.cuts(widths))

    def cuts(self, widths: Mapping[str, int]) -> dict[str, Cut]:
        """The cuts to these widths, fitted to the samples that are not held out; none where all units stay."""
        result = {}
        for name, k in widths.items():
            if k < self.analysis.groups[name].width:
                result[name] = self.fit[name].cut(min(k, len(self.fit[name].units)))
        return result

    def _fitted(self, name: str) -> np.ndarray:
        """Relative errors at the choices, on the samples that are not held out."""
        factor = self.fit[name]
        errors = factor.errors[np.minimum(self.choices[name], len(factor.units))]
        return np.where(self.choices[name] == self.analysis.groups[name].width, 0, errors / (factor.norm or 1.0))

    def _output(self, name: str) -> np.ndarray:
        choices, relative = self.choices[name], np.maximum(self._relative[name], LEAST)
        if name not in self._sensitivities:
            # where the curve falls to evenly spaced levels; small errors act linearly: the ratio stays the same beyond
            levels = np.geomspace(relative[0], max(relative[-1], min(SMALL, relative[0])), POINTS)
            points = np.unique(np.searchsorted(-relative, -levels).clip(max=len(choices) - 1))
            effects = [self._effect(self.cuts({name: int(choices[i])})) for i in points]
            ratios = np.log(np.maximum(effects, LEAST) / relative[points])
            self._sensitivities[name] = -np.log(relative[points]), ratios
        return relative * np.exp(np.interp(-np.log(relative), *self._sensitivities[name]))


def widths(largest: int, width: int, round_to: int) -> np.ndarray:
    """The widths a group may take: multiples of `round_to` up to its rank, and all units where all are independent.

    Examples
    --------
    >>> from rrqr_lapack.prune._units.curves import widths
    >>> widths(10, 10, 4), widths(9, 10, 4), widths(3, 10, 4)
    (array([ 4,  8, 10]), array([4, 8]), array([3]))
    """
    choices = np.arange(round_to, largest + 1, round_to)
    if largest == width or not len(choices):
        choices = np.union1d(choices, [largest])
    return choices
