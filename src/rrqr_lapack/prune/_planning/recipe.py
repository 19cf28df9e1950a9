"""How groups are cut, whatever is left of them: which units first, and how the others are made up for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from rrqr_lapack._common.arrays import check_choice, check_count, check_flag

from .._analyze import Analysis
from .._units.factor import GroupFactor
from .._units.select import CORRECTED, METHODS, Method, Order

Correction: TypeAlias = Literal["lstsq", "none"]
Refit: TypeAlias = Literal["auto", "asymmetric"] | None
CORRECTIONS: tuple[Correction, ...] = get_args(Correction)


@dataclass(frozen=True)
class Recipe:
    """A method of selection and a correction.

    Attributes
    ----------
    method : str
        One of `rrqr_lapack.prune._units.select.METHODS`.
    correction : {'lstsq', 'none'}
        T by least squares, or the other units dropped.
    affine : bool
        Whether the mean is absorbed in the next bias, where `Group.affine` allows it.
    seed : int
        Of the method 'random'.
    drift : float or None
        What T is refitted to from front to back: the activations of the cut model itself, and this share of what they
        are short of the original's. None: it is fitted once, to the original's.
    """

    method: Method = "id"
    correction: Correction = "lstsq"
    affine: bool = False
    seed: int = 0
    drift: float | None = None

    @classmethod
    def of(
        cls,
        method: Method = "id",
        correction: Correction | None = None,
        affine: bool = False,
        seed: int = 0,
        drift: float | None = None,
    ) -> Recipe:
        """Checked; without a `correction` that which defines the method, none for the baselines.

        Raises
        ------
        ValueError, TypeError
            An argument that is not one of the allowed.
        """
        check_choice("method", method, METHODS)
        check_choice("correction", correction, (None, *CORRECTIONS))
        if correction is None:
            correction = "lstsq" if method in CORRECTED else "none"
        return cls(method, correction, bool(check_flag("affine", affine)), check_count("seed", seed), drift)

    def factor(self, analysis: Analysis[Any], name: str, *, fit: bool = False) -> GroupFactor:
        """One group of the analysis, factored so."""
        affine, correct = self.affine and analysis.groups[name].affine, self.correction == "lstsq"
        return analysis.factor(name, self.method, affine=affine, correct=correct, fit=fit, seed=self.seed)

    def kept(self, analysis: Analysis[Any], name: str, units: Sequence[int], *, fit: bool = False) -> GroupFactor:
        """One group of the analysis, factored with these units first, whoever chose them."""
        group, order = analysis.groups[name], Order(np.array(units, np.intp))
        affine, correct = self.affine and group.affine, self.correction == "lstsq"
        return GroupFactor(analysis.statistics(name, fit=fit), order, unit=group.unit, affine=affine, correct=correct)
