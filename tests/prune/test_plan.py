"""Plans: budgets are met, predictions hold, the best allocation wins, and all of it is data."""

import itertools
import json
import sys

import numpy as np
import pytest
from faces import heads_face
from networks import plain_plan as plan
from networks import random_network, redundant_network

from rrqr_lapack.prune import Dense, Network, Plan, analyze, apply
from rrqr_lapack.prune._analyze import Analysis
from rrqr_lapack.prune._network.dense import NetworkFace
from rrqr_lapack.prune._planning.recipe import Recipe
from rrqr_lapack.prune._units.select import METHODS

NETWORK = redundant_network(np.random.default_rng(1), (10, 40, 30, 30, 4))
X = np.random.default_rng(2).standard_normal((600, 10))
FRESH = np.random.default_rng(3).standard_normal((600, 10))


@pytest.fixture(scope="module")
def analysis():
    """Of the network above."""
    return analyze(NETWORK, X)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("allocation", [None, "uniform", "global", "sensitivity"])
@pytest.mark.parametrize("kind", ["params", "flops"])
def test_a_budget_is_met_and_used(analysis, kind, allocation, method):
    for fraction in (0.1, 0.5):
        chosen = plan(analysis, method=method, allocation=allocation, **{kind: fraction})
        small = apply(analysis, chosen)
        sizes = {
            "params": (small.parameters, NETWORK.parameters),
            "flops": (small.multiply_adds, NETWORK.multiply_adds),
        }
        after, before = sizes[kind]
        assert 0.85 * fraction * before <= after <= fraction * before
        assert (chosen.parameters_before, chosen.parameters_after) == (NETWORK.parameters, small.parameters)
        assert (chosen.flops_before, chosen.flops_after) == (NETWORK.multiply_adds, small.multiply_adds)
        assert tuple(chosen.ranks.values()) == small.widths[1:-1]
        assert chosen.held_out[chosen.allocation] == min(chosen.held_out.values())
        assert chosen.allocation == allocation or allocation is None


def test_numbers_above_one_are_absolute_and_up_to_one_fractions(analysis):
    as_number = plan(analysis, params=0.4 * NETWORK.parameters)
    assert as_number.ranks == plan(analysis, params=0.4).ranks
    assert plan(analysis, params=1).ranks == {"layers[0]": 40, "layers[1]": 30, "layers[2]": 30}
    assert plan(analysis, params=10**9).parameters_after == NETWORK.parameters


@pytest.mark.parametrize("params", [0.05, 0.2, 0.5, 0.8])
def test_the_winner_is_never_worse_than_the_uniform_plan_on_the_held_out_samples(analysis, params):
    best = plan(analysis, params=params)
    assert best.output_error == best.held_out[best.allocation] == min(best.held_out.values())
    alone = [plan(analysis, params=params, allocation=name) for name in ("uniform", "global", "sensitivity")]
    assert best.output_error == min(each.output_error for each in alone)


def test_what_is_held_out_is_measured_with_cuts_that_did_not_see_it(analysis):
    """The figure is that of the network cut by the statistics of the other samples."""
    chosen = plan(analysis, keep=0.5)
    cuts = {name: chosen.recipe.factor(analysis, name, fit=True).cut(k) for name, k in chosen.ranks.items()}
    small, x = analysis.face.cut(cuts).model, np.vstack([x for _, x in analysis.held_out])
    error = np.linalg.norm(small(x) - NETWORK(x)) / np.linalg.norm(NETWORK(x))
    assert chosen.held_out == {"keep": pytest.approx(error, rel=1e-12)}
    assert len(x) < len(X) / 4


@pytest.mark.parametrize("method", ["id", "weighted", "forward"])
@pytest.mark.parametrize("affine", [False, True])
def test_the_predicted_error_is_that_on_fresh_samples(analysis, method, affine):
    for budget in ({"params": 0.2}, {"keep": 0.5}, {"max_error": 0.05}):
        chosen = plan(analysis, method=method, affine=affine, **budget)
        outputs = apply(analysis, chosen)(FRESH)
        error = np.linalg.norm(outputs - NETWORK(FRESH)) / np.linalg.norm(NETWORK(FRESH))
        assert chosen.output_error == pytest.approx(error, rel=0.4)  # as 75 samples tell it


@pytest.mark.parametrize("allocation", [None, "uniform", "global", "sensitivity"])
@pytest.mark.parametrize("max_error", [0.01, 0.1, 0.5])
def test_an_error_budget_is_met_on_the_held_out_samples_with_few_parameters(analysis, max_error, allocation):
    chosen = plan(analysis, max_error=max_error, allocation=allocation)
    assert 0.3 * max_error <= chosen.held_out[chosen.allocation] <= max_error
    if allocation is None:
        uniform = plan(analysis, max_error=max_error, allocation="uniform")
        assert chosen.parameters_after <= uniform.parameters_after


def test_the_smallest_error_budget_leaves_all_or_is_refused(analysis):
    assert plan(analysis, max_error=1e-300).parameters_after == NETWORK.parameters
    twice = Network([Dense(np.tile(NETWORK.layers[0].weight[:, :8], 2), activation="tanh"), Dense(np.ones((16, 1)))])
    with pytest.raises(ValueError, match="max_error must be larger, got 1e-300: no cut to the numerical rank is as"):
        plan(analyze(twice, X), max_error=1e-300)


def test_the_three_rules_of_each_group(analysis):
    assert plan(analysis, keep=0.5).ranks == {"layers[0]": 20, "layers[1]": 15, "layers[2]": 15}
    assert plan(analysis, ranks=[5, 6, 7]).ranks == {"layers[0]": 5, "layers[1]": 6, "layers[2]": 7}
    named = {"layers[2]": 7, "layers[0]": 5, "layers[1]": 6}
    assert plan(analysis, ranks=named).ranks == plan(analysis, ranks=[5, 6, 7]).ranks
    by_eps = plan(analysis, eps=0.2)
    for group in by_eps.groups:
        diagonal = analysis.factor(group.name).diagonal
        k = len(group.units)
        assert diagonal[k] <= 0.2 * diagonal[0] < diagonal[k - 1]


def test_the_units_are_the_first_of_the_order(analysis):
    for method in METHODS:
        for group in plan(analysis, keep=0.3, method=method, seed=5).groups:
            factor = analysis.factor(group.name, method, correct=method in ("id", "weighted", "forward"), seed=5)
            assert group.units == tuple(factor.units[: len(group.units)])
            assert group.error == pytest.approx(factor.errors[len(group.units)] / factor.norm)


@pytest.mark.parametrize("round_to", [4, 7])
@pytest.mark.parametrize("budget", [{"params": 0.5}, {"keep": 0.4}, {"eps": 0.1}, {"max_error": 0.2}])
def test_widths_are_multiples(analysis, budget, round_to):
    for group in plan(analysis, round_to=round_to, **budget).groups:
        assert len(group.units) % round_to == 0 or len(group.units) == group.width
        assert len(group.units) >= min(0.4 * group.width, round_to)


def test_a_multiple_wider_than_the_group_keeps_it_whole(analysis):
    assert plan(analysis, keep=0.4, round_to=64).parameters_after == NETWORK.parameters


def test_groups_can_be_left_alone(analysis):
    chosen = plan(analysis, params=0.6, skip=["layers[1]"])
    assert set(chosen.ranks) == {"layers[0]", "layers[2]"}
    small = apply(analysis, chosen)
    assert small.widths[2] == 30
    assert small.parameters == chosen.parameters_after <= 0.6 * NETWORK.parameters
    assert plan(analysis, keep=0.5, skip="layers[0]").ranks == {"layers[1]": 15, "layers[2]": 15}


def test_a_global_budget_takes_from_what_is_redundant(rng):
    """Layer 1 is nearly of rank 4, layer 0 is not: at half the parameters the plan knows."""
    thin = rng.standard_normal((32, 4)) @ rng.standard_normal((4, 32)) + 0.001 * rng.standard_normal((32, 32))
    shapes = (rng.standard_normal((16, 32)), thin, rng.standard_normal((32, 4)))
    network = Network([Dense(shapes[0], activation="tanh"), *map(Dense, shapes[1:])])
    analysis = analyze(network, rng.standard_normal((800, 16)))
    chosen = plan(analysis, params=0.5)
    assert chosen.ranks["layers[1]"] <= 8
    assert chosen.ranks["layers[0]"] >= 28
    assert chosen.output_error < 0.1 * plan(analysis, params=0.5, allocation="uniform").output_error


def test_units_of_several_columns_with_several_consumers(rng):
    face = heads_face(rng)
    analysis = Analysis(face, rng.standard_normal((500, 12)))
    for method in METHODS:
        chosen = plan(analysis, keep=0.5, method=method, correction="lstsq")
        assert len(chosen.groups[0].units) == 3
        assert apply(analysis, chosen)[0].shape == (12, 9)
    exact = plan(analysis, keep=1.0)
    assert len(exact.groups[0].units) == 5  # one head repeats another
    assert exact.held_out["keep"] <= 1e-12
    assert plan(analysis, params=0.5, round_to=2).ranks == {"heads": 2}


def test_the_json_gives_the_same_plan_back(analysis, tmp_path):
    for budget in ({"params": 0.5}, {"ranks": [3, 4, 5]}, {"eps": 0.1}):
        chosen = plan(analysis, method="weighted", affine=True, refit="auto", **budget)
        chosen.to_json(tmp_path / "plan.json", overwrite=True)
        again = Plan.from_json(tmp_path / "plan.json")
        assert again == chosen == Plan.from_json(chosen.to_json())
        one, two = apply(analysis, again), apply(analysis, chosen)
        np.testing.assert_array_equal(one(X), two(X))


def test_an_existing_json_is_replaced_only_when_asked(analysis, tmp_path):
    chosen = plan(analysis, keep=0.5)
    (tmp_path / "plan.json").write_text("mine")
    with pytest.raises(FileExistsError, match=r"plan.json exists and is not overwritten"):
        chosen.to_json(tmp_path / "plan.json")
    assert (tmp_path / "plan.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data.pop("format"), "'format' is missing"),
        (lambda data: data.update(format="x/1"), "its format must be .*, got 'x/1'"),
        (lambda data: data.pop("groups"), "'groups' is missing"),
        (lambda data: data["groups"][0].pop("units"), "'units' is missing"),
        (lambda data: data.update(extra=1), "unexpected keyword argument 'extra'"),
        (lambda data: data["recipe"].update(method="best"), "method must be one of 'id', .*, got 'best'"),
        (lambda data: data.update(groups=3), "not iterable"),
    ],
)
def test_json_that_is_no_plan_is_refused(analysis, spoil, message):
    data = json.loads(plan(analysis, keep=0.5).to_json())
    spoil(data)
    with pytest.raises(ValueError, match=f"source must be a plan that Plan.to_json wrote, got a text: .*{message}"):
        Plan.from_json(json.dumps(data))


@pytest.mark.parametrize("text", ["{", "{}", '{"format": 3}', "[1]"])
def test_other_text_is_no_plan(tmp_path, text):
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(ValueError, match=r"source must be a plan that Plan.to_json wrote, got .*plan.json: "):
        Plan.from_json(tmp_path / "plan.json")


def test_a_plan_prints_as_a_table(analysis, monkeypatch):
    chosen = plan(analysis, params=0.5)
    text = str(chosen)
    assert text.startswith("Plan for params 0.5: method 'id', correction 'lstsq'\n")
    assert f"{chosen.parameters_before:,} -> {chosen.parameters_after:,}" in text
    assert f"({chosen.allocation} it is)" in text
    assert "it is" not in str(plan(analysis, keep=0.5))  # of one
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert f"group layers[0]  units 40  kept {chosen.ranks['layers[0]']}  " in str(chosen)


@pytest.mark.parametrize(("method", "without"), [("id", "lstsq"), ("random", "none")])
def test_a_correction_that_is_given_is_taken_and_else_that_of_the_method(analysis, method, without):
    for given, taken in (("lstsq", "lstsq"), ("none", "none"), (None, without)):
        assert plan(analysis, keep=0.5, method=method, correction=given).recipe.correction == taken


def test_a_recipe_has_the_same_defaults_checked_or_not():
    assert Recipe.of() == Recipe()


def test_random_units_follow_the_seed(analysis):
    one, two, other = (plan(analysis, keep=0.5, method="random", seed=seed) for seed in (1, 1, 2))
    assert one == two
    assert one.groups[0].units != other.groups[0].units


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "exactly one of eps, keep, ranks, params, flops, max_error must be given, got none of them"),
        ({"params": 0.5, "max_error": 1}, ValueError, "got params and max_error"),
        ({"params": 0}, ValueError, "params must be a fraction above 0 .*, got 0"),
        ({"params": float("nan")}, ValueError, "params must be a fraction above 0 .*, got nan"),
        ({"flops": -3}, ValueError, "flops must be a fraction above 0 .*, got -3"),
        ({"flops": "half"}, TypeError, "flops must be a real number, got 'half'"),
        (
            {"params": 15},
            ValueError,
            r"params must allow what the model has at its narrowest, \d+, got 15, which allows 15",
        ),
        ({"max_error": 0}, ValueError, "max_error must be above 0 and finite, .*, got 0"),
        (
            {"keep": 0.5, "allocation": "global"},
            ValueError,
            "allocation must be None without params, flops or max_error, got 'global'; keep is",
        ),
        (
            {"params": 0.5, "allocation": "best"},
            ValueError,
            "allocation must be one of None, 'uniform', .*, got 'best'",
        ),
        (
            {"params": 0.5, "method": "svd"},
            ValueError,
            "method must be one of 'id', 'weighted', 'forward', .*, got 'svd'",
        ),
        (
            {"params": 0.5, "correction": "ridge"},
            ValueError,
            "correction must be one of None, 'lstsq', 'none', got 'ridge'",
        ),
        ({"params": 0.5, "affine": "yes"}, TypeError, "affine must be True or False, got 'yes'"),
        ({"params": 0.5, "round_to": 0}, ValueError, "round_to must be at least 1, got 0"),
        ({"params": 0.5, "round_to": 2.5}, TypeError, "round_to must be an integer, got 2.5"),
        (
            {"params": 0.5, "skip": ["layers[9]"]},
            ValueError,
            r"skip must hold groups of the analysis, layers\[0\], .*, got 'layers\[9\]'",
        ),
        (
            {"params": 0.5, "skip": [f"layers[{i}]" for i in range(3)]},
            ValueError,
            "skip must leave a group to plan for, got all of them",
        ),
        (
            {"eps": 0.1, "method": "forward"},
            ValueError,
            "eps must go with 'id' or 'weighted', got the method 'forward'",
        ),
        (
            {"params": 0.5, "eps_scale": "output"},
            ValueError,
            "eps_scale must be None without eps, got 'output' and params",
        ),
        ({"ranks": {"layers[0]": 3}}, ValueError, r"ranks must name each of layers\[0\], .*, got layers\[0\]"),
        ({"ranks": [0, 1, 1]}, ValueError, r"ranks must be between 1 and 40 for layers\[0\], got 0"),
    ],
)
def test_an_option_is_refused(analysis, options, error, message):
    with pytest.raises(error, match=message):
        plan(analysis, **options)


def test_the_costs_are_those_of_the_network(rng):
    """The terms of the face, at any widths, are the sizes of networks of these widths."""
    face = NetworkFace(NETWORK)
    for ks in itertools.product((1, 13, 40), (2, 30), (5, 30)):
        widths = {f"layers[{i}]": k for i, k in enumerate(ks)}
        other = random_network(rng, (10, *ks, 4))
        assert sum(term(widths) for term in face.parameters) == other.parameters
        assert sum(term(widths) for term in face.flops) == other.multiply_adds
