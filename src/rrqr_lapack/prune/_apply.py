"""Step three of three: a smaller model of the same kind, as the plan says."""

from __future__ import annotations

from .._common.progress import Progress, check_progress
from .._common.words import some
from ._analyze import Analysis, check_analysis
from ._face import Model
from ._planning.plans import Plan
from ._sweep import sweep


def apply(analysis: Analysis[Model], plan: Plan, *, progress: Progress | None = None) -> Model:
    """Cut the model: ``Z ~= Z[:, C] @ T + shift``, ``W -> T @ W`` and ``b -> b + shift @ W`` in what reads Z.

    T is fitted as the plan's recipe says: once, to the original's activations, or in one sweep from front to back, in
    which each batch goes once through the original and once through the model that is cut on the way.

    Parameters
    ----------
    analysis : Analysis
        Of the model, which is not modified.
    plan : Plan
        Made from this analysis, or from another one of the same model.
    progress : callable, optional
        Called as ``progress("refitting", done, total)`` with the number of groups done.

    Returns
    -------
    model
        As the face makes it, of the same dtype; it shares no memory with the original.

    Raises
    ------
    ValueError
        A plan for other groups, or a refit of samples that were an iterator, which cannot be read again.
    TypeError
        No analysis, or no plan.

    Notes
    -----
    Of a group whose activations weights read in several places (a residual stream) each place has a T of its own. What
    both models hold of all batches between two layers is in memory during the sweep.

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
    _check(analysis, plan)
    progress = check_progress(progress)
    recipe, units = plan.recipe, {group.name: group.units for group in plan.groups}
    if all(len(group.units) == group.width for group in plan.groups):
        return analysis.face.cut({}).model
    if recipe.drift is None:
        cuts = {name: recipe.kept(analysis, name, kept).cut(len(kept)) for name, kept in units.items()}
        return analysis.face.cut(cuts).model
    swept = sweep(
        analysis,
        units,
        analysis.again(),
        drift=recipe.drift,
        affine=recipe.affine,
        everything=True,
        progress=progress,
    )
    return analysis.face.cut(swept.cuts).model


def _check(analysis: Analysis[Model], plan: Plan) -> None:
    check_analysis(analysis)
    if not isinstance(plan, Plan):
        raise TypeError(f"plan must be a Plan, from plan(analysis, ...) or Plan.from_json, got {type(plan).__name__}")
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
