"""Norms and powers of two where squares overflow and underflow."""

import numpy as np
import pytest
from matrices import DTYPES
from measures import eps
from scipy import sparse

from rrqr_lapack._common.norms import column_norms, difference_norms, frobenius, outside_norms
from rrqr_lapack._common.scaling import near_one, power_of_two

FORMS = {"dense": np.asarray, "CSC": sparse.csc_array}


def sizes(dtype):
    """Powers of two up to 1/32 of the largest number, from 2^20 times the smallest that has all its digits."""
    low, high = np.finfo(dtype).minexp, np.finfo(dtype).maxexp
    return [2.0**exponent for exponent in (low + 20, low // 2, 0, high // 2, high - 5)]


def triangle(dtype):
    """Columns of norm 3, 4 and 0, of Frobenius norm 5; complex where the dtype is."""
    unit = (3 + 4j) / 5 if np.dtype(dtype).kind == "c" else 1
    return (np.array([[3, 0, 0], [0, 4, 0]]) * unit).astype(dtype)


@pytest.mark.parametrize("form", FORMS)
def test_norms_are_those_of_the_matrix_at_every_scale(dtype, form):
    for size in sizes(dtype):
        a = FORMS[form](triangle(dtype) * np.finfo(dtype).dtype.type(size))
        assert frobenius(a) == pytest.approx(5 * size, rel=4 * eps(dtype))
        np.testing.assert_allclose(column_norms(a).astype(float) / size, [3, 4, 0], rtol=4 * eps(dtype))


@pytest.mark.parametrize("form", FORMS)
def test_norms_of_what_is_left_are_those_of_the_matrix_at_every_scale(dtype, form):
    q = np.eye(2, 1, dtype=dtype)
    for size in sizes(dtype):
        dense = triangle(dtype) * np.finfo(dtype).dtype.type(size)
        found = difference_norms(FORMS[form](dense), q, dense[:1])
        np.testing.assert_allclose(found.astype(float) / size, [0, 4, 0], rtol=4 * eps(dtype))
        found = outside_norms(sparse.csc_array(dense), q, np.array([1, 0]))
        np.testing.assert_allclose(found.astype(float) / size, [4, 0], rtol=4 * eps(dtype))


def test_a_norm_beyond_single_precision_is_finite_in_double():
    assert frobenius(np.full(100, 3e38, np.float32)) == pytest.approx(3e39, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_norm_of_what_is_not_finite_is_not_finite(dtype, value):
    a = np.ones((2, 2), dtype)
    a[1, 1] = value
    assert not np.isfinite(frobenius(a))
    assert power_of_two(a) == 1


def test_the_norm_of_nothing_is_zero(dtype):
    assert frobenius(np.empty((0, 3), dtype)) == 0
    np.testing.assert_array_equal(column_norms(np.empty((0, 3), dtype)), np.zeros(3))


def test_half_precision_and_integers_have_norms():
    assert frobenius(np.full(4, 6e4, np.float16)) == pytest.approx(1.2e5, rel=1e-3)
    assert frobenius(np.array([3, 4], np.int8)) == 5


@pytest.mark.parametrize("form", FORMS)
def test_scaling_by_a_power_of_two_rounds_nothing_and_brings_the_largest_entry_near_one(dtype, form):
    for size in sizes(dtype):
        a = triangle(dtype) * np.finfo(dtype).dtype.type(size)
        scaled, scale = near_one(FORMS[form](a))
        scaled = scaled.toarray() if form == "CSC" else scaled
        assert scaled.dtype == dtype
        np.testing.assert_array_equal(scaled * np.finfo(dtype).dtype.type(scale), a)
        assert 2.0 ** -(np.finfo(dtype).maxexp // 8) <= np.abs(scaled).max() <= 2.0 ** (np.finfo(dtype).maxexp // 8)


@pytest.mark.parametrize("dtype", DTYPES[:2])
def test_the_smallest_and_the_largest_number_are_brought_near_one(dtype):
    limits = np.finfo(dtype)
    for value in (limits.smallest_subnormal, limits.max):
        scaled = np.array([value]) / power_of_two(np.array([value]))
        assert eps(dtype) / 4 <= scaled[0] <= 4
