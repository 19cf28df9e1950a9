"""The curves that a plan is made from: for every width of every group, what it would cost the outputs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..._common.progress import Progress
from .._analyze import Analysis
from .._face import Cut
from .._planning.recipe import Recipe

POINTS = 8  # widths of a group at which its effect on the outputs is measured
SMALL = 0.01  # relative error of a group below which its effect is not measured
LEAST = 1e-12  # relative error that counts as none


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
    progress : callable, optional
    """

    def __init__(
        self,
        analysis: Analysis[Any],
        names: Iterable[str],
        recipe: Recipe,
        round_to: int,
        progress: Progress | None = None,
    ) -> None:
        self.analysis, self.recipe, self.progress = analysis, recipe, progress
        self.fit = {name: recipe.factor(analysis, name, fit=True) for name in names}
        self.choices = {
            name: widths(
                len(recipe.factor(analysis, name).units),
                analysis.groups[name].width,
                round_to // math.gcd(round_to, analysis.groups[name].unit),
            )
            for name in names
        }
        self._alone: dict[tuple[str, int], float] = {}

    def relative(self) -> dict[str, np.ndarray]:
        """Squared ``||Z - Z_C T||_F / ||Z||_F`` at each group's choices."""
        return {name: self._relative(name) ** 2 for name in self.choices}

    def output(self) -> dict[str, np.ndarray]:
        """Squared output errors at each group's choices, measured and interpolated."""
        return {name: self._output(name) ** 2 for name in self.choices}

    def alone(self, name: str, k: int) -> float:
        """The measured output error of cutting one group alone to k units."""
        if (name, k) not in self._alone:
            self._alone[name, k] = self.analysis.output_error(self.cuts({name: k}))
            if self.progress:
                self.progress("measuring cuts", len(self._alone), None)
        return self._alone[name, k]

    def together(self, widths: Mapping[str, int]) -> float:
        """The measured output error of cutting all groups."""
        return self.analysis.output_error(self.cuts(widths))

    def cuts(self, widths: Mapping[str, int]) -> dict[str, Cut]:
        """The cuts to these widths, fitted to the samples that are not held out."""
        return {name: self.fit[name].cut(min(k, len(self.fit[name].units))) for name, k in widths.items()}

    def _relative(self, name: str) -> np.ndarray:
        factor = self.fit[name]
        errors = factor.errors[np.minimum(self.choices[name], len(factor.units))]
        return errors / factor.norm if factor.norm else errors

    def _output(self, name: str) -> np.ndarray:
        choices, relative = self.choices[name], np.maximum(self._relative(name), LEAST)
        # where the curve falls to evenly spaced levels; small errors act linearly, so the ratio stays as it is beyond
        levels = np.geomspace(relative[0], max(relative[-1], min(SMALL, relative[0])), POINTS)
        points = np.unique(np.searchsorted(-relative, -levels).clip(max=len(choices) - 1))
        measured = np.maximum([self.alone(name, int(choices[i])) for i in points], LEAST)
        x = -np.log(relative)
        return relative * np.exp(np.interp(x, x[points], np.log(measured / relative[points])))


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
