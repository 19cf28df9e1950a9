"""Row and two-sided interpolative decompositions: A ~= X A[R, :] and A ~= X A[R, C] T."""

import numpy as np
import pytest
from matrices import ZOO, algebraic, gaussian, geometric, kahan, rank_deficient, relu
from measures import assert_same, eps
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from rrqr_lapack import (
    interpolative_decomposition,
    row_interpolative_decomposition,
    two_sided_interpolative_decomposition,
)

FORMS = {"array": np.asarray, "sparse": sparse.csr_array, "operator": aslinearoperator}
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
both = pytest.mark.parametrize(
    "decompose", [row_interpolative_decomposition, two_sided_interpolative_decomposition], ids=["rows", "two-sided"]
)


def rounding(a, *factors):
    """What rounding may add to an error: 10 max(m, n) eps of A's norm, times the sizes of the coefficients."""
    growth = np.prod([max(np.abs(t).max(initial=0), 1) for t in factors])
    norm = np.linalg.norm(np.abs(a).astype(float) / (np.abs(a).max(initial=0) or 1)) * float(np.abs(a).max(initial=0))
    return 10 * max(*a.shape, 1) * eps(a.dtype) * float(growth) * norm


def distance(a, b):
    """||A - B||_F in double, of any scale."""
    size = float(max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))) or 1.0
    wide = np.result_type(a, np.float64)
    return float(np.linalg.norm(a.astype(wide) / size - b.astype(wide) / size)) * size


@pytest.mark.parametrize("name", ZOO)
def test_the_unit_rows_are_exact_and_the_error_is_the_error(name, dtype):
    a = ZOO[name](dtype)
    before = a.copy()
    for rank in [k for k in (0, 1, 5, 33) if k <= min(a.shape)]:
        d = row_interpolative_decomposition(a, rank=rank)
        assert d.rank <= rank
        assert (d.rows.shape, d.coefficients.shape, d.coefficients.dtype) == ((d.rank,), (a.shape[0], d.rank), dtype)
        assert (d.shape, d.dtype, d.error_kind) == (a.shape, dtype, "exact")
        np.testing.assert_array_equal(d.coefficients[d.rows], np.eye(d.rank))
        np.testing.assert_array_equal(d.skeleton, a[d.rows])
        assert d.error == pytest.approx(distance(a, d.reconstruct()), rel=1e-3, abs=rounding(a, d.coefficients))
        assert d.max_row_error <= d.error * (1 + eps(dtype))
    np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("name", ZOO)
def test_rows_and_columns_together_have_the_error_of_the_columns(name, dtype):
    a = ZOO[name](dtype)
    for rank in [k for k in (0, 1, 5, 33) if k <= min(a.shape)]:
        d = two_sided_interpolative_decomposition(a, rank=rank)
        columns = interpolative_decomposition(a, rank=d.rank)
        assert len(d.rows) == len(d.columns) == d.rank >= columns.rank
        np.testing.assert_array_equal(d.columns, columns.columns)
        assert_same(d.column_coefficients, columns.coefficients)
        assert d.error == pytest.approx(columns.error, abs=rounding(a, d.column_coefficients))
        np.testing.assert_array_equal(d.skeleton, a[np.ix_(d.rows, d.columns)])
        np.testing.assert_array_equal(d.row_coefficients[d.rows], np.eye(d.rank))
        assert distance(a, d.reconstruct()) == pytest.approx(
            d.error, rel=1e-3, abs=rounding(a, d.row_coefficients, d.column_coefficients)
        )


def test_the_rows_of_a_matrix_are_the_columns_of_its_transpose(dtype):
    a = relu(50, 70, dtype)
    rows, columns = row_interpolative_decomposition(a, rank=9), interpolative_decomposition(a.T, rank=9)
    np.testing.assert_array_equal(rows.rows, columns.columns)
    assert_same(rows.coefficients, columns.coefficients.T)
    assert rows.error == pytest.approx(columns.error, rel=100 * float(eps(dtype)))
    assert rows.max_row_error == pytest.approx(columns.max_column_error, rel=100 * float(eps(dtype)))


@every_form
@both
def test_a_matrix_of_low_rank_is_reproduced_from_as_many_rows(decompose, form, dtype):
    a = rank_deficient(140, 120, dtype, rank=9)
    d = decompose(form(a), rtol=1e3 * eps(dtype), rng=0)
    assert (d.rank, d.shape, d.dtype) == (9, a.shape, dtype)
    assert distance(a, d.reconstruct()) <= 1e3 * eps(dtype) * np.linalg.norm(a)


@every_form
@both
def test_the_estimate_is_near_the_error(decompose, form):
    a = algebraic(160, 130, "f8")
    ratios = []
    for seed in range(20):
        d = decompose(form(a), rank=10, rng=seed)
        ratios.append(d.error / distance(a, d.reconstruct()))
        assert d.error_kind == ("exact" if form is np.asarray else "estimate")
    assert np.sqrt(np.mean(np.square(ratios))) == pytest.approx(1, rel=0.15)
    assert 0.5 < min(ratios) <= max(ratios) < 2


@both
def test_the_skeleton_of_a_sparse_matrix_is_its_own_rows(decompose):
    a = sparse.random_array((300, 250), density=0.05, rng=0, format="csr")
    d = decompose(a, rank=6, rng=0)
    if hasattr(d, "columns"):
        np.testing.assert_array_equal(d.skeleton, a.toarray()[np.ix_(d.rows, d.columns)])
    else:
        assert sparse.issparse(d.skeleton)
        np.testing.assert_array_equal(d.skeleton.toarray(), a.toarray()[d.rows])


@both
def test_a_sparse_matrix_that_does_not_fit_as_an_array(decompose):
    """As an array it would take 160 gigabytes."""
    a = sparse.random_array((200_000, 100_000), density=1e-7, rng=0)
    a = a + sparse.coo_array(([5.0, 4.0], ([7, 123_456], [99_999, 3])), a.shape)
    d = decompose(a, rank=2, rng=0)
    assert set(d.rows) == {7, 123_456}


@every_form
@both
def test_it_multiplies_as_the_matrix_it_stands_for(decompose, form, dtype):
    d = decompose(form(relu(60, 50, dtype)), rank=6, rng=0)
    dense = d.reconstruct()
    accuracy = 1e3 * eps(dtype) * np.linalg.norm(dense)
    for right, left in ((gaussian(50, 3, dtype), gaussian(4, 60, dtype)), (np.ones(50, dtype), np.ones(60, dtype))):
        for product, expected in ((d @ right, dense @ right), (left @ d, left @ dense)):
            assert (product.shape, product.dtype) == (expected.shape, dtype)
            np.testing.assert_allclose(product, expected, rtol=0, atol=accuracy * 10)


def test_they_unpack_to_indices_and_coefficients(dtype):
    a = gaussian(9, 7, dtype)
    d = row_interpolative_decomposition(a, rank=3)
    assert all(x is y for x, y in zip(d, (d.rows, d.coefficients), strict=True))
    d = two_sided_interpolative_decomposition(a, rank=3)
    assert all(x is y for x, y in zip(d, (d.rows, d.columns, d.row_coefficients, d.column_coefficients), strict=True))


@both
@pytest.mark.parametrize("scale", [2.0**-660, 2.0**660], ids=["tiny", "huge"])
def test_the_scale_does_not_matter(decompose, scale):
    a = relu(40, 30, "f8")
    d, expected = decompose(a * scale, rank=8), decompose(a, rank=8)
    np.testing.assert_array_equal(d.rows, expected.rows)
    assert d.error / scale == pytest.approx(expected.error)


@both
def test_a_tolerance_bounds_the_error(decompose, dtype):
    a = geometric(60, 80, dtype)
    for rtol in (0.3, 0.01):
        d = decompose(a, rtol=rtol)
        assert d.rank < 60
        longest = np.linalg.norm(a, axis=1 if decompose is row_interpolative_decomposition else 0).max()
        assert distance(a, d.reconstruct()) <= np.sqrt(80) * rtol * longest * (1 + 1e-3)


def test_overwriting_gives_the_same(dtype):
    a = np.ascontiguousarray(gaussian(30, 25, dtype))
    kept = row_interpolative_decomposition(a, rank=4)
    overwritten = row_interpolative_decomposition(a.copy(), rank=4, overwrite_a=True)
    np.testing.assert_array_equal(overwritten.rows, kept.rows)
    tolerance = 100 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(overwritten.reconstruct(), kept.reconstruct(), rtol=0, atol=tolerance)


@both
def test_bad_input_is_refused_in_words(decompose):
    a = np.ones((4, 3))
    with pytest.raises(ValueError, match="rank must be between 0 and 3"):
        decompose(a, rank=4)
    with pytest.raises(ValueError, match="refit must be one of None, 'lstsq'"):
        decompose(a, refit="qr")
    with pytest.raises(ValueError, match="a must have 2 dimensions, got 3"):
        decompose(np.ones((2, 2, 2)))
    a[1, 2] = np.nan
    with pytest.raises(ValueError, match="column 2 holds nan"):
        decompose(a)
    with pytest.raises(TypeError, match="a must be boolean, integer, real or complex, got the dtype object"):
        decompose(np.array([[None]]))


def test_the_rank_is_one_that_both_sides_see():
    """In single precision the columns of this matrix of Kahan look independent, but not once their rows are pivoted."""
    a, order = kahan(60, "f4"), {"tie_tol": 1e-3}
    assert interpolative_decomposition(a, rank=33, **order).rank == 33
    d = two_sided_interpolative_decomposition(a, rank=33, **order)
    assert len(d.rows) == len(d.columns) == d.rank < 33


@every_form
@both
def test_a_bound_of_the_coefficients_holds(decompose, form):
    """Greedily Kahan's matrix has coefficients beyond 1e4 at this rank, and so has its transpose by rows."""
    a = kahan(60, "f8")
    d = decompose(form(a.T if decompose is row_interpolative_decomposition else a), rank=59, f=2, rng=0)
    assert max(np.abs(t).max() for t in d if t.ndim == 2) <= 2.001


def test_the_representation_says_what_it_is():
    a = gaussian(60, 40, "f4")
    assert "RowInterpolativeDecomposition of shape (60, 40), float32: rank 2, exact error " in repr(
        row_interpolative_decomposition(a, rank=2)
    )
    assert "rank 2, estimate error " in repr(two_sided_interpolative_decomposition(sparse.csr_array(a), rank=2, rng=0))
