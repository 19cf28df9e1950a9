"""The benchmarks run and judge rightly. How long anything takes is no test's business."""

import importlib
import itertools
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("scipy", minversion="1.15", reason="interp_decomp takes an rng since then")
main = importlib.import_module("bench.__main__").main
bench = sys.modules["bench"]
race, timing, targets, report = bench.race, bench.timing, bench.targets, bench.report

N, K = 50, 10
SINGULAR_VALUES = 1 / np.arange(1, N + 1)  # of the matrix "algebraic"
BEST = np.linalg.norm(SINGULAR_VALUES[K:]) / np.linalg.norm(SINGULAR_VALUES)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9996, "1 s"),
        (0.9994, "999 ms"),
        (0.0009996, "1 ms"),
        (1234.5, "1230 s"),
        (0.05997, "60 ms"),
        (1.5e-7, "0.15 µs"),
    ],
)
def test_times_have_three_digits_and_the_unit_of_the_rounded_value(value, text):
    assert report.seconds(value) == text


@pytest.fixture(scope="module")
def truncated():
    """Every method but those for stacks, at a rank."""
    names = [name for name in race.METHODS if "loop" not in name]
    return race.run(race.Case("algebraic", (N, N), K), names, 1, timing.QUICK)


@pytest.fixture(scope="module")
def full():
    """The methods of the headline table, without a rank."""
    return race.run(race.Case("algebraic", (N, N)), bench.headline.FULL, 1, timing.QUICK)


def outcome(seconds, pivots=None, errors=None, case=None):
    """An outcome with the given figures."""
    timings = timing.Timings({name: np.array(times, float) for name, times in seconds.items()})
    return race.Outcome(case or race.Case("gaussian", (4, 4)), 1, timings, errors or {}, pivots or {})


def judged(found, **options):
    """The row of a target that wants `auto r` to be twice as fast as `scipy r`."""
    target = bench.target_list.Target(3, "a line", "auto r", ("scipy r",), 2, (found.case,), **options)
    return targets.figures(target, {found.case: found})


def test_each_truncated_approximation_is_close_to_the_best_of_its_rank_and_no_better(truncated):
    assert len(truncated.pivots) >= 12
    for name in truncated.pivots.keys() | ({"sklearn rsvd"} & truncated.errors.keys()):
        assert BEST * (1 - 1e-6) <= truncated.errors[name] <= 2 * BEST, name


def test_each_full_factorization_is_exact_to_rounding(full):
    assert set(full.errors) >= {"auto r", "auto economic", "scipy r", "scipy economic", "geqrf"}
    for name, error in full.errors.items():
        assert error <= N * np.finfo(float).eps, name


def test_the_greedy_methods_choose_the_same_columns(truncated, full):
    for found, k in ((truncated, K), (full, N)):
        for name in {"auto r", "greedy r", "geqp3", "geqp3rk", "qr pivoted r"} & found.pivots.keys():
            assert found.agreeing(name, "scipy economic") == k, name


def test_no_method_modifies_its_matrix():
    a = bench.matrices.make("gaussian", (N, N))
    for name, method in race.METHODS.items():
        stack = "loop" in name
        before = method.prepare(a[None] if stack else a)
        after = before.copy(order="K")
        method.run(after, K)
        np.testing.assert_array_equal(before, after, err_msg=name)


def test_methods_of_stacks_agree():
    found = race.run(race.Case("gaussian", (3, 4, 4)), ["auto economic", "scipy in a loop"], 1, timing.QUICK)
    assert max(found.errors.values()) <= 1e-14


def test_told_a_tolerance_methods_stop_at_about_the_rank():
    case = race.Case("algebraic", (N, N), K, by_tolerance=True)
    found = race.run(case, ["auto ID", "scipy ID exact", "scipy ID random"], 1, timing.QUICK)
    for name, pivots in found.pivots.items():
        assert K - 1 <= len(pivots) <= K + 2, name


def test_a_speedup_is_the_median_of_paired_ratios_against_the_fastest_peer():
    timings = outcome({"ours": [1, 1, 10], "a": [2, 9, 50], "b": [4, 3, 60]}).timings
    assert timings.speedup("ours", "a", "b") == 3
    assert timings.median("a") == 9


def test_methods_take_turns():
    order = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    timings, _ = timing.race(calls, 1, timing.Budget(rounds=2, seconds=0))
    assert {len(times) for times in timings.seconds.values()} == {2}
    turns = "".join(name for name, calls in itertools.groupby(order))
    assert turns.endswith("aba")  # forth, and back again


def test_a_target_is_reached_or_missed_by_its_worst_figure():
    assert judged(outcome({"auto r": [1], "scipy r": [2]}))["verdict"] == "ok"
    assert judged(outcome({"auto r": [1], "scipy r": [1.9]}))["verdict"] == "missed"


def test_a_target_is_missed_by_one_other_pivot():
    pivots = {"auto r": np.array([0, 1, 3, 2]), "scipy r": np.array([0, 1, 2, 3])}
    row = judged(outcome({"auto r": [1], "scipy r": [9]}, pivots), pivots_of="scipy r")
    assert (row["verdict"], row["same pivots"]) == ("missed", "2/4")


def test_a_target_is_missed_by_a_larger_error():
    found = outcome({"auto r": [1], "scipy r": [9]}, errors={"auto r": 1.2, "scipy r": 1.0})
    assert judged(found, error_within=1.1)["verdict"] == "missed"
    assert judged(found, error_within=1.3)["verdict"] == "ok"


def test_a_target_whose_peer_is_missing_is_neither_reached_nor_missed():
    case = race.Case("gaussian", (4, 4))
    target = bench.target_list.Target(3, "a line", "auto r", ("no such peer",), 2, (case,))
    assert targets.figures(target, {})["verdict"] == "not available here"


def test_targets_name_methods_that_exist():
    known = race.METHODS.keys() | {"geqp3rk"} | {f"randomized {what}" for what in ("r", "economic", "ID")}
    for target in bench.target_list.TARGETS:
        assert {target.ours, *target.against} <= known, target


@pytest.mark.parametrize("matrix", ["algebraic", "geometric", "stair step", "devil's stairs"])
def test_a_matrix_has_the_singular_values_that_its_name_says(matrix):
    s = np.linalg.svd(bench.matrices.make(matrix, (60, 40)), compute_uv=False)
    drops = {"algebraic": 1 / 40, "geometric": 1e-8, "stair step": 1e-9, "devil's stairs": 0.6}
    assert s[0] == pytest.approx(1)
    assert s[-1] == pytest.approx(drops[matrix], rel=1e-5)


@pytest.mark.parametrize("matrix", bench.matrices.MATRICES)
def test_matrices_are_seeded_and_fortran_ordered(matrix):
    a = bench.matrices.make(matrix, (30, 20), np.float32, seed=3)
    assert (a.flags.f_contiguous, a.dtype, a.shape) == (True, np.float32, (30, 20))
    np.testing.assert_array_equal(a, bench.matrices.make(matrix, (30, 20), np.float32, seed=3))


def test_kahan_columns_have_norm_one():
    norms = np.linalg.norm(bench.matrices.make("kahan", (40, 40)), axis=0)
    np.testing.assert_allclose(norms, 1, atol=40 * 1e-6)


def test_random_probes_find_the_error_that_the_factor_states():
    found = bench.huge.measure("auto", 20, 300, 1)
    assert found["rank"] == 20
    assert float(found["error by probes"]) == pytest.approx(float(found["error by the factor"]), rel=0.2)


@pytest.mark.parametrize("stored", [False, True])
def test_a_matrix_larger_than_memory_is_measured_from_a_file_and_made(stored, tmp_path):
    path = str(tmp_path / "a.npy") if stored else None
    n = bench.stream.written(path, 256) if stored else 256
    rows = list(bench.stream.measure(path, n, 70))
    assert [row["passes"] for row in rows] == [1, 2, 2, 1, 1]
    assert all(list(row) == bench.stream.COLUMNS for row in rows)
    assert all(float(row["relative error"].split()[0]) < 0.01 for row in rows[1:4])


def test_greedy_is_as_good_as_itself():
    header, rows = bench.quality.measure("greedy", N, seeds=1)
    assert {len(row) for row in rows} == {len(header)}
    assert {value for row in rows for value in row[1:-1]} <= {"1.000", "nan"}


def test_scaling_has_a_slope_for_each_sweep():
    found = list(bench.scaling.measure("auto", 2, 64, 1, timing.QUICK))
    assert [sweep.expected for sweep in found] == [1, 1, 2, 1]
    assert all(np.isfinite(sweep.slope) and len(sweep.sizes) == len(sweep.seconds) for sweep in found)


def test_peak_memory_is_a_row_for_each_way():
    rows = list(bench.memory.rows(100, targets.COLUMNS))
    assert len(rows) == 2
    assert all(list(row) == list(targets.COLUMNS) for row in rows)


def test_the_headline_tables_have_a_cell_for_each_method(truncated, full, capsys):
    for header, rows in (bench.headline.times([full]), bench.headline.rates([full])):
        report.print_table(header, rows)
        lines = capsys.readouterr().out.splitlines()
        assert {line.count("|") for line in lines} == {len(header) + 1}
    case = bench.headline.figures([full])[0]
    assert (case["method"], case["pivots_as_scipy"]) == ("auto r", N)


def test_the_command_prints_a_table_and_writes_figures_whole(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        bench.headline, "cases", lambda matrix: [race.Case(matrix, (N, N)), race.Case(matrix, (N, N), K)]
    )
    plot, figures = tmp_path / "rates.png", tmp_path / "rates.json"
    main(["headline", "--quick", "--threads", "1", "--plot", str(plot), "--json", str(figures)])
    out = capsys.readouterr().out
    assert {"OPENBLAS_CORETYPE", "SciPy", "auto", "scipy"} <= set(re.findall(r"\w+", out))
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert {entry["threads"] for entry in json.loads(figures.read_text())["outcomes"]} == {1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rates.json", "rates.png"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "figures.json"
    report.write_json(path, [1])
    with pytest.raises(TypeError):
        report.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == [1]
    assert list(tmp_path.iterdir()) == [path]


PEER = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>
static double kept[64 * 64];
const char *peer_name(void) { return "Gram-Schmidt"; }
int64_t peer_factor(int64_t m, int64_t n, double *a, int64_t rank, int64_t *pivots, double *tau)
{
    double r[64 * 64] = {0};
    for (int64_t j = 0; j < n; j++) pivots[j] = j;
    for (int64_t j = 0; j < rank; j++) {
        double square = 0;
        for (int64_t i = 0; i < m; i++) square += a[i + j * m] * a[i + j * m];
        r[j + j * m] = tau[j] = sqrt(square);
        for (int64_t i = 0; i < m; i++) a[i + j * m] /= r[j + j * m];
        for (int64_t l = j + 1; l < n; l++) {
            for (int64_t i = 0; i < m; i++) r[j + l * m] += a[i + j * m] * a[i + l * m];
            for (int64_t i = 0; i < m; i++) a[i + l * m] -= a[i + j * m] * r[j + l * m];
        }
    }
    memcpy(kept, a, m * rank * sizeof(double));
    memcpy(a, r, m * n * sizeof(double));
    return rank;
}
void peer_form_q(int64_t m, int64_t n, int64_t rank, const double *a, const double *tau, double *q)
{
    memcpy(q, kept, m * rank * sizeof(double));
}
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="a shared library takes a C compiler, cc")
def test_a_shared_library_takes_part_in_a_race(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(race, "METHODS", dict(race.METHODS))
    source, library, file = tmp_path / "peer.c", tmp_path / "peer.so", tmp_path / "race.json"
    source.write_text(PEER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-lm"], check=True)
    shape = ["--shape", "40", "30", "--quick"]
    main(["race", *shape, "--methods", "auto r", "--peer", str(library), "--json", str(file)])
    found = json.loads(file.read_text())
    assert {"auto r", "Gram-Schmidt r", "Gram-Schmidt economic"} == found["errors"].keys() == found["seconds"].keys()
    assert max(found["errors"].values()) <= 1e-13
    assert "Gram-Schmidt economic" in capsys.readouterr().out


def test_a_library_without_the_three_functions_and_an_unknown_method_are_refused():
    with pytest.raises(SystemExit, match="peer_name"):
        main(["race", "--peer", bench.race.ours.rrqr_lapack._core.__file__])
    with pytest.raises(SystemExit, match="no method is called 'best'"):
        main(["race", "--methods", "best"])


def test_the_sweep_is_one_table_of_several_environments_worst_first(tmp_path, capsys):
    files = []
    for name, dtype in (("a", "float64"), ("b", "complex64")):
        files.append(str(tmp_path / f"{name}.json"))
        main(["sweep", "--quick", "--largest", "8", "--threads", "1", "--dtypes", dtype, "--json", files[-1]])
    capsys.readouterr()
    main(["sweep", "--tables", *files])
    *table, _, verdict = capsys.readouterr().out.strip().splitlines()
    ratios = [float(line.split("|")[1]) for line in table[2:]]
    assert ratios == sorted(ratios) and len(ratios) == 2 * 2 * 4
    assert verdict == f"{sum(r < 1 for r in ratios)} of 16 cases are slower than SciPy's."


@pytest.mark.parametrize("size", ["2048x1024", "9000x12x12"])
def test_the_benchmark_of_devices_gives_a_row_for_each_method_and_rank(size, tmp_path):
    pytest.importorskip("torch", reason="the benchmark races PyTorch")
    file = tmp_path / "rows.json"
    main(["device", "--quick", "--sizes", size, "--dtypes", "float32", "--ranks", "full", "2", "--json", str(file)])
    rows = json.loads(file.read_text())
    assert {row["rank"] for row in rows} == {"full", 2}
    assert {"greedy", "geqrf", "linalg.qr", "svd", "host and back", "gemm"} <= {row["method"] for row in rows}
    errors = {row["method"]: float(row["error"]) for row in rows if row["error"] and row["rank"] == 2}
    assert errors["svd_lowrank"] <= errors["greedy"] * 1.05


@pytest.mark.parametrize("kind", ["Square", "Stack", "Tall"])
def test_a_benchmark_of_commits_takes_its_own_parameters(kind):
    """asv takes a sequence of sequences for the choices of each parameter."""
    benchmark = getattr(importlib.import_module("bench.commits.kernels"), kind)()
    choices = getattr(benchmark, "params", ())
    assert len(choices) == len(getattr(benchmark, "param_names", ()))
    first = [each[0] for each in choices]
    benchmark.setup(*first)
    timed = [name for name in dir(benchmark) if name.startswith("time_")]
    assert timed
    for name in timed:
        getattr(benchmark, name)(*first)
