"""Curves and choices of columns on axes of matplotlib, which is imported when something is drawn."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from .types import Indices, Reals


class Curves(NamedTuple):
    """Positive numbers over the same points, on a logarithmic scale."""

    x: Reals | Indices
    lines: Mapping[str, Reals]
    xlabel: str
    ylabel: str
    marks: Mapping[str, float] = {}  # where on its line something was chosen


def axes_of(axes: Any) -> Any:
    """The axes, or new ones in a figure of their own; ImportError with the cure without matplotlib."""
    if axes is not None:
        return axes
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError('plot needs matplotlib, which is not installed: pip install "rrqr-lapack[prune]"') from error
    return pyplot.figure(layout="constrained").add_subplot()


def draw_curves(axes: Any, curves: Curves) -> Any:
    """A line for each; what is zero has no place on the scale."""
    from matplotlib import colormaps

    colours = colormaps["viridis"](np.linspace(0, 0.85, len(curves.lines)))
    for (name, y), colour in zip(curves.lines.items(), colours, strict=True):
        line = np.where(np.asarray(y) > 0, y, np.nan)
        axes.semilogy(curves.x, line, color=colour, linewidth=1, label=name.replace("$", r"\$"))
        if name in curves.marks:
            at = curves.marks[name]
            axes.semilogy(at, np.interp(at, curves.x, line), "o", color=colour, markersize=5)
    axes.set(xlabel=curves.xlabel, ylabel=curves.ylabel)
    axes.grid(alpha=0.3)
    if 1 < len(curves.lines) <= 12:
        axes.legend(frameon=False, fontsize="small")
    return axes


def draw_columns(axes: Any, columns: Indices, weights: Reals, size: int) -> Any:
    """A stem for each chosen column, as high as its weight."""
    axes.stem(columns, weights, basefmt=" ")
    axes.set(xlim=(-1, size), ylim=(0, None), xlabel="column", ylabel="norm of its coefficients")
    return axes


def svg(draw: Callable[[Any], Any]) -> str | None:
    """What `draw` puts on axes, as SVG to stand in HTML; None without matplotlib."""
    if "matplotlib" not in sys.modules and find_spec("matplotlib") is None:
        return None
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure, text = Figure(figsize=(5, 3), layout="constrained"), io.StringIO()
    FigureCanvasSVG(figure)
    draw(figure.add_subplot())
    with rc_context({"svg.hashsalt": "rrqr_lapack", "svg.fonttype": "none"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    _, _, drawn = text.getvalue().partition("<svg")  # what is before it is for a file of its own
    return f'<svg style="max-width: 100%; height: auto"{drawn}'
