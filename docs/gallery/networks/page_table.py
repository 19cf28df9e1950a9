"""Figures of a study that takes longer than the site: read from the table on its page, so that they stand once."""

from pathlib import Path

DOCS = Path(__file__).parents[2]


def page_table(page, head):
    """The table of a page whose head begins so: its headers, and the numbers of each row by its first cell."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {head} |"))
    rows = {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip(" *") for cell in line.strip("|").split("|"))
        rows[name] = [float(cell) if cell else float("nan") for cell in cells]
    return [cell.strip() for cell in lines[start].strip("|").split("|")[1:]], rows
