"""Low-rank weights: the best of their rank, for the data that there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrqr_lapack import TallQR
from rrqr_lapack.prune._units.lowrank import LowRankLayer, allocate_ranks, uniform_ranks

SEEDS = st.integers(0, 2**32 - 1)


def layer(seed, rows=200, inputs=12, outputs=9):
    """Weights, and activations of decaying directions."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, inputs)) * 2.0 ** -np.arange(inputs) @ rng.standard_normal((inputs, inputs))
    return rng.standard_normal((inputs, outputs)), X


@given(seed=SEEDS, rank=st.integers(0, 9), rows=st.sampled_from([3, 200]))
def test_the_error_is_what_it_says_and_no_other_factors_of_the_rank_are_better(seed, rank, rows):
    """Eckart and Young for X W: the tail of its singular values."""
    W, X = layer(seed, rows)
    found = LowRankLayer(W, X)
    A, B = found.factors(rank)
    assert A.shape == (12, rank) and B.shape == (rank, 9)
    s = np.linalg.svd(X @ W, compute_uv=False)
    best = np.linalg.norm(s[rank:])
    assert abs(np.linalg.norm(X @ (W - A @ B)) - best) <= 1e-11 * s[0]
    assert abs(found.errors[rank] - best) <= 1e-11 * s[0]
    plain = LowRankLayer(W).factors(rank)
    assert np.linalg.norm(X @ (W - plain[0] @ plain[1])) >= best * (1 - 1e-12)


@given(seed=SEEDS)
def test_without_data_it_is_the_svd_of_the_weights(seed):
    W, _ = layer(seed)
    found = LowRankLayer(W)
    s = np.linalg.svd(W, compute_uv=False)
    for rank in range(10):
        A, B = found.factors(rank)
        np.testing.assert_allclose(
            [np.linalg.norm(W - A @ B), found.errors[rank]], np.linalg.norm(s[rank:]), atol=1e-12 * s[0]
        )


def test_activations_may_come_in_pieces():
    W, X = layer(0)
    tall = TallQR()
    for piece in np.array_split(X, 5):
        tall.update(piece)
    np.testing.assert_allclose(LowRankLayer(W, tall).errors, LowRankLayer(W, X).errors, rtol=1e-10)


def test_single_precision_stays_single():
    W, X = layer(0)
    A, B = LowRankLayer(W.astype("f4"), X.astype("f4")).factors(4)
    assert A.dtype == B.dtype == np.float32


@pytest.mark.parametrize("budget", range(65, 400, 17))
def test_the_ranks_meet_the_budget_and_no_exchange_betters_them(budget):
    """Taking a rank from one layer and giving what it costs to another does not lower the sum of squared errors."""
    layers = {name: LowRankLayer(*layer(seed, inputs=12, outputs=8 + seed)) for seed, name in enumerate("abc")}
    ranks = allocate_ranks(layers, budget)

    def size(name, rank):
        return layers[name].shape[0] * layers[name].shape[1] if rank is None else layers[name].size(rank)

    def squares(name, rank):
        return 0.0 if rank is None else float((layers[name].errors[rank] / layers[name].norm) ** 2)

    assert sum(size(*each) for each in ranks.items()) <= budget
    for one in layers:
        for two in layers:
            if one == two or None in (ranks[one], ranks[two]) or ranks[one] == 1:
                continue
            other = ranks | {one: ranks[one] - 1, two: ranks[two] + 1}
            if other[two] > 8 or sum(size(*each) for each in other.items()) > sum(
                size(*each) for each in ranks.items()
            ):
                continue
            assert (
                sum(squares(*each) for each in other.items()) >= sum(squares(*each) for each in ranks.items()) - 1e-15
            )


def test_a_layer_keeps_its_weights_where_factors_would_not_be_smaller():
    layers = {"a": LowRankLayer(np.eye(8))}
    assert allocate_ranks(layers, 64) == {"a": None}
    assert allocate_ranks(layers, 63) == {"a": 3}
    with pytest.raises(ValueError, match="budget must have room for one rank of each layer, 16 numbers, got 15"):
        allocate_ranks(layers, 15)


def test_zero_weights_are_no_error():
    found = LowRankLayer(np.zeros((4, 3)))
    assert not found.errors.any() and not any(part.any() for part in found.factors(2)[:1])


@given(seed=SEEDS, largest=st.integers(1, 4))
def test_random_singular_vectors_are_nearly_the_best_and_their_error_is_what_it_says(seed, largest):
    W, X = layer(seed, inputs=40, outputs=30)
    exact, found = LowRankLayer(W, X), LowRankLayer(W, X, largest=largest, driver="randomized", rng=seed)
    assert len(found.values) == largest and len(found.errors) == largest + 1
    A, B = found.factors(largest)
    error = np.linalg.norm(X @ (W - A @ B))
    assert abs(error - found.errors[largest]) <= 1e-6 * exact.norm
    assert error <= 1.01 * exact.errors[largest] + 1e-10 * exact.norm


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(3),), ValueError, r"weight must be a matrix that is not empty, got shape \(3,\)"),
        ((np.ones((0, 3)),), ValueError, "weight must be a matrix that is not empty"),
        ((np.full((2, 2), np.nan),), ValueError, "weight must be finite, got NaN or Inf"),
        ((np.ones((2, 2), complex),), TypeError, "weight must hold real numbers, got complex128"),
        ((np.ones((2, 2)), np.ones((5, 3))), ValueError, "activations must have 2 columns, as weight inputs, got 3"),
    ],
)
def test_other_weights_and_activations_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        LowRankLayer(*arguments)


@pytest.mark.parametrize(("rank", "error"), [(4, ValueError), (-1, ValueError), (1.5, TypeError)])
def test_other_ranks_are_refused(rank, error):
    with pytest.raises(error, match="rank must be"):
        LowRankLayer(np.ones((3, 5))).factors(rank)


def test_other_drivers_are_refused():
    with pytest.raises(ValueError, match="driver"):
        LowRankLayer(np.ones((3, 5)), driver="lapack")


@given(seed=SEEDS, share=st.floats(0.05, 1.2))
def test_the_same_fraction_of_each_layer_uses_the_budget_and_no_more(seed, share):
    layers = {"a": LowRankLayer(*layer(seed)), "b": LowRankLayer(*layer(seed + 1, inputs=30, outputs=12))}
    whole = {name: each.shape[0] * each.shape[1] for name, each in layers.items()}
    budget = max(sum(each.size(1) for each in layers.values()), int(share * sum(whole.values())))
    ranks = uniform_ranks(layers, budget)
    if budget >= sum(whole.values()):
        assert set(ranks.values()) == {None}
        return
    cost = sum(each.size(ranks[name]) for name, each in layers.items())
    most = sum(each.size(each.most) for each in layers.values())
    assert cost <= budget
    assert cost == most or cost + sum(sum(each.shape) for each in layers.values()) > budget
