"""Step two of three: how many units of each group stay, under one budget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..._common.progress import Progress, check_progress
from .._analyze import Analysis, check_analysis
from .._face import total
from .._units.curves import Curves
from .._units.select import Method
from .alike import Alike, Ties
from .allocate import Allocation
from .budget import Budget
from .options import AllocationName, EpsScale, Options
from .plans import GroupPlan, Plan
from .recipe import Correction
from .request import Request

TRIES = 6  # corrections of a predicted error by the measured one


def plan(
    analysis: Analysis[Any],
    *,
    eps: float | None = None,
    keep: float | None = None,
    ranks: Sequence[int] | Mapping[str, int] | None = None,
    params: float | None = None,
    flops: float | None = None,
    max_error: float | None = None,
    method: Method = "id",
    correction: Correction | None = None,
    affine: bool = False,
    allocation: AllocationName | None = None,
    round_to: int = 1,
    skip: Iterable[str] = (),
    alike: Alike = None,
    eps_scale: EpsScale = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Plan:
    """Choose how many units of each group stay, under exactly one budget.

    `eps`, `keep` and `ranks` are rules for each group by itself. `params`, `flops` and `max_error` are budgets for the
    whole model: minimize ``sum_g f_g(k_g)^2`` at that cost, or the cost at that sum, f_g the curve of group g.

    Parameters
    ----------
    analysis : Analysis
        Of the model, by `analyze`.
    eps : float, optional
        In [0, 1). The smallest k with ``|r_{k+1,k+1}| <= eps |r_11|``, for the methods 'id' and 'weighted'.
    keep : float, optional
        In (0, 1]. round(keep n) of n units.
    ranks : sequence of int or mapping, optional
        One number for each group.
    params, flops : float, optional
        The most parameters, or multiply-adds for one sample, of the whole model: a fraction of the model's up to 1, a
        number of them above.
    max_error : float, optional
        The largest relative error of the outputs on the held-out samples; as few parameters as meet it.
    method : str, default 'id'
        Which units first: 'id', 'weighted', 'forward', or the baselines 'magnitude', 'random', 'activation',
        'variance'.
    correction : {None, 'lstsq', 'none'}, optional
        T by least squares, or the other units simply dropped. None: 'lstsq' for the first three methods, 'none' for the
        baselines.
    affine : bool, default False
        Fit the activations without their mean, which the next layer's bias absorbs.
    allocation : {None, 'uniform', 'global', 'sensitivity'}, optional
        How a budget of the whole model is spread: the same fraction of each group; by the groups' relative errors; or
        by what these do to the outputs, measured on the held-out samples. None tries all three and takes the one with
        the smallest output error on the held-out samples.
    round_to : int, default 1
        Widths in columns are multiples of it (rounded up for the rules of each group), or all units.
    skip : iterable of str, optional
        Groups to leave alone.
    alike : {None, 'config'} or iterable of str, optional
        Groups that keep one width between them, for classes that say it by one number. 'config' as the model's
        configuration needs it, which then describes the smaller model: groups that it cannot say the width of stay
        whole. Otherwise patterns of names (``"blocks.*.mlp.fc1"``, as in a shell), each of groups of one width; all
        others are free. Of a rule for each group they take the largest.
    eps_scale : {None, 'output'}, optional
        'output' divides `eps` by ``||W||_2`` of the weights that read the group, as in the bound of Chee et al. for one
        hidden layer.
    seed : int, default 0
        For 'random'.
    progress : callable, optional
        Called as ``progress("measuring cuts", done, None)``.

    Returns
    -------
    Plan
        No group keeps more units than the numerical rank of its activations allows (by the first three methods), or
        fewer than one.

    Raises
    ------
    ValueError
        Not exactly one budget, or one that is out of range or cannot be met (what can be is said); an unknown method,
        allocation or group.
    TypeError
        A budget that is not a number; no analysis.

    Notes
    -----
    One pivoted QR of an n x n triangle a group and method, and forward passes of the held-out samples: one a group for
    the prediction, eight more for 'sensitivity'.

    References
    ----------
    J. Chee, M. Renz, A. Damle, C. De Sa, "Model preserving compression for neural networks", NeurIPS 2022,
    arXiv:2108.00065.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, analyze, plan
    >>> rng = np.random.default_rng(0)
    >>> widths = [(8, 32), (32, 32), (32, 3)]
    >>> network = Network([Dense(rng.standard_normal(shape), activation="tanh") for shape in widths])
    >>> smaller = plan(analyze(network, rng.standard_normal((500, 8))), params=0.5)
    >>> smaller.parameters_after <= 0.5 * network.parameters
    True
    """
    arguments = locals()
    check_analysis(analysis)
    return planned(analysis, Request.of(analysis.face, analysis.groups, Options.among(arguments)), progress)


def planned(analysis: Analysis[Any], request: Request, progress: Progress | None = None) -> Plan:
    """The plan for what was asked and checked."""
    budget = request.budget
    curves = Curves(analysis, request.groups, request.recipe, request.round_to, check_progress(progress))
    if not request.allocations:
        widths = _by_rule(curves, budget, request.eps_scale, request.ties)
        return _made(curves, budget, budget.kind, widths, {budget.kind: curves.together(widths)})
    tried = {name: _spread(curves, budget, name, request.ties) for name in request.allocations}
    found = {name: widths for name, widths in tried.items() if widths is not None}
    if not found:
        raise ValueError(
            f"max_error must be larger, got {budget.value}: no cut to the numerical rank is as good; skip groups, or "
            "allow more"
        )
    errors = {name: curves.together(widths) for name, widths in found.items()}
    full = {group.name: group.width for group in analysis.face.groups}
    sizes = {name: total(analysis.face.parameters, {**full, **widths}) for name, widths in found.items()}
    worth = sizes if budget.kind == "max_error" else errors
    best = min(reversed(found), key=lambda name: worth[name])
    return _made(curves, budget, best, found[best], errors)


def _by_rule(curves: Curves, budget: Budget, eps_scale: str | None, ties: Ties) -> dict[str, int]:
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


def _spread(curves: Curves, budget: Budget, name: str, ties: Ties) -> dict[str, int] | None:
    """The widths of one allocation under the budget, None where there are none."""
    face = curves.analysis.face
    errors = curves.output() if name == "sensitivity" else curves.relative()
    full = {group.name: group.width for group in face.groups}
    errors, choices = ties.together(errors, curves.choices)
    allocation = Allocation(errors, choices, ties.renamed(budget.terms(face)), full, uniform=name == "uniform")
    if budget.kind == "max_error":
        return _cheapest(curves, allocation, budget.value, ties)
    limit = budget.limit(face)
    widths = allocation.within(limit)
    if widths is None:
        raise ValueError(
            f"{budget.kind} must allow what the model has at its narrowest, {allocation.cost(allocation.narrowest):,}, "
            f"got {budget.value}, which allows {math.floor(limit):,}"
        )
    return ties.spread(widths)


def _cheapest(curves: Curves, allocation: Allocation, max_error: float, ties: Ties) -> dict[str, int] | None:
    """The widths of the least cost whose output error, measured on the held-out samples, is at most `max_error`.

    The curves predict the error, and what is measured corrects the prediction a few times.
    """
    target, found = max_error, []
    for _ in range(TRIES):
        widths = allocation.cheapest(target**2) or allocation.widest
        measured = curves.together(ties.spread(widths))
        if measured <= max_error:
            found.append(widths)
        target *= max_error / max(measured, 1e-3 * max_error)
    best = min(found, key=allocation.cost, default=None)
    return None if best is None else ties.spread(best)


def _made(
    curves: Curves, budget: Budget, allocation: str, widths: Mapping[str, int], held_out: dict[str, float]
) -> Plan:
    """The plan of these widths."""
    analysis, recipe, face = curves.analysis, curves.recipe, curves.analysis.face
    groups = []
    for name, k in widths.items():
        factor = recipe.factor(analysis, name)
        error = factor.errors[k] / factor.norm if factor.norm else factor.errors[k]
        units = tuple(map(int, factor.units[:k]))
        groups.append(GroupPlan(name, analysis.groups[name].width, units, float(error), curves.alone(name, k)))
    before = {group.name: group.width for group in face.groups}
    after = {**before, **widths}
    return Plan(
        budget={budget.kind: budget.value},
        recipe=recipe,
        allocation=allocation,
        groups=tuple(groups),
        parameters_before=total(face.parameters, before),
        parameters_after=total(face.parameters, after),
        flops_before=total(face.flops, before),
        flops_after=total(face.flops, after),
        output_error=math.hypot(*(group.output_error for group in groups)),
        held_out=held_out,
        doubts=analysis.doubts,
        left_alone=dict(face.left_alone),
    )
