"""The Python blocks of the pages in docs/, each page by itself; what no page must forget."""

import re
from pathlib import Path

import pytest

from rrqr_lapack.selection._registry import METHODS

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_blocks_run_as_they_stand(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": page.stem}
    for code in re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        exec(compile(code, str(page), "exec"), names)


def test_every_method_of_selection_is_on_its_page():
    rows = re.findall(r"^\| `(\w+)` \|.*$", (DOCS / "selection.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(METHODS)
