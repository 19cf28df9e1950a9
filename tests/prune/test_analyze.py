"""The analysis: streams in bounded memory, says what is wrong with the samples, holds some out."""

import itertools
import tracemalloc
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
from faces import heads_face
from networks import activations, random_network, redundant_network
from networks import plain_plan as plan

from rrqr_lapack import TruncatedQR
from rrqr_lapack.prune import CalibrationWarning, Dense, Network, analyze, apply
from rrqr_lapack.prune._analyze import Analysis


@pytest.fixture
def network(rng):
    """Two hidden layers of 20 and 16 neurons."""
    return redundant_network(rng, (8, 20, 16, 3))


def test_the_statistics_are_those_of_all_samples(rng, network):
    X = rng.standard_normal((500, 8))
    analysis = analyze(network, X)
    for i, name in enumerate(analysis.groups):
        Z, statistics = activations(network, X, i), analysis.statistics(name)
        assert statistics.rows == 500
        np.testing.assert_allclose(statistics.mean, Z.mean(axis=0), atol=1e-14)
        A = statistics.scale * statistics.matrix(affine=False)
        np.testing.assert_allclose(A.T @ A, Z.T @ Z, atol=1e-11)
        np.testing.assert_array_equal(analysis.factor(name).units, TruncatedQR(Z).P)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_do_not_matter(rng, dtype):
    network = random_network(rng, (8, 20, 16, 3), dtype=dtype)
    X = rng.standard_normal((500, 8)).astype(dtype)
    whole = analyze(network, X)
    for cuts in ([100], range(3, 500, 3), [499]):
        parts = analyze(network, np.split(X, cuts))
        for name in whole.groups:
            one, two = whole.factor(name), parts.factor(name)
            np.testing.assert_array_equal(one.units, two.units)
            tolerance = 100 * float(np.finfo(dtype).eps) * one.norm
            np.testing.assert_allclose(one.errors, two.errors, rtol=0, atol=tolerance)


def test_some_samples_are_held_out_but_all_are_used(rng, network):
    X = rng.standard_normal((900, 8))
    analysis = analyze(network, X)
    held = np.concatenate([indices for indices, _ in analysis.held_out])
    assert 0.05 * 900 <= len(held) <= 0.2 * 900
    assert len(set(held.tolist())) == len(held)
    np.testing.assert_array_equal(np.vstack([x for _, x in analysis.held_out]), X[held])
    assert analysis.statistics("layers[0]").rows == 900
    assert analysis.statistics("layers[0]", fit=True).rows == 900 - len(held)


def test_sorted_samples_are_held_out_fairly(rng, network):
    """Of samples sorted by their first feature the held-out ones span the whole range."""
    X = rng.standard_normal((2000, 8))
    X = X[np.argsort(X[:, 0])]
    held = np.vstack([x for _, x in analyze(network, X).held_out])
    assert abs(held[:, 0].mean() - X[:, 0].mean()) < 0.1
    assert held[:, 0].std() == pytest.approx(X[:, 0].std(), rel=0.1)


def test_a_single_batch_is_both_fitted_and_measured(rng, network):
    with pytest.warns(UserWarning, match=r"layers\[0\] has 20 columns but the samples give only 15 rows"):
        analysis = analyze(network, rng.standard_normal((15, 8)))
    assert len(analysis.held_out) == 1
    assert plan(analysis, keep=1.0).held_out["keep"] <= 1e-10


def test_an_iterator_is_read_once(rng, network):
    X = rng.standard_normal((400, 8))
    from_array, from_iterator = analyze(network, X), analyze(network, iter([X[:100], X[100:]]))
    assert from_iterator.batches is None
    chosen = plan(from_iterator, keep=0.5)
    expected = apply(from_array, plan(from_array, keep=0.5))
    np.testing.assert_allclose(apply(from_iterator, chosen)(X), expected(X), rtol=1e-9, atol=1e-10)
    with pytest.raises(
        ValueError, match="analysis must have samples that can be read again, got those of an iterator; analyze an"
    ):
        plan(from_iterator, keep=0.5, refit="asymmetric")


def test_memory_does_not_grow_with_the_samples(rng):
    network = random_network(rng, (8, 60, 60, 3))

    def stream(batches):
        source = np.random.default_rng(0)
        for _ in range(batches):
            yield source.standard_normal((100, 8))

    peaks = []
    for batches in (30, 200):
        tracemalloc.start()
        analyze(network, stream(batches))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.2 * peaks[0]


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (59, r"layers\[0\] has 20 columns but the samples give only 59 rows; use 3 rows a column$"),
        (30, r"layers\[0\] has 20 columns .* 30 rows; use 3 rows a column \(and 1 more groups are short of them\)"),
        (19, r"layers\[0\] has 20 columns .* 19 rows: no more than 19 can be told apart; use 3 rows a column"),
    ],
)
def test_few_samples_are_said_in_one_warning(rng, network, samples, message):
    with pytest.warns(UserWarning, match=message) as caught:
        analyze(network, rng.standard_normal((samples, 8)))
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_dead_neurons_lower_the_rank(rng):
    first = Dense(rng.standard_normal((8, 20)), np.where(np.arange(20) % 3, 0.0, -1e3), "relu")
    network = Network([first, Dense(rng.standard_normal((20, 3)))])
    analysis = analyze(network, rng.standard_normal((300, 8)))
    dead = set(range(0, 20, 3))
    for method in ("id", "weighted", "forward"):
        units = analysis.factor("layers[0]", method).units
        assert len(units) == 20 - len(dead)
        assert not dead & set(units.tolist())
    whole = apply(analysis, plan(analysis, keep=1.0))
    assert whole.widths == (8, 13, 3)
    fresh = rng.standard_normal((50, 8))
    np.testing.assert_allclose(whole(fresh), network(fresh), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("method", ["id", "weighted", "forward", "magnitude", "variance"])
def test_equal_samples_are_reproduced_by_one_neuron(rng, network, method, affine):
    X = np.tile(rng.standard_normal(8), (80, 1))
    with pytest.warns(CalibrationWarning):
        analysis = analyze(network, X)
    chosen = plan(analysis, ranks=[1, 1], method=method, affine=affine, correction="lstsq")
    small = apply(analysis, chosen)
    assert small.widths == (8, 1, 1, 3)
    np.testing.assert_allclose(small(X[:1]), network(X[:1]), rtol=1e-10, atol=1e-10)


def test_a_dead_layer_has_nothing_to_lose(rng):
    """Its budget goes to the others."""
    first, second, last = redundant_network(rng, (8, 20, 20, 3)).layers
    for layers, said in (
        (
            [Dense(first.weight, np.full(20, -1e3), "relu"), second, last],
            pytest.warns(CalibrationWarning, match=r"activations of layers\[1\] are the same for all samples"),
        ),
        ([first, Dense(second.weight, np.full(20, -1e3), "relu"), last], nullcontext()),
    ):
        with said:
            analysis = analyze(Network(layers), rng.standard_normal((300, 8)))
        for method, budget in itertools.product(("id", "forward", "variance"), ({"params": 0.3}, {"max_error": 0.1})):
            chosen = plan(analysis, method=method, correction="lstsq", **budget)
            assert np.isfinite(chosen.output_error)
            assert apply(analysis, chosen).parameters == chosen.parameters_after


@pytest.mark.parametrize("scale", [1e-200, 1e200])
@pytest.mark.parametrize("method", ["id", "weighted", "forward", "variance"])
def test_the_scale_of_the_activations_does_not_matter(rng, scale, method):
    network, X = redundant_network(rng, (8, 20, 16, 3), "relu"), rng.standard_normal((400, 8))
    weights = (network.layers[0].weight * scale, *(layer.weight for layer in network.layers[1:]))
    layers = zip(weights, network.layers, strict=True)
    scaled = Network([Dense(weight, layer.bias * scale, layer.activation) for weight, layer in layers])
    one, two = analyze(network, X), analyze(scaled, X)
    plans = [plan(each, keep=0.5, method=method, affine=True, correction="lstsq") for each in (one, two)]
    assert plans[0].ranks == plans[1].ranks
    assert [group.units for group in plans[0].groups] == [group.units for group in plans[1].groups]
    assert plans[1].output_error == pytest.approx(plans[0].output_error, rel=1e-6)
    for drift in (None, 1.0):
        plans = [replace(each, recipe=replace(each.recipe, drift=drift)) for each in plans]
        first, second = (apply(each, chosen) for each, chosen in zip((one, two), plans, strict=True))
        np.testing.assert_allclose(second(X) / scale, first(X), rtol=1e-8, atol=1e-9)


def test_nan_names_the_group(rng):
    face = heads_face(rng)
    X = rng.standard_normal((100, 12))
    X[33, 4] = np.nan
    with pytest.raises(
        ValueError, match="activations of heads must be finite, got NaN or Inf for the calibration samples"
    ):
        Analysis(face, X)


def test_no_samples_and_no_groups_are_refused(rng, network):
    face = heads_face(rng)
    face.batches = list
    with pytest.raises(ValueError, match="calibration must hold samples, got none; give at least one batch"):
        Analysis(face, [])
    with pytest.raises(ValueError, match=r"groups must name at least one of those of this model, .*, got none"):
        Analysis(face, [rng.standard_normal((100, 12))], groups=[])


def test_only_the_named_groups_are_looked_at(rng, network):
    analysis = analyze(network, rng.standard_normal((200, 8)), layers=[1])
    assert list(analysis.groups) == ["layers[1]"]
    assert plan(analysis, keep=0.5).ranks == {"layers[1]": 8}
    with pytest.raises(
        ValueError, match=r"groups must be among those of this model, layers\[0\], layers\[1\], got 'layers\[7\]'"
    ):
        Analysis(analysis.face, rng.standard_normal((200, 8)), groups=["layers[7]"])


def test_progress_counts_the_batches(rng, network):
    seen = []
    analyze(network, rng.standard_normal((2000, 8)), progress=lambda *step: seen.append(step))
    assert seen == [("reading activations", i + 1, None) for i in range(8)]


def test_half_precision_is_computed_in_single(rng):
    network = random_network(rng, (8, 20, 3), dtype=np.float16)
    X = rng.standard_normal((200, 8)).astype(np.float16)
    analysis = analyze(network, X)
    small = apply(analysis, plan(analysis, keep=0.9))
    assert small.dtype == np.float32
    assert np.linalg.norm(small(X) - network(X)) < 0.2 * np.linalg.norm(network(X))
