"""The Python blocks of the pages on the family and on scikit-learn; those of a page share their names."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["nystrom.md", "completion.md", "sklearn.md"])
def test_the_code_blocks_run_as_they_stand(page):
    if page == "sklearn.md":
        pytest.importorskip("sklearn", reason="the page is on scikit-learn, an extra")
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    names = {"__name__": page}
    for code in blocks:
        exec(compile(code, page, "exec"), names)
