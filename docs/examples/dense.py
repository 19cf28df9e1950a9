"""What the two examples on dense networks share: the schemes beside the rule of each layer, averaged over networks."""

from dataclasses import replace

import numpy as np
from study import BASELINES, Test, point

from rrqr_lapack.prune import analyze, plan

EPS = "ID, eps for each layer"
SCHEMES = {
    "ID, uniform": {"allocation": "uniform"},
    "ID, global": {"allocation": "global"},
    "ID, sensitivity": {"allocation": "sensitivity"},
    "ID, best of the three": {},
    "ID, best, affine + refit": {"affine": True, "refit": "asymmetric"},
    "weighted, best": {"method": "weighted"},
    "weighted, best, affine + refit": {"method": "weighted", "affine": True, "refit": "asymmetric"},
    "forward, best": {"method": "forward"},
    "forward, best, affine + refit": {"method": "forward", "affine": True, "refit": "asymmetric"},
    **BASELINES,
}

DRAWN = (EPS, "ID, uniform", "ID, best of the three", "forward, best, affine + refit", *BASELINES)


def eps_for(analysis, params: float) -> float:
    """The smallest eps, the same for each layer, that keeps at most this fraction of the parameters."""
    low, high = 1e-6, 1.0
    for _ in range(20):
        middle = np.sqrt(low * high)
        chosen = plan(analysis, eps=middle)
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
        Options of `plan`, and `refit`.
    """
    accuracy = Test(
        network, lambda model: model.logits(samples), lambda Y, _: float(np.mean(Y.argmax(axis=1) == labels))
    )
    analysis = analyze(network, calibration)
    points = []
    for params in budgets:
        found = point(analysis, EPS, {"eps": eps_for(analysis, params)}, {}, accuracy, "parameters")
        points.append(replace(found, budget=f"params {params}"))
        for scheme, options in schemes.items():
            options = {**options}
            refit = options.pop("refit", None)
            points.append(point(analysis, scheme, {"params": params}, options, accuracy, "parameters", refit=refit))
    return points, analysis, accuracy.original


def averaged(runs):
    """The points of several networks, their figures averaged."""
    figures = ("size", "quality", "predicted", "actual")
    return [
        replace(same[0], **{name: float(np.mean([getattr(each, name) for each in same])) for name in figures})
        for same in zip(*runs, strict=True)
    ]
