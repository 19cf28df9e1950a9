"""What the two examples on dense networks share: the schemes beside the rule of each layer, averaged over networks."""

from dataclasses import replace

import numpy as np
from study import BASELINES, DEFAULT, Test, point

from rrqr_lapack.prune import analyze, plan

EPS = "ID, eps for each layer"
PLAIN = {"method": "id", "refit": None}
SCHEMES = {
    "ID, uniform": {**PLAIN, "allocation": "uniform"},
    "ID, global": {**PLAIN, "allocation": "global"},
    "ID, sensitivity": {**PLAIN, "allocation": "sensitivity"},
    "ID, best of the three": PLAIN,
    "ID, best, affine + refit": {"method": "id", "refit": "asymmetric"},
    "weighted, best": {"method": "weighted", "refit": None},
    "weighted, best, affine + refit": {"method": "weighted", "refit": "asymmetric"},
    "forward, best": {"method": "forward", "refit": None},
    "forward, best, affine + refit": {"method": "forward", "refit": "asymmetric"},
    DEFAULT: {},
    **BASELINES,
}

DRAWN = (EPS, "ID, uniform", "ID, best of the three", DEFAULT, *BASELINES)


def eps_for(analysis, params: float) -> float:
    """The smallest eps, the same for each layer, that keeps at most this fraction of the parameters."""
    low, high = 1e-6, 1.0
    for _ in range(20):
        middle = np.sqrt(low * high)
        chosen = plan(analysis, eps=middle, **PLAIN)
        if chosen.parameters_after <= params * chosen.parameters_before:
            high = middle
        else:
            low = middle
    return float(min(high, 1 - 1e-9))


def study(network, calibration, samples, labels, budgets, schemes=SCHEMES):
    """Every scheme at every fraction of the parameters: points, the analysis, the accuracy before.

    Parameters
    ----------
    network : Network
    calibration, samples : (n, inputs) ndarray
        To analyze, without labels, and to test on.
    labels : (n,) ndarray of int
        Of the test samples.
    budgets : sequence of float
    schemes : dict of str to dict
        Options of `plan`.
    """
    accuracy = Test(
        network, lambda model: model.logits(samples), lambda Y, _: float(np.mean(Y.argmax(axis=1) == labels))
    )
    analysis = analyze(network, calibration)
    points = []
    for params in budgets:
        found = point(analysis, EPS, {"eps": eps_for(analysis, params)}, PLAIN, accuracy, "parameters")
        points.append(replace(found, budget=f"params {params}"))
        for scheme, options in schemes.items():
            points.append(point(analysis, scheme, {"params": params}, options, accuracy, "parameters"))
    return points, analysis, accuracy.original


def averaged(runs):
    """The points of several networks, their figures averaged."""
    figures = ("size", "quality", "predicted", "actual")
    return [
        replace(same[0], **{name: float(np.mean([getattr(each, name) for each in same])) for name in figures})
        for same in zip(*runs, strict=True)
    ]
