"""docs/tensors.md: its table is what each call does, and its Python blocks run."""

import re
from pathlib import Path

import pytest
import support

PAGE = (Path(__file__).parents[2] / "docs" / "tensors.md").read_text(encoding="utf-8")
TABLE = PAGE[PAGE.index("| call | PyTorch") :].split("\n\n")[0].splitlines()
LINES = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in TABLE if "---" not in line]


def test_the_table_has_all_calls_and_all_columns():
    head, *rows = LINES
    assert head == ["call", *support.COLUMNS]
    assert [name for name, *_ in rows] == [f"`{name}`" for name in support.CALLS]


@pytest.mark.parametrize("column", support.COLUMNS)
def test_the_table_says_what_each_call_does(column):
    support.COLUMNS[column].module()
    place = 1 + list(support.COLUMNS).index(column)
    assert {row[0]: row[place] for row in LINES[1:]} == dict(support.row(name, [column]) for name in support.CALLS)


def test_the_python_blocks_run_as_they_stand():
    pytest.importorskip("torch", reason="the page begins with a tensor of PyTorch")
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/tensors.md", "exec"), {"__name__": "tensors"})
