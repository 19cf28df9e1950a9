"""Basic least squares, min ||A[:, P[:k]] z - b||, from a truncated factorization."""

import numpy as np
import pytest
from matrices import extreme, gaussian, graded, rank_deficient, relu, scaled, with_zero_columns
from measures import eps

from rrqr_lapack import TruncatedQR

MATRICES = {
    "tall": lambda t: gaussian(70, 40, t),
    "wide": lambda t: gaussian(40, 70, t),
    "square": lambda t: gaussian(45, 45, t),
    "graded": lambda t: graded(60, 40, t),
    "zero columns": lambda t: with_zero_columns(60, 40, t),
}


@pytest.mark.parametrize("columns", [None, 1, 6])
@pytest.mark.parametrize("name", MATRICES)
def test_the_solution_is_that_of_numpy(name, columns, dtype, driver):
    a = MATRICES[name](dtype)
    b = gaussian(a.shape[0], columns or 1, dtype, seed=8)
    b = b if columns else b[:, 0]
    before = b.copy()
    for rank in (1, 7, 20):
        f = TruncatedQR(a, rank=rank, driver=driver)
        chosen = a[:, f.P[:rank]]
        z, resid = f.lstsq(b)
        expected = np.linalg.lstsq(chosen, b)[0]
        assert (z.shape, z.dtype) == ((rank,) if columns is None else (rank, columns), dtype)
        assert np.shape(resid) == (() if columns is None else (columns,))
        accuracy = 100 * eps(dtype) * np.linalg.cond(chosen) * np.abs(expected).max()
        np.testing.assert_allclose(z, expected, rtol=0, atol=accuracy)
        norms = np.linalg.norm(chosen @ z - b, axis=0)
        np.testing.assert_allclose(resid, norms, rtol=0, atol=200 * eps(dtype) * np.linalg.norm(b))
    np.testing.assert_array_equal(b, before)


def test_the_residual_is_orthogonal_to_the_chosen_columns(dtype):
    a = relu(80, 50, dtype)
    b = gaussian(80, 3, dtype)
    f = TruncatedQR(a, rank=15)
    chosen = a[:, f.P[:15]]
    z, _ = f.lstsq(b)
    scale = np.linalg.norm(chosen) * np.linalg.norm(b)
    assert np.abs(chosen.conj().T @ (b - chosen @ z)).max() <= 100 * eps(dtype) * scale


def test_a_right_hand_side_in_the_span_is_met_exactly(dtype, driver):
    a = gaussian(30, 20, dtype)
    f = TruncatedQR(a, rank=8, driver=driver)
    expected = gaussian(8, 2, dtype, seed=4)
    z, resid = f.lstsq(a[:, f.P[:8]] @ expected)
    np.testing.assert_allclose(z, expected, rtol=0, atol=1000 * eps(dtype))
    assert np.all(resid <= 1000 * eps(dtype))


def test_dependent_columns_take_no_part(dtype, driver):
    a = rank_deficient(50, 30, dtype, rank=6)
    f = TruncatedQR(a, rank=20, driver=driver)
    b = gaussian(50, 3, dtype)
    z, resid = f.lstsq(b)
    assert z.shape == (f.rank, 3)
    assert not z[6:].any()
    accuracy = 1000 * eps(dtype)
    best = np.linalg.norm(b - a @ np.linalg.lstsq(a, b, rcond=accuracy)[0], axis=0)
    np.testing.assert_allclose(resid, best, rtol=0, atol=accuracy * np.linalg.norm(b))


def test_at_rank_zero_the_residual_is_the_right_hand_side(dtype, driver):
    f = TruncatedQR(np.zeros((6, 4), dtype), driver=driver)
    b = gaussian(6, 3, dtype)
    z, resid = f.lstsq(b)
    assert z.shape == (0, 3)
    np.testing.assert_allclose(resid, np.linalg.norm(b, axis=0), rtol=10 * eps(dtype))


@pytest.mark.parametrize("shape", [(5, 4), (0, 3), (3, 0)], ids=str)
def test_no_right_hand_sides_give_no_solutions(shape, dtype):
    z, resid = TruncatedQR(gaussian(*shape, dtype)).lstsq(np.zeros((shape[0], 0), dtype))
    assert (z.shape, resid.shape) == ((min(shape), 0), (0,))


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_of_matrix_and_right_hand_side_does_not_matter(which, dtype, driver):
    a, b = gaussian(30, 20, dtype), gaussian(30, 2, dtype, seed=3)
    expected, resid = TruncatedQR(a, rank=10, driver=driver).lstsq(b)
    factor = extreme(dtype)[which]
    z, norms = TruncatedQR(scaled(a, factor), rank=10, driver=driver).lstsq(scaled(b, factor))
    np.testing.assert_allclose(z, expected, rtol=0, atol=1000 * eps(dtype))
    np.testing.assert_allclose(scaled(norms, 1 / factor), resid, rtol=1000 * eps(dtype))


def test_right_hand_sides_of_any_layout_and_dtype_are_taken():
    a = gaussian(12, 8, "f8")
    f = TruncatedQR(a, rank=5)
    b = np.arange(36).reshape(12, 3)
    expected, _ = f.lstsq(b.astype(float))
    for array in (
        b,
        b.tolist(),
        np.asfortranarray(b),
        b.astype("f4"),
        b.astype(">f8"),
        np.repeat(b, 2, axis=1)[:, ::2],
    ):
        np.testing.assert_allclose(f.lstsq(array)[0], expected, rtol=0, atol=1e-12)


def test_a_real_right_hand_side_of_a_complex_matrix_is_taken():
    a = gaussian(12, 8, "c16")
    f = TruncatedQR(a, rank=5)
    b = np.arange(12.0)
    np.testing.assert_allclose(f.lstsq(b)[0], f.lstsq(b + 0j)[0], rtol=0, atol=1e-13)
