"""The pictures of ``rrqr demo``."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .atomic import whole_file

# Okabe and Ito's colours, which the colour-blind can tell apart, each with its own marker.
FLOOR = 1e-6  # relative errors below it are drawn there
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"


@contextmanager
def _axes(path, overwrite, title, xlabel, ylabel):
    """One set of axes, written to `path` as PNG when the block ends well."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path, overwrite) as temporary:
        yield axes
        axes.legend(frameon=False)
        figure.savefig(temporary, dpi=150)


def accuracy_plot(study, original: float, title: str, path, *, overwrite: bool = False) -> None:
    """Accuracy against the fraction of columns kept, beside magnitude pruning and the original network.

    Parameters
    ----------
    study : dict of str to sequence of Point
        ``"eps"``: sizes that a tolerance chose for each layer; ``"keep"``: the same fraction of every layer.
    original : float
        Accuracy of the network before compression, in [0, 1].
    title : str
    path : path
        A ``.png`` file.
    overwrite : bool, default False
    """
    with _axes(path, overwrite, title, "columns kept (%)", "test accuracy (%)") as axes:
        axes.axhline(100 * original, color=BLACK, linewidth=1, linestyle="--", label=f"original, {original:.1%}")
        for budget, figure, label, style in (
            ("eps", "accuracy", "ID, sizes from eps", {"color": BLUE, "marker": "o"}),
            (
                "keep",
                "accuracy",
                "ID, the same fraction of each layer",
                {"color": GREEN, "marker": "^", "linestyle": ":"},
            ),
            ("keep", "magnitude", "magnitude pruning, the same sizes", {"color": ORANGE, "marker": "s"}),
        ):
            points = sorted((100 * point.fraction, 100 * getattr(point, figure)) for point in study[budget])
            axes.plot(*zip(*points, strict=True), label=label, markersize=5, **style)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)


def error_plot(curve, title: str, path, *, floor: float, overwrite: bool = False) -> None:
    """Rank-k error of the pivoted QR beside the SVD's optimum, on a logarithmic scale.

    Parameters
    ----------
    curve : ErrorCurve
    title : str
    path : path
        A ``.png`` file.
    floor : float
        The least error that is shown.
    overwrite : bool, default False
    """
    ranks = [k for k, error in enumerate(curve.svd, start=1) if error >= floor]
    with _axes(path, overwrite, title, "rank k", r"$\|A - A_k\|_F \,/\, \|A\|_F$") as axes:
        axes.semilogy(ranks, curve.pivoted_qr[: len(ranks)], color=BLUE, label="pivoted QR")
        axes.semilogy(ranks, curve.svd[: len(ranks)], color=BLACK, linestyle="--", label="SVD, the optimum")
        axes.set_xlim(0, len(ranks))
        axes.set_ylim(bottom=floor)


def plan_plot(analysis, plan, path, *, overwrite: bool = False) -> None:
    """The error of each group for every number of units, with what the plan keeps.

    Parameters
    ----------
    analysis : Analysis
    plan : Plan
    path : path
        A ``.png`` file.
    overwrite : bool, default False
    """
    title = f"{plan.parameters_after / plan.parameters_before:.1%} of the parameters"
    with _axes(path, overwrite, title, "units kept (%)", r"$\|Z - Z_C T\|_F \,/\, \|Z\|_F$") as axes:
        colours = colormaps["viridis"](np.linspace(0, 0.9, len(plan.groups)))
        for group, colour in zip(plan.groups, colours, strict=True):
            factor = plan.recipe.factor(analysis, group.name)
            kept = np.arange(1, len(factor.errors))
            errors = np.maximum(factor.errors[1:] / (factor.norm or 1), FLOOR)
            axes.semilogy(100 * kept / group.width, errors, color=colour, linewidth=1)
            k = len(group.units)
            label = f"{group.name}: {k} of {group.width}"
            axes.semilogy(100 * k / group.width, errors[k - 1], "o", color=colour, markersize=5, label=label)
        axes.set_xlim(0, 100)
        axes.set_ylim(top=1)
