"""The report: its figures are what they say, as a table and as JSON."""

import json
import sys
from dataclasses import asdict

import numpy as np
import pytest
from networks import activations, random_network, relative_error, reveal_t
from networks import plain_compress as compress


@pytest.mark.parametrize("method", ["id", "magnitude"])
def test_the_residual_is_that_of_z(rng, method):
    network = reveal_t(random_network(rng, (8, 20, 1)).layers[:1])
    X = rng.standard_normal((100, 8))
    small, report = compress(network, X, keep=0.4, method=method)
    Z = activations(network, X, 0)
    residual = np.linalg.norm(Z - Z[:, list(report.layers[0].neurons)] @ small.layers[1].weight) / np.linalg.norm(Z)
    assert report.layers[0].residual == pytest.approx(residual, rel=1e-10)


def test_the_diagonal_does_not_increase(rng):
    _, report = compress(random_network(rng, (8, 20, 3)), rng.standard_normal((100, 8)), keep=0.5)
    diagonal = np.array(report.layers[0].diagonal)
    assert len(diagonal) == report.layers[0].after == 10
    assert (np.diff(diagonal) <= 1e-14 * diagonal[0]).all()


def test_the_output_error_is_that_of_the_logits(rng):
    network = random_network(rng, (8, 20, 16, 3), head="softmax")
    X = rng.standard_normal((100, 8))
    small, report = compress(network, X, keep=0.5)
    assert report.output_error == pytest.approx(relative_error(small.logits(X), network.logits(X)), rel=1e-10)
    assert report.max_output_error == pytest.approx(abs(small.logits(X) - network.logits(X)).max(), rel=1e-10)


def test_sizes_are_those_of_the_networks(rng):
    network = random_network(rng, (8, 20, 16, 3))
    small, report = compress(network, rng.standard_normal((100, 8)), keep=0.5)
    assert (report.parameters_before, report.parameters_after) == (network.parameters, small.parameters)
    assert (report.multiply_adds_before, report.multiply_adds_after) == (network.multiply_adds, small.multiply_adds)
    assert [(r.layer, r.before, r.after) for r in report.layers] == [(0, 20, 10), (1, 16, 8)]
    assert report.seconds > 0


@pytest.fixture
def report(rng):
    """Of a network whose two hidden layers keep 10 of 20 and 8 of 16 neurons."""
    return compress(random_network(rng, (8, 20, 16, 3)), rng.standard_normal((100, 8)), keep=0.5)[1]


def test_the_table_shows_every_layer_and_the_sizes(report):
    lines = str(report).splitlines()
    assert any(line.split("|")[2:5] == ["      20 ", "   10 ", "    50.0% "] for line in lines)
    assert any(line.split("|")[2:5] == ["      16 ", "    8 ", "    50.0% "] for line in lines)
    assert "parameters      567 -> 205 (36.2%)" in lines


def test_without_rich_the_table_is_a_plain_line_a_layer(report, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    lines = str(report).splitlines()
    assert lines[1].startswith("layer 0  columns 20  kept 10  fraction 50.0%  residual of Z ")
    assert lines[2].startswith("layer 1  columns 16  kept 8  fraction 50.0%  residual of Z ")
    assert all(line.isascii() for line in lines)


def test_the_json_holds_every_attribute(report, tmp_path):
    report.to_json(tmp_path / "report.json")
    read = json.loads((tmp_path / "report.json").read_text())
    assert read == json.loads(json.dumps(asdict(report)))
    assert read["layers"][0]["after"] == len(read["layers"][0]["diagonal"]) == 10


def test_an_existing_json_is_replaced_only_when_asked(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"report.json exists and is not overwritten"):
        report.to_json(path)
    assert path.read_text() == "mine"
    report.to_json(path, overwrite=True)
    assert json.loads(path.read_text())["samples"] == 100
