"""Step two of three: how many units of each group stay, under one budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..._common.progress import Progress, check_progress
from .._analyze import Analysis, check_analysis
from .._error_curve import sampled
from .._face import total
from .._units.select import Method
from .alike import Alike
from .options import AllocationName, EpsScale, Options
from .plans import GroupPlan, Plan
from .recipe import Correction, Refit
from .request import Request
from .trials import Trials


def plan(
    analysis: Analysis[Any],
    *,
    eps: float | None = None,
    keep: float | None = None,
    ranks: Sequence[int] | Mapping[str, int] | None = None,
    params: float | None = None,
    flops: float | None = None,
    max_error: float | None = None,
    method: Method | None = None,
    correction: Correction | None = None,
    affine: bool | None = None,
    refit: Refit = "auto",
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
    method : str, optional
        Which units first: 'id', 'weighted', 'forward', or the baselines 'magnitude', 'random', 'activation',
        'variance'. Where T is refitted, 'forward' chooses as it goes from front to back, the units of the *cut* model
        that say most about what T is fitted to. None: 'forward' or 'weighted', whichever has the smaller output error
        on the held-out samples, and 'id' for `eps`.
    correction : {None, 'lstsq', 'none'}, optional
        T by least squares, or the other units simply dropped. None: 'lstsq' for the first three methods, 'none' for the
        baselines.
    affine : bool, optional
        Fit the activations without their mean, which the next layer's bias absorbs. None: where T is refitted, but for
        `eps`.
    refit : {'auto', 'asymmetric', None}, default 'auto'
        What `apply` fits T to. None: once, to the activations of the original model. Otherwise it goes from front to
        back and fits to what the *cut* model computes for the units that stay, regularized: 'asymmetric' so that the
        original's activations come out, each group making up for what those before it lost; 'auto' for all, half or
        none of that, whichever is best on the held-out samples. It needs samples that can be read again and a
        correction to fit; without, 'auto' is None.
    allocation : {None, 'uniform', 'global', 'sensitivity'}, optional
        How a budget of the whole model is spread: the same fraction of each group; by the groups' relative errors; or
        by what these do to the outputs, measured on the held-out samples. None takes the one of the three with the
        smallest output error on the held-out samples; where T is refitted, of the one that is best without and of
        'uniform', if that is near.
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
        allocation, refit or group; a refit without a correction to fit, or of an iterator's samples.
    TypeError
        A budget that is not a number; no analysis.

    Notes
    -----
    One factorization of an n x n triangle a group and method; a few sweeps, each batch once through both models, of as
    many samples as it takes to compare; and forward passes of few held-out samples, four a group, for 'sensitivity'.
    Where running the model is most of the work, a plan for `flops` takes two to three times as long as `analyze`.

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
    trials = Trials(analysis, request, check_progress(progress))
    best, face = trials.best(), analysis.face
    curves, groups = trials.curves(best.recipe), []
    for name, units in best.units.items():
        error, output_error = curves.alone(name, units)
        width = analysis.groups[name].width
        groups.append(GroupPlan(name, width, units, error, output_error, sampled(curves.errors[name], width)))
    before = {group.name: group.width for group in face.groups}
    after = {**before, **best.widths}
    return Plan(
        budget={request.budget.kind: request.budget.value},
        recipe=best.recipe,
        allocation=best.allocation,
        groups=tuple(groups),
        parameters_before=total(face.parameters, before),
        parameters_after=total(face.parameters, after),
        flops_before=total(face.flops, before),
        flops_after=total(face.flops, after),
        output_error=best.error,
        held_out=trials.held_out,
        doubts=analysis.doubts,
        left_alone=dict(face.left_alone),
    )
