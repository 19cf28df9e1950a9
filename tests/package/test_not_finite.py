"""NaN, infinity and overflow, where the check for them is off or cannot see them."""

import numpy as np
import pytest
from matrices import gaussian
from measures import THRESHOLD, orthogonality_ratio, qr_ratio

from rrqr_lapack import TruncatedQR, interpolative_decomposition, qr_truncated

LARGEST = {t: float(np.finfo(t).max) for t in ("float32", "float64", "complex64", "complex128")}
POSITIONS = [(0, 0), (3, 2), (49, 39), (10, 39)]


def with_entry(value, position, dtype, shape=(50, 40)):
    a = gaussian(*shape, dtype)
    a[position] = value
    return a


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, complex(0, np.inf)], ids=str)
def test_an_entry_that_is_not_finite_is_found_at_every_place_of_a_column(value, dtype):
    """In the whole vectors of numbers that are looked at together, and behind them; column 3 is not the first."""
    if isinstance(value, complex):
        dtype = np.result_type(dtype, np.complex64)
    for m in (1, 15, 16, 17, 40):
        for i in range(m):
            a = with_entry(value, (i, 2), dtype, (m, 4))
            a[0, 3] = np.nan
            with pytest.raises(ValueError, match="a must be finite, but column 2 holds"):
                qr_truncated(a)


@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_an_unchecked_nan_stops_at_the_step_that_meets_it(position, dtype):
    """Every column norm is known before the first step, so NaN is met there: rank 0, as in LAPACK's ?geqp3rk."""
    a = with_entry(np.nan, position, dtype)
    f = TruncatedQR(a, check_finite=False)
    assert f.rank == 0
    assert np.isnan(f.maxresid)
    q, r, p = qr_truncated(a, check_finite=False, mode="full")
    np.testing.assert_array_equal(q, np.eye(50))
    np.testing.assert_array_equal(r, a[:, p])


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.nan), complex(np.inf, 1)], ids=str)
@pytest.mark.parametrize("position", POSITIONS, ids=str)
def test_whatever_was_not_checked_ends_in_a_result_or_an_overflow_error(value, position, dtype, driver):
    if isinstance(value, complex):
        dtype = np.result_type(dtype, np.complex64)
    a = with_entry(value, position, dtype)
    for options in ({}, {"rank": 5}, {"rtol": 1e-3}, {"atol": 1e-3}, {"tie_tol": 0.1}):
        for factorize in (qr_truncated, TruncatedQR, interpolative_decomposition):
            try:
                factorize(a, check_finite=False, driver=driver, **options)
            except OverflowError as error:
                assert "too large" in str(error)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (60, 50)], ids=str)
def test_a_column_norm_that_is_too_large_is_an_overflow(shape, dtype, driver):
    a = np.full(shape, LARGEST[dtype.name], dtype)
    for factorize in (qr_truncated, TruncatedQR, interpolative_decomposition):
        with pytest.raises(OverflowError, match=r"column norm of a is too large"):
            factorize(a, driver=driver)


def test_the_largest_number_is_no_overflow(dtype, driver):
    a = np.array([[0, LARGEST[dtype.name]]], dtype)
    f = TruncatedQR(a, driver=driver)
    assert (f.P.tolist(), abs(f.R[0, 0]), f.maxresid) == ([1, 0], LARGEST[dtype.name], 0)


@pytest.mark.parametrize("rank", [4, 9])
@pytest.mark.parametrize("end", ["largest", "smallest"])
def test_a_matrix_at_either_end_of_the_numbers_is_factored_as_well_as_any(end, rank, dtype, driver):
    for distance in (6, 8, 10, 20, 24, 40):
        number = (
            2.0 ** (np.finfo(dtype).maxexp - distance) if end == "largest" else np.finfo(dtype).tiny * 2.0**distance
        )
        a = gaussian(12, 9, dtype)
        _, _, expected = qr_truncated(a, rank=rank, mode="full", driver=driver)
        a *= float(number)
        assert np.isfinite(a).all()
        q, r, p = qr_truncated(a, rank=rank, mode="full", driver=driver)
        assert np.isfinite(r).all()
        assert qr_ratio(a, q, r, p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD
        np.testing.assert_array_equal(p[:rank], expected[:rank])


def test_the_error_of_a_nan_is_nan(driver):
    a = with_entry(np.nan, (3, 2), np.float64)
    assert np.isnan(interpolative_decomposition(a, check_finite=False, driver=driver).error)


def test_a_decomposition_near_overflow_has_a_finite_error(dtype, driver):
    a = gaussian(12, 9, dtype)
    a *= LARGEST[dtype.name] / 64
    d = interpolative_decomposition(a, rank=4, driver=driver)
    scale = 2.0 ** (np.finfo(dtype).maxexp - 1)
    expected = np.linalg.norm(a / scale - (d.skeleton / scale) @ d.coefficients)
    assert d.error / scale == pytest.approx(expected, rel=1e-4)
