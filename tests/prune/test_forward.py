"""Forward selection takes the unit that lowers the consumers' error most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rrqr_lapack.prune._units import forward
from rrqr_lapack.prune._units.forward import forward_choice, forward_order
from rrqr_lapack.prune._units.select import columns_of


def left(A, W, units, unit):
    """min_T ||(A - A_C T) W||_F."""
    C = columns_of(units, unit)
    return np.linalg.norm(A @ W - A[:, C] @ np.linalg.lstsq(A[:, C], A @ W, rcond=1e-9)[0])


@given(
    seed=st.integers(0, 2**32 - 1),
    unit=st.sampled_from([1, 2, 3]),
    p=st.integers(1, 15),
    block=st.sampled_from([2, 64]),
)
def test_each_unit_is_the_best_next_one(seed, unit, p, block):
    """Up to ties: no other unit would leave less than the one taken, but for rounding."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((20, 12)) * 10.0 ** -rng.integers(0, 4, 12)
    if seed % 2:
        A[:, 5], A[:, 7] = A[:, 2], 0
    W = rng.standard_normal((12, p))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "BLOCK", block)
        units = forward_order(A, W, unit, 1e-12)
    assert len(set(units.tolist())) == len(units) <= 12 // unit
    size = np.linalg.norm(A @ W)
    for k, taken in enumerate(units):
        before = list(units[:k])
        best = min(left(A, W, [*before, j], unit) for j in set(range(12 // unit)) - set(before))
        assert left(A, W, [*before, taken], unit) <= best + 1e-6 * size
    assert left(A, W, units, unit) <= 1e-6 * size


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("n", "rank"), [(24, 10), (60, 30)])
def test_rounding_error_is_no_column(n, rank, seed):
    """The squares that are followed keep half the digits; whether a column is left is not decided by what they lost."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((300, rank)) @ (np.logspace(0, -2, rank)[:, None] * rng.standard_normal((rank, n)))
    tiny = 10 * n * np.finfo(float).eps * np.linalg.norm(A, axis=0).max()
    assert len(forward_order(A, rng.standard_normal((n, 7)), 1, tiny)) == rank


def test_columns_that_nothing_reads_are_not_chosen(rng):
    A, W = rng.standard_normal((30, 10)), np.zeros((10, 4))
    W[[3, 6]] = rng.standard_normal((2, 4))
    assert set(forward_order(A, W, 1, 0.0)[:2].tolist()) == {3, 6}
    assert not len(forward_order(A, np.zeros((10, 4)), 1, 0.0))
    assert not len(forward_order(np.zeros((30, 10)), W, 1, 0.0))


def test_it_beats_pivoted_qr_where_the_longest_columns_are_not_read(rng):
    A = rng.standard_normal((200, 20)) * np.repeat([10.0, 1.0], 10)
    W = np.vstack([0.01 * rng.standard_normal((10, 5)), rng.standard_normal((10, 5))])
    ten = forward_order(A, W, 1, 0.0)[:10]
    assert set(ten.tolist()) == set(range(10, 20))
    assert left(A, W, ten, 1) < 0.5 * left(A, W, range(10), 1)


@pytest.mark.parametrize("unit", [1, 2])
def test_a_choice_for_other_targets_is_forward_selection_with_a_ridge_penalty(rng, unit):
    """Each unit leaves the least of ``||Y - A_C X||^2 + penalty ||X||^2``, which is least squares with more rows."""
    A, Y = rng.standard_normal((60, 12)), rng.standard_normal((60, 4))
    A[:, 3] = A[:, 5]
    penalty = forward.PENALTY * (A**2).sum() / 12
    whole, target = np.vstack([A, np.sqrt(penalty) * np.eye(12)]), np.vstack([Y, np.zeros((12, 4))])

    def leaves(units):
        C = columns_of(np.array(units), unit)
        return np.linalg.norm(target - whole[:, C] @ np.linalg.lstsq(whole[:, C], target)[0])

    chosen = forward_choice(A.T @ A, A.T @ Y, unit, 5).tolist()
    for k, taken in enumerate(chosen):
        others = [leaves([*chosen[:k], other]) for other in range(12 // unit) if other not in chosen[:k]]
        assert leaves([*chosen[:k], taken]) <= min(others) * (1 + 1e-10)
    assert len(set(chosen)) == 5


def test_a_choice_changes_nothing_that_it_is_given(rng):
    A = rng.standard_normal((20, 6))
    gram, products = A.T @ A, A.T @ A
    forward_choice(gram, products, 1, 3)
    np.testing.assert_array_equal(gram, A.T @ A)
    np.testing.assert_array_equal(products, A.T @ A)


def test_a_choice_ends_where_nothing_is_left_to_say():
    assert forward_choice(np.eye(3), np.array([[0.0], [2.0], [0.0]]), 1, 3).tolist() == [1]
