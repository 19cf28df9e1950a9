"""CUR: A ~= C U R from columns and rows of A, with the U of least error."""

import numpy as np
import pytest
from matrices import ZOO, algebraic, extreme, gaussian, geometric, kahan, rank_deficient, relu, scaled
from measures import eps
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rrqr_lapack import CUR, LinkingMatrix, cur, interpolative_decomposition, two_sided_interpolative_decomposition
from rrqr_lapack._id.leverage import leverage_scores

M, N = 160, 130
FORMS = {"array": np.asarray, "sparse": sparse.csr_array, "operator": aslinearoperator}
METHODS = {"id": {}, "leverage": {"method": "leverage"}, "randomized": {"driver": "randomized"}}


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request):
    """An array, sparse, and an operator."""
    return request.param


@pytest.fixture(params=METHODS.values(), ids=METHODS)
def method(request):
    """The ways to choose."""
    return request.param


def near_one(a):
    """A in double, scaled to entries of at most one, and the scale."""
    size = float(np.abs(a).max(initial=0)) or 1.0
    return a.astype(np.result_type(a, np.float64)) / size, size


def least_error(a, columns, rows):
    """min_U ||A - C U R||_F, by the SVD of each side."""
    a, size = near_one(a)
    q, p = (
        u[:, s > max(*a.shape, 1) * np.finfo(float).eps * s.max(initial=0)]
        for u, s, _ in (np.linalg.svd(b, full_matrices=False) for b in (a[:, columns], a[rows].conj().T))
    )
    return float(np.linalg.norm(a - q @ (q.conj().T @ a @ p) @ p.conj().T)) * size


def error_of(a, d):
    """||A - C U R||_F."""
    a, size = near_one(a)
    return float(np.linalg.norm(a - d.reconstruct() / size)) * size


def tail(a, k):
    """||A - A_k||_F, the least error of rank k."""
    return float(np.linalg.norm(np.linalg.svd(a, compute_uv=False)[k:]))


@pytest.mark.parametrize("name", ZOO)
def test_the_error_is_the_least_that_these_columns_and_rows_allow(name, dtype):
    a = ZOO[name](dtype)
    before = a.copy()
    for rank in [k for k in (0, 1, 5, 20) if k <= min(a.shape)]:
        d = cur(a, rank=rank)
        assert isinstance(d, CUR)
        assert d.rank <= rank
        assert (d.shape, d.dtype, d.error_kind, d.error_bound) == (a.shape, dtype, "exact", d.error)
        np.testing.assert_array_equal(d.C, a[:, d.columns])
        np.testing.assert_array_equal(d.R, a[d.rows])
        rounding = 100 * max(*a.shape, 1) * eps(dtype) * near_one(a)[1] * np.linalg.norm(near_one(a)[0])
        assert d.error == pytest.approx(least_error(a, d.columns, d.rows), rel=1e-2, abs=rounding)
        assert error_of(a, d) == pytest.approx(d.error, rel=1e-2, abs=1e3 * rounding)
    np.testing.assert_array_equal(a, before)


def test_the_columns_and_rows_are_those_of_the_two_sided_id(form, dtype):
    a = relu(M, N, dtype)
    d, expected = cur(form(a), rank=12, rng=3), two_sided_interpolative_decomposition(form(a), rank=12, rng=3)
    np.testing.assert_array_equal(d.columns, expected.columns)
    if form is np.asarray:
        np.testing.assert_array_equal(d.rows, expected.rows)


def test_the_error_is_within_the_bound_of_the_two_sided_id(dtype):
    """||A - C U R||_F <= sqrt(1 + (1 + ||X||_2)^2) ||A - A[:, C] T||_F."""
    for make in (algebraic, gaussian, geometric, relu):
        a = make(M, N, dtype)
        for rank in (1, 10, 60):
            d = two_sided_interpolative_decomposition(a, rank=rank)
            bound = np.sqrt(1 + (1 + np.linalg.norm(d.row_coefficients, 2)) ** 2) * d.error
            assert cur(a, rank=rank).error <= bound * (1 + 1e-3)


def test_a_matrix_of_low_rank_is_reproduced(form, method, dtype):
    a = rank_deficient(M, N, dtype, rank=9)
    d = cur(form(a), rank=9, rng=1, **method)
    assert d.rank == 9
    assert error_of(a, d) <= 1e4 * eps(dtype) * np.linalg.norm(a)
    assert d.error <= 1e4 * eps(dtype) * np.linalg.norm(a)


def test_the_estimate_is_the_error_in_the_mean_of_squares(method):
    a = algebraic(M, N, "c16")
    ratios = []
    for seed in range(30):
        d = cur(aslinearoperator(a), rank=10, rng=seed, **method)
        assert d.error_kind == "estimate"
        ratios.append(d.error / error_of(a, d))
        assert error_of(a, d) <= d.error_bound
    assert np.sqrt(np.mean(np.square(ratios))) == pytest.approx(1, rel=0.1)
    assert 0.5 < min(ratios) <= max(ratios) < 2


def test_the_error_of_a_sparse_matrix_is_known_unless_it_is_tiny(method, dtype):
    """It is the difference of two squares."""
    a = algebraic(M, N, dtype)
    d = cur(sparse.csr_array(a), rank=10, rng=0, **method)
    assert (d.error_kind, d.error_bound) == ("exact", d.error)
    assert d.error == pytest.approx(error_of(a, d), rel=1e3 * eps(dtype))
    a = geometric(M, N, dtype, last=1e-12)
    d = cur(sparse.csr_array(a), rank=90, rng=0, **method)
    assert d.error_kind == "estimate"
    assert error_of(a, d) <= d.error_bound + 1e3 * eps(dtype) * np.linalg.norm(a)


def test_a_tolerance_holds_for_the_columns(form):
    a = geometric(M, N, "f8", last=1e-6)
    longest = np.linalg.norm(a, axis=0).max()
    for stop in ({"rtol": 1e-3}, {"atol": 1e-3 * longest}):
        d = cur(form(a), rng=0, **stop)
        c = d.C.toarray() if sparse.issparse(d.C) else d.C
        residual = a - c @ np.linalg.lstsq(c, a, rcond=None)[0]
        assert np.linalg.norm(residual, axis=0).max() <= 1e-3 * longest
        assert d.rank < 100
    assert cur(form(a), rtol=1, rng=0).rank == 0


def test_leverage_keeps_the_promise_of_mahoney_and_drineas():
    """||A - C U R||_F <= (2 + e) ||A - A_k||_F with high probability; here e = 1 for most of the draws."""
    k = 6
    for a in (algebraic(M, N, "f8"), geometric(M, N, "f8", last=1e-2), relu(M, N, "f8")):
        errors = [error_of(a, cur(a, rank=k, method="leverage", oversample=5 * k, rng=s)) for s in range(20)]
        assert np.quantile(errors, 0.9) <= 3 * tail(a, k)


def test_leverage_draws_as_many_different_ones_as_it_says():
    a = algebraic(M, N, "f8")
    for rank, oversample, count in ((5, 10, 15), (5, 0, 5), (8, None, 25), (1, None, 1), (50, 450, N)):
        d = cur(a, rank=rank, method="leverage", oversample=oversample, rng=0)
        assert len(set(d.columns)) == len(d.columns) == count
        assert len(set(d.rows)) == len(d.rows) == (M if count == N else count)
    a[:, 4:] = 0
    assert set(cur(a, rank=2, method="leverage", oversample=16, rng=0).columns) == set(range(4))


def test_leverage_draws_in_proportion_to_the_scores():
    """Over many draws of one column; 4 standard deviations."""
    a = geometric(30, 20, "f8", last=1e-3)
    scores = leverage_scores(a, 1, np.random.default_rng(0))[0]
    drawn = [cur(a, rank=1, method="leverage", oversample=0, rng=s).columns[0] for s in range(400)]
    frequency = np.bincount(drawn, minlength=20) / 400
    assert np.all(np.abs(frequency - scores) <= 4 * np.sqrt(scores / 400) + 2e-3)


def test_leverage_scores_are_the_row_norms_of_the_singular_vectors(dtype):
    a = geometric(60, 50, dtype, last=1e-3 if eps(dtype) > 1e-10 else 1e-6)
    u, _, vh = np.linalg.svd(a)
    columns, rows = leverage_scores(a, 8, np.random.default_rng(0))
    np.testing.assert_allclose(columns, (np.abs(vh[:8]) ** 2).sum(axis=0) / 8, atol=1e-3)
    np.testing.assert_allclose(rows, (np.abs(u[:, :8]) ** 2).sum(axis=1) / 8, atol=1e-3)
    assert columns.sum() == pytest.approx(1, rel=1e-5)


def test_a_column_that_stands_alone_is_kept_by_its_leverage(form):
    a = 1e-3 * gaussian(M, N, "f8")
    a[3, 5] = 100
    d = cur(form(a), rank=1, method="leverage", rng=0)
    assert 5 in d.columns
    assert 3 in d.rows


def test_columns_and_rows_of_the_callers_choice(form, dtype):
    a = algebraic(M, N, dtype)
    columns, rows = [3, 99, 0, 17], [8, 5, 159]
    d = cur(form(a), columns=columns, rows=rows, rng=0)
    np.testing.assert_array_equal(d.columns, columns)
    np.testing.assert_array_equal(d.rows, rows)
    assert (d.rank, d.U.shape) == (3, (4, 3))
    assert error_of(a, d) == pytest.approx(least_error(a, columns, rows), rel=100 * eps(dtype))
    assert error_of(a, cur(form(a), columns=columns)) <= error_of(a, d) * 1.2
    assert len(cur(form(a), columns=columns).rows) == 4
    assert len(cur(form(a), rows=rows).columns) == 3
    assert cur(form(a), columns=[], rows=rows).rank == 0


def test_dependent_columns_and_rows_take_no_part(form, dtype):
    a = algebraic(M, N, dtype)
    a[:, 7] = 2 * a[:, 3]
    d = cur(form(a), columns=[3, 7, 3, 9], rows=[1, 1, 2, 4], rng=0)
    assert d.rank == 2
    assert error_of(a, d) == pytest.approx(least_error(a, [3, 9], [1, 2, 4]), rel=100 * eps(dtype))


def test_the_linking_matrix_multiplies_as_the_array_that_it_is(form, dtype):
    a = relu(M, N, dtype)
    _, U, R = cur(form(a), columns=[3, 50, 21, 8], rows=[6, 9, 2], rng=0)
    assert isinstance(U, LinkingMatrix)
    dense = np.asarray(U)
    assert (dense.shape, dense.dtype, U.shape, U.dtype) == ((4, 3), dtype, (4, 3), dtype)
    accuracy = 1e3 * eps(dtype) * np.abs(dense).max()
    for right, left in ((gaussian(3, 5, dtype), gaussian(2, 4, dtype)), (np.ones(3, dtype), np.ones(4, dtype))):
        for product, expected in ((U @ right, dense @ right), (left @ U, left @ dense)):
            assert (product.shape, product.dtype) == (expected.shape, dtype)
            np.testing.assert_allclose(product, expected, rtol=0, atol=accuracy * 10)
    rows = R.toarray() if sparse.issparse(R) else R
    np.testing.assert_allclose(U @ R, dense @ rows, rtol=0, atol=accuracy * np.linalg.norm(rows))
    with pytest.raises(ValueError, match="copy must not be False for a LinkingMatrix"):
        np.array(U, copy=False)


def test_it_multiplies_as_the_matrix_it_stands_for(form, method, dtype):
    d = cur(form(relu(M, N, dtype)), rank=6, rng=0, **method)
    dense = d.reconstruct()
    accuracy = 1e4 * eps(dtype) * np.linalg.norm(dense)
    for right, left in ((gaussian(N, 3, dtype), gaussian(4, M, dtype)), (np.ones(N, dtype), np.ones(M, dtype))):
        for product, expected in ((d @ right, dense @ right), (left @ d, left @ dense)):
            assert (product.shape, product.dtype) == (expected.shape, dtype)
            np.testing.assert_allclose(product, expected, rtol=0, atol=accuracy * 10)
    assert all(x is y for x, y in zip(d, (d.C, d.U, d.R), strict=True))
    np.testing.assert_allclose(d.C @ d.U @ d.R, dense, rtol=0, atol=accuracy)


def test_real_factors_take_complex_vectors():
    d = cur(algebraic(40, 30, "f8"), rank=5)
    x = gaussian(30, 2, "c16")
    np.testing.assert_allclose(d @ x, d.reconstruct() @ x, atol=1e-12)


def test_u_stays_accurate_where_a_pseudo_inverse_would_not():
    """Columns and rows that span 12 decades: explicit inverses lose all digits, the factors none."""
    x = np.linspace(0, 1, 120)
    a = np.exp(-(np.subtract.outer(x, x[:100]) ** 2))
    d = cur(a, rtol=1e-13)
    assert np.linalg.cond(d.C) > 1e10
    assert error_of(a, d) <= 1e-12 * np.linalg.norm(a)


def test_kahans_matrix_is_no_trouble(dtype):
    a = kahan(60, dtype, angle=1.4)
    d = cur(a, rank=30)
    assert error_of(a, d) == pytest.approx(d.error, rel=1e-2)


def test_a_sparse_matrix_keeps_its_columns_and_rows_sparse():
    """As an array it would take 160 gigabytes."""
    a = sparse.random_array((200_000, 100_000), density=1e-7, rng=0)
    a = a + sparse.coo_array(([5.0, 4.0], ([7, 123_456], [99_999, 3])), a.shape)
    for options in ({}, {"method": "leverage", "oversample": 0}):
        d = cur(a, rank=2, rng=0, **options)
        assert sparse.issparse(d.C)
        assert sparse.issparse(d.R)
        assert set(d.columns) == {99_999, 3}
        assert set(d.rows) == {7, 123_456}
        assert d.error == pytest.approx(np.sqrt((a.data**2).sum() - 41), rel=0.2)


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_does_not_matter(form, method, which):
    a, factor = relu(M, N, "f8"), extreme("f8")[which] ** 0.7
    expected, d = (cur(form(b), rank=6, rng=0, **method) for b in (a, scaled(a, factor)))
    np.testing.assert_array_equal(d.columns, expected.columns)
    assert d.error / factor == pytest.approx(expected.error)
    assert error_of(scaled(a, factor), d) / factor == pytest.approx(error_of(a, expected))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 5), (90, 1), (1, 1)])
def test_small_and_empty_matrices(form, method, shape, dtype):
    a = gaussian(*shape, dtype)
    d = cur(form(a), rank=min(shape), rng=0, **method)
    assert (d.rank, d.shape) == (min(shape), shape)
    assert error_of(a, d) <= 1e3 * eps(dtype)


def test_a_zero_matrix_has_rank_zero(form, method, dtype):
    d = cur(form(np.zeros((M, N), dtype)), rank=5, rng=0, **method)
    assert (d.rank, d.error, d.U.shape) == (0, 0, (0, 0))
    np.testing.assert_array_equal(d.reconstruct(), np.zeros((M, N)))
    np.testing.assert_array_equal(d @ np.ones(N, dtype), np.zeros(M))


def test_the_seed_decides(form, method):
    a = form(algebraic(M, N, "f8"))
    first, again = (cur(a, rank=5, rng=seed, **method) for seed in (1, np.random.default_rng(1)))
    np.testing.assert_array_equal(first.columns, again.columns)
    assert first.error == again.error


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rank": 7}, ValueError, "rank must be between 0 and 5"),
        ({"rank": 2.5}, TypeError, "rank must be an integer"),
        ({"rtol": -1}, ValueError, "rtol must be finite and at least 0"),
        ({"method": "svd"}, ValueError, "method must be one of 'id', 'leverage'"),
        (
            {"method": "leverage"},
            ValueError,
            "rank must be given and no tolerance for method='leverage', got rank=None",
        ),
        (
            {"method": "leverage", "rank": 2, "rtol": 0.1},
            ValueError,
            "rank must be given .*, got rank=2, rtol=0.1, atol=None",
        ),
        ({"oversample": 2}, ValueError, "oversample must be None for method='id', got 2; method='leverage'"),
        ({"method": "leverage", "rank": 2, "oversample": -1}, ValueError, "oversample must be at least 0"),
        ({"method": "leverage", "rank": 2, "oversample": 0.5}, TypeError, "oversample must be an integer"),
        (
            {"columns": [1], "rank": 1},
            ValueError,
            "columns and rows must come without rank, whose place they take, got both",
        ),
        ({"columns": [5]}, ValueError, "columns must be between 0 and 4, got 5"),
        ({"rows": [-1]}, ValueError, "rows must be between 0 and 5, got -1"),
        ({"rows": [0.5]}, TypeError, "rows must be a vector of integers"),
        ({"columns": 3}, TypeError, "columns must be a vector of integers"),
        ({"driver": "fast", "rank": 1}, ValueError, "driver must be one of"),
    ],
    ids=str,
)
def test_bad_options_are_refused_in_words(options, error, message):
    with pytest.raises(error, match=message):
        cur(gaussian(6, 5, "f8"), **options)


def test_bad_matrices_are_refused_in_words():
    with pytest.raises(ValueError, match="a must have 2 dimensions, got 1"):
        cur(np.ones(3))
    with pytest.raises(TypeError, match="a must be boolean, integer, real or complex, got the dtype"):
        cur(np.array([["x"]]))
    a = np.ones((3, 4))
    a[2, 1] = np.inf
    with pytest.raises(ValueError, match="column 1 holds inf"):
        cur(a, rank=1)
    with pytest.raises(TypeError, match="rmatvec"):
        cur(LinearOperator((M, N), matvec=lambda x: np.zeros(M), dtype="d"), rank=2)


def test_the_representation_says_what_it_is():
    d = cur(gaussian(60, 40, "f4"), rank=2)
    assert "<CUR of shape (60, 40), float32: rank 2, exact error " in repr(d)
    assert repr(d.U) == "<LinkingMatrix of shape (2, 2), float32: rank 2>"


def test_columns_chosen_elsewhere_can_be_linked():
    a = algebraic(M, N, "f8")
    chosen = interpolative_decomposition(a, rank=8, driver="randomized", rng=0).columns
    assert cur(a, columns=chosen).error <= 3 * tail(a, 8)
