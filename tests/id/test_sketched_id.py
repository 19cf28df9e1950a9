"""Interpolative decompositions of sparse matrices and LinearOperators: from products, with an honest estimate."""

import numpy as np
import pytest
from matrices import algebraic, extreme, gaussian, geometric, rank_deficient, scaled
from measures import assert_same, eps
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rrqr_lapack import interpolative_decomposition

M, N = 200, 150
FORMS = {"csr": sparse.csr_array, "coo matrix": sparse.coo_matrix, "operator": aslinearoperator}


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def form(request):
    """Sparse formats, and the operator."""
    return request.param


class Counted(LinearOperator):
    """An array as an operator that counts its products with vectors."""

    def __init__(self, a):
        super().__init__(a.dtype, a.shape)
        self.a, self.products, self.adjoint_products = a, 0, 0

    def _matmat(self, x):
        self.products += x.shape[1]
        return self.a @ x

    def _rmatmat(self, x):
        self.adjoint_products += x.shape[1]
        return self.a.conj().T @ x


def error_of(a, d):
    """||A - A[:, C] T||_F."""
    return float(np.linalg.norm(a - a[:, d.columns] @ d.coefficients))


def least_error(a, chosen):
    """min_T ||A - A[:, C] T||_F."""
    q = np.linalg.qr(a[:, chosen])[0]
    return float(np.linalg.norm(a - q @ (q.conj().T @ a)))


def test_the_unit_columns_are_exact_and_the_columns_are_those_of_a(form, dtype):
    a = algebraic(M, N, dtype)
    for rank in (0, 1, 20):
        d = interpolative_decomposition(form(a), rank=rank, rng=0)
        assert (d.rank, d.shape, d.dtype, d.error_kind) == (rank, a.shape, dtype, "estimate")
        assert (d.columns.shape, d.coefficients.shape, d.coefficients.dtype) == ((rank,), (rank, N), dtype)
        np.testing.assert_array_equal(d.coefficients[:, d.columns], np.eye(rank))
        assert sparse.issparse(d.skeleton) == (form is not aslinearoperator)
        skeleton = d.skeleton.toarray() if sparse.issparse(d.skeleton) else d.skeleton
        np.testing.assert_array_equal(skeleton, a[:, d.columns])
        np.testing.assert_allclose(d.reconstruct(), a[:, d.columns] @ d.coefficients, rtol=0, atol=1e4 * eps(dtype))


@pytest.mark.parametrize("refit", [None, "lstsq"])
def test_the_estimate_is_the_error_in_the_mean_of_squares(refit, dtype):
    a = algebraic(M, N, dtype)
    ratios = []
    for seed in range(25):
        d = interpolative_decomposition(aslinearoperator(a), rank=15, rng=seed, refit=refit)
        ratios.append(d.error / error_of(a, d))
        assert error_of(a, d) <= d.error_bound
        columns = np.linalg.norm(a - a[:, d.columns] @ d.coefficients, axis=0)
        assert 0.5 < d.max_column_error / columns.max() < 3
    assert np.sqrt(np.mean(np.square(ratios))) == pytest.approx(1, rel=0.1)
    assert 0.5 < min(ratios) <= max(ratios) < 2


def test_the_coefficients_are_within_the_bound_of_the_best_and_a_refit_is_the_best(dtype):
    """E ||A - A[:, C] T||^2 <= (1 + k / (k + 9)) min_T: here as a mean over sketches."""
    a, rank = geometric(M, N, dtype, last=1e-2), 20
    factors = []
    for seed in range(10):
        plain, again = (
            interpolative_decomposition(sparse.csr_array(a), rank=rank, rng=seed, refit=r) for r in (None, "lstsq")
        )
        np.testing.assert_array_equal(plain.columns, again.columns)
        least = least_error(a, plain.columns)
        factors.append((error_of(a, plain) / least) ** 2)
        assert error_of(a, again) == pytest.approx(least, rel=1e4 * eps(dtype))
    assert np.mean(factors) <= 1 + rank / (rank + 9)


def test_the_columns_are_nearly_as_good_as_those_of_the_array(dtype):
    a = geometric(M, N, dtype, last=1e-3)
    best = interpolative_decomposition(a, rank=30).error
    errors = [
        error_of(a, interpolative_decomposition(aslinearoperator(a), rank=30, refit="lstsq", rng=seed))
        for seed in range(5)
    ]
    assert max(errors) <= 1.5 * best


@pytest.mark.parametrize("rtol", [0.3, 1e-2, 1e-4])
def test_a_tolerance_bounds_the_columns_of_the_error(form, rtol):
    a = geometric(2 * M, N, "f8", last=1e-6)
    longest = np.linalg.norm(a, axis=0).max()
    plain = interpolative_decomposition(a, rtol=rtol).rank
    for seed in range(4):
        for stop in ({"rtol": rtol}, {"atol": rtol * longest}):
            d = interpolative_decomposition(form(a), **stop, rng=seed)
            assert np.linalg.norm(a - a[:, d.columns] @ d.coefficients, axis=0).max() <= rtol * longest
            assert plain <= d.rank <= plain + 20


def test_a_rank_limits_a_tolerance(form):
    a = algebraic(M, N, "f8")
    assert interpolative_decomposition(form(a), rtol=1e-3, rank=7, rng=0).rank == 7
    assert interpolative_decomposition(form(a), rtol=1, rank=7, rng=0).rank == 0


@pytest.mark.parametrize("rank", [None, 60])
def test_the_rank_does_not_exceed_the_numerical_rank(form, rank, dtype):
    a = rank_deficient(300, 100, dtype, rank=9)
    d = interpolative_decomposition(form(a), rank=rank, rng=0)
    assert d.rank == 9
    assert error_of(a, d) <= 1e3 * eps(dtype) * np.linalg.norm(a)


def test_few_rows_are_taken_as_they_are(form, dtype):
    """A sketch would be no smaller; so the decomposition is that of the array, and its error known."""
    a = algebraic(39, 60, dtype)
    d, expected = interpolative_decomposition(form(a), rank=10), interpolative_decomposition(a, rank=10)
    np.testing.assert_array_equal(d.columns, expected.columns)
    assert_same(d.coefficients, expected.coefficients)
    assert d.error == pytest.approx(expected.error, rel=100 * float(eps(dtype)))
    assert d.max_column_error == pytest.approx(expected.max_column_error, rel=100 * float(eps(dtype)))
    assert (d.error_kind, d.error_bound) == ("exact", d.error)


@pytest.mark.parametrize(("refit", "adjoint_products"), [(None, 44), ("lstsq", 56)])
def test_it_takes_as_many_products_as_it_says(refit, adjoint_products):
    a = Counted(gaussian(M, N, "f8"))
    interpolative_decomposition(a, rank=12, rng=0, refit=refit)
    assert (a.products, a.adjoint_products) == (12, adjoint_products)


def test_a_tolerance_takes_about_twice_the_products():
    a = Counted(geometric(2000, 300, "f8", last=1e-9))
    k = interpolative_decomposition(a, rtol=1e-4, rng=0).rank
    assert k > 32
    assert (a.products, a.adjoint_products <= 4 * k + 20) == (k, True)


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_changes_neither_columns_nor_coefficients(form, which, dtype):
    a, factor = algebraic(M, N, dtype), extreme(dtype)[which]
    expected, d = (interpolative_decomposition(form(b), rank=10, rng=0) for b in (a, scaled(a, factor)))
    np.testing.assert_array_equal(d.columns, expected.columns)
    np.testing.assert_allclose(
        d.coefficients, expected.coefficients, rtol=0, atol=1e3 * eps(dtype) * np.abs(d.coefficients).max()
    )
    assert d.error / factor == pytest.approx(expected.error, rel=1e3 * eps(dtype))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 5), (500, 1), (500, 3)])
def test_small_and_empty_matrices(form, shape, dtype):
    a = gaussian(*shape, dtype)
    d = interpolative_decomposition(form(a), rng=0)
    assert d.rank == min(shape)
    np.testing.assert_allclose(d.reconstruct(), a, rtol=0, atol=100 * eps(dtype))
    assert d.error <= 100 * eps(dtype)


def test_a_zero_matrix_has_rank_zero(form, dtype):
    d = interpolative_decomposition(form(np.zeros((M, N), dtype)), rng=0)
    assert (d.rank, d.error, d.max_column_error) == (0, 0, 0)
    np.testing.assert_array_equal(d.reconstruct(), np.zeros((M, N)))


@pytest.mark.parametrize("format", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_every_sparse_format_is_taken(format, kind):
    a = rank_deficient(90, 9, "f8", rank=3)
    d = interpolative_decomposition(getattr(sparse, f"{format}_{kind}")(a), rng=0)
    assert d.rank == 3
    assert error_of(a, d) <= 1e-12 * np.linalg.norm(a)


def test_the_seed_decides(form):
    a = form(algebraic(M, N, "f8"))
    first, again, other = (
        interpolative_decomposition(a, rank=20, rng=seed) for seed in (1, np.random.default_rng(1), 2)
    )
    np.testing.assert_array_equal(first.coefficients, again.coefficients)
    assert first.error == again.error != other.error


@pytest.mark.parametrize("dtype_in", ["?", "i4", "u1", "f2", "g"])
def test_other_dtypes_become_the_lapack_dtype_that_holds_them(dtype_in):
    a = (gaussian(M, N, "f8") > 1).astype(dtype_in)
    forms = [aslinearoperator] if dtype_in == "f2" else [aslinearoperator, sparse.csr_array]
    for make in forms:
        d = interpolative_decomposition(make(a), rank=3, rng=0)
        assert d.dtype == interpolative_decomposition(a, rank=3).dtype


def test_an_operator_without_its_adjoint_is_refused_in_words():
    a = LinearOperator((M, N), matvec=lambda x: np.zeros(M), dtype="d")
    with pytest.raises(TypeError, match=r"a must offer products .* with its adjoint \(matvec and rmatvec\)"):
        interpolative_decomposition(a, rank=3)


def test_an_operator_that_is_wrong_about_its_dtype_is_refused_in_words():
    a = gaussian(M, N, "c16")
    operator = LinearOperator(a.shape, matvec=lambda x: a @ x, rmatvec=lambda x: a.conj().T @ x, dtype="d")
    with pytest.raises(TypeError, match="a must have the dtype of its products, complex128, got float64"):
        interpolative_decomposition(operator, rank=3)


def test_nan_and_infinity_are_refused_by_column(form):
    a = gaussian(M, N, "f8")
    a[3, 7] = np.nan
    with pytest.raises(ValueError, match=r"a must be finite, but column \d+"):
        interpolative_decomposition(form(a), rank=3)
    if form is not aslinearoperator:
        with pytest.raises(ValueError, match="column 7 "):
            interpolative_decomposition(form(a), rank=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": N + 1}, f"rank must be between 0 and {N}"),
        ({"rtol": -1}, "rtol must be finite and at least 0"),
        ({"atol": np.inf}, "atol must be finite"),
        ({"driver": "fast"}, "driver must be one of"),
        ({"refit": "qr"}, "refit must be one of"),
        ({"tie_tol": 1}, "tie_tol must be"),
    ],
    ids=str,
)
def test_bad_options_are_refused_before_any_product(options, message):
    a = Counted(gaussian(M, N, "f8"))
    with pytest.raises(ValueError, match=message):
        interpolative_decomposition(a, **options)
    assert (a.products, a.adjoint_products) == (0, 0)


def test_the_matrix_is_left_alone(form, dtype):
    a = algebraic(M, N, dtype)
    b = a.copy()
    interpolative_decomposition(form(b), rank=10, rng=0, overwrite_a=True)
    np.testing.assert_array_equal(a, b)
