"""What notebooks and terminals show of plans and reports: tables and error curves."""

import sys
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from networks import activations, random_network

from rrqr_lapack.prune import Plan, analyze, compress, plan, save
from rrqr_lapack.prune._command.cli import main
from rrqr_lapack.prune._error_curve import ASCII, BLOCKS, POINTS, sparkline


@pytest.fixture
def network(rng):
    return random_network(rng, (8, 40, 16, 3))


@pytest.fixture
def samples(rng):
    return rng.standard_normal((200, 8))


@pytest.fixture
def half(network, samples):
    return plan(analyze(network, samples), keep=0.5, method="id", refit=None)


def test_the_curve_of_a_plan_is_the_error_of_z_for_every_share_of_the_units(network, samples, half):
    for i, group in enumerate(half.groups):
        Z = activations(network, samples, i)
        order = np.array(analyze(network, samples).factor(group.name, "id", affine=half.recipe.affine).units)
        mean = Z.mean(axis=0) if half.recipe.affine else 0
        for share in (1, 7, 16, 31):
            k = -(-group.width * share // POINTS)
            C = order[:k]
            T = np.linalg.lstsq((Z - mean)[:, C], Z - mean)[0]
            error = np.linalg.norm(Z - mean - (Z - mean)[:, C] @ T) / np.linalg.norm(Z)
            assert group.curve[share - 1] == pytest.approx(error, rel=1e-6, abs=1e-9)
        assert len(group.curve) == POINTS
        assert group.curve[-1] == 0
        assert group.curve[POINTS // 2 - 1] == pytest.approx(group.error, rel=1e-12)


def test_a_report_has_the_curves_of_its_plan(network, samples, half):
    _, report = compress(network, samples, keep=0.5, method="id", refit=None)
    assert [layer.curve for layer in report.layers] == [group.curve for group in half.groups]


def rows(text):
    """Of the tables of well-formed HTML."""
    return [[cell.text for cell in row] for row in ElementTree.fromstring(text).iter("tr")]


@pytest.mark.parametrize("what", ["plan", "report"])
def test_a_notebook_shows_what_is_printed_and_the_curves(what, network, samples, half):
    pytest.importorskip("matplotlib", reason="matplotlib is an extra")
    it = half if what == "plan" else compress(network, samples, keep=0.5)[1]
    text = it._repr_html_()
    assert "<svg" in text
    printed = [line for line in str(it).splitlines() if line and not line.startswith("|")]
    facts = [f"{name:<15} {value}" for name, value in (row for row in rows(text) if len(row) == 2)]
    assert facts == printed[1:]
    assert printed[0] in "".join(ElementTree.fromstring(text).itertext())


def test_names_of_groups_are_escaped(half):
    name = "<b>&_$x$"
    renamed = replace(half, groups=tuple(replace(group, name=name) for group in half.groups))
    text = renamed._repr_html_()
    assert "<b>" not in text
    assert name in [row[0] for row in rows(text)]


def test_a_plan_draws_its_curves_and_what_is_kept(half):
    figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is an extra")
    axes = half.plot(figure.Figure().add_subplot())
    lines = {line.get_label(): line for line in axes.lines}
    for group in half.groups:
        line = lines[f"{group.name}: {len(group.units)} of {group.width}"]
        np.testing.assert_allclose(np.nan_to_num(line.get_ydata()), group.curve)
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [dot.get_xdata()[0] for dot in dots] == [50, 50]


def test_without_matplotlib_the_curves_are_a_table(half, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("rrqr_lapack._common.draw.find_spec", lambda name: None)
    text = half._repr_html_()
    assert "<svg" not in text
    assert ["units kept (%)", *(f"{g.name}: {len(g.units)} of {g.width}" for g in half.groups)] in rows(text)


def test_curves_go_to_json_and_back(half):
    assert Plan.from_json(half.to_json()).groups[0].curve == half.groups[0].curve


@pytest.mark.parametrize(("encoding", "marks"), [("utf-8", BLOCKS), ("ascii", ASCII), ("cp1252", ASCII), (None, ASCII)])
def test_a_sparkline_is_in_what_the_terminal_can_write(encoding, marks):
    line = sparkline([1, 0.5, 0.1, 0.01, 1e-3, 1e-9, 0], encoding)
    assert set(line) <= set(marks)
    heights = [marks.index(mark) for mark in line]
    assert heights[0] == len(marks) - 1
    assert heights[-3:] == [0, 0, 0]
    assert heights == sorted(heights, reverse=True)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("command", [["plan"], ["compress", "-o", "small.npz"]])
def test_the_command_shows_a_sparkline_of_every_layer(
    command, terminal, network, samples, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    save(network, "model.npz")
    np.save("X.npy", samples)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    arguments = [command[0], "model.npz", *command[1:], "--data", "X.npy", "--keep", "0.5"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    chosen = plan(analyze(network, samples), keep=0.5)
    for group in chosen.groups:
        assert sparkline(group.curve, "utf-8" if terminal else None) in out
    assert out.isascii() != terminal
