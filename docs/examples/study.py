"""What the examples share: every scheme at several sizes, as a table, JSON and plots."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from rrqr_lapack.prune import apply, plan

DEFAULT = "the default"
OURS = {
    "ID": {"method": "id", "refit": None},
    "ID, weighted": {"method": "weighted", "refit": None},
    "forward": {"method": "forward", "refit": None},
    DEFAULT: {},
}
BASELINES = {
    f"{method}{' + lstsq' if correction == 'lstsq' else ''}": {
        "method": method,
        "correction": correction,
        "refit": None,
    }
    for method in ("magnitude", "activation", "variance", "random")
    for correction in ("none", "lstsq")
}


@dataclass(frozen=True)
class Point:
    """One compression.

    Attributes
    ----------
    scheme : str
    budget : str
    size : float
        Fraction of the original's parameters or multiply-adds.
    quality : float
        As the example measures it, on test samples.
    predicted, actual : float
        Relative output error, as the plan predicts it and as it is on the test samples.
    allocation : str
    """

    scheme: str
    budget: str
    size: float
    quality: float
    predicted: float
    actual: float
    allocation: str


def point(analysis, scheme, budget, options, test, cost, **fixed) -> Point:
    """Compress with one scheme to one budget and measure.

    Parameters
    ----------
    test : callable
        ``test(model)`` gives the quality and the outputs on the test samples.
    cost : {'parameters', 'flops'}
    """
    chosen = plan(analysis, **budget, **options, **fixed)
    quality, Y = test(apply(analysis, chosen))
    expected = test.outputs
    size = getattr(chosen, f"{cost}_after") / getattr(chosen, f"{cost}_before")
    name = ", ".join(f"{key} {value}" for key, value in budget.items())
    actual = float(np.linalg.norm(Y - expected) / np.linalg.norm(expected))
    found = Point(scheme, name, size, quality, chosen.output_error, actual, chosen.allocation)
    print(f"{name:12} {scheme:28} {quality:.4f}  size {size:.3f}  error {found.predicted:.3f} predicted, {actual:.3f}")
    return found


class Test:
    """Measures models on the same samples; remembers the original's outputs.

    Parameters
    ----------
    model
        The original.
    run : callable
        ``run(model)``: its outputs, (samples, outputs).
    quality : callable
        ``quality(outputs, original outputs)``.
    """

    def __init__(self, model, run, quality):
        self._run, self._quality = run, quality
        self.outputs = run(model)
        self.original = quality(self.outputs, self.outputs)

    def __call__(self, model):
        Y = self._run(model)
        return self._quality(Y, self.outputs), Y


def report(title: str, quality: str, points: list[Point]) -> str:
    """A row a scheme, a column a budget."""
    budgets = list(dict.fromkeys(each.budget for each in points))
    found = {(each.scheme, each.budget): each for each in points}
    rows = [
        [scheme, *(f"{found[scheme, budget].quality:.4f}" if (scheme, budget) in found else "" for budget in budgets)]
        for scheme in dict.fromkeys(each.scheme for each in points)
    ]
    sizes = [np.mean([each.size for each in points if each.budget == budget]) for budget in budgets]
    header = [quality, *(f"{budget} ({size:.0%})" for budget, size in zip(budgets, sizes, strict=True))]
    lines = ("| " + " | ".join(cells) + " |" for cells in (header, ["---", *["---:"] * len(budgets)], *rows))
    return "\n".join([title, "", *lines])


def write(folder: Path, name: str, points: list[Point], facts: dict) -> None:
    """The numbers as JSON."""
    data = {**facts, "points": [asdict(each) for each in points]}
    (folder / f"{name}.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _axes(title, xlabel, ylabel):
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def quality_plot(points, original, title, xlabel, ylabel, path, *, log=False) -> None:
    """Quality against size, ours in full lines, baselines dashed; on a logarithmic axis for sizes of few per cent."""
    figure, axes = _axes(title, xlabel, ylabel)
    schemes = list(dict.fromkeys(each.scheme for each in points))
    colours = colormaps["tab20"](np.linspace(0, 1, 20))
    for i, scheme in enumerate(schemes):
        line = sorted((100 * each.size, each.quality) for each in points if each.scheme == scheme)
        style = "--" if scheme in BASELINES else "-"
        axes.plot(*zip(*line, strict=True), style, marker="o", markersize=3, label=scheme, color=colours[i % 20])
    if log:
        axes.set_xscale("log")
        ticks = [100 * each.size for each in points if each.scheme == schemes[0]]
        axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
        axes.minorticks_off()
    axes.axhline(original, color="black", linewidth=1, linestyle=":")
    axes.legend(frameon=False, fontsize=7, ncols=2)
    figure.savefig(path, dpi=150)


def prediction_plot(points, title, path) -> None:
    """Predicted against actual output error."""
    figure, axes = _axes(title, "predicted output error", "measured on test samples")
    for scheme in dict.fromkeys(each.scheme for each in points):
        pairs = [(each.predicted, each.actual) for each in points if each.scheme == scheme]
        axes.loglog(*zip(*pairs, strict=True), "s" if scheme in BASELINES else "o", markersize=4, label=scheme)
    ends = [min(each.actual for each in points), max(each.actual for each in points)]
    axes.loglog(ends, ends, color="black", linewidth=1)
    axes.legend(frameon=False, fontsize=7, ncols=2)
    figure.savefig(path, dpi=150)


def curves_plot(analysis, chosen, path) -> None:
    """The error of each group at every size, and where the plan cuts."""
    title = f"{chosen.parameters_after / chosen.parameters_before:.1%} of the parameters"
    figure, axes = _axes(title, "units kept (%)", r"$\|Z - Z_C T\|_F \,/\, \|Z\|_F$")
    colours = colormaps["viridis"](np.linspace(0, 0.9, len(chosen.groups)))
    for group, colour in zip(chosen.groups, colours, strict=True):
        factor, k = chosen.recipe.factor(analysis, group.name), len(group.units)
        sizes = 100 * np.arange(1, len(factor.errors)) / group.width
        errors = np.maximum(factor.errors[1:] / (factor.norm or 1), 1e-6)
        axes.semilogy(sizes, errors, color=colour, linewidth=1)
        label = f"{group.name}: {k} of {group.width}"
        axes.semilogy(sizes[k - 1], errors[k - 1], "o", color=colour, markersize=5, label=label)
    axes.set(xlim=(0, 100))
    axes.set_ylim(top=1)
    axes.legend(frameon=False, fontsize=7)
    figure.savefig(path, dpi=150)
