"""select_columns: what every method must give, on every kind of matrix."""

import numpy as np
import pytest
from matrices import ZOO, algebraic, duplicated, extreme, gaussian, rank_deficient, scaled, with_singular_values
from measures import eps
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from selections import projection_residual, wide

from bench.family.selection import PSD_WAYS, WAYS
from rrqr_lapack import KernelMatrix, interpolative_decomposition, rbf, select_columns
from rrqr_lapack._selection.registry import METHODS

K = 6
DETERMINISTIC = {"greedy", "strong", "gks", "osinsky", "cholesky greedy"}


def ways(*, psd=False):
    """A parameter `way` over the ways to choose."""
    return pytest.mark.parametrize("way", [*WAYS, *PSD_WAYS] if psd else WAYS)


def select(way, a, rank=K, rng=0, **arguments):
    """The selection of that way."""
    method, options = (WAYS | PSD_WAYS)[way]
    return select_columns(a, rank, method=method, rng=rng, **options, **arguments)


def some_matrix(way, dtype, m=40, n=30):
    """With singular values 1/j, and positive semidefinite if need be."""
    if way in PSD_WAYS:
        q = np.linalg.qr(gaussian(n, n, np.result_type(dtype, "d")))[0]
        return ((q / np.arange(1, n + 1)) @ q.conj().T).astype(dtype)
    return algebraic(m, n, dtype)


@ways(psd=True)
def test_a_selection_answers_which_columns_which_coefficients_and_what_error(way, dtype):
    a = some_matrix(way, dtype)
    found = select(way, a)
    C, T = found
    assert (len(C), found.rank, C.dtype, T.dtype, found.dtype) == (K, K, np.int32, dtype, dtype)
    assert len(set(C.tolist())) == K
    assert (found.shape, T.shape, found.error_kind) == (a.shape, (K, a.shape[1]), "exact")
    np.testing.assert_array_equal(found.skeleton, a[:, C])
    np.testing.assert_array_equal(T[:, C], np.eye(K))
    assert found.max_coefficient == np.abs(T).max() >= 1
    assert found.error_bound == found.error
    left = wide(a) - wide(a[:, C]) @ wide(T)
    assert found.error == pytest.approx(np.linalg.norm(left), rel=1e3 * eps(dtype))
    assert found.max_column_error == pytest.approx(np.linalg.norm(left, axis=0).max(), rel=1e3 * eps(dtype))


@ways(psd=True)
def test_no_coefficients_are_better(way, dtype):
    a = some_matrix(way, dtype)
    found = select(way, a)
    assert found.error == pytest.approx(np.linalg.norm(projection_residual(a, found.columns)), rel=1e3 * eps(dtype))


@ways(psd=True)
def test_the_same_seed_gives_the_same_columns(way, dtype):
    a = some_matrix(way, dtype)
    np.testing.assert_array_equal(select(way, a, rng=5).columns, select(way, a, rng=np.random.default_rng(5)).columns)


@ways(psd=True)
def test_only_random_methods_depend_on_the_seed(way):
    a = some_matrix(way, "d")
    choices = {tuple(select(way, a, rng=seed).columns) for seed in range(8)}
    assert (len(choices) == 1) == (way in DETERMINISTIC or (way.endswith("randomized") and "arp" not in way))


@ways()
@pytest.mark.parametrize("name", ZOO)
def test_every_matrix_has_an_answer(way, name, dtype):
    a = ZOO[name](dtype)
    before = a.copy()
    found = select(way, a, min(K, *a.shape))
    np.testing.assert_array_equal(a, before)
    assert found.rank <= min(K, *a.shape)
    assert len(set(found.columns.tolist())) == found.rank
    assert np.isfinite(found.coefficients).all()
    np.testing.assert_array_equal(found.coefficients[:, found.columns], np.eye(found.rank))
    assert 0 <= found.error < np.inf
    assert (found.training_error, found.heldout_error) == (found.error, 0)


@ways()
def test_numerically_dependent_columns_are_not_chosen(way, dtype):
    a = rank_deficient(40, 30, dtype, rank=4)
    found = select(way, a, 9)
    assert found.rank == 4
    assert found.error <= 100 * eps(dtype) * np.linalg.norm(a)
    assert found.max_coefficient <= 1e3


@ways()
def test_copies_of_a_column_are_not_chosen(way, dtype):
    found = select(way, duplicated(30, 40, dtype), 12)
    skeleton = found.skeleton
    assert len(np.unique(skeleton, axis=1).T) == found.rank
    assert found.max_coefficient <= 100


@ways(psd=True)
def test_a_zero_matrix_has_rank_zero(way, dtype):
    found = select(way, np.zeros((12, 12), dtype))
    assert (found.rank, found.coefficients.shape, found.error, found.max_coefficient) == (0, (0, 12), 0, 0)


@ways(psd=True)
def test_rank_zero_leaves_everything(way):
    a = some_matrix(way, "d")
    found = select(way, a, 0)
    assert found.rank == 0
    assert found.error == pytest.approx(np.linalg.norm(a))


@ways()
@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1)])
def test_a_single_row_or_column_is_represented_exactly(way, shape, dtype):
    a = gaussian(*shape, dtype)
    found = select(way, a, 1)
    assert found.rank == 1
    assert found.error <= 10 * eps(dtype) * np.linalg.norm(a)


@pytest.mark.parametrize("way", sorted(DETERMINISTIC - {"cholesky greedy"}))
@pytest.mark.parametrize("end", [0, 1], ids=["tiny", "huge"])
def test_the_scale_of_a_matrix_does_not_matter(way, end, dtype):
    a = algebraic(40, 30, dtype)
    factor = extreme(dtype)[end]
    found, expected = select(way, scaled(a, factor)), select(way, a)
    np.testing.assert_array_equal(found.columns, expected.columns)
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e3 * eps(dtype))
    assert found.error == pytest.approx(expected.error * factor, rel=1e3 * eps(dtype))


@pytest.mark.parametrize("way", [name for name in WAYS if METHODS[WAYS[name][0]].tolerances])
def test_a_tolerance_ends_a_selection(way, dtype):
    a = with_singular_values(40, 30, 10.0 ** -np.arange(6), dtype)
    found = select(way, a, None, rtol=10**-2.5 if way not in ("greedy", "strong") else 1e-3)
    assert found.rank == 3 or way in ("greedy", "strong")
    assert select(way, a, None, atol=1.5).rank == 0
    assert select(way, a, 2, rtol=10**-2.5).rank == 2
    if way in ("greedy", "strong"):
        columns = np.linalg.norm(a, axis=0)
        assert found.max_column_error <= 1e-3 * columns.max() * (1 + 100 * eps(dtype))


def test_greedy_chooses_as_pivoted_qr_does(dtype):
    a = algebraic(40, 30, dtype)
    found, known = select_columns(a, K), interpolative_decomposition(a, rank=K)
    np.testing.assert_array_equal(found.columns, known.columns)
    np.testing.assert_allclose(found.coefficients, known.coefficients, atol=1e3 * eps(dtype))
    assert found.error == pytest.approx(known.error, rel=1e3 * eps(dtype))


# sparse matrices and operators


def a_sparse_matrix(dtype, m=60, n=50, density=0.1, seed=0):
    """Random entries, and columns of many sizes."""
    rng = np.random.default_rng(seed)
    a = gaussian(m, n, dtype, seed) * (rng.random((m, n)) < density) * 10.0 ** -rng.uniform(0, 2, n)
    return a.astype(dtype)


BY_PRODUCTS = ["gks randomized", "arp randomized", "sketch lu", "sketch qr", "uniform"]


@pytest.mark.parametrize("way", ["greedy", "osinsky randomized", *BY_PRODUCTS])
@pytest.mark.parametrize("kind", [sparse.csc_array, sparse.csr_array, sparse.coo_matrix])
def test_a_sparse_matrix_stays_sparse(way, kind, dtype):
    dense = a_sparse_matrix(dtype)
    found, expected = select(way, kind(dense)), select(way, dense)
    np.testing.assert_array_equal(found.columns, expected.columns)
    assert sparse.issparse(found.skeleton)
    np.testing.assert_array_equal(found.skeleton.toarray(), dense[:, found.columns])
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e3 * eps(dtype))
    assert found.error_kind == "exact"
    assert found.error == pytest.approx(expected.error, rel=1e3 * eps(dtype))
    assert found.max_column_error == pytest.approx(expected.max_column_error, rel=1e3 * eps(dtype))


def test_a_small_error_of_a_sparse_matrix_is_exact(dtype):
    dense = a_sparse_matrix(dtype, density=1)
    dense[:, 5:] = dense[:, :5] @ gaussian(5, 45, dtype) + 100 * eps(dtype) * dense[:, 5:]
    found = select_columns(sparse.csc_array(dense), 5, rtol=0)
    left = wide(dense) - wide(dense[:, found.columns]) @ wide(
        np.linalg.lstsq(wide(dense[:, found.columns]), wide(dense))[0]
    )
    assert 0 < found.error < 1e4 * eps(dtype) * np.linalg.norm(dense)
    assert found.error == pytest.approx(np.linalg.norm(left), rel=0.1)


def test_greedy_chooses_all_columns_of_a_sparse_matrix_as_of_an_array(dtype):
    dense = a_sparse_matrix(dtype, 80, 60, density=0.3)
    found, expected = select_columns(sparse.csc_array(dense)), select_columns(dense)
    same = min(found.rank, expected.rank)
    assert abs(found.rank - expected.rank) <= 1
    np.testing.assert_array_equal(found.columns[: same - 5], expected.columns[: same - 5])


@pytest.mark.parametrize("way", BY_PRODUCTS)
def test_an_operator_needs_only_products(way, dtype):
    dense = algebraic(60, 50, dtype)
    found, expected = select(way, aslinearoperator(dense)), select(way, dense)
    np.testing.assert_array_equal(found.columns, expected.columns)
    np.testing.assert_allclose(found.coefficients, expected.coefficients, atol=1e4 * eps(dtype))
    assert found.error_kind == "estimate"
    assert found.error / 2 <= expected.error <= found.error_bound
    with pytest.raises(TypeError, match="max_column_error"):
        _ = found.max_column_error


def test_an_estimated_error_is_right_on_average(dtype):
    a = algebraic(40, 30, dtype)
    estimates = [select_columns(aslinearoperator(a), K, method="uniform", rng=seed) for seed in range(40)]
    ratios = [(found.error / np.linalg.norm(projection_residual(a, found.columns))) ** 2 for found in estimates]
    assert np.mean(ratios) == pytest.approx(1, abs=0.2)


def test_an_estimate_does_not_change_when_it_is_asked_for_again():
    found = select_columns(aslinearoperator(algebraic(40, 30, "d")), K, method="uniform", rng=1)
    assert found.error == found.error


# the result as a matrix


def test_a_selection_multiplies_as_the_matrix_it_stands_for():
    a = algebraic(40, 30, "d")
    for matrix in (a, sparse.csc_array(a)):
        found = select_columns(matrix, K)
        product = a[:, found.columns] @ found.coefficients
        np.testing.assert_allclose(found.reconstruct(), product, atol=1e-13)
        np.testing.assert_allclose(found @ np.ones(30), product.sum(axis=1), atol=1e-13)
        np.testing.assert_allclose(np.ones(40) @ found, product.sum(axis=0), atol=1e-13)


def test_a_selection_says_what_it_is_without_computing_coefficients():
    found = select_columns(algebraic(40, 30, "f"), K, method="gks")
    assert repr(found) == "<ColumnSelection of shape (40, 30), float32: rank 6, columns by 'gks'>"
    assert "_fit" not in vars(found)


def test_integers_and_lists_are_matrices_too():
    found = select_columns([[1, 2, 4], [1, 2, 4]], 1)
    assert (found.columns.tolist(), found.dtype) == ([2], np.float64)
    np.testing.assert_allclose(found.coefficients, [[0.25, 0.5, 1]], rtol=1e-15)


# what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"method": "best"}, ValueError, "method must be one of 'greedy'.*got 'best'"),
        ({"method": None}, ValueError, "method must be one of"),
        ({"rank": 31}, ValueError, "rank must be between 0 and 30"),
        ({"rank": 2.5}, TypeError, "rank must be an integer"),
        ({"rank": -1}, ValueError, "rank must be between"),
        ({"rtol": -1}, ValueError, "rtol must be finite and at least 0"),
        ({"atol": "1"}, TypeError, "atol must be a real number"),
        ({"f": 2}, TypeError, "options must be those of method='greedy', got 'f'; it has none"),
        ({"method": "strong", "f": 0.5}, ValueError, "f must be finite and at least 1, got 0.5"),
        (
            {"method": "gks", "pivoting": "lu"},
            TypeError,
            "options must be .*, got 'pivoting'; its options are driver, oversample",
        ),
        (
            {"method": "gks", "driver": "svd"},
            ValueError,
            "driver must be one of 'auto', 'exact', 'randomized', got 'svd'",
        ),
        ({"method": "sketch", "pivoting": "no"}, ValueError, "pivoting must be one of 'lu', 'qr', got 'no'"),
        ({"method": "sketch", "oversample": -1}, ValueError, "oversample must be"),
        ({"method": "sketch", "power": 1.5}, TypeError, "power must be"),
        (
            {"method": "sketch", "rank": None},
            ValueError,
            "rank must be given and no tolerance for method='sketch', got rank=None",
        ),
        (
            {"method": "uniform", "rtol": 0.1},
            ValueError,
            r"no tolerance for method='uniform', .* the tolerances \(0\.1, None\)",
        ),
        ({"method": "cholesky"}, ValueError, "must be square"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        select_columns(algebraic(40, 30, "d"), **({"rank": K} | arguments))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_columns_that_are_not_finite_are_named(method, bad):
    a = np.eye(9)
    a[3, 4] = bad
    with pytest.raises(ValueError, match="column 4"):
        select_columns(a, 2, method=method)
    with pytest.raises(ValueError, match="column 4"):
        select_columns(sparse.csc_array(a), 2, method=method)


@pytest.mark.parametrize("method", ["greedy", "osinsky", "strong"])
def test_methods_that_need_columns_refuse_operators_and_say_what_to_do(method):
    with pytest.raises(TypeError, match=f"a must be .* for method='{method}', got a .*method='"):
        select_columns(aslinearoperator(np.eye(5)), 2, method=method)


def test_strong_refuses_a_sparse_matrix_with_the_cure():
    with pytest.raises(
        TypeError, match=r"a must be dense for method='strong', got a sparse array; .*toarray.*method='greedy'"
    ):
        select_columns(sparse.eye_array(5), 2, method="strong")


def test_an_exact_basis_of_a_sparse_matrix_is_refused_with_the_cure():
    words = r"a must be dense for driver='exact', got a .*toarray.*driver='randomized'"
    with pytest.raises(TypeError, match=words):
        select_columns(sparse.eye_array(5), 2, method="gks", driver="exact")


@pytest.mark.parametrize("a", [np.ones(3), np.ones((2, 3, 4))])
def test_only_matrices_are_taken(a):
    with pytest.raises(ValueError, match="2 dimensions"):
        select_columns(a, 1)


def test_a_matrix_that_is_not_positive_semidefinite_is_refused_by_cholesky():
    with pytest.raises(ValueError, match="positive semidefinite"):
        select_columns(np.diag([1.0, -1.0]), 1, method="cholesky")


@pytest.mark.parametrize("way", BY_PRODUCTS)
def test_an_operator_that_knows_only_vectors_will_do(way):
    def operator(a):
        return LinearOperator(a.shape, matvec=lambda x: a @ x, rmatvec=lambda x: a.T @ x, dtype=a.dtype)

    a = algebraic(30, 20, "d")
    np.testing.assert_array_equal(select(way, operator(a)).columns, select(way, a).columns)
    for empty in (select(way, operator(a), 0), select(way, operator(0 * a))):
        assert (empty.rank, empty.coefficients.shape) == (0, (0, 20))
    with pytest.raises(ValueError, match=r"must be finite"):
        select(way, operator(np.nan * a))


@ways()
def test_the_smallest_numbers_are_chosen_from(way):
    a = algebraic(30, 20, "d") * 1e-319
    found = select(way, a, 3)
    assert found.rank == 3
    assert np.isfinite(found.coefficients).all()


def test_columns_of_a_kernel_matrix_that_is_never_formed():
    x = np.random.default_rng(0).standard_normal((100, 2))
    kernel = KernelMatrix(rbf, x)
    found = select_columns(kernel, 10, method="cholesky", rng=0)
    full = kernel @ np.eye(100)
    np.testing.assert_array_equal(found.columns, select_columns(full, 10, method="cholesky", rng=0).columns)
    np.testing.assert_allclose(found.skeleton, full[:, found.columns], atol=1e-14)
    assert np.linalg.norm(projection_residual(full, found.columns)) <= found.error_bound
