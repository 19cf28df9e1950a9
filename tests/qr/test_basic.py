"""Least squares with k nonzeros, and what they cost beside any other solution."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES, algebraic, extreme, gaussian, geometric, graded, kahan, rank_deficient, relu, scaled
from measures import eps

from rrqr_lapack import basic_lstsq, strong_rrqr

MATRICES = {
    "gaussian": lambda t: gaussian(60, 40, t),
    "wide": lambda t: gaussian(30, 70, t),
    "algebraic": lambda t: algebraic(60, 50, t),
    "geometric": lambda t: geometric(60, 50, t),
    "relu": lambda t: relu(80, 50, t),
    "graded": lambda t: graded(60, 40, t),
    "kahan": lambda t: kahan(50, t),
    "rank-deficient": lambda t: rank_deficient(50, 40, t),
}


@pytest.mark.parametrize("f", [None, 2])
@pytest.mark.parametrize("name", MATRICES)
def test_no_solution_is_better_by_more_than_the_bound(name, f, dtype, driver):
    """||A x - b|| <= ||A y - b|| + ||R22||_F ||y|| for the least-squares solution y, and for any other."""
    a = MATRICES[name](dtype)
    b = gaussian(a.shape[0], 3, dtype, seed=4)
    before = a.copy(), b.copy()
    for rank in (0, 1, 7, 25):
        x, columns, residual, matrix_error = basic_lstsq(a, b, rank=rank, f=f, driver=driver)
        assert x.dtype == dtype
        assert np.all(np.flatnonzero(np.abs(x).any(axis=1)) == np.sort(columns[np.abs(x[columns]).any(axis=1)]))
        norms = np.linalg.norm(a @ x - b, axis=0)
        rounding = 100 * max(a.shape) * eps(dtype) * (np.linalg.norm(a) * np.linalg.norm(x, axis=0) + np.linalg.norm(b))
        assert np.all(np.abs(residual - norms) <= rounding)
        for y in (np.linalg.lstsq(a, b)[0], gaussian(a.shape[1], 3, dtype, seed=5), np.zeros_like(x)):
            bound = np.linalg.norm(a @ y - b, axis=0) + matrix_error * np.linalg.norm(y, axis=0)
            assert np.all(residual <= bound * (1 + 1e3 * eps(dtype)) + 10 * max(a.shape) * eps(dtype))
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@given(st.integers(1, 15), st.integers(1, 15), st.data())
def test_the_bound_holds_for_any_matrix_and_any_other_solution(m, n, data):
    dtype, rng = data.draw(st.sampled_from(DTYPES)), np.random.default_rng(data.draw(st.integers(0, 2**32)))
    k = data.draw(st.integers(0, min(m, n)))
    a, b, y = (gaussian(*shape, dtype, seed=rng.integers(2**32)) for shape in ((m, n), (m, 1), (n, 1)))
    a = a * np.logspace(0, -data.draw(st.integers(0, 6)), n).astype(a.real.dtype)
    x, columns, residual, matrix_error = basic_lstsq(a, b[:, 0], rank=k, f=data.draw(st.sampled_from([None, 1.5])))
    assert x.shape == (n,)
    assert len(columns) == k
    bound = np.linalg.norm(a @ y - b) + matrix_error * np.linalg.norm(y)
    assert residual <= bound * (1 + 1e3 * eps(dtype))


def test_the_solution_is_the_best_on_its_columns(dtype):
    a, b = gaussian(60, 40, dtype), gaussian(60, 1, dtype, seed=2)[:, 0]
    x, columns, residual, matrix_error = basic_lstsq(a, b, rank=12)
    expected = np.linalg.lstsq(a[:, columns], b)[0]
    np.testing.assert_allclose(x[columns], expected, rtol=0, atol=1e3 * eps(dtype))
    assert np.count_nonzero(x) == len(columns) == 12
    assert residual == pytest.approx(np.linalg.norm(a[:, columns] @ expected - b), rel=1e3 * eps(dtype))
    left = a - a[:, columns] @ np.linalg.lstsq(a[:, columns], a)[0]
    assert matrix_error == pytest.approx(np.linalg.norm(left), rel=1e3 * eps(dtype))


def test_with_a_bound_the_columns_are_those_of_the_strong_factorization(dtype):
    a = kahan(60, dtype)
    found = basic_lstsq(a, a[:, 0], rank=59, f=2, tie_tol=1e4 * eps(dtype))
    expected = strong_rrqr(a, rank=59, tie_tol=1e4 * eps(dtype))
    np.testing.assert_array_equal(found.columns, expected.P[:59])
    assert found.matrix_error == expected.residual_norm
    assert found.matrix_error < basic_lstsq(a, a[:, 0], rank=59, tie_tol=1e4 * eps(dtype)).matrix_error / 100


def test_a_tolerance_chooses_as_many_columns_as_it_takes(dtype):
    a = algebraic(60, 50, dtype)
    found = basic_lstsq(a, a[:, 3], rtol=0.1)
    left = a - a[:, found.columns] @ np.linalg.lstsq(a[:, found.columns], a)[0]
    assert 0 < len(found.columns) < 50
    assert np.linalg.norm(left, axis=0).max() <= 0.1 * np.linalg.norm(a, axis=0).max() * (1 + 1e3 * eps(dtype))
    assert found.residual <= 0.1 * np.linalg.norm(a, axis=0).max() * (1 + 1e3 * eps(dtype))


def test_dependent_columns_get_zero(dtype):
    a = rank_deficient(50, 30, dtype, rank=6)
    b = gaussian(50, 1, dtype)[:, 0]
    for f in (None, 2):
        found = basic_lstsq(a, b, rank=20, f=f)
        assert np.count_nonzero(found.x) == 6
        best = np.linalg.norm(b - a @ np.linalg.lstsq(a, b, rcond=1e3 * eps(dtype))[0])
        assert found.residual == pytest.approx(best, rel=1e4 * eps(dtype))


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_does_not_matter(which, dtype):
    a, b, factor = gaussian(30, 20, dtype), gaussian(30, 1, dtype, seed=3), extreme(dtype)[which]
    expected, found = basic_lstsq(a, b, rank=9), basic_lstsq(scaled(a, factor), scaled(b, factor), rank=9)
    np.testing.assert_allclose(found.x, expected.x, rtol=0, atol=1e3 * eps(dtype))
    assert found.matrix_error / factor == pytest.approx(expected.matrix_error, rel=1e3 * eps(dtype))


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (1, 5), (5, 1)], ids=str)
def test_matrices_without_or_with_a_single_row_or_column(shape, dtype):
    a, b = gaussian(*shape, dtype), gaussian(shape[0], 1, dtype, seed=1)[:, 0]
    x, columns, residual, _ = basic_lstsq(a, b)
    assert x.shape == (shape[1],)
    assert len(columns) == min(shape)
    assert residual == pytest.approx(np.linalg.norm(a @ x - b), abs=100 * eps(dtype))


def test_bad_input_is_refused():
    a = np.eye(4)
    for error, match, arguments, options in (
        (ValueError, r"\bb must have the shape \(4,\) or \(4, p\), got \(3,\)", (a, np.ones(3)), {}),
        (ValueError, r"\bb must be finite, but column 0", (a, [1, np.nan, 0, 0]), {}),
        (TypeError, r"\bb must be real as the factored matrix is, got complex128", (a, np.ones(4, complex)), {}),
        (TypeError, r"\ba must be dense, got a sparse", (scipy.sparse.eye_array(4).tocsr(), np.ones(4)), {}),
        (ValueError, r"2 dimensions, got 1", (np.ones(4), np.ones(4)), {}),
        (ValueError, r"\brank must be between 0 and 4", (a, np.ones(4)), {"rank": 5}),
        (ValueError, r"\bf must be finite and at least 1", (a, np.ones(4)), {"f": 0.5}),
        (TypeError, "unexpected keyword argument 'ranks'", (a, np.ones(4)), {"ranks": 2}),
    ):
        with pytest.raises(error, match=match):
            basic_lstsq(*arguments, **options)
