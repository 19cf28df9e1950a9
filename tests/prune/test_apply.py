"""The smaller model: what is folded where, what a refit solves, what the mean does."""

from dataclasses import replace

import numpy as np
import pytest
from faces import heads_face
from networks import activations, random_network, redundant_network, relative_error, reveal_t
from networks import plain_plan as plan

from rrqr_lapack.prune import Dense, Network, Plan, analyze, apply
from rrqr_lapack.prune._analyze import Analysis
from rrqr_lapack.prune._units.select import METHODS

METHODS_AND_CORRECTIONS = [(m, c) for m in METHODS for c in ("lstsq", "none")]


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize(("method", "correction"), METHODS_AND_CORRECTIONS)
def test_one_layer_is_cut_with_the_error_the_plan_states(rng, method, correction, affine):
    network = reveal_t(redundant_network(rng, (8, 24, 1)).layers[:1])
    X = rng.standard_normal((300, 8))
    analysis = analyze(network, X)
    for k in (1, 7, 24):
        chosen = plan(analysis, ranks=[k], method=method, correction=correction, affine=affine)
        small = apply(analysis, chosen)
        assert small.widths == (8, len(chosen.groups[0].units), 24)
        Z = activations(network, X, 0)
        error = np.linalg.norm(small(X) - Z) / np.linalg.norm(Z)
        assert chosen.groups[0].error == pytest.approx(error, rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("method", METHODS)
def test_the_correction_only_helps(rng, method):
    network, X = redundant_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    analysis = analyze(network, X)
    with_it, without = (plan(analysis, keep=0.5, method=method, correction=c) for c in ("lstsq", "none"))
    for one, two in zip(with_it.groups, without.groups, strict=True):
        assert one.units == two.units
        assert one.error <= two.error * (1 + 1e-12)
    affine = plan(analysis, keep=0.5, method=method, correction="none", affine=True)
    if method in ("activation", "magnitude", "random"):  # chosen without looking at the mean
        assert all(a.error <= b.error * (1 + 1e-12) for a, b in zip(affine.groups, without.groups, strict=True))


def test_magnitude_alone_is_plain_slicing(rng):
    network, X = random_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    analysis = analyze(network, X)
    chosen = plan(analysis, keep=0.5, method="magnitude")
    small = apply(analysis, chosen)
    one, two = (list(group.units) for group in chosen.groups)
    first, second, third = network.layers
    np.testing.assert_array_equal(small.layers[0].weight, first.weight[:, one])
    np.testing.assert_array_equal(small.layers[1].weight, second.weight[np.ix_(one, two)])
    np.testing.assert_array_equal(small.layers[2].weight, third.weight[two])
    np.testing.assert_array_equal(small.layers[1].bias, second.bias[two])
    norms = np.linalg.norm(second.weight, axis=0)
    assert norms[two].min() >= np.delete(norms, two).max()


def test_an_affine_cut_folds_the_mean_into_the_next_bias(rng):
    """Neurons that are constant cost no error and no neuron."""
    weight = rng.standard_normal((8, 12))
    weight[:, 6:] = 0
    network = Network([Dense(weight, rng.standard_normal(12), "tanh"), Dense(rng.standard_normal((12, 3)))])
    X = rng.standard_normal((300, 8))
    analysis = analyze(network, X)
    small = apply(analysis, plan(analysis, ranks=[6], affine=True))
    assert relative_error(small(X), network(X)) <= 1e-12
    assert relative_error(apply(analysis, plan(analysis, ranks=[6]))(X), network(X)) > 1e-3
    np.testing.assert_array_equal(
        small.layers[0].weight, weight[:, list(plan(analysis, ranks=[6], affine=True).groups[0].units)]
    )


def test_the_mean_of_the_next_inputs_is_kept_by_an_affine_cut(rng):
    network, X = redundant_network(rng, (8, 24, 3)), rng.standard_normal((400, 8)) + 0.5
    analysis = analyze(network, X)
    for method in METHODS:
        small = apply(analysis, plan(analysis, keep=0.2, method=method, affine=True))
        np.testing.assert_allclose(small(X).mean(axis=0), network(X).mean(axis=0), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("affine", [False, True])
def test_an_asymmetric_refit_solves_least_squares_against_the_original(rng, affine):
    """The residual Z' T + shift - Z is as short as any but for the penalty, and without a mean if affine."""
    network = reveal_t(redundant_network(rng, (8, 20, 16, 1)).layers[:2])
    X = rng.standard_normal((300, 8))
    analysis = analyze(network, X)
    plain, fitted = (
        apply(analysis, plan(analysis, keep=0.4, method="forward", affine=affine, refit=refit))
        for refit in (None, "asymmetric")
    )
    Z, kept = activations(network, X, 1), activations(fitted, X, 1)
    residual = fitted(X) - Z
    known = np.hstack([kept, np.ones((len(kept), 1))]) if affine else kept
    least = np.linalg.norm(Z - known @ np.linalg.lstsq(known, Z)[0])
    assert (1 - 1e-12) * least <= np.linalg.norm(residual) <= 1.02 * least
    if affine:
        assert np.linalg.norm(residual.sum(axis=0)) <= 1e-11 * np.linalg.norm(Z)
    assert np.linalg.norm(residual) < np.linalg.norm(plain(X) - Z)


def test_an_asymmetric_refit_absorbs_what_earlier_layers_lost(rng):
    network = redundant_network(rng, (8, 30, 30, 30, 3))
    X, fresh = rng.standard_normal((2000, 8)), rng.standard_normal((500, 8))
    analysis = analyze(network, X)
    for method in ("id", "magnitude"):
        plain, fitted = (
            apply(analysis, plan(analysis, keep=0.3, method=method, correction="lstsq", refit=refit))
            for refit in (None, "asymmetric")
        )
        assert relative_error(fitted(fresh), network(fresh)) < 0.95 * relative_error(plain(fresh), network(fresh))


def test_a_refit_of_heads_keeps_their_columns(rng):
    face = heads_face(rng)
    analysis = Analysis(face, rng.standard_normal((500, 12)))
    plain, fitted = (
        apply(analysis, plan(analysis, keep=0.5, affine=True, refit=refit)) for refit in (None, "asymmetric")
    )
    for one, two in zip(plain[1] + plain[2], fitted[1] + fitted[2], strict=True):
        np.testing.assert_allclose(one, two, rtol=0.05, atol=0.05)  # nothing before it has drifted


def test_a_saved_plan_is_applied_to_another_analysis_of_the_model(rng):
    network, X = redundant_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    chosen = Plan.from_json(plan(analyze(network, X), params=0.4).to_json())
    small = apply(analyze(network, rng.standard_normal((400, 8))), chosen)
    assert small.widths[1:-1] == tuple(chosen.ranks.values())
    assert relative_error(small(X), network(X)) < 2 * chosen.output_error


def test_the_original_is_untouched(rng):
    network, X = redundant_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    before = [a.copy() for layer in network.layers for a in (layer.weight, layer.bias)]
    analysis = analyze(network, X)
    for refit in (None, "asymmetric"):
        small = apply(analysis, plan(analysis, params=0.4, affine=True, refit=refit))
        for layer in small.layers:
            layer.weight[:] = layer.bias[:] = 0
    for one, two in zip(before, [a for layer in network.layers for a in (layer.weight, layer.bias)], strict=True):
        np.testing.assert_array_equal(one, two)


def test_layers_that_are_not_in_the_plan_stay_as_they_are(rng):
    network, X = redundant_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    analysis = analyze(network, X)
    small = apply(analysis, plan(analysis, keep=0.5, skip=["layers[0]"], refit="asymmetric"))
    np.testing.assert_array_equal(small.layers[0].weight, network.layers[0].weight)


def test_a_plan_for_another_model_is_refused(rng):
    X = rng.standard_normal((400, 8))
    one, other = (analyze(redundant_network(rng, widths), X) for widths in ((8, 24, 20, 3), (8, 24, 18, 3)))
    with pytest.raises(
        ValueError, match=r"plan must be for the model of the analysis, got one whose layers\[1\] has 20 units"
    ):
        apply(other, plan(one, keep=0.5))


@pytest.mark.parametrize("units", [(), (1, 1), (24,), (-1,), (0.5,)])
def test_units_that_are_none_are_refused(rng, units):
    analysis = analyze(redundant_network(rng, (8, 24, 3)), rng.standard_normal((400, 8)))
    chosen = plan(analysis, keep=0.5)
    spoiled = replace(chosen, groups=(replace(chosen.groups[0], units=units),))
    with pytest.raises(ValueError, match=r"plan must keep different units of layers\[0\], numbers from 0 to 23, got"):
        apply(analysis, spoiled)


@pytest.mark.parametrize(
    ("options", "refit", "message"),
    [
        ({}, "ridge", "refit must be one of None, 'auto', 'asymmetric', got 'ridge'"),
        (
            {"method": "random"},
            "asymmetric",
            "refit must be None with the correction 'none' .of the method 'random'., got 'asymmetric'",
        ),
    ],
)
def test_a_refit_is_refused(rng, options, refit, message):
    analysis = analyze(redundant_network(rng, (8, 24, 3)), rng.standard_normal((400, 8)))
    with pytest.raises(ValueError, match=message):
        plan(analysis, keep=0.5, refit=refit, **options)


def test_a_model_is_no_analysis_and_a_budget_no_plan(rng):
    network = redundant_network(rng, (8, 24, 3))
    with pytest.raises(TypeError, match=r"analysis must be what analyze\(model, samples\) gives, got Network"):
        plan(network, keep=0.5)
    with pytest.raises(TypeError, match="analysis must be what"):
        apply(network, 0.5)
    with pytest.raises(TypeError, match=r"plan must be a Plan, .* got float"):
        apply(analyze(network, rng.standard_normal((400, 8))), 0.5)


def test_an_interrupted_refit_leaves_nothing_behind(rng):
    network, X = redundant_network(rng, (8, 24, 20, 3)), rng.standard_normal((400, 8))
    analysis = analyze(network, X)
    chosen = plan(analysis, keep=0.5, refit="asymmetric")

    def stop(what, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(analysis, chosen, progress=stop)
    assert network.widths == (8, 24, 20, 3)
    assert apply(analysis, chosen).widths == (8, 12, 10, 3)
