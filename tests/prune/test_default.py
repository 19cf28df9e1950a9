"""The default: one sweep, regularized, what it is fitted to and which units stay decided on held-out samples."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from networks import plain_plan, random_network, redundant_network, relative_error

from rrqr_lapack.prune import Dense, Network, analyze, apply, compress, plan
from rrqr_lapack.prune._units.ridge import Moments, Ridge

WIDTHS = (10, 40, 40, 40, 4)


@pytest.fixture(scope="module")
def network():
    """Three hidden layers, as training makes them."""
    return redundant_network(np.random.default_rng(1), WIDTHS)


@pytest.fixture(scope="module")
def analysis(network):
    """Of 2,000 samples."""
    return analyze(network, np.random.default_rng(2).standard_normal((2000, 10)))


FRESH = np.random.default_rng(3).standard_normal((2000, 10))


@pytest.mark.parametrize("budget", [{"params": 0.2}, {"flops": 0.4}, {"keep": 0.3}, {"max_error": 0.1}])
def test_it_beats_the_plain_scheme_and_says_by_how_much(network, analysis, budget):
    best, plain = plan(analysis, **budget), plain_plan(analysis, **budget)
    error = relative_error(apply(analysis, best)(FRESH), network(FRESH))
    assert best.output_error == pytest.approx(error, rel=0.15)
    if "max_error" in budget:
        assert best.parameters_after < plain.parameters_after
    else:
        assert error < 0.85 * relative_error(apply(analysis, plain)(FRESH), network(FRESH))


def test_compress_is_analyze_plan_and_apply(network, analysis):
    small, report = compress(network, np.random.default_rng(2).standard_normal((2000, 10)), params=0.3)
    chosen = plan(analysis, params=0.3)
    np.testing.assert_array_equal(small(FRESH), apply(analysis, chosen)(FRESH))
    assert report.predicted_error == chosen.output_error


def test_the_best_trial_is_the_plan_and_never_loses_to_the_same_fraction_everywhere(analysis):
    chosen = plan(analysis, params=0.2)
    assert "weighted" in chosen.held_out
    assert chosen.output_error == min(chosen.held_out.values())
    assert chosen.output_error <= plan(analysis, params=0.2, allocation="uniform").output_error


def test_no_drift_at_all_is_not_tried_where_it_would_have_lost(network, analysis):
    """Where making up for what was lost before clearly pays."""
    chosen = plan(analysis, keep=0.3)
    assert chosen.recipe.drift == 1
    assert set(chosen.held_out) == {"keep", "weighted"}
    none = replace(chosen, recipe=replace(chosen.recipe, drift=0.0))
    errors = [relative_error(apply(analysis, each)(FRESH), network(FRESH)) for each in (chosen, none)]
    assert errors[0] < 0.95 * errors[1]


@pytest.mark.parametrize("keep", [0.2, 0.3])
def test_units_chosen_for_what_the_cut_network_makes_of_them_are_better_ones(network, analysis, keep):
    chosen = plan(analysis, keep=keep, method="forward", refit="asymmetric")
    before = plan(analysis, keep=keep, method="forward", refit=None, affine=True)
    fitted = replace(chosen, groups=before.groups)
    errors = [relative_error(apply(analysis, each)(FRESH), network(FRESH)) for each in (chosen, fitted)]
    assert errors[0] < 0.95 * errors[1]


def test_what_is_predicted_is_measured_on_samples_that_were_not_fitted(network, analysis):
    """Fitted without them, the figure is exact."""
    chosen = plan(analysis, params=0.2)
    held = np.vstack([x for _, x in analysis.held_out])
    rest = np.vstack([x for (_, x), out in analysis.again() if not out])
    some = analyze(network, [*np.array_split(rest, 7)])
    small = apply(some, replace(chosen))
    assert relative_error(small(held), network(held)) == pytest.approx(chosen.output_error, rel=0.1)


def test_a_full_width_costs_nothing_and_is_met_by_any_error():
    rng = np.random.default_rng(0)
    network, X = random_network(rng, (20, 100, 3)), rng.standard_normal((110, 20))
    with pytest.warns(UserWarning, match="100 columns but the samples give only 110 rows"):
        analysis = analyze(network, X)
    assert plan(analysis, ranks=[100]).output_error == 0
    assert plan(analysis, max_error=0.3).output_error <= 0.3
    np.testing.assert_array_equal(apply(analysis, plan(analysis, ranks=[100]))(X), network(X))


def test_a_neuron_that_fires_for_one_sample_gets_no_large_weights(rng):
    """Least squares alone would write the residual of that sample in terms of it."""
    first = np.hstack([rng.standard_normal((6, 30)), np.zeros((6, 1))])
    bias = np.append(np.zeros(30), -3.0)
    first[0, 30] = 1.0
    network = Network([Dense(first, bias, "relu"), Dense(rng.standard_normal((31, 3)))])
    X = rng.standard_normal((2000, 6))
    X[:, 0] = np.minimum(X[:, 0], 2.9)
    X[7, 0] = 3.0 + 1e-3
    chosen = plan(analyze(network, X), ranks=[16], refit="asymmetric", method="forward")
    units = (*[unit for unit in chosen.groups[0].units if unit != 30][:15], 30)
    analysis = analyze(network, X)
    small = apply(analysis, replace(chosen, groups=(replace(chosen.groups[0], units=units),)))
    assert abs(small.layers[1].weight[-1]).max() < 20
    fresh = rng.standard_normal((1000, 6))
    fresh[:5, 0] = 5.0
    assert relative_error(small(fresh), network(fresh)) < 0.6


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_refit_is_exact_where_nothing_is_lost(rng, dtype):
    half = rng.standard_normal((8, 12))
    layers = [Dense(np.hstack([half, half]).astype(dtype), activation="tanh")]
    layers += [Dense(rng.standard_normal((24, 4)).astype(dtype))]
    network, X = Network(layers), rng.standard_normal((1000, 8)).astype(dtype)
    small, report = compress(network, X, ranks=[12], method="id")
    assert small.widths == (8, 12, 4)
    assert report.output_error < (1e-4 if dtype == np.float32 else 1e-8)


def test_a_share_of_the_drift_lies_between_none_and_all(network, analysis):
    """With nothing of it a layer reproduces what the cut network itself computes."""
    chosen = plan(analysis, keep=0.3, method="forward")
    errors = [
        relative_error(
            apply(analysis, replace(chosen, recipe=replace(chosen.recipe, drift=drift)))(FRESH), network(FRESH)
        )
        for drift in (1.0, 0.5, 0.0)
    ]
    assert errors[0] < errors[1] < errors[2]


def test_an_iterator_is_planned_without_a_refit(network):
    X = np.random.default_rng(2).standard_normal((400, 10))
    chosen = plan(analyze(network, iter([X[:200], X[200:]])), keep=0.5)
    assert chosen.recipe.drift is None


@pytest.mark.parametrize("affine", [False, True])
def test_the_penalty_is_the_one_that_held_out_rows_like_best(rng, affine):
    """Of all powers of ten, and of what lies half-way to the next ones, for data with noise."""
    A = rng.standard_normal((60, 20)) * np.logspace(0, -2, 20)
    W = rng.standard_normal((20, 3))
    B = A @ W + 0.5 * rng.standard_normal((60, 3)) + 1
    fit, held = slice(40), slice(40, 60)
    centre = np.zeros(20), np.zeros(3)
    rows = [Moments.of(A[part], B[part], centre) for part in (fit, held)]
    ridge = Ridge(*rows, np.ones(3), affine=affine, eps=2.0**-52)

    def error(penalty):
        X, Y = (each[fit] - affine * each[fit].mean(axis=0) for each in (A, B))
        size = (X**2).sum() / 20
        D = np.linalg.solve(X.T @ X + penalty * size * np.eye(20), X.T @ Y)
        shift = affine * (B[fit].mean(axis=0) - A[fit].mean(axis=0) @ D)
        return np.linalg.norm(A[held] @ D + shift - B[held])

    assert error(ridge.penalty) <= min(error(10.0**-i) for i in range(8)) * (1 + 1e-9)
    near = [each for each in (ridge.penalty * 10.0**-0.5, ridge.penalty * 10.0**0.5) if each <= 1]
    assert error(ridge.penalty) <= min(map(error, near)) * (1 + 1e-9)
    D, shift = ridge.solve(rows[0])
    found = A[held] @ D + (0 if shift is None else shift)
    assert np.linalg.norm(found - B[held]) == pytest.approx(error(ridge.penalty), rel=1e-9)
    assert (shift is None) == (not affine)


def test_moments_add_as_rows_do(rng):
    A, B = rng.standard_normal((50, 4)) + 100, rng.standard_normal((50, 3)) - 7
    centre = A.mean(axis=0), B.mean(axis=0)
    whole = Moments.of(A, B, centre)
    parts = Moments.of(A[:20], B[:20], centre) + Moments.of(A[20:], B[20:], centre)
    for one, two in itertools.chain(zip(whole.products, parts.products, strict=True), [(whole.rows, parts.rows)]):
        np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-10)
    AA, AB, BB = parts.about(*parts.mean())
    X, Y = A - A.mean(axis=0), B - B.mean(axis=0)
    np.testing.assert_allclose(AA, X.T @ X, atol=1e-10)
    np.testing.assert_allclose(AB, X.T @ Y, atol=1e-10)
    np.testing.assert_allclose(BB, (Y**2).sum(axis=0), atol=1e-10)
