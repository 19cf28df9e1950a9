"""Tables that README can quote, and files that are written whole or not at all."""

import json
import os
import sys
from pathlib import Path

from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import track
from rich.table import Table


def print_table(columns, rows):
    """A Markdown table; the first column is text, the others are set flush right."""
    table = Table(*columns, box=MARKDOWN)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(*map(str, row))
    console = Console(width=1000, highlight=False, markup=False)
    with console.capture() as text:
        console.print(table)
    print(text.get().strip())


def stream_table(columns, rows):
    """The same of dicts, unaligned, each row as it comes: an interrupted run keeps what it had. Yields the rows."""
    print("|", " | ".join(columns), "|", flush=True)
    print("|---" * len(columns), "|", sep="", flush=True)
    for row in rows:
        print("|", " | ".join(str(row[column]) for column in columns), "|", flush=True)
        yield row


def progress(items, description):
    """The items, with a bar on the error stream while they last."""
    return track(items, description, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def seconds(value):
    """A time with three digits and the unit that suits it: 0.9996 is 1 s, as its digits are rounded first."""
    rounded = float(f"{value:.3g}")
    unit, size = next((pair for pair in (("s", 1), ("ms", 1e-3)) if rounded >= pair[1]), ("µs", 1e-6))
    return f"{round(rounded / size, 9):g} {unit}"


def write_json(path, data):
    """`data` as JSON."""
    _write(path, lambda temporary: temporary.write_text(json.dumps(data, indent=1, default=float) + "\n"))


def write_figure(path, figure):
    """A matplotlib figure, in the format that the suffix of `path` names."""
    _write(path, lambda temporary: figure.savefig(temporary, dpi=150, bbox_inches="tight"))


def _write(path, write):
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
