"""The pictures of ``rrqr demo``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..._common.atomic import FilePath, whole_file
from ..._common.draw import draw_curves
from .._planning.plans import Plan
from .trial import ErrorCurve, Point

# Okabe and Ito's colours, which the colour-blind can tell apart, each with its own marker.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
GREY, BLACK = "#7F7F7F", "#000000"


def _clean(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


@contextmanager
def _axes(path: FilePath, overwrite: bool, title: str, xlabel: str, ylabel: str) -> Iterator[Axes]:
    """One set of axes, written to `path` as PNG when the block ends well."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel)
    _clean(axes)
    with whole_file(path, overwrite) as temporary:
        yield axes
        axes.legend(frameon=False)
        figure.savefig(temporary, dpi=150)


STYLES = {
    "forward, affine, refitted": {"color": GREEN, "marker": "^"},
    "ID, corrected": {"color": BLUE, "marker": "o"},
    "magnitude, corrected": {"color": ORANGE, "marker": "s", "linestyle": "--"},
    "magnitude alone": {"color": PURPLE, "marker": "x", "linestyle": ":"},
    "ID alone": {"color": GREY, "marker": "+", "linestyle": ":"},
}


def accuracy_plot(
    study: Mapping[str, Sequence[Point]], original: float, title: str, path: FilePath, *, overwrite: bool = False
) -> None:
    """Accuracy of every scheme against the fraction of columns kept, beside that of the original network.

    Parameters
    ----------
    study : dict of str to sequence of Point
        ``"keep"``: the same fraction of every layer; ``"eps"``: sizes that a tolerance chose for each layer.
    original : float
        Accuracy of the network before compression, in [0, 1].
    title : str
    path : path
        A ``.png`` file.
    overwrite : bool, default False
    """
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(1, 2, sharey=True)
    subtitles = {"keep": "the same fraction of each layer", "eps": "a size for each layer, from eps"}
    for axes, (budget, subtitle) in zip(panels, subtitles.items(), strict=True):
        _clean(axes)
        axes.set(title=subtitle, xlabel="columns kept (%)", xlim=(0, 100 * max(p.fraction for p in study[budget]) + 3))
        axes.axhline(100 * original, color=BLACK, linewidth=1, linestyle="--", label=f"original, {original:.1%}")
        for scheme, style in STYLES.items():
            points = sorted((100 * point.fraction, 100 * point.accuracy[scheme]) for point in study[budget])
            axes.plot(*zip(*points, strict=True), label=scheme, markersize=5, **style)
    panels[0].set(ylabel="test accuracy (%)", ylim=(0, 100))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    with whole_file(path, overwrite) as temporary:
        figure.savefig(temporary, dpi=150)


def error_plot(curve: ErrorCurve, title: str, path: FilePath, *, floor: float, overwrite: bool = False) -> None:
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


def plan_plot(plan: Plan, path: FilePath, *, overwrite: bool = False) -> None:
    """The error of each group for every number of units, with what the plan keeps.

    Parameters
    ----------
    plan : Plan
    path : path
        A ``.png`` file.
    overwrite : bool, default False
    """
    title = f"{plan.parameters_after / plan.parameters_before:.1%} of the parameters"
    curves = plan._curves()
    with _axes(path, overwrite, title, curves.xlabel, curves.ylabel) as axes:
        draw_curves(axes, curves)
