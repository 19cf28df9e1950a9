"""Interpolative decomposition: A ~= A[:, C] T with exact unit columns and an exact error."""

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import (
    ZOO,
    algebraic,
    duplicated,
    extreme,
    gaussian,
    geometric,
    rank_deficient,
    relu,
    scaled,
    with_zero_columns,
)
from measures import between, eps, full_diagonal

from rrqr_lapack import InterpolativeDecomposition, TruncatedQR, interpolative_decomposition


@pytest.fixture(params=[None, "lstsq"], ids=["from R", "refit"])
def refit(request):
    """Both ways to T."""
    return request.param


def wide(a):
    """In extended precision."""
    return a.astype(np.clongdouble if a.dtype.kind == "c" else np.longdouble)


def column_errors(a, chosen, t):
    """2-norms of the columns of A - A[:, C] T, in extended precision."""
    return np.sqrt((np.abs(wide(a) - wide(a)[:, chosen] @ wide(t)) ** 2).sum(axis=0))


@pytest.mark.parametrize("name", ZOO)
def test_the_unit_columns_are_exact_and_the_error_is_the_error(name, dtype, driver, refit):
    a = ZOO[name](dtype)
    before = a.copy()
    for rank in [k for k in (0, 1, 5, 33) if k <= min(a.shape)]:
        d = interpolative_decomposition(a, rank=rank, driver=driver, refit=refit)
        k = d.rank
        assert isinstance(d, InterpolativeDecomposition)
        assert k <= rank
        assert (d.columns.shape, d.columns.dtype, d.coefficients.shape, d.coefficients.dtype) == (
            (k,),
            np.int32,
            (k, a.shape[1]),
            dtype,
        )
        assert (d.shape, d.dtype) == (a.shape, dtype)
        np.testing.assert_array_equal(d.coefficients[:, d.columns], np.eye(k))
        np.testing.assert_array_equal(d.skeleton, a[:, d.columns])
        errors = column_errors(a, d.columns, d.coefficients)
        largest = np.abs(wide(a)).max(initial=0) * np.sqrt(a.shape[0])
        rounding = float(10 * max(*a.shape, 1) * eps(dtype) * max(np.abs(d.coefficients).max(initial=0), 1) * largest)
        assert d.error == pytest.approx(float(np.sqrt((errors**2).sum())), rel=1e3 * eps(dtype), abs=rounding)
        assert d.max_column_error == pytest.approx(float(errors.max(initial=0)), rel=1e3 * eps(dtype), abs=rounding)
    np.testing.assert_array_equal(a, before)


def test_the_columns_are_the_pivots_and_the_error_that_of_the_truncated_qr(dtype, driver):
    a = relu(100, 60, dtype)
    d, f = interpolative_decomposition(a, rank=12, driver=driver), TruncatedQR(a, rank=12, driver=driver)
    np.testing.assert_array_equal(d.columns, f.P[:12])
    np.testing.assert_array_equal(d.coefficients, f.interpolation())
    assert d.error == pytest.approx(f.residual_norm, rel=10 * eps(dtype))
    assert d.max_column_error == pytest.approx(f.residual_column_norms.max(), rel=10 * eps(dtype))


def test_the_interpolation_solves_with_r11(dtype, driver):
    a = gaussian(50, 40, dtype)
    f = TruncatedQR(a, rank=20, driver=driver)
    t = f.interpolation()
    expected = np.linalg.solve(f.R[:, :20], f.R)
    np.testing.assert_allclose(t[:, f.P], expected, rtol=0, atol=100 * eps(dtype) * np.linalg.cond(f.R[:, :20]))
    np.testing.assert_array_equal(t[:, f.P[:20]], np.eye(20))


@greedy_pivots
def test_a_tolerance_chooses_as_many_columns_as_the_rule_says(dtype, driver):
    a = algebraic(60, 50, dtype)
    diagonal = full_diagonal(a).astype(float)
    for k in (1, 5, 31, 33, 45):
        tolerance = between(diagonal, k)
        assert interpolative_decomposition(a, rtol=tolerance / diagonal[0], driver=driver).rank == k
        assert interpolative_decomposition(a, atol=tolerance, driver=driver).rank == k
        assert interpolative_decomposition(a, atol=tolerance, rank=3, driver=driver).rank == min(k, 3)
    assert interpolative_decomposition(a, rtol=1, driver=driver).rank == 0


@pytest.mark.parametrize(
    ("make", "rank"),
    [
        (lambda t: rank_deficient(60, 50, t, rank=9), 9),
        (lambda t: gaussian(30, 12, t)[:, np.arange(48) % 12], 12),
        (lambda t: with_zero_columns(60, 30, t), 20),
        (lambda t: np.ones((8, 9), t), 1),
        (lambda t: np.zeros((8, 9), t), 0),
        (lambda t: np.hstack([np.eye(9, 4), 3 * np.eye(9, 4)]).astype(t), 4),
    ],
    ids=["product", "copies", "dead columns", "ones", "zero", "multiples"],
)
def test_the_rank_does_not_exceed_the_numerical_rank(make, rank, dtype, driver, refit):
    a = make(dtype)
    for asked in (None, min(a.shape)):
        d = interpolative_decomposition(a, rank=asked, driver=driver, refit=refit)
        assert d.rank == rank
        scale = np.linalg.norm(a)
        assert d.error <= 100 * eps(dtype) * scale * np.sqrt(a.shape[1])
        np.testing.assert_allclose(d.reconstruct(), a, rtol=0, atol=1000 * eps(dtype) * scale)
        assert np.all(np.isfinite(d.coefficients))


def test_duplicated_columns_are_reproduced_by_unit_vectors(dtype):
    a = duplicated(50, 60, dtype)
    d = interpolative_decomposition(a)
    size = np.sort(np.abs(d.coefficients), axis=0)
    accuracy = 1e4 * eps(dtype)
    np.testing.assert_allclose(size[-1], 1, rtol=0, atol=accuracy)
    np.testing.assert_allclose(size[:-1], 0, rtol=0, atol=accuracy)


def test_at_full_rank_the_decomposition_is_exact(dtype, refit):
    for shape in ((20, 30), (30, 20), (25, 25)):
        a = gaussian(*shape, dtype)
        d = interpolative_decomposition(a, refit=refit)
        assert d.rank == min(shape)
        np.testing.assert_allclose(d.reconstruct(), a, rtol=0, atol=2000 * eps(dtype) * np.abs(d.coefficients).max())


def test_a_refit_is_never_worse(dtype):
    a = geometric(60, 50, dtype, last=np.sqrt(eps(dtype)))
    for rank in (3, 20, 40):
        plain, again = (interpolative_decomposition(a, rank=rank, refit=r) for r in (None, "lstsq"))
        np.testing.assert_array_equal(again.columns, plain.columns)
        before, after = (
            float(np.sqrt((column_errors(a, d.columns, d.coefficients) ** 2).sum())) for d in (plain, again)
        )
        assert after <= before * (1 + 10 * eps(dtype)) + 100 * eps(dtype) * np.linalg.norm(a)


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_changes_neither_columns_nor_coefficients(which, dtype, driver, refit):
    a = relu(60, 40, dtype)
    factor = extreme(dtype)[which]
    expected = interpolative_decomposition(a, rank=10, driver=driver, refit=refit)
    d = interpolative_decomposition(scaled(a, factor), rank=10, driver=driver, refit=refit)
    np.testing.assert_array_equal(d.columns, expected.columns)
    np.testing.assert_allclose(
        d.coefficients, expected.coefficients, rtol=0, atol=1000 * eps(dtype) * np.abs(expected.coefficients).max()
    )
    assert d.error / factor == pytest.approx(expected.error, rel=1000 * eps(dtype))
    assert d.max_column_error / factor == pytest.approx(expected.max_column_error, rel=1000 * eps(dtype))


def test_it_multiplies_as_the_matrix_it_stands_for(dtype, refit):
    d = interpolative_decomposition(relu(30, 20, dtype), rank=6, refit=refit)
    dense = d.skeleton @ d.coefficients
    accuracy = 200 * eps(dtype) * np.linalg.norm(dense)
    np.testing.assert_allclose(d.reconstruct(), dense, rtol=0, atol=accuracy)
    for p in (None, 0, 3):
        columns = 1 if p is None else p
        right, left = gaussian(20, columns, dtype), gaussian(columns, 30, dtype)
        right, left = (right[:, 0], left[0]) if p is None else (right, left)
        for product, expected in ((d @ right, dense @ right), (left @ d, left @ dense)):
            assert (product.shape, product.dtype) == (expected.shape, dtype)
            np.testing.assert_allclose(product, expected, rtol=0, atol=accuracy * 10)


def test_it_unpacks_to_the_columns_and_the_coefficients(dtype):
    d = interpolative_decomposition(gaussian(9, 7, dtype), rank=3)
    chosen, t = d
    np.testing.assert_array_equal(chosen, d.columns)
    np.testing.assert_array_equal(t, d.coefficients)


@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("character", "?ihelfdgFDG")
def test_overwriting_and_kept_inputs_give_the_same(order, character, driver):
    a = np.array((9 * np.abs(gaussian(30, 25, "f8"))).astype(character), order=order)
    before = a.copy()
    kept = interpolative_decomposition(a, rank=4, driver=driver)
    np.testing.assert_array_equal(a, before)
    overwritten = interpolative_decomposition(a, rank=4, driver=driver, overwrite_a=True)
    np.testing.assert_array_equal(overwritten.columns, kept.columns)
    np.testing.assert_allclose(
        overwritten.coefficients,
        kept.coefficients,
        rtol=0,
        atol=100 * eps(kept.dtype) * np.abs(kept.coefficients).max(initial=0),
    )
    tolerance = float(100 * eps(kept.dtype) * np.linalg.norm(before.astype(kept.dtype)))
    np.testing.assert_allclose(overwritten.skeleton, before[:, kept.columns], rtol=0, atol=tolerance)
    assert overwritten.error == pytest.approx(kept.error, abs=tolerance)


def test_the_representation_says_what_it_is():
    text = repr(interpolative_decomposition(gaussian(6, 4, "f4"), rank=2))
    for part in ("InterpolativeDecomposition", "(6, 4)", "float32", "rank 2"):
        assert part in text
