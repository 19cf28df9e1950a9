"""`rrqr plan`, and the budgets of the whole model in `rrqr compress`."""

import os
import sys

import numpy as np
import pytest
from networks import redundant_network

from rrqr_lapack.prune import Plan, analyze, apply, compress, load, plan, save
from rrqr_lapack.prune._command.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """A folder to work in, with a network and its calibration samples."""
    monkeypatch.chdir(tmp_path)
    save(redundant_network(rng, (6, 24, 20, 3)), "model.npz")
    np.save("X.npy", rng.standard_normal((300, 6)))
    return tmp_path


COMPRESS = ["compress", "model.npz", "--data", "X.npy", "-o", "small.npz"]
PLAN = ["plan", "model.npz", "--data", "X.npy"]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (["--params", "0.4"], {"params": 0.4}),
        (["--params", "300"], {"params": 300}),
        (["--flops", "0.5", "--method", "forward", "--affine"], {"flops": 0.5, "method": "forward", "affine": True}),
        (["--max-error", "0.2", "--allocation", "global"], {"max_error": 0.2, "allocation": "global"}),
        (["--keep", "0.4", "--round-to", "8"], {"keep": 0.4, "round_to": 8}),
        (
            ["--keep", "0.5", "--method", "random", "--correction", "lstsq", "--seed", "3"],
            {"keep": 0.5, "method": "random", "correction": "lstsq", "seed": 3},
        ),
        (["--params", "0.4", "--refit", "asymmetric"], {"params": 0.4, "refit": "asymmetric"}),
        (["--keep", "0.4", "--refit", "none", "--no-affine"], {"keep": 0.4, "refit": None, "affine": False}),
    ],
)
def test_the_commands_do_what_the_functions_do(folder, options, arguments, capsys):
    assert main([*COMPRESS, *options]) == 0
    expected, report = compress(load("model.npz"), np.load("X.npy"), **arguments)
    for one, two in zip(load("small.npz").layers, expected.layers, strict=True):
        np.testing.assert_array_equal(one.weight, two.weight)
        np.testing.assert_array_equal(one.bias, two.bias)
    assert f"{report.parameters_before:,} -> {report.parameters_after:,}" in capsys.readouterr().out
    assert main([*PLAN, *options, "-o", "plan.json"]) == 0
    assert tuple(Plan.from_json("plan.json").ranks.values()) == expected.widths[1:-1]


def test_a_plan_is_made_first_and_applied_later(folder, capsys):
    assert main([*PLAN, "--params", "0.4", "--method", "weighted", "-o", "plan.json"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Plan for params 0.4: method 'weighted'")
    assert out.endswith("wrote plan.json\n")
    assert main([*COMPRESS, "--plan", "plan.json", "--report", "report.json"]) == 0
    analysis = analyze(load("model.npz"), np.load("X.npy"))
    expected = apply(analysis, plan(analysis, params=0.4, method="weighted"))
    for one, two in zip(load("small.npz").layers, expected.layers, strict=True):
        np.testing.assert_allclose(one.weight, two.weight, rtol=1e-10, atol=1e-12)
    assert capsys.readouterr().out.endswith("wrote small.npz report.json\n")


def test_a_plan_of_some_layers_leaves_the_others_alone(folder):
    assert main([*PLAN, "--keep", "0.5", "--layers", "1", "-o", "plan.json"]) == 0
    assert main([*COMPRESS, "--plan", "plan.json"]) == 0
    assert load("small.npz").widths == (6, 24, 10, 3)


def test_a_plan_needs_no_file(folder, capsys):
    assert main([*PLAN, "--params", "0.4"]) == 0
    out = capsys.readouterr().out
    assert "predicted" in out
    assert "wrote" not in out
    assert set(os.listdir()) == {"model.npz", "X.npy"}


@pytest.mark.parametrize("command", [[*PLAN, "--params", "0.4"], [*COMPRESS, "--keep", "0.5"]])
def test_the_curves_are_drawn(folder, command, capsys):
    assert main([*command, "--plot", "curves.png"]) == 0
    assert (folder / "curves.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert capsys.readouterr().out.rstrip().endswith("curves.png")


@pytest.mark.parametrize(
    ("command", "existing"),
    [
        ([*PLAN, "--params", "0.4", "-o", "plan.json", "--plot", "p.png"], "plan.json"),
        ([*PLAN, "--params", "0.4", "-o", "plan.json", "--plot", "p.png"], "p.png"),
        ([*COMPRESS, "--keep", "0.5", "--plot", "p.png"], "p.png"),
    ],
)
def test_an_existing_file_is_replaced_only_with_force(folder, command, existing, capsys):
    (folder / existing).write_text("mine")
    assert main(command) == 1
    assert capsys.readouterr().err == f"rrqr: error: {existing} exists and is not overwritten; --force replaces it\n"
    assert set(os.listdir()) == {"model.npz", "X.npy", existing}
    assert main([*command, "--force"]) == 0
    assert (folder / existing).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*COMPRESS, "--plan", "none.json"], "No such file or directory: 'none.json'"),
        ([*COMPRESS, "--plan", "X.npy"], "source must be a plan that Plan.to_json wrote, got X.npy"),
        (
            [*COMPRESS, "--plan", "plan.json", "--method", "id"],
            "option --plan must be alone in saying what stays, got --method too",
        ),
        (
            [*COMPRESS, "--plan", "plan.json", "--layers", "0"],
            "option --plan must be alone in saying what stays, got --layers too",
        ),
        (
            [*COMPRESS, "--plan", "plan.json", "--round-to", "8"],
            "option --plan must be alone in saying what stays, got --round-to too",
        ),
        (
            [*COMPRESS, "--params", "0"],
            "params must be a fraction above 0 and up to 1, or a number of them above 1, got 0.0",
        ),
        ([*COMPRESS, "--params", "7"], "params must allow what the model has at its narrowest, "),
        (
            [*COMPRESS, "--max-error", "-1"],
            "max_error must be above 0 and finite, relative to the outputs' norm, got -1.0",
        ),
        ([*COMPRESS, "--keep", ".5", "--method", "best"], "method must be one of 'id', 'weighted', 'forward'"),
        (
            [*COMPRESS, "--keep", ".5", "--method", "random", "--refit", "asymmetric"],
            "refit must be None with the correction 'none'",
        ),
        ([*PLAN, "--params", ".4", "-o", "p.png", "--plot", "p.png"], "paths must be different files, got p.png twice"),
        ([*PLAN, "--params", ".4", "-o", "none/plan.json"], "the folder none is not there"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(folder, arguments, message, capsys):
    assert main([*PLAN, "--keep", "0.5", "-o", "plan.json"]) == 0
    capsys.readouterr()
    before = set(os.listdir())
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert err.startswith("rrqr: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert set(os.listdir()) == before


def test_without_matplotlib_the_cure_is_said_before_the_work(folder, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "rrqr_lapack.prune._command.plots", raising=False)
    monkeypatch.delattr("rrqr_lapack.prune._command.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([*PLAN, "--params", "0.4", "--plot", "p.png"]) == 1
    assert 'pip install "rrqr-lapack[prune]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compress", "-o", "none/s.npz"], "the folder none is not there"),
        (["compress", "-o", "s.npz", "--report", "model.npz/r.json"], "model.npz is a file; give a folder"),
        (["compress", "-o", "s.npz", "--report", "."], ". is a folder, not a file"),
        (["plan", "-o", "none/p.json"], "the folder none is not there"),
    ],
)
def test_outputs_are_looked_at_before_anything_is_read(folder, arguments, message, capsys):
    assert main([*arguments, "--keep", ".5", "--data", "gone.npy", "gone.npz"]) == 1
    assert capsys.readouterr().err == f"rrqr: error: {message}\n"


def test_the_demo_looks_at_its_folder_before_its_work(folder, monkeypatch, capsys):
    from rrqr_lapack.prune._command import demo

    monkeypatch.setattr(demo, "Trial", lambda *_: pytest.fail("work began"))
    assert main(["demo", "-o", "model.npz/deep"]) == 1
    assert capsys.readouterr().err == "rrqr: error: model.npz is a file; give a folder\n"
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert main(["demo", "-o", "new/deep"]) == 1
    assert capsys.readouterr().err == "rrqr: error: the folder . cannot be written to\n"
