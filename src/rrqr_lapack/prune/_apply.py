"""Step three of three: a smaller model of the same kind, as the plan says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np

from rrqr_lapack import TallQR

from .._common.progress import Progress, check_progress
from ._analyze import Analysis, check_analysis, read_again
from ._face import Batch, Cut, Face, Model
from ._planning.plans import GroupPlan, Plan
from ._planning.recipe import Recipe
from ._units.factor import GroupFactor
from ._units.select import Order, columns_of
from ._units.statistics import Statistics, gather
from ._words import some

Refit: TypeAlias = Literal["asymmetric"] | None
REFITS = (None, "asymmetric")


def apply(analysis: Analysis[Model], plan: Plan, *, refit: Refit = None, progress: Progress | None = None) -> Model:
    """Cut the model: ``Z ~= Z[:, C] @ T + shift``, ``W -> T @ W`` and ``b -> b + shift @ W`` in what reads Z.

    Parameters
    ----------
    analysis : Analysis
        Of the model, which is not modified.
    plan : Plan
        Made from this analysis, or from another one of the same model.
    refit : {None, 'asymmetric'}, optional
        None takes T from the original activations. 'asymmetric' goes from front to back and fits T so that what the
        *compressed* model computes for the units C reproduces the original activations, ``min ||Z' T - Z||_F``: each
        group then makes up for what those before it lost. It pays where much is cut and samples are many.
    progress : callable, optional
        Called as ``progress("refitting", done, total)`` with the number of groups done.

    Returns
    -------
    model
        As the face makes it, of the same dtype; it shares no memory with the original.

    Raises
    ------
    ValueError
        A plan for other groups; an unknown `refit`, one without the correction to fit, or one whose calibration
        samples were an iterator, which cannot be read again.

    TypeError
        No analysis, or no plan.

    Notes
    -----
    'asymmetric' reads the samples once more through both models for each group.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, analyze, apply, plan
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Dense(rng.standard_normal((8, 32)), activation="relu"), Dense(rng.standard_normal((32, 3)))])
    >>> analysis = analyze(network, rng.standard_normal((500, 8)))
    >>> apply(analysis, plan(analysis, keep=0.5))
    Network(8 -> 16 -> 3, linear head, 195 parameters)
    """
    _check(analysis, plan, refit)
    progress = check_progress(progress)
    if refit is None:
        return analysis.face.cut({group.name: _cut(analysis, plan.recipe, group) for group in plan.groups}).model
    small, batches = analysis.face, read_again(analysis)
    for done, group in enumerate(plan.groups):
        if progress:
            progress("refitting", done, len(plan.groups))
        small = small.cut({group.name: _refitted(analysis, batches, small, plan.recipe, group)})
    if progress:
        progress("refitting", len(plan.groups), len(plan.groups))
    return small.model


def _cut(analysis: Analysis[Model], recipe: Recipe, group: GroupPlan) -> Cut:
    """The cut to the plan's units, fitted to all samples."""
    known, statistics = analysis.groups[group.name], analysis.statistics(group.name)
    order = Order(np.array(group.units, np.intp))
    affine, correct = recipe.affine and known.affine, recipe.correction == "lstsq"
    return GroupFactor(statistics, order, unit=known.unit, affine=affine, correct=correct).cut(len(group.units))


def _refitted(
    analysis: Analysis[Model], batches: Iterable[Batch], small: Face[Model], recipe: Recipe, group: GroupPlan
) -> Cut:
    """T and shift of ``min ||Z'[:, C] T + shift - Z||_F``, Z' of the model cut so far.

    By R of ``[1 Z'_C Z]``: as in `GroupFactor` the columns Z'_C are the units that stay, those of Z the others.
    """
    name, known = group.name, analysis.groups[group.name]
    columns = columns_of(group.units, known.unit)
    tall = TallQR()
    for batch in batches:
        pairs = zip(small.activations([batch], [name]), analysis.face.activations([batch], [name]), strict=True)
        tall = gather((np.hstack([drifted[name][:, columns], Z[name]]) for drifted, Z in pairs), tall)
    kept = np.arange(len(columns))
    joint = GroupFactor(Statistics.of(tall), Order(kept), affine=recipe.affine and known.affine).cut(len(kept))
    shift = None if joint.shift is None else joint.shift[len(kept) :]
    return Cut(np.array(group.units, np.intp), joint.coefficients[:, len(kept) :], shift)


def check_refit(refit: str | None, recipe: Recipe) -> None:
    """ValueError where `refit` is none of the allowed, or there is no correction to fit."""
    if refit not in REFITS:
        raise ValueError(f"refit must be one of {', '.join(map(repr, REFITS))}, got {refit!r}")
    if refit is not None and recipe.correction == "none":
        raise ValueError(
            f"refit must be None with the correction 'none' (of the method {recipe.method!r}), got {refit!r}; "
            "correction='lstsq' is what it fits"
        )


def _check(analysis: Analysis[Model], plan: Plan, refit: str | None) -> None:
    check_analysis(analysis)
    if not isinstance(plan, Plan):
        raise TypeError(f"plan must be a Plan, from plan(analysis, ...) or Plan.from_json, got {type(plan).__name__}")
    check_refit(refit, plan.recipe)
    for group in plan.groups:
        known, units = analysis.groups.get(group.name), set(group.units)
        if known is None or known.width != group.width:
            raise ValueError(
                f"plan must be for the model of the analysis, got one whose {group.name} has {group.width} units"
            )
        if not units or len(units) < len(group.units) or not units <= set(range(group.width)):
            raise ValueError(
                f"plan must keep different units of {group.name}, numbers from 0 to {group.width - 1}, "
                f"got {some(group.units)}"
            )
