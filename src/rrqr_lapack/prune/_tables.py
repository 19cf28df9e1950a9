"""Tables as text: drawn by rich where it is installed, one plain line a row where it is not."""

from __future__ import annotations

import io
from collections.abc import Sequence


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
