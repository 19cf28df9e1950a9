"""The benchmarks of the family run, and their tables hold what they say."""

import importlib
import re
import sys

import pytest

pytest.importorskip("scipy", minversion="1.15", reason="interp_decomp takes an rng since then")
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


def test_tall_matrices_have_a_q_that_is_orthonormal_for_everyone():
    module = importlib.import_module("bench.family.tall_q")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = [dict(zip(columns, row, strict=True)) for row in table]
    assert len(table) == 3
    for row in table:
        for name in module.METHODS:
            error, departure = re.search(r"\(([\d.e+-]+), ([\d.e+-]+)\)", row[name]).groups()
            assert float(error) < 1e-13
            assert float(departure) < 1e-13
        assert all(float(row[f"{name} / CQRRPT"]) > 0 for name in module.OURS)


def test_strong_factorizations_are_within_what_they_certify():
    module = importlib.import_module("bench.family.strong")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = [dict(zip(columns, row, strict=True)) for row in table]
    assert len(table) == 11
    figures = [[float(x) for x in re.findall(r"[\d.e+-]+", row["strong"].split("(")[1])] for row in table]
    for row, (largest, worst, error) in zip(table, figures, strict=True):
        assert largest <= 2
        assert 0.999 <= worst <= float(row["certified"]) + 1
        assert error <= 1e-14
    assert table[-2]["matrix"] == "kahan 100x100, k = 99"
    assert float(table[-2]["truncated"].split("(")[1].split(",")[0]) > 1e12
    assert table[-2]["exchanges"] >= 1


@pytest.mark.parametrize(("concept", "rows"), [("nystrom", 5), ("kernel_ridge", 2)])
def test_kernel_matrices_have_a_time_and_an_error_for_everyone(concept, rows):
    pytest.importorskip("sklearn", reason="they are raced beside scikit-learn")
    module = importlib.import_module(f"bench.family.{concept}")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = [dict(zip(columns, row, strict=True)) for row in table]
    assert len(table) == rows
    measured = [name for name in columns if name not in ("points", "k", "iterations")]
    for row in table:
        for name in measured:
            assert re.fullmatch(r"[\d.]+ (s|ms|µs) \([\d.]+\)", row[name]), row


def test_matrices_without_noise_are_recovered(monkeypatch):
    monkeypatch.delenv("RATINGS", raising=False)
    module = importlib.import_module("bench.family.completion")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    exact, noisy = (dict(zip(columns, row, strict=True)) for row in table)
    error = re.compile(r"\(([\d.e+-]+)\)")
    assert float(error.search(exact["als"])[1]) < 1e-10
    assert float(error.search(exact["soft_impute"])[1]) < 0.01
    assert float(error.search(noisy["complete, als"])[1]) < 0.5


def test_estimators_have_a_time_and_a_quality_beside_scikit_learns(monkeypatch):
    pytest.importorskip("sklearn", reason="they are raced beside scikit-learn")
    module = importlib.import_module("bench.family.estimators")
    # that of MatrixCompletion takes the longest by far
    monkeypatch.setattr(module, "CONTESTS", [c for c in module.CONTESTS if c is not module.MatrixCompletion])
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = [dict(zip(columns, row, strict=True)) for row in table]
    assert [row["data"] for row in table] == ["digits", "clothes"] * len(module.CONTESTS)
    for row in table:
        for name in ("ours", "scikit-learn"):
            assert re.fullmatch(r"[\d.]+ (s|ms|µs) \([\d.e+-]+\)", row[name]), row


def test_a_matrix_in_chunks_has_a_time_a_peak_and_a_quality_for_everyone():
    pytest.importorskip("dask.array", reason="it is raced beside Dask")
    if sys.platform != "linux":
        pytest.skip("peaks are read as Linux tells them")
    module = importlib.import_module("bench.family.dask")
    columns, table = module.measure(quick=True, threads=1, budget=timing.QUICK)
    table = [dict(zip(columns, row, strict=True)) for row in table]
    assert [row["method"] for row in table] == list(module.METHODS)
    for row in table:
        assert re.fullmatch(r"[\d.]+ (s|ms)", row["seconds"]), row
        assert int(row["peak beyond imports"].split()[0]) > 0
        assert float(row["quality"].split(",")[0]) < 1e-13
    assert table[0]["quality"].endswith("16 of 16 pivots")
