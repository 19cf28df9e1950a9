"""TallQR: the triangle of a matrix whose rows arrive in pieces."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES
from measures import eps

from rrqr_lapack import TallQR, TruncatedQR, interpolative_decomposition

SHAPES = [(0, 3), (3, 0), (1, 1), (1, 6), (6, 1), (3, 7), (7, 3), (300, 20), (700, 300), (250, 260)]


def gaussian(rng, shape, dtype):
    """Independent standard normal entries."""
    a = rng.standard_normal(shape)
    return (a + 1j * rng.standard_normal(shape)).astype(dtype) if np.dtype(dtype).kind == "c" else a.astype(dtype)


def gram_error(R, A):
    """max_ij |R^H R - A^H A|_ij / (||a_i|| ||a_j||), in units of A's eps, computed in double precision."""
    wide = A.astype(np.promote_types(A.dtype, np.float64))
    norms = np.linalg.norm(wide, axis=0)
    norms[norms == 0] = 1
    scaled, triangle = wide / norms, R.astype(wide.dtype) / norms
    difference = triangle.conj().T @ triangle - scaled.conj().T @ scaled
    return abs(difference).max(initial=0) / np.finfo(A.dtype).eps


def accumulated(A, cuts):
    """A TallQR of the rows, cut before these."""
    tall = TallQR()
    for piece in np.split(A, cuts):
        tall.update(piece)
    return tall


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_gram_matrix_of_r_is_that_of_the_rows(dtype, shape):
    A = gaussian(np.random.default_rng(0), shape, dtype)
    for cuts in ([], [shape[0] // 3], range(1, shape[0], 7)):
        tall = accumulated(A, cuts)
        assert (tall.shape, tall.dtype) == (shape, dtype)
        assert (tall.R.shape, tall.R.dtype) == ((min(shape), shape[1]), dtype)
        np.testing.assert_array_equal(tall.R, np.triu(tall.R))
        assert gram_error(tall.R, A) <= 50


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(DTYPES),
    rows=st.integers(0, 600),
    columns=st.integers(1, 40),
    pieces=st.integers(1, 12),
    spread=st.integers(0, 30),
)
def test_any_cuts_and_any_scales_of_the_columns(seed, dtype, rows, columns, pieces, spread):
    rng = np.random.default_rng(seed)
    scales = 10.0 ** rng.integers(-spread, spread + 1, columns)
    A = gaussian(rng, (rows, columns), dtype) * scales.astype(np.finfo(dtype).dtype)
    tall = accumulated(A, np.sort(rng.integers(0, rows + 1, pieces)))
    assert tall.shape == (rows, columns)
    assert gram_error(tall.R, A) <= 50


@pytest.mark.parametrize("power", [-0.8, 0.8])
def test_huge_and_tiny_entries_are_not_squared_out_of_range(dtype, power):
    real = np.finfo(dtype).dtype.type
    scale = real(float(np.finfo(dtype).max) ** power)
    A = gaussian(np.random.default_rng(0), (400, 10), dtype)
    R, scaled = TallQR(A).R, TallQR(A * scale).R
    np.testing.assert_allclose(abs(scaled / scale), abs(R), rtol=0, atol=1e3 * eps(dtype) * abs(R).max())


def test_the_columns_chosen_are_those_of_the_whole_matrix(dtype):
    rng = np.random.default_rng(1)
    A = gaussian(rng, (900, 30), dtype) @ gaussian(rng, (30, 80), dtype) + gaussian(rng, (900, 80), dtype)
    whole, tall = TruncatedQR(A, rank=40), accumulated(A, range(50, 900, 50)).pivoted(rank=40)
    np.testing.assert_array_equal(tall.P[:40], whole.P[:40])
    assert tall.residual_norm == pytest.approx(whole.residual_norm, rel=100 * eps(dtype))
    np.testing.assert_allclose(tall.interpolation(), whole.interpolation(), atol=2e4 * eps(dtype))


def test_the_error_of_the_interpolation_is_that_of_all_rows(dtype):
    A = gaussian(np.random.default_rng(2), (500, 30), dtype)
    F = accumulated(A, [100, 450]).pivoted(rank=12)
    error = np.linalg.norm(A - A[:, F.P[:12]] @ F.interpolation())
    assert F.residual_norm == pytest.approx(error, rel=1e3 * eps(dtype))


@pytest.mark.parametrize("rows", [5, 40, 400])
def test_dependent_and_zero_columns_leave_their_rank(dtype, rows):
    rng = np.random.default_rng(3)
    A = gaussian(rng, (rows, 6), dtype) @ gaussian(rng, (6, 30), dtype)
    A[:, [4, 17]] = 0
    A[:, 11] = A[:, 2]
    F = accumulated(A, [2, 3]).pivoted()
    diagonal = abs(np.diagonal(F.R)) / abs(F.R[0, 0])
    rank = min(rows, 6)
    assert diagonal[rank - 1] > 1e-3
    assert (diagonal[rank:] <= 30 * 30 * eps(dtype)).all()
    assert not TallQR(np.zeros((rows, 4), dtype)).R.any()


def test_single_precision_is_as_accurate_as_its_rows_allow():
    """Singular values down to 1e-6 of the largest keep their digits to eps ||A||, though A^H A squares them."""
    rng = np.random.default_rng(4)
    U, V = (np.linalg.qr(rng.standard_normal((n, 20)))[0] for n in (2000, 20))
    s = np.logspace(0, -6, 20)
    A = ((U * s) @ V.T).astype(np.float32)
    found = np.linalg.svd(accumulated(A, range(100, 2000, 100)).R.astype(np.float64), compute_uv=False)
    assert abs(found - np.linalg.svd(A.astype(np.float64), compute_uv=False)).max() <= 2 * np.finfo(np.float32).eps


FITTING = [(wide, narrow) for wide in DTYPES for narrow in DTYPES if np.can_cast(narrow, wide)]


@pytest.mark.parametrize("counts", [(5, 7), (700, 5), (5, 700), (700, 700)])
@pytest.mark.parametrize(("wide", "narrow"), FITTING)
def test_rows_of_a_narrower_dtype_join_wider_ones(wide, narrow, counts):
    rng = np.random.default_rng(7)
    A, B = gaussian(rng, (counts[0], 40), wide), gaussian(rng, (counts[1], 40), narrow)
    for tall in (TallQR(A).update(B), TallQR(A).merge(TallQR(B))):
        assert (tall.dtype, tall.R.dtype) == (wide, wide)
        assert gram_error(tall.R, np.concatenate([A, B])) <= 50 * eps(narrow) / eps(wide)


@pytest.mark.parametrize("counts", [(0, 5), (5, 0), (3, 400), (400, 3), (400, 500), (20, 20)])
def test_merging_is_seeing_all_rows(dtype, counts):
    rng = np.random.default_rng(5)
    A, B = (gaussian(rng, (count, 30), dtype) for count in counts)
    other = accumulated(B, [2])
    before = other.R
    merged = accumulated(A, [1]).merge(other)
    assert merged.shape == (sum(counts), 30)
    assert gram_error(merged.R, np.vstack([A, B])) <= 50
    np.testing.assert_array_equal(other.R, before)
    more = gaussian(rng, (10, 30), dtype)
    assert gram_error(merged.update(more).R, np.vstack([A, B, more])) <= 50


def test_merging_nothing_and_into_nothing():
    one = TallQR([[3.0, 4.0]])
    assert TallQR().merge(one).shape == (1, 2)
    assert one.merge(TallQR()).shape == (1, 2)
    assert TallQR().merge(TallQR()).shape == (0, 0)


def test_a_copy_goes_its_own_way(dtype):
    rng = np.random.default_rng(6)
    one = TallQR(gaussian(rng, (300, 5), dtype))
    R, two = one.R, one.copy()
    two.update(gaussian(rng, (300, 5), dtype))
    np.testing.assert_array_equal(one.R, R)
    assert (one.shape, two.shape) == ((300, 5), (600, 5))


def test_reading_r_between_updates_changes_nothing(dtype):
    A = gaussian(np.random.default_rng(7), (700, 20), dtype)
    read, unread = TallQR(), TallQR()
    for piece in np.split(A, range(30, 700, 30)):
        assert read.update(piece).R.shape == (20, 20)
        unread.update(piece)
    np.testing.assert_array_equal(read.R, unread.R)


def test_the_rows_are_not_modified_and_not_kept(dtype):
    A = gaussian(np.random.default_rng(8), (400, 20), dtype)
    before, tall = A.copy(), TallQR(A)
    np.testing.assert_array_equal(A, before)
    R = tall.R
    A[:] = 0
    np.testing.assert_array_equal(tall.R, R)


@pytest.mark.parametrize("order", ["C", "F", "strided", "list"])
def test_every_layout_of_the_rows(order):
    A = np.random.default_rng(9).standard_normal((300, 8))
    rows = {"C": A, "F": np.asfortranarray(A), "strided": np.repeat(A, 2, axis=1)[:, ::2], "list": A.tolist()}[order]
    np.testing.assert_array_equal(TallQR(rows).R, TallQR(A).R)


@pytest.mark.parametrize("given", [np.int8, bool, np.float16, np.int64, np.longdouble])
def test_other_numbers_count_as_the_narrowest_dtype_that_holds_them(given):
    A = np.arange(40).reshape(20, 2).astype(given)
    assert TallQR(A).dtype == TruncatedQR(A).dtype


def test_memory_does_not_grow_with_the_rows():
    rng = np.random.default_rng(10)
    peaks = []
    for pieces in (30, 300):
        tall = TallQR()
        tracemalloc.start()
        for _ in range(pieces):
            tall.update(rng.standard_normal((100, 50)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] <= 1.1 * peaks[0] <= 1.1 * 8 * 50 * 2000


def test_bad_rows_are_refused_and_leave_the_object_as_it_was(dtype):
    A = gaussian(np.random.default_rng(11), (300, 4), dtype)
    tall = TallQR(A)
    R = tall.R
    bad = A[:5].copy()
    bad[3, 2] = np.nan
    with pytest.raises(ValueError, match="rows must be finite, but column 2 holds"):
        tall.update(bad)
    with pytest.raises(ValueError, match="rows must have 4 columns like the rows before, got 3"):
        tall.update(A[:, :3])
    with pytest.raises(ValueError, match="rows must have 2 dimensions, got 1"):
        tall.update(A[0])
    with pytest.raises(TypeError, match="other must be a TallQR, got ndarray"):
        tall.merge(A)
    with pytest.raises(ValueError, match="rows must have 4 columns like the rows before, got 3"):
        tall.merge(TallQR(A[:, :3]))
    assert tall.shape == (300, 4)
    np.testing.assert_array_equal(tall.R, R)


@pytest.mark.parametrize(
    ("first", "later"), [("f", "d"), ("f", "F"), ("d", "F"), ("d", "D"), ("F", "d"), ("F", "D"), ("f", "i")]
)
def test_later_rows_must_fit_into_the_dtype_of_the_first(first, later):
    tall = TallQR(np.ones((3, 2), first))
    with pytest.raises(TypeError, match=r"rows must fit into .*, the dtype of the first rows, got"):
        tall.update(np.ones((3, 2), later))
    with pytest.raises(TypeError, match="rows must fit into"):
        tall.merge(TallQR(np.ones((3, 2), later)))
    assert TallQR(np.ones((3, 2), "D")).update(np.ones((3, 2), later)).shape == (6, 2)


def test_unchecked_rows_may_hold_nan():
    assert np.isnan(TallQR([[np.nan, 1.0]], check_finite=False).R).any()


def test_no_rows_at_all():
    tall = TallQR()
    assert (tall.shape, tall.dtype, tall.R.shape) == ((0, 0), None, (0, 0))
    assert repr(tall) == "<TallQR of shape (0, 0), None>"


def test_it_gives_the_interpolative_decomposition_of_the_rows():
    A = np.random.default_rng(12).standard_normal((500, 12)) @ np.diag(np.logspace(0, -6, 12))
    F, (C, T) = TallQR(A).pivoted(rtol=1e-3), interpolative_decomposition(A, rtol=1e-3)
    np.testing.assert_array_equal(F.P[: F.rank], C)
    np.testing.assert_allclose(F.interpolation(), T, atol=1e-10)
