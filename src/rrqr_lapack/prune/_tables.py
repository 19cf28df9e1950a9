"""Tables as text: drawn by rich where it is installed, one plain line a row where it is not; and in notebooks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

from .._common import html
from .._common.draw import Curves


class Contents(NamedTuple):
    """What there is to say: a table, and what belongs to all of it, by name."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    facts: Sequence[tuple[str, str]]


class Tabled:
    """What prints as a table with facts below, and shows itself in notebooks so, with its curves."""

    def _contents(self) -> Contents:
        raise NotImplementedError

    def _curves(self) -> Curves | None:
        return None

    def __str__(self) -> str:
        title, header, rows, facts = self._contents()
        return "\n".join([table(title, header, rows), *(f"{name:<15} {value}" for name, value in facts)])

    def _repr_html_(self) -> str:
        (title, header, rows, facts), curves = self._contents(), self._curves()
        parts = [html.table(rows, header), html.table(facts), *([html.curve(curves)] if curves else [])]
        return html.card(title, *parts)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as text, numbers flush right.

    Parameters
    ----------
    title : str
    header : sequence of str
    rows : sequence of sequences of str
        Each as long as `header`.

    Examples
    --------
    >>> from rrqr_lapack.prune._tables import table
    >>> "64" in table("Kept", ["layer", "neurons"], [["0", "64"]])
    True
    """
    try:
        from rich.box import MARKDOWN
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        lines = ["  ".join(f"{name} {value}" for name, value in zip(header, row, strict=True)) for row in rows]
        return "\n".join([title, *lines])
    drawn = Table(box=MARKDOWN)  # ASCII, which every terminal and pipe can take
    for name in header:
        drawn.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        drawn.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=200, color_system=None, markup=False, highlight=False, emoji=False).print(drawn)
    return "\n".join([title, *(line.rstrip() for line in out.getvalue().rstrip().splitlines())])


def change(before: int, after: int) -> str:
    """A size before and after.

    Examples
    --------
    >>> from rrqr_lapack.prune._tables import change
    >>> change(2000, 500)
    '2,000 -> 500 (25.0%)'
    """
    return f"{before:,} -> {after:,} ({after / before:.1%})"
