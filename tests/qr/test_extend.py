"""`extend` goes on where a factorization stopped, and gives what one longer run would have given."""

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import ZOO, algebraic, extreme, gaussian, scaled
from measures import THRESHOLD, between, eps, full_diagonal, qr_ratio

from rrqr_lapack import TruncatedQR


def assert_identical(f, g):
    """Bit for bit the same factorization."""
    assert (f.rank, f.maxresid, f.relmaxresid) == (g.rank, g.maxresid, g.relmaxresid)
    for attribute in ("P", "R", "tau", "residual_column_norms"):
        np.testing.assert_array_equal(getattr(f, attribute), getattr(g, attribute))
    np.testing.assert_array_equal(f.form_q(), g.form_q())


def assert_equal_to_rounding(f, g):
    """The same columns, and numbers that differ by rounding alone: the prefetching kernel begins a block at the cut."""
    limit = eps(f.dtype)
    assert f.rank == g.rank
    np.testing.assert_array_equal(f.P[: f.rank], g.P[: g.rank])
    largest = float(abs(g.R[0, 0])) if g.rank else g.maxresid
    accuracy = 10 * sum(f.shape) * limit * largest
    back, expected_back = np.argsort(f.P), np.argsort(g.P)
    np.testing.assert_allclose(np.abs(f.R[:, back]), np.abs(g.R[:, expected_back]), rtol=0, atol=accuracy)
    assert f.residual_norm == pytest.approx(g.residual_norm, rel=0, abs=accuracy)
    slack = 10 * np.sqrt(limit)  # how well downdated norms are known
    assert f.maxresid == pytest.approx(g.maxresid, rel=slack, abs=accuracy)


# The order of columns that tie, or that differ by rounding alone, is not the same for every way to cut blocks.
TIED = ("rank-deficient", "kahan", "duplicated columns", "ones", "geometric")
COMPARE = {"greedy": assert_identical, "lapack": assert_identical}
COMPARE |= {"_prefetch": assert_equal_to_rounding, "_small": assert_equal_to_rounding}


@pytest.mark.parametrize(("driver", "name"), [(d, n) for d in COMPARE for n in ZOO if d[0] != "_" or n not in TIED])
def test_any_two_pieces_make_the_whole(driver, name, dtype):
    a = ZOO[name](dtype)
    whole = TruncatedQR(a, driver=driver)
    for cut in {0, 1, 2, 31, 32, 33, min(a.shape) // 2, min(a.shape)}:
        if cut <= min(a.shape):
            COMPARE[driver](TruncatedQR(a, rank=cut, driver=driver).extend(), whole)


@greedy_pivots
def test_every_pair_of_cuts_of_a_small_matrix_gives_one_long_run(dtype, driver):
    a = gaussian(40, 36, dtype)
    whole = [TruncatedQR(a, rank=k, driver=driver) for k in range(37)]
    for first in range(0, 37, 3):
        f = TruncatedQR(a, rank=first, driver=driver)
        for k in range(first, 37):
            COMPARE[driver](f.extend(rank=k), whole[k])


@greedy_pivots
def test_what_is_asked_between_the_pieces_changes_nothing(dtype, driver):
    a = gaussian(80, 70, dtype)
    f, b = TruncatedQR(a, rank=3, driver=driver), np.ones(80)
    for k in (20, 32, 40, 64, 69):
        f.extend(rank=k)
        looked_at = f.residual_norm, f.R, f.qr, f.form_q(full=True), f.interpolation(), f.apply_q(b), f.lstsq(b)
        assert len(looked_at) == 7
    COMPARE[driver](f.extend(), TruncatedQR(a, driver=driver))


@greedy_pivots
def test_a_tolerance_goes_on_as_one_run_with_that_tolerance(dtype, driver):
    a = algebraic(80, 60, dtype)
    diagonal = full_diagonal(a).astype(float)
    f = TruncatedQR(a, rank=2, driver=driver)
    for k in (5, 20, 33, 55):
        tolerance = between(diagonal, k)
        f.extend(rtol=tolerance / diagonal[0])
        assert f.rank == k
        COMPARE[driver](f, TruncatedQR(a, atol=tolerance, driver=driver))


def test_the_tolerance_is_relative_to_the_whole_matrix_and_not_to_what_is_left(dtype, driver):
    a = np.diag([8, 4, 2, 1]).astype(dtype)
    f = TruncatedQR(a, rank=2, driver=driver)
    assert f.extend(rtol=0.25).rank == 2
    assert f.extend(rtol=0.2).rank == 3


def test_a_tolerance_that_holds_already_takes_no_step(dtype, driver):
    f = TruncatedQR(gaussian(20, 10, dtype), rank=4, driver=driver)
    for rule in ({"rtol": 1}, {"atol": 1e10}, {"rank": 4}, {"rank": 8, "rtol": 1}):
        assert f.extend(**rule).rank == 4


def test_extend_returns_the_object_itself():
    f = TruncatedQR(gaussian(6, 5, "f8"), rank=1)
    assert f.extend(rank=2) is f


@greedy_pivots
def test_a_full_factorization_extends_to_itself(dtype, driver):
    f = TruncatedQR(gaussian(6, 5, dtype), driver=driver)
    COMPARE[driver](f.extend(), TruncatedQR(gaussian(6, 5, dtype), driver=driver))
    assert f.extend(rank=5).rank == 5


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
@greedy_pivots
def test_extending_works_at_every_scale(which, dtype, driver):
    a = scaled(gaussian(60, 50, dtype), extreme(dtype)[which])
    COMPARE[driver](TruncatedQR(a, rank=7, driver=driver).extend(rank=40), TruncatedQR(a, rank=40, driver=driver))


def test_the_width_of_ties_holds_for_the_extension(dtype):
    a = np.diag(1 + 100 * eps(dtype) * np.random.default_rng(0).permutation(40)).astype(dtype)
    f = TruncatedQR(a, rank=5, tie_tol=1e4 * eps(dtype)).extend()
    np.testing.assert_array_equal(f.P, np.arange(40))


@pytest.mark.parametrize("name", ZOO)
def test_a_factor_extended_in_many_pieces_is_a_factorization(name, dtype, driver):
    a = ZOO[name](dtype)
    f = TruncatedQR(a, rank=0, driver=driver)
    for k in range(7, min(a.shape), 7):
        f.extend(rank=k)
    f.extend()
    assert qr_ratio(a, f.form_q(), f.R, f.P) <= THRESHOLD
    np.testing.assert_array_equal(np.sort(f.P), np.arange(a.shape[1]))
