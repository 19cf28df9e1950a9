"""docs/selection.md: its Python blocks run, and it forgets no method."""

import re
from pathlib import Path

from rrqr_lapack._selection.registry import METHODS

PAGE = (Path(__file__).parents[2] / "docs" / "selection.md").read_text(encoding="utf-8")


def test_the_python_blocks_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "selection"}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/selection.md", "exec"), names)


def test_every_method_is_on_the_page():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(METHODS)
