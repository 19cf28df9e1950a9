"""What notebooks show of a result: a table and, where it has one, a curve. Every word in it is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from .draw import Curves, draw_curves, svg

POINTS = 12  # rows of a table that stands for a curve


LEFT, FIRST, RIGHT = "text-align: left", "text-align: left; white-space: nowrap", "text-align: right"


def table(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> str:
    """A table: under a header numbers, flush right but for the first column; without one names and what is said."""
    others = RIGHT if header else LEFT
    lines = [*([("th", header)] if header else []), *(("td", row) for row in rows)]
    return f"<table>{''.join(_line(tag, cells, others) for tag, cells in lines)}</table>"


def _line(tag: str, cells: Sequence[str], others: str) -> str:
    styles = [FIRST, *[others] * (len(cells) - 1)]
    drawn = (f'<{tag} style="{style}">{escape(cell)}</{tag}>' for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(drawn)}</tr>"


def curve(curves: Curves) -> str:
    """The curves as a picture, as a table where matplotlib is not installed."""
    drawn = svg(lambda axes: draw_curves(axes, curves))
    if drawn:
        return drawn
    few = {round(at) for at in np.linspace(0, len(curves.x) - 1, POINTS)} if len(curves.x) else set()
    rows = [[f"{curves.x[i]:.3g}", *(f"{y[i]:.3g}" for y in curves.lines.values())] for i in sorted(few)]
    return table(rows, [curves.xlabel, *(name or curves.ylabel for name in curves.lines)])


def card(title: str, *parts: str) -> str:
    """A title and what is below it."""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


class Shown:
    """A result that notebooks show: `_facts` in a table, and `_curves` below where there are any."""

    def _facts(self) -> dict[str, str]:
        raise NotImplementedError

    def _curves(self) -> Curves | None:
        return None

    def _repr_html_(self) -> str:
        curves = self._curves()
        return card(type(self).__name__, table(self._facts().items()), *([curve(curves)] if curves else []))
