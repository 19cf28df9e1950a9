"""Which columns are chosen: LAPACK's `geqp3` pivots, and of tied columns the first."""

import numpy as np
import pytest
import scipy.linalg
from drivers import greedy_pivots
from matrices import ZOO, algebraic, extreme, gaussian, geometric, relu, scaled
from measures import assert_same_choices, eps, full_diagonal, greedy_slack

from rrqr_lapack import TruncatedQR, qr_truncated

# Norms are downdated until sqrt(eps) of their square is left (LAPACK Working Note 176): as well are they known.
SLACK = 10


def geometric_to_half_the_digits(m, n, dtype):
    return geometric(m, n, dtype, last=np.sqrt(eps(dtype)))


MAKERS = [gaussian, relu, algebraic, geometric_to_half_the_digits]
SHAPES = [(300, 200), (200, 300), (250, 250), (600, 90), (90, 600)]


@greedy_pivots
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("maker", MAKERS)
def test_the_pivots_are_those_of_scipy(maker, shape, dtype, driver):
    a = maker(*shape, dtype)
    r, expected = scipy.linalg.qr(a, mode="r", pivoting=True)
    diagonal = np.abs(np.diagonal(r))
    above_rounding = int(np.argmax(np.append(diagonal, 0) <= 1000 * eps(dtype) * diagonal[0]))
    assert above_rounding >= 20
    found = qr_truncated(a, mode="r", driver=driver)[1]
    assert_same_choices(a, found, expected, above_rounding)


def test_the_pivots_of_a_larger_matrix_are_those_of_scipy(dtype):
    a = gaussian(700, 650, dtype)
    expected = scipy.linalg.qr(a, mode="r", pivoting=True)[1]
    assert_same_choices(a, qr_truncated(a, mode="r")[1], expected, 650)


@pytest.mark.parametrize("k", [1, 31, 32, 33, 64, 100])
@greedy_pivots
def test_a_truncated_run_chooses_what_the_full_run_chooses(k, dtype, driver):
    a = gaussian(150, 140, dtype)
    full = scipy.linalg.qr(a, mode="r", pivoting=True)[1]
    assert_same_choices(a, qr_truncated(a, rank=k, mode="r", driver=driver)[1], full, k)


@pytest.mark.parametrize("name", ZOO)
@greedy_pivots
def test_every_chosen_column_has_the_largest_residual(name, dtype, driver):
    a = ZOO[name](dtype)
    f = TruncatedQR(a, rtol=100 * max(*a.shape, 1) * eps(dtype), driver=driver)
    assert greedy_slack(a, f.P, f.rank) >= 1 - SLACK * np.sqrt(eps(dtype))


@pytest.mark.parametrize("name", ZOO)
@greedy_pivots
def test_the_diagonal_of_r_dominates_what_is_right_of_and_below_it(name, dtype, driver):
    r, _ = qr_truncated(ZOO[name](dtype), mode="r", driver=driver)
    if not r.size:
        return
    r = np.abs(r).astype(np.longdouble)
    tails = np.sqrt(np.cumsum(r[::-1] ** 2, axis=0)[::-1])  # norms of R[k:, j]
    diagonal = np.diagonal(r)
    rounding = SLACK * np.sqrt(eps(dtype)) * diagonal
    rounding += max(r.shape) * eps(dtype) * diagonal[0]
    for k in range(len(diagonal)):
        assert tails[k, k:].max() <= diagonal[k] + rounding[k]
    assert np.all(diagonal[1:] <= diagonal[:-1] + rounding[:-1])


def test_cancelled_norms_are_recomputed(dtype):
    """After the first columns all that is left of the others is many digits below them: naive downdating sees noise."""
    basis = gaussian(100, 3, dtype)
    small = np.finfo(dtype).eps ** 0.6
    noise = gaussian(100, 60, dtype, seed=5) * np.random.default_rng(6).uniform(0.1, 1, 60)
    a = np.hstack([10 * basis, basis @ gaussian(3, 60, dtype, seed=7) + small * noise]).astype(dtype)
    f = TruncatedQR(a, rank=40)
    assert greedy_slack(a, f.P, f.rank) >= 1 - SLACK * np.sqrt(eps(dtype))


def test_equal_columns_are_taken_in_their_order(dtype):
    np.testing.assert_array_equal(qr_truncated(np.eye(100, dtype=dtype), mode="r")[1], np.arange(100))
    assert qr_truncated(np.ones((5, 9), dtype), mode="r")[1][0] == 0


def test_a_tie_goes_to_the_lowest_index_of_the_original_matrix_whatever_was_swapped(dtype):
    heavy = np.random.default_rng(1).choice(80, 9, replace=False)
    weights = np.ones(80)
    weights[heavy] = 2.0 ** np.arange(9, 0, -1)
    p = qr_truncated(np.diag(weights).astype(dtype), mode="r")[1]
    light = np.setdiff1d(np.arange(80), heavy)
    np.testing.assert_array_equal(p, np.concatenate([heavy, light]))


@pytest.mark.parametrize("seed", range(5))
def test_of_copies_the_first_is_taken_when_ties_are_as_wide_as_rounding(seed, dtype):
    copies = np.random.default_rng(seed).integers(0, 12, 60)
    a = gaussian(30, 12, dtype, seed)[:, copies]
    originals = [int(np.argmax(copies == c)) for c in np.unique(copies)]
    p = qr_truncated(a, rank=len(originals), mode="r", tie_tol=1e3 * eps(dtype))[1]
    assert sorted(p[: len(originals)]) == sorted(originals)
    assert p[0] in originals
    assert qr_truncated(a, rank=1, mode="r")[1][0] == p[0]


def test_of_equal_columns_orthogonal_to_all_others_the_first_is_taken(dtype):
    a = np.eye(70, dtype=dtype)[:, np.random.default_rng(3).integers(0, 70, 90)]
    kept = [j for j in range(90) if not (a[:, :j] == a[:, j : j + 1]).all(axis=0).any()]
    r, p = qr_truncated(a, mode="r")
    np.testing.assert_array_equal(p[: len(r)], kept)


@pytest.mark.parametrize("seed", range(5))
def test_tie_tol_takes_the_first_of_nearly_equal_columns(seed, dtype):
    noise = 100 * eps(dtype) * np.random.default_rng(seed).permutation(40)
    a = np.diag(1 + noise).astype(dtype)
    np.testing.assert_array_equal(qr_truncated(a, mode="r")[1], np.argsort(-noise))
    np.testing.assert_array_equal(qr_truncated(a, mode="r", tie_tol=1e4 * eps(dtype))[1], np.arange(40))


def test_tie_tol_wider_than_a_half_takes_any_column_that_is_half_as_long(dtype):
    a = np.diag([0.4, 0.6, 1.0, 0.5]).astype(dtype)
    r, p = qr_truncated(a, mode="r", tie_tol=0.5)
    np.testing.assert_array_equal(p, [1, 2, 0, 3])
    np.testing.assert_array_equal(np.abs(np.diagonal(r)), np.diagonal(a).real[p])


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
@pytest.mark.parametrize("maker", MAKERS)
def test_the_scale_changes_neither_pivots_nor_rank(maker, which, dtype, driver):
    a = maker(80, 60, dtype)
    factor = extreme(dtype)[which]
    rtol = 3 * np.sqrt(eps(dtype))
    expected, p = qr_truncated(a, rtol=rtol, mode="r", driver=driver)
    r, p_scaled = qr_truncated(scaled(a, factor), rtol=rtol, mode="r", driver=driver)
    assert r.shape == expected.shape
    np.testing.assert_array_equal(p_scaled[: len(r)], p[: len(r)])
    tolerance = 1000 * eps(dtype) * np.abs(expected).max()
    np.testing.assert_allclose(scaled(r, 1 / factor), expected, rtol=0, atol=tolerance)


@greedy_pivots
def test_huge_and_tiny_columns_live_in_one_matrix(dtype, driver):
    exponent = 30 if eps(dtype) > 1e-10 else 300
    scales = np.tile([10.0**-exponent, 1.0, 10.0**exponent], 4)
    a = gaussian(30, 12, dtype) * scales.astype(np.finfo(dtype).dtype)
    q, r, p = qr_truncated(a, driver=driver)
    assert r.shape == (12, 12)
    assert [scales[j] for j in p] == sorted(scales, reverse=True)
    assert greedy_slack(a, p, 12) >= 1 - SLACK * np.sqrt(eps(dtype))
    relative = np.abs((q @ (r / scales[p]).astype(dtype)) - a[:, p] / scales[p])
    assert relative.max() <= 100 * eps(dtype) * np.abs(full_diagonal(a / scales)).max()


def test_subnormal_entries_are_chosen_by_size(dtype):
    smallest = np.finfo(dtype).smallest_subnormal
    a = np.diag(np.array([1, 8, 2, 4]) * smallest).astype(dtype)
    r, p = qr_truncated(a, mode="r")
    np.testing.assert_array_equal(p, [1, 3, 2, 0])
    np.testing.assert_array_equal(np.abs(np.diagonal(r)), np.abs(np.diagonal(a)[p]))
