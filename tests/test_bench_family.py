"""The benchmarks of the family run, and their tables hold what they say."""

import importlib
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("scipy", minversion="1.15", reason="interp_decomp takes an rng since then")
sys.path.append(str(Path(__file__).parent.parent))  # bench/ belongs to the checkout, not to the package
timing = importlib.import_module("bench.timing")
FIRST = {"interpolative": 2, "cur": 2, "randomized_svd": 3}  # column with a time


@pytest.mark.parametrize(("concept", "rows"), [("interpolative", 8), ("cur", 5), ("randomized_svd", 9)])
def test_every_row_has_a_time_and_an_error(concept, rows):
    module = importlib.import_module(f"bench.family.{concept}")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = list(table)
    assert len(table) == rows
    for row in table:
        assert len(row) == len(columns)
        cells = row[FIRST[concept] :]
        assert all(cell == "-" or re.fullmatch(r"[\d.e+]+ (s|ms|µs) \([\d.e+-]+(, \d+)?\)", cell) for cell in cells)
        assert cells[1 if concept == "interpolative" else 0] != "-"
