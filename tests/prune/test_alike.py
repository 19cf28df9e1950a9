"""Groups that keep one width between them."""

import numpy as np
import pytest

from rrqr_lapack.prune import Dense, Network, analyze, compress, plan


@pytest.fixture
def analysis(rng):
    """Three hidden layers, two of one width; the second one repeats most of its neurons."""
    W = [rng.standard_normal(shape) / np.sqrt(shape[0]) for shape in ((6, 16), (16, 16), (16, 10), (10, 3))]
    W[1][:, 4:] = W[1][:, :4] @ rng.standard_normal((4, 12))
    network = Network([Dense(w, activation="relu") for w in W[:-1]] + [Dense(W[-1])])
    return analyze(network, rng.standard_normal((400, 6)))


@pytest.mark.parametrize("budget", [{"params": 0.6}, {"flops": 0.6}, {"max_error": 0.3}, {"keep": 0.5}, {"eps": 0.2}])
def test_alike_groups_have_one_width(analysis, budget):
    made = plan(analysis, **budget, alike=["layers[[]0]"])
    assert set(made.ranks) == {"layers[0]", "layers[1]", "layers[2]"}
    tied = plan(analysis, **budget, alike=["layers[[][01]]"])
    assert tied.ranks["layers[0]"] == tied.ranks["layers[1]"]


def test_a_budget_holds_with_alike_groups_and_what_it_leaves_is_less_than_a_step(analysis):
    made = plan(analysis, params=0.6, alike=["layers[[][01]]"])
    limit = 0.6 * made.parameters_before
    k, rest = made.ranks["layers[0]"], made.ranks["layers[2]"]
    assert made.parameters_after <= limit
    step = (6 + 1 + 2 * k + 1 + 1 + rest) + 1  # one neuron more in both
    assert limit - made.parameters_after < step


def test_the_best_common_width_is_found(analysis):
    budget = 0.55
    made = plan(analysis, params=budget, alike=["layers[[][01]]"], allocation="global")
    limit = budget * made.parameters_before

    def error(k, rest):
        factors = [made.recipe.factor(analysis, f"layers[{i}]", fit=True) for i in range(3)]
        return sum((f.errors[min(n, len(f.units))] / f.norm) ** 2 for f, n in zip(factors, (k, k, rest), strict=True))

    def cost(k, rest):
        return 7 * k + k * k + k + k * rest + rest + 3 * rest + 3

    best = min(error(k, rest) for k in range(1, 17) for rest in range(1, 11) if cost(k, rest) <= limit)
    assert error(made.ranks["layers[0]"], made.ranks["layers[2]"]) <= 1.05 * best


def test_a_rule_for_each_group_takes_the_largest(analysis):
    free = plan(analysis, eps=0.3).ranks
    tied = plan(analysis, eps=0.3, alike=["layers[[][01]]"]).ranks
    assert tied["layers[0]"] == tied["layers[1]"] == max(free["layers[0]"], free["layers[1]"])
    assert tied["layers[2]"] == free["layers[2]"]


def test_compress_takes_it_too(rng):
    network = Network([Dense(rng.standard_normal((8, 8)), activation="relu") for _ in range(3)] + [Dense(np.eye(8))])
    small, _ = compress(network, rng.standard_normal((200, 8)), params=0.7, alike=["*"])
    assert len(set(small.widths[1:-1])) == 1


@pytest.mark.parametrize(
    ("alike", "error", "message"),
    [
        ("config", ValueError, "alike must be None or patterns for a model whose configuration says no width of "),
        ("layers*", TypeError, "alike must be None, 'config' or patterns in a list, got 'layers\\*'"),
        (3, TypeError, "alike must be None, 'config' or patterns in a list, got 3"),
        ([3], TypeError, "alike must hold patterns of names, got 3"),
        (["none*"], ValueError, "alike must hold patterns of groups to plan for, .*, got 'none\\*'"),
        (["*"], ValueError, "alike must join groups of one width, got '\\*', which joins layers\\[0\\] of 16, "),
        (["*[[]0]", "*[[][01]]"], ValueError, "alike must have each group in one pattern, got layers\\[0\\] in two"),
    ],
)
def test_what_cannot_be_alike_is_said(analysis, alike, error, message):
    with pytest.raises(error, match=message):
        plan(analysis, params=0.5, alike=alike)
