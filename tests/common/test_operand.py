"""What every function asks of the form in which a matrix comes."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from rrqr_lapack import (
    PCA,
    cur,
    generalized_nystrom,
    interpolative,
    interpolative_decomposition,
    nystrom,
    randomized_eigh,
    randomized_svd,
    range_finder,
    row_interpolative_decomposition,
    rpcholesky,
    select_columns,
    two_sided_interpolative_decomposition,
)

WITH_ADJOINT = {
    "PCA": lambda a: PCA(2).fit(a),
    "cur": lambda a: cur(a, rank=2),
    "cur by leverage scores": lambda a: cur(a, rank=2, method="leverage"),
    "cur of given columns and rows": lambda a: cur(a, columns=[0, 1], rows=[0, 1]),
    "estimate_spectral_norm": interpolative.estimate_spectral_norm,
    "generalized_nystrom": lambda a: generalized_nystrom(a, 2),
    "interp_decomp": lambda a: interpolative.interp_decomp(a, 2),
    "interpolative_decomposition": lambda a: interpolative_decomposition(a, rank=2),
    "randomized_eigh": lambda a: randomized_eigh(a, 2),
    "randomized_svd": lambda a: randomized_svd(a, 2),
    "randomized_svd without power iterations": lambda a: randomized_svd(a, 2, power=0),
    "range_finder": lambda a: range_finder(a, 2),
    "row_interpolative_decomposition": lambda a: row_interpolative_decomposition(a, rank=2),
    "select_columns": lambda a: select_columns(a, 2, method="gks"),
    "two_sided_interpolative_decomposition": lambda a: two_sided_interpolative_decomposition(a, rank=2),
}


def multiply(x):
    raise AssertionError("a product with what is refused")


class OneWay(LinearOperator):
    """Overrides what it must."""

    _matvec = staticmethod(multiply)


@pytest.mark.parametrize("n", [8, 80])
@pytest.mark.parametrize("name", WITH_ADJOINT)
def test_a_linear_operator_without_its_adjoint_is_refused_before_any_product(name, n):
    """Also where it is square, and where the matrix is so small that its columns would do."""
    for operator in (LinearOperator((n, n), matvec=multiply, dtype="d"), OneWay("d", (n, n))):
        with pytest.raises(TypeError, match=r"products with .* its adjoint \(matvec and rmatvec\)"):
            WITH_ADJOINT[name](operator)


@pytest.mark.parametrize("given", ["rmatvec", "rmatmat"])
def test_either_form_of_the_adjoint_is_enough(given):
    a = np.diag([3.0, 2.0, 1.0])
    operator = LinearOperator(a.shape, matvec=lambda x: a @ x, **{given: lambda x: a @ x}, dtype="d")
    np.testing.assert_allclose(randomized_svd(operator, 2, rng=0).s, [3, 2])
    np.testing.assert_allclose(randomized_svd(2 * operator, 2, rng=0).s, [6, 4])


def test_without_power_iterations_a_range_needs_no_adjoint(dtype):
    operator = LinearOperator((40, 30), matvec=lambda x: np.ones(40) * x[0], dtype=dtype)
    assert range_finder(operator, 1, oversample=0, power=0, rng=0).rank == 1


def in_pieces(a, container):
    """A sparse matrix with every entry stored as two halves, the second ones last, and explicit zeros."""
    a = sparse.coo_array(a)
    places = np.hstack([a.coords, np.flip(a.coords, axis=1), [[0], [0]]])
    halves = np.concatenate([a.data / 2, np.flip(a.data / 2), [0]])
    if container.__name__.startswith(("csr", "csc")):
        major = int(container.__name__.startswith("csc"))
        order = np.argsort(places[major], kind="stable")
        starts = np.r_[0, np.bincount(places[major], minlength=a.shape[major]).cumsum()]
        return container((halves[order], places[1 - major][order], starts), shape=a.shape)
    return container((halves, (places[0], places[1])), shape=a.shape)


def stored(a):
    """What must not change: the arrays, and the flags as far as they are set."""
    flags = {name: value for name, value in vars(a).items() if "format" in name or "sorted" in name}
    return [array.copy() for array in (a.data, *getattr(a, "coords", ()), *csx(a))], flags


def csx(a):
    return (a.indices, a.indptr) if hasattr(a, "indptr") else ()


SPARSE = {
    **WITH_ADJOINT,
    "PCA of a stream": lambda a: PCA(2, rng=0).partial_fit(a),
    "estimate_rank": lambda a: interpolative.estimate_rank(a, 0.1, rng=0),
    "estimate_spectral_norm_diff": lambda a: interpolative.estimate_spectral_norm_diff(a, np.zeros(a.shape), rng=0),
    "interpolative.svd": lambda a: interpolative.svd(a, 2, rng=0),
    "nystrom": lambda a: nystrom(a, rank=2, rng=0),
    "reconstruct_skel_matrix": lambda a: interpolative.reconstruct_skel_matrix(a, 2, [0, 1]),
    "rpcholesky": lambda a: rpcholesky(a, rank=2, rng=0),
    "select_columns by greedy pivoting": lambda a: select_columns(a, 2),
    "select_columns by osinsky": lambda a: select_columns(a, 2, method="osinsky"),
}
CONTAINERS = [sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.csc_matrix]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.__name__)
@pytest.mark.parametrize("name", SPARSE)
def test_entries_stored_in_pieces_are_summed_without_a_trace(name, container):
    """The caller's arrays stay as they are: to sum in place would change what others share with them."""
    a = sparse.random_array((12, 12), density=0.3, rng=np.random.default_rng(0))
    a = a @ a.T + sparse.eye_array(12)
    pieces = in_pieces(a, container)
    arrays, flags = stored(pieces)
    assert pieces.nnz > 2 * a.nnz
    SPARSE[name](pieces)
    for before, after in zip(arrays, stored(pieces)[0], strict=True):
        np.testing.assert_array_equal(after, before)
    assert stored(pieces)[1] == flags


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.__name__)
def test_the_error_of_entries_in_pieces_is_the_true_one(container, dtype):
    """The squares of pieces are not those of their sum."""
    a = np.array([[2.0, 0, 0], [0, 1, 0], [0, 0, 0.5]], dtype)
    approximation = cur(in_pieces(a, container), rank=1)
    np.testing.assert_allclose(approximation.error, np.linalg.norm([1, 0.5]), rtol=1e-5)
    np.testing.assert_allclose(
        randomized_svd(in_pieces(a, container), 1, rng=0).error, np.linalg.norm([1, 0.5]), rtol=1e-5
    )


def test_the_smallest_matrix_in_pieces():
    a = sparse.csr_array(([5.0, -4, 1, 1, 2], [0, 0, 1, 1, 0], [0, 3, 4, 5]))
    approximation = cur(a, rank=1)
    true = np.linalg.norm(a.toarray() - approximation.reconstruct())
    np.testing.assert_allclose(approximation.error, true)


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8", "g"])
@pytest.mark.parametrize("index", ["i4", "i8"])
def test_pieces_of_any_number_and_index_are_summed_as_scipy_sums_them(dtype, index):
    """In their own dtype: 100 + 100 of int8 is what ``toarray`` says it is."""
    values, columns, starts = np.array([1, 1, 0, 100, 100, 1]).astype(dtype), [2, 2, 0, 1, 1, 0], [0, 3, 5, 6]
    a = sparse.csr_array((values, np.array(columns, index), np.array(starts, index)), shape=(3, 3))
    expected = a.toarray().astype("d" if dtype in ("i8", "g") else "f")
    skeleton = interpolative_decomposition(a, rtol=0.0).reconstruct()
    np.testing.assert_allclose(skeleton, expected, atol=1e-4)
    assert skeleton.dtype == expected.dtype


def transposed_only(a):
    """An operator whose rmatvec forgets to conjugate."""
    options = {"matmat": lambda x: a @ x, "rmatmat": lambda x: a.T @ x, "dtype": a.dtype}
    return LinearOperator(a.shape, matvec=lambda x: a @ x, rmatvec=lambda x: a.T @ x, **options)


BOTH_WAYS = {
    **{name: call for name, call in WITH_ADJOINT.items() if name != "randomized_eigh"},
    "estimate_rank": lambda a: interpolative.estimate_rank(a, 1e-3),
    "estimate_spectral_norm_diff": lambda a: interpolative.estimate_spectral_norm_diff(a, 2 * a),
    "interpolative.svd": lambda a: interpolative.svd(a, 2),
    "randomized_svd to a tolerance": lambda a: randomized_svd(a, rtol=0.1),
    "select_columns by sketch": lambda a: select_columns(a, 2, method="sketch"),
    "coefficients of uniform columns": lambda a: select_columns(a, 2, method="uniform").coefficients,
}


@pytest.mark.parametrize("shape", [(40, 30), (30, 40), (80, 80), (9, 9), (100, 4)], ids=str)
@pytest.mark.parametrize("name", BOTH_WAYS)
def test_an_rmatvec_that_is_no_adjoint_is_refused_and_a_true_one_is_not(name, shape):
    """Products with it went into results whose errors claimed to be rounding."""
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((n, 4)) + 1j * rng.standard_normal((n, 4)) for n in shape)
    for dtype in ("F", "D"):
        a = (left @ right.T).astype(dtype)
        with pytest.raises(ValueError, match=r"rmatvec of (a|A|X) must multiply by the adjoint"):
            BOTH_WAYS[name](transposed_only(a))
        BOTH_WAYS[name](aslinearoperator(a))


@pytest.mark.parametrize("scale", [1e-300, 1e300, 0.0])
def test_adjoints_are_compared_at_any_scale(scale):
    a = scale * (1 + np.random.default_rng(0).random((40, 30))).astype("D") * (1 + 1j)
    randomized_svd(aslinearoperator(a), 2, rng=0)
    if scale:
        with pytest.raises(ValueError, match="rmatvec"):
            randomized_svd(transposed_only(a), 2, rng=0)


@pytest.mark.parametrize("accuracy", [1e-6, 1e-3])
def test_an_inexact_adjoint_is_taken_and_the_error_says_what_it_costs(accuracy):
    """As of an operator that solves by iteration; the estimate compares the factors with A, not with its adjoint."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 50))
    off = a * (1 + accuracy * rng.standard_normal(a.shape))
    operator = LinearOperator(a.shape, matvec=lambda x: a @ x, rmatvec=lambda y: off.T @ y, dtype="d")
    for b, factor in ((a, operator), (off.T, operator.H)):
        svd = randomized_svd(factor, 4, oversample=0, rng=0)
        true = np.linalg.norm(b - svd.reconstruct())
        assert true > 0.1 * accuracy
        assert true / 3 <= svd.error <= 3 * true


def test_the_argument_is_called_by_its_name():
    lies = LinearOperator((40, 40), matvec=lambda x: 1j * x, rmatvec=lambda x: -1j * x, dtype="d")
    for call, name in [
        (lambda a: PCA(2).fit(a), "X"),
        (lambda a: interpolative.svd(a, 2), "A"),
        (lambda a: interpolative.estimate_spectral_norm_diff(np.eye(40), a), "B"),
        (lambda a: randomized_svd(a, 2), "a"),
    ]:
        with pytest.raises(TypeError, match=f"^{name} must have the dtype of its products, complex128, got float64"):
            call(lies)
        with pytest.raises(TypeError, match=rf"^{name} must offer products with .* \(matvec and rmatvec\)"):
            call(LinearOperator((40, 40), matvec=multiply, dtype="d"))


@pytest.mark.parametrize(
    "call",
    [
        lambda a: interpolative_decomposition(a, rank=5, rng=0),
        lambda a: two_sided_interpolative_decomposition(a, rank=5, rng=0),
        lambda a: select_columns(a, 5, method="sketch", rng=0),
    ],
    ids=["interpolative_decomposition", "two_sided_interpolative_decomposition", "select_columns"],
)
def test_an_adjoint_of_zeros_is_found_out_where_nothing_is_chosen_by_it(call):
    b = np.random.default_rng(0).standard_normal((40, 30))
    a = LinearOperator(b.shape, matvec=lambda x: b @ x, rmatvec=lambda y: np.zeros(30), dtype=b.dtype)
    with pytest.raises(ValueError, match="rmatvec of a must multiply by the adjoint"):
        call(a)
    zero = LinearOperator(b.shape, matvec=lambda x: np.zeros(40), rmatvec=lambda y: np.zeros(30), dtype=b.dtype)
    call(zero)
