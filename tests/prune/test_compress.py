"""Compression: what stays, what is preserved, what is exact."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from networks import activations, random_network, relative_error, reveal_t
from networks import plain_compress as compress

from rrqr_lapack import prune
from rrqr_lapack.prune import Dense, Network
from rrqr_lapack.prune._network.activations import NAMED

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, widths=st.lists(st.integers(1, 12), min_size=3, max_size=5), activation=st.sampled_from(list(NAMED)))
def test_keeping_all_neurons_keeps_the_outputs(seed, widths, activation):
    """Up to what falls under the numerical rank, n eps |r_11| a column, and is magnified by the next weights."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, widths, activation)
    X = rng.standard_normal((40, widths[0]))
    small, report = compress(network, X, keep=1.0)
    assert abs(small(X) - network(X)).max() <= 1e-10 * max(1, abs(network(X)).max())
    assert report.max_output_error <= 1e-10 * max(1, abs(network(X)).max())


@given(seed=SEEDS, copies=st.integers(2, 4), activation=st.sampled_from(["leaky_relu", "tanh", "gelu", "silu"]))
def test_duplicated_neurons_are_merged_without_loss_on_samples_never_seen(seed, copies, activation):
    rng = np.random.default_rng(seed)
    first, second = rng.standard_normal((6, 5)), rng.standard_normal((5 * copies, 4))
    network = Network(
        [
            Dense(np.tile(first, copies), np.tile(rng.standard_normal(5) + 1, copies), activation),
            Dense(np.tile(second, copies), np.tile(rng.standard_normal(4) + 1, copies), activation),
            Dense(rng.standard_normal((4 * copies, 2))),
        ]
    )
    small, _ = compress(network, rng.standard_normal((300, 6)), eps=1e-11)
    assert small.widths == (6, 5, 4, 2)
    fresh = rng.standard_normal((100, 6))
    assert relative_error(small(fresh), network(fresh)) <= 1e-9


@given(seed=SEEDS)
def test_dead_neurons_go_first_and_leave_no_trace(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, (6, 12, 3))
    dead = rng.permutation(12)[:5]
    network.layers[0].bias[dead] = -1e3
    small, report = compress(network, rng.standard_normal((200, 6)), keep=1.0)
    assert not set(report.layers[0].neurons) & set(dead.tolist())
    fresh = rng.standard_normal((100, 6))
    assert relative_error(small(fresh), network(fresh)) <= 1e-10


@given(seed=SEEDS)
def test_the_order_of_the_neurons_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    network = random_network(rng, (6, 10, 3))
    order = rng.permutation(10)
    hidden, last = network.layers
    shuffled = Network(
        [Dense(hidden.weight[:, order], hidden.bias[order], "relu"), Dense(last.weight[order], last.bias)]
    )
    X = rng.standard_normal((100, 6))
    small, report = compress(network, X, keep=0.6)
    small_shuffled, report_shuffled = compress(shuffled, X, keep=0.6)
    assert [order[i] for i in report_shuffled.layers[0].neurons] == list(report.layers[0].neurons)
    assert relative_error(small_shuffled(X), small(X)) <= 1e-12


@pytest.mark.parametrize("eps", [0.5, 0.2, 0.05, 1e-3, 0.0])
def test_eps_keeps_the_first_k_with_the_next_diagonal_below_eps(rng, eps):
    network = random_network(rng, (8, 30, 25, 20, 4))
    X = rng.standard_normal((400, 8))
    small, report = compress(network, X, eps=eps)
    for i, layer in enumerate(report.layers):
        Z = activations(network, X, i)  # of the original network
        R, P = scipy.linalg.qr(Z, mode="r", pivoting=True)
        diagonal = abs(np.diag(R))
        below = diagonal <= max(eps, Z.shape[1] * np.finfo(float).eps) * diagonal[0]
        k = int(below.argmax()) if below.any() else len(diagonal)
        assert layer.after == k == small.widths[i + 1]
        assert layer.neurons == tuple(P[:k])
        np.testing.assert_allclose(layer.diagonal, diagonal[:k], rtol=1e-10)  # and no column after the k-th


def test_eps_per_output_divides_by_the_norm_of_the_next_weights(rng):
    network = random_network(rng, (8, 30, 4))
    X = rng.standard_normal((200, 8))
    scale = np.linalg.svd(network.layers[1].weight, compute_uv=False)[0]
    scaled, _ = compress(network, X, eps=0.2, eps_scale="output")
    plain, _ = compress(network, X, eps=0.2 / scale)
    assert scaled.widths == plain.widths
    assert scaled.widths != compress(network, X, eps=0.2)[0].widths


@pytest.mark.parametrize("weight", [0.0, 1e-6])
def test_a_layer_that_is_hardly_read_keeps_one_neuron_under_eps_per_output(rng, weight):
    network = Network([Dense(rng.standard_normal((3, 5)), activation="relu"), Dense(np.full((5, 2), weight))])
    assert compress(network, rng.standard_normal((50, 3)), eps=0.1, eps_scale="output")[0].widths == (3, 1, 2)


def test_with_one_hidden_layer_the_error_obeys_the_bound(rng):
    """||Y' - Y||_F = ||(Z - Z[:, C] T) W||_F <= ||R22||_F ||W||_2."""
    network = random_network(rng, (8, 40, 3))
    X = rng.standard_normal((200, 8))
    norm = np.linalg.norm(network.layers[1].weight, 2)
    Z = activations(network, X, 0)
    for keep in (0.1, 0.3, 0.5, 0.8):
        small, report = compress(network, X, keep=keep)
        error = np.linalg.norm(small(X) - network(X))
        assert 0 < error <= report.layers[0].residual * np.linalg.norm(Z) * norm * (1 + 1e-12)


def test_the_next_weights_are_t_times_the_old_ones(rng):
    hidden = Dense(rng.standard_normal((8, 20)), rng.standard_normal(20), "relu")
    X = rng.standard_normal((200, 8))
    revealed, report = compress(reveal_t([hidden]), X, keep=0.5)
    T, C = revealed.layers[1].weight, list(report.layers[0].neurons)
    np.testing.assert_array_equal(T[:, C], np.eye(10))
    last = Dense(rng.standard_normal((20, 3)), rng.standard_normal(3))
    small, _ = compress(Network([hidden, last]), X, keep=0.5)
    np.testing.assert_allclose(small.layers[1].weight, T @ last.weight, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(small.layers[1].bias, last.bias)
    np.testing.assert_array_equal(small.layers[0].weight, hidden.weight[:, C])
    np.testing.assert_array_equal(small.layers[0].bias, hidden.bias[C])


def test_a_refit_solves_least_squares_against_the_original_activations(rng):
    """``min ||Z' T - Z||`` but for what the penalty takes, Z' of the compressed and Z of the original network."""
    network = reveal_t(random_network(rng, (8, 20, 16, 1)).layers[:2])
    X = rng.standard_normal((2000, 8))
    plain, _ = compress(network, X, keep=0.5)
    fitted, report = compress(network, X, keep=0.5, affine=False, refit="asymmetric")
    Z = activations(network, X, 1)
    kept = activations(fitted, X, 1)
    least = np.linalg.norm(kept @ np.linalg.lstsq(kept, Z)[0] - Z)
    assert (1 - 1e-12) * least <= np.linalg.norm(kept @ fitted.layers[2].weight - Z) <= 1.02 * least
    assert report.output_error < compress(network, X, keep=0.5)[1].output_error
    np.testing.assert_allclose(fitted.layers[0].weight, plain.layers[0].weight)


def test_in_the_first_layer_a_refit_changes_little(rng):
    network = random_network(rng, (8, 20, 3))
    X = rng.standard_normal((2000, 8))
    plain, fitted = (compress(network, X, keep=0.5, affine=False, refit=refit)[0] for refit in (None, "asymmetric"))
    one, two = fitted.layers[1].weight, plain.layers[1].weight
    np.testing.assert_allclose(one, two, atol=0.05 * abs(two).max())


def test_a_refit_takes_neurons_that_became_dependent(rng):
    """Keeping one neuron of the first layer makes the second layer's kept neurons multiples of each other."""
    layers = [Dense(abs(rng.standard_normal(shape)), activation="relu") for shape in ((4, 6), (6, 5))]
    network = Network([*layers, Dense(rng.standard_normal((5, 2)))])
    X = abs(rng.standard_normal((50, 4)))
    small, report = compress(network, X, ranks=[1, 3], refit="asymmetric")
    assert small.widths == (4, 1, 3, 2)
    assert report.output_error < 0.5


def test_a_linear_network_shrinks_to_its_rank(rng):
    thin = rng.standard_normal((10, 3)) @ rng.standard_normal((3, 12))
    network = Network([Dense(thin), Dense(rng.standard_normal((12, 15))), Dense(rng.standard_normal((15, 4)))])
    small, report = compress(network, rng.standard_normal((100, 10)), eps=1e-10)
    assert small.widths == (10, 3, 3, 4)
    assert report.output_error <= 1e-12


@pytest.mark.parametrize("budget", [{"keep": 0.5}, {"eps": 0.3}, {"ranks": [10, 8, 6]}])
def test_inputs_and_outputs_keep_their_number(rng, budget):
    network = random_network(rng, (8, 20, 16, 12, 4))
    small, report = compress(network, rng.standard_normal((100, 8)), **budget)
    assert (small.widths[0], small.widths[-1], small.head) == (8, 4, "linear")
    assert [r.after for r in report.layers] == list(small.widths[1:-1])
    assert all(after < before for after, before in zip(small.widths[1:-1], network.widths[1:-1], strict=True))


@pytest.mark.parametrize(("keep", "kept"), [(1.0, 20), (0.5, 10), (0.26, 5), (0.01, 1)])
def test_keep_is_rounded_and_leaves_at_least_one(rng, keep, kept):
    network = random_network(rng, (20, 20, 2))
    assert compress(network, rng.standard_normal((100, 20)), keep=keep)[0].widths == (20, kept, 2)


def test_only_the_named_layers_are_compressed_and_ranks_follow_their_order(rng):
    network = random_network(rng, (8, 20, 16, 12, 4))
    small, report = compress(network, rng.standard_normal((100, 8)), layers=[2, 0], ranks=[5, 9])
    assert small.widths == (8, 9, 16, 5, 4)
    assert [r.layer for r in report.layers] == [0, 2]
    np.testing.assert_array_equal(small.layers[1].bias, network.layers[1].bias)


def test_ranks_stop_at_the_numerical_rank(rng):
    half = rng.standard_normal((6, 8))
    network = Network([Dense(np.hstack([half, half]), activation="relu"), Dense(rng.standard_normal((16, 3)))])
    assert compress(network, rng.standard_normal((100, 6)), ranks=[16])[0].widths == (6, 8, 3)


def test_where_no_neuron_fires_one_stays(rng):
    network = Network(
        [Dense(np.ones((3, 5)), np.full(5, -1e3), "relu"), Dense(rng.standard_normal((5, 2)), [1.0, 2.0])]
    )
    X = rng.standard_normal((40, 3))
    for refit in (None, "asymmetric"):
        small, report = compress(network, X, eps=0.1, refit=refit)
        assert small.widths == (3, 1, 2)
        np.testing.assert_array_equal(small(X), network(X))
        assert (report.layers[0].residual, report.output_error) == (0, 0)


def test_magnitude_keeps_the_largest_weight_norms_and_corrects_nothing(rng):
    network = random_network(rng, (8, 20, 3))
    small, report = compress(network, rng.standard_normal((60, 8)), keep=0.25, method="magnitude")
    largest = sorted(range(20), key=lambda j: -np.linalg.norm(network.layers[0].weight[:, j]))[:5]
    assert set(report.layers[0].neurons) == set(largest)
    chosen = list(report.layers[0].neurons)
    np.testing.assert_array_equal(small.layers[0].weight, network.layers[0].weight[:, chosen])
    np.testing.assert_array_equal(small.layers[1].weight, network.layers[1].weight[chosen])
    assert report.layers[0].diagonal == ()


def test_the_original_is_not_modified_and_shares_no_memory(rng):
    network = random_network(rng, (8, 20, 16, 4))
    before = [(layer.weight.copy(), layer.bias.copy()) for layer in network.layers]
    X = rng.standard_normal((100, 8))
    X_before = X.copy()
    small, _ = compress(network, X, layers=[1], keep=0.5)
    np.testing.assert_array_equal(X, X_before)
    for layer, (weight, bias), new in zip(network.layers, before, small.layers, strict=True):
        np.testing.assert_array_equal(layer.weight, weight)
        np.testing.assert_array_equal(layer.bias, bias)
        assert not np.shares_memory(layer.weight, new.weight)
        assert not np.shares_memory(layer.bias, new.bias)


@pytest.mark.parametrize(("given", "computed"), [(np.float16, np.float32), (np.float32, np.float32), (float, float)])
def test_the_compressed_network_keeps_the_dtype(rng, given, computed):
    network = random_network(rng, (8, 20, 3), dtype=given)
    small, report = compress(network, rng.standard_normal((100, 8)), keep=0.9)
    assert small.dtype == computed
    assert all(a.dtype == computed for layer in small.layers for a in (layer.weight, layer.bias))
    assert report.output_error < 0.2


def test_any_callable_is_an_activation(rng):
    network = random_network(rng, (8, 12, 3), np.sin)
    small, report = compress(network, rng.standard_normal((100, 8)), keep=1.0)
    assert small.layers[0].activation is np.sin
    assert report.output_error <= 1e-12


def test_fewer_samples_than_neurons_warns_and_keeps_no_more_than_samples(rng):
    network = random_network(rng, (8, 20, 3))
    with pytest.warns(
        UserWarning, match=r"layers\[0\] has 20 columns but the samples give only 6 rows: no more than 6"
    ) as caught:
        small, report = prune.compress(network, rng.standard_normal((6, 8)), keep=1.0, method="id", refit=None)
    assert caught[0].filename == __file__
    assert small.widths == (8, 6, 3)
    assert report.output_error <= 1e-12


def test_progress_says_what_is_done_and_how_much_of_it(rng):
    seen = []
    compress(
        random_network(rng, (8, 12, 10, 3)),
        rng.standard_normal((50, 8)),
        keep=0.5,
        refit="asymmetric",
        progress=lambda *step: seen.append(step),
    )
    read = [step for step in seen if step[0] == "reading activations"]
    assert read == [("reading activations", i + 1, None) for i in range(3)]  # 50 samples in batches of at least 16
    assert [step for step in seen if step[0] == "refitting"] == [("refitting", i, 2) for i in range(3)]
    assert {step[0] for step in seen} == {"reading activations", "measuring cuts", "refitting"}


def test_an_interrupt_comes_through(rng):
    def stop(what, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress(random_network(rng, (8, 12, 3)), rng.standard_normal((50, 8)), keep=0.5, progress=stop)
