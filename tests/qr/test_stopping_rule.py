"""Where a truncated factorization stops: before step j if maxresid <= atol, maxresid / maxnorm <= rtol, or j = rank."""

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import ZOO, algebraic, extreme, gaussian, scaled
from measures import between, eps, full_diagonal, rank_by_count

from rrqr_lapack import TruncatedQR, qr_truncated

DECAYING = [
    "gaussian tall",
    "gaussian wide",
    "several panels",
    "rank-deficient",
    "graded",
    "geometric",
    "algebraic",
    "zero columns",
    "relu",
    "tiny",
    "huge",
]


def rank_of(a, **rule):
    """The rank at which `qr_truncated` stops."""
    r, p = qr_truncated(a, mode="r", **rule)
    assert sorted(p) == list(range(a.shape[1]))
    return r.shape[0]


def clear_steps(diagonal, dtype):
    """The j at which a tolerance fits between |r_{j-1,j-1}| and |r_jj|, apart by more than rounding, that of |r_11|.

    Far below |r_11| columns tie to rounding now and then, and all that follows depends on which of them is taken."""
    floor, rounding = 1e5 * eps(dtype) * diagonal[0], 100 * eps(dtype) * diagonal[0]
    return [j for j in range(1, len(diagonal)) if floor < diagonal[j] < diagonal[j - 1] - rounding]


@pytest.mark.parametrize("name", DECAYING)
@greedy_pivots
def test_the_rank_at_a_tolerance_is_the_brute_force_count(name, dtype, driver):
    a = ZOO[name](dtype)
    diagonal = full_diagonal(a).astype(float)
    steps = clear_steps(diagonal, dtype)
    assert len(steps) >= 5
    for j in steps:
        tolerance = between(diagonal, j)
        assert rank_by_count(diagonal, atol=tolerance) == j
        assert rank_of(a, atol=tolerance, driver=driver) == j
        assert rank_of(a, rtol=tolerance / diagonal[0], driver=driver) == j


@pytest.mark.parametrize("rank", [None, 0, 5, 20, 60])
@pytest.mark.parametrize("rtol_step", [None, 3, 30])
@pytest.mark.parametrize("atol_step", [None, 10, 50])
@greedy_pivots
def test_of_all_three_criteria_the_first_to_hold_decides(rank, rtol_step, atol_step, dtype, driver):
    a = algebraic(80, 60, dtype)
    diagonal = full_diagonal(a).astype(float)
    rtol = None if rtol_step is None else between(diagonal, rtol_step) / diagonal[0]
    atol = None if atol_step is None else between(diagonal, atol_step)
    expected = min(s for s in (rank, rtol_step, atol_step, 60) if s is not None)
    assert rank_by_count(diagonal, rtol, atol, rank) == expected
    assert rank_of(a, rank=rank, rtol=rtol, atol=atol, driver=driver) == expected


@pytest.mark.parametrize(
    ("rule", "rank"),
    [
        ({"atol": 2}, 2),
        ({"atol": np.nextafter(2, 0)}, 3),
        ({"rtol": 0.25}, 2),
        ({"rtol": np.nextafter(0.25, 0)}, 3),
        ({"atol": 8}, 0),
        ({"atol": np.nextafter(8, 0)}, 1),
        ({"rtol": 1}, 0),
        ({"rtol": np.nextafter(1, 0)}, 1),
        ({"atol": 0}, 4),
        ({"rtol": 0}, 4),
        ({"rtol": 0.25, "atol": 1, "rank": 3}, 2),
        ({}, 4),
    ],
    ids=str,
)
def test_a_residual_equal_to_the_tolerance_stops(rule, rank, dtype, driver):
    a = np.diag([2, 8, 1, 4]).astype(dtype)
    assert rank_of(a, **rule, driver=driver) == rank


@pytest.mark.parametrize("rtol", [1, 1.0, 2, 1e300])
def test_rtol_of_one_or_more_gives_rank_zero(rtol, dtype, driver):
    q, r, p = qr_truncated(gaussian(7, 5, dtype), rtol=rtol, driver=driver)
    assert (q.shape, r.shape, q.dtype, r.dtype) == ((7, 0), (0, 5), dtype, dtype)
    np.testing.assert_array_equal(np.sort(p), np.arange(5))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (40, 50)])
def test_a_zero_matrix_has_rank_zero(shape, dtype, driver):
    a = np.zeros(shape, dtype)
    for rule in ({}, {"rank": 2}, {"rtol": 0}, {"atol": 0}, {"rtol": 1e-3, "atol": 1, "rank": 1}):
        assert rank_of(a, **rule, driver=driver) == 0
    q, r, _ = qr_truncated(a, mode="full", driver=driver)
    np.testing.assert_array_equal(q, np.eye(shape[0]))
    np.testing.assert_array_equal(r, a)


def test_a_residual_of_exactly_zero_ends_the_factorization(dtype, driver):
    a = np.zeros((6, 7), dtype)
    a[1, 2] = a[1, 5] = 3
    a[4, 3] = 2
    q, r, p = qr_truncated(a, driver=driver)
    assert r.shape == (2, 7)
    np.testing.assert_array_equal(q @ r, a[:, p])


def test_rank_zero_and_the_full_rank_are_ranks(dtype, driver):
    a = gaussian(9, 6, dtype)
    assert rank_of(a, rank=0, driver=driver) == 0
    assert rank_of(a, rank=6, driver=driver) == 6
    assert rank_of(a, rank=np.int64(3), driver=driver) == 3


def test_tolerances_far_outside_the_range_of_single_precision_are_understood(driver):
    a = gaussian(9, 6, np.float32)
    assert rank_of(a, atol=1e300, driver=driver) == 0
    assert rank_of(a, rtol=1e300, driver=driver) == 0
    assert rank_of(a, atol=1e-300, rtol=1e-300, driver=driver) == 6


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
@greedy_pivots
def test_tolerances_work_at_every_scale(which, dtype, driver):
    a = algebraic(80, 60, dtype)
    factor = extreme(dtype)[which]
    diagonal = full_diagonal(a).astype(float)
    for j in (1, 7, 31, 32, 33, 55):
        tolerance = between(diagonal, j)
        assert rank_of(scaled(a, factor), atol=tolerance * factor, driver=driver) == j
        assert rank_of(scaled(a, factor), rtol=tolerance / diagonal[0], driver=driver) == j


def test_every_cut_of_a_matrix_of_several_panels_is_where_the_rank_says(dtype, driver):
    a = gaussian(75, 70, dtype)
    for k in range(71):
        f = TruncatedQR(a, rank=k, driver=driver)
        assert (f.rank, f.R.shape, f.tau.shape) == (k, (k, 70), (k,))
