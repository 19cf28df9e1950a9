"""The Python blocks of the site's pages, but those with tests of their own; those of a page share their names."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


PAGES = ["nystrom.md", "completion.md", "sklearn.md", "out_of_core.md", "dask.md", "quickstart.md"]
PAGES += ["device.md", "guide/selection_theory.md", "guide/tolerances.md", "guide/reproducibility.md"]
PAGES += ["coming_from/scipy.md"]


@pytest.mark.parametrize("page", PAGES)
def test_the_code_blocks_run_as_they_stand(page, tmp_path, monkeypatch):
    if page == "sklearn.md":
        pytest.importorskip("sklearn", reason="the page is on scikit-learn, an extra")
    if page == "dask.md":
        pytest.importorskip("dask.array", reason="the page is on Dask, an extra")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    names = {"__name__": page}
    for code in blocks:
        exec(compile(code, page, "exec"), names)
