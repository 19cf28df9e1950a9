"""Widths under a budget: the relaxation beside trying everything."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrqr_lapack.prune._face import Term
from rrqr_lapack.prune._planning.allocate import Allocation
from rrqr_lapack.prune._units.curves import widths


def problem(seed, groups, width, convex=True):
    """A chain of groups with random falling curves: its choices, squared errors, cost and full widths."""
    rng = np.random.default_rng(seed)
    names = "abcdef"[:groups]
    choices = {name: np.arange(1, width + 1) for name in names}
    errors = {}
    for name in names:
        falls = rng.exponential(size=width)
        falls = np.sort(falls)[::-1] * 0.6 ** np.arange(width) if convex else falls
        errors[name] = falls[::-1].cumsum()[::-1] - falls[-1]
    terms = [Term(5, (names[0],)), Term(3, (names[-1],)), Term(7)]
    terms += [Term(1, pair) for pair in itertools.pairwise(names)] + [Term(1, (name,)) for name in names]
    return choices, errors, terms, dict.fromkeys(names, width)


def everything(choices, allowed):
    """All allowed widths."""
    for ks in itertools.product(*choices.values()):
        candidate = dict(zip(choices, map(int, ks), strict=True))
        if allowed(candidate):
            yield candidate


@given(seed=st.integers(0, 2**32 - 1), groups=st.integers(1, 3), fraction=st.floats(0.1, 1.0))
def test_the_error_is_close_to_the_least_at_that_cost(seed, groups, fraction):
    """Coordinate descent and one multiplier may miss the optimum, by little; they never miss a budget."""
    choices, errors, terms, full = problem(seed, groups, 8)
    allocation = Allocation(errors, choices, terms, full)
    budget = fraction * allocation.cost(full)
    found = allocation.within(budget)
    if found is None:
        assert allocation.cost(allocation.narrowest) > budget
        return
    assert allocation.cost(found) <= budget
    best = min(everything(choices, lambda k: allocation.cost(k) <= budget), key=allocation.error)
    assert allocation.error(found) <= 1.5 * allocation.error(best) + 1e-12
    for name, k in found.items():  # and nothing more fits in that would help
        wider = {**found, name: min(k + 1, 8)}
        assert allocation.cost(wider) > budget or allocation.error(wider) >= allocation.error(found)


@given(seed=st.integers(0, 2**32 - 1), groups=st.integers(1, 3), fraction=st.floats(0.01, 1.0))
def test_the_cost_is_close_to_the_least_at_that_error(seed, groups, fraction):
    choices, errors, terms, full = problem(seed, groups, 8)
    allocation = Allocation(errors, choices, terms, full)
    limit = fraction * allocation.error(allocation.narrowest)
    found = allocation.cheapest(limit)
    assert allocation.error(found) <= limit
    best = min(everything(choices, lambda k: allocation.error(k) <= limit), key=allocation.cost)
    assert allocation.cost(found) <= 1.3 * allocation.cost(best)


def test_on_average_the_optimum_is_nearly_met():
    def ratio(seed):
        choices, errors, terms, full = problem(seed, 3, 8)
        allocation = Allocation(errors, choices, terms, full)
        budget = 0.4 * allocation.cost(full)
        best = min(everything(choices, lambda k: allocation.cost(k) <= budget), key=allocation.error)
        return allocation.error(allocation.within(budget)) / allocation.error(best)

    assert np.mean([ratio(seed) for seed in range(60)]) <= 1.03


@given(seed=st.integers(0, 2**32 - 1), fraction=st.floats(0.1, 1.0), convex=st.booleans())
def test_it_is_never_worse_than_the_uniform_allocation(seed, fraction, convex):
    choices, errors, terms, full = problem(seed, 5, 20, convex)
    best, uniform = (Allocation(errors, choices, terms, full, uniform=u) for u in (False, True))
    budget = fraction * best.cost(full)
    found, compared = best.within(budget), uniform.within(budget)
    if compared is not None:
        assert uniform.cost(compared) <= budget
        assert best.error(found) <= uniform.error(compared) * (1 + 1e-12)
        assert len(set(compared.values())) == 1


def test_uniform_is_the_largest_fraction_that_fits():
    choices, errors, terms, full = problem(0, 4, 30)
    allocation = Allocation(errors, choices, terms, full, uniform=True)
    for fraction in (0.05, 0.3, 0.7, 1.0):
        budget = fraction * allocation.cost(full)
        k = allocation.within(budget)["a"]
        assert allocation.cost(dict.fromkeys(full, k)) <= budget
        assert k == 30 or allocation.cost(dict.fromkeys(full, k + 1)) > budget
        limit = allocation.error(dict.fromkeys(full, k))
        assert allocation.cheapest(limit)["a"] == k


def test_groups_without_a_choice_keep_their_width():
    """Group b is left alone at 10, so that each unit of a costs 10."""
    allocation = Allocation(
        {"a": np.array([3.0, 2, 1, 0])}, {"a": np.arange(1, 5)}, [Term(1, ("a", "b"))], {"a": 4, "b": 10}
    )
    assert allocation.within(39) == {"a": 3}
    assert allocation.cost({"a": 3}) == 30
    assert allocation.within(9) is None


def test_a_group_may_be_in_a_term_twice():
    """A residual stream: its square counts."""
    allocation = Allocation(
        {"a": np.array([2.0, 1, 0])}, {"a": np.arange(1, 4)}, [Term(2, ("a", "a")), Term(1)], {"a": 3}
    )
    assert [allocation.within(budget) for budget in (2, 3, 8, 9, 18, 19)] == [
        None,
        {"a": 1},
        {"a": 1},
        {"a": 2},
        {"a": 2},
        {"a": 3},
    ]


def test_a_group_that_costs_nothing_is_kept_whole():
    errors = {"a": np.array([1.0, 0.5, 0.1]), "b": np.array([9.0, 1, 0])}
    allocation = Allocation(errors, dict.fromkeys("ab", np.arange(1, 4)), [Term(1, ("b",))], {"a": 3, "b": 3})
    assert allocation.within(2) == {"a": 3, "b": 2}
    assert allocation.cheapest(2.2) == {"a": 3, "b": 2}


def test_what_is_left_of_a_budget_buys_the_step_that_lowers_the_error_most():
    """One unit more fits. No multiplier takes it: each curve falls most at its end, so that it is one unit or three."""
    errors = {"a": np.array([9.0, 8.9, 0]), "b": np.array([9.0, 8, 0]), "c": np.array([9.0, 8.5, 0])}
    terms = [Term(1, (name,)) for name in errors]
    allocation = Allocation(errors, dict.fromkeys("abc", np.arange(1, 4)), terms, dict.fromkeys("abc", 3))
    assert allocation.within(4) == {"a": 1, "b": 2, "c": 1}


def test_what_an_error_leaves_room_for_is_given_back_where_it_saves_most():
    """One unit less is allowed, of either group, and two less of none."""
    errors = {"a": np.array([2, 1.9, 0]), "b": np.array([2, 1.94, 0]), "c": np.array([2, 1.92, 0])}
    terms = [Term(1, ("a",)), Term(5, ("b",)), Term(2, ("c",))]
    allocation = Allocation(errors, dict.fromkeys("abc", np.arange(1, 4)), terms, dict.fromkeys("abc", 3))
    assert allocation.cheapest(1.95) == {"a": 3, "b": 2, "c": 3}


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_the_scale_of_the_errors_does_not_matter(scale):
    choices, errors, terms, full = problem(1, 3, 12)
    scaled = {name: scale * curve for name, curve in errors.items()}
    budget = 0.4 * Allocation(errors, choices, terms, full).cost(full)
    one, two = (Allocation(each, choices, terms, full).within(budget) for each in (errors, scaled))
    assert one == two or scale == 0


@pytest.mark.parametrize(
    ("largest", "width", "round_to", "expected"),
    [
        (6, 6, 1, [1, 2, 3, 4, 5, 6]),
        (20, 20, 8, [8, 16, 20]),
        (19, 20, 8, [8, 16]),
        (16, 20, 8, [8, 16]),
        (5, 20, 8, [5]),
        (5, 5, 8, [5]),
        (1, 1, 1, [1]),
    ],
)
def test_widths_are_multiples_or_all(largest, width, round_to, expected):
    assert widths(largest, width, round_to).tolist() == expected


def test_a_term_is_a_product():
    assert Term(3, ("a", "b", "a"))({"a": 2, "b": 5}) == 3 * math.prod((2, 5, 2))
