"""`randomized_svd`: close to the best approximation, never above the true singular values, with a true error."""

import re

import numpy as np
import pytest
import threadpoolctl
from matrices import ZOO, algebraic, extreme, gaussian, geometric, rank_deficient, scaled, with_singular_values
from measures import THRESHOLD, eps, orthogonality_ratio
from operands import OPERANDS
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from rrqr_lapack import RandomizedSVD, randomized_svd

SHAPES = [(60, 40), (40, 60), (50, 50), (1, 9), (9, 1), (1, 1)]


def wide(a):
    """In double, scaled to entries of at most 1, and the scale."""
    a = np.asarray(a).astype(np.result_type(a, "f8"))
    scale = float(np.abs(a).max(initial=0)) or 1.0
    return a / scale, scale


def error_of(a, f):
    """||A - U diag(s) Vh||_F in double, without overflow or underflow."""
    a, scale = wide(a)
    u, vh = (x.astype(a.dtype) for x in (f.U, f.Vh))
    return float(np.linalg.norm(a - u * (f.s.astype("f8") / scale) @ vh)) * scale


def norm_of(a):
    a, scale = wide(a)
    return float(np.linalg.norm(a)) * scale


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("rule", [{"rank": 5}, {"rtol": 0.1}], ids=str)
def test_the_factors_are_a_singular_value_decomposition(name, rule, dtype):
    a = ZOO[name](dtype)
    rule = {"rank": min(5, *a.shape)} if "rank" in rule else rule
    f = randomized_svd(a, **rule, rng=0)
    assert f.U.dtype == f.Vh.dtype == f.dtype == dtype
    assert f.s.dtype == dtype.type(0).real.dtype
    assert f.shape == a.shape
    assert f.U.shape == (a.shape[0], f.rank)
    assert f.Vh.shape == (f.rank, a.shape[1])
    assert orthogonality_ratio(f.U) <= THRESHOLD
    assert orthogonality_ratio(f.Vh.conj().T) <= THRESHOLD
    assert (f.s >= 0).all()
    assert (np.diff(f.s) <= 0).all()
    if "rank" in rule:
        assert f.rank == rule["rank"]


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("power", [0, 2])
def test_no_singular_value_exceeds_the_true_one(name, power, dtype):
    a, scale = wide(ZOO[name](dtype))
    true = np.linalg.svd(a, compute_uv=False)
    f = randomized_svd(ZOO[name](dtype), min(6, *a.shape), power=power, rng=1)
    assert (f.s / scale <= true[: f.rank] + 20 * eps(dtype) * true.max(initial=0)).all()


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("rule", [{"rank": 4}, {"rtol": 0.2}], ids=str)
def test_the_error_is_what_it_says(name, rule, dtype):
    a = ZOO[name](dtype)
    rule = {"rank": min(4, *a.shape)} if "rank" in rule else rule
    f = randomized_svd(a, **rule, rng=2)
    true, rounding = error_of(a, f), 100 * eps(dtype) * norm_of(a)
    if f.error_kind == "exact":
        assert abs(f.error - true) <= 0.01 * true
        assert f.error_bound == f.error
    else:
        assert f.error_kind == "estimate"
        assert true <= f.error_bound + rounding
        assert f.error <= 3 * true + rounding


@pytest.mark.parametrize("power", [0, 1])
@pytest.mark.parametrize("sketch", ["gaussian", "sparse", "srtt"])
def test_the_mean_error_is_within_the_bound(sketch, power):
    """The range finder's bound and what the truncation leaves; over 30 seeds. The bound is for Gaussian sketches, and
    the others keep it here."""
    sigma, k, p = 1 / np.arange(1, 51) ** 0.7, 8, 6
    a = with_singular_values(70, 50, sigma, "f8")
    found = [randomized_svd(a, k, oversample=p, power=power, sketch=sketch, rng=seed) for seed in range(30)]
    bound = np.sqrt(1 + k / (p - 1)) * np.linalg.norm(sigma[k:]) + np.linalg.norm(sigma[k : k + p])
    assert np.mean([error_of(a, f) for f in found]) <= bound
    assert min(error_of(a, f) for f in found) >= np.linalg.norm(sigma[k:])


def test_power_iterations_reach_the_best_approximation(dtype):
    sigma = 1 / np.arange(1, 61)
    a = with_singular_values(80, 60, sigma, dtype)
    errors = [error_of(a, randomized_svd(a, 10, power=power, rng=0)) for power in (0, 1, 2, 6)]
    assert errors == sorted(errors, reverse=True)
    np.testing.assert_allclose(errors[-1], np.linalg.norm(sigma[10:]), rtol=1e-3)


def test_many_power_iterations_lose_no_small_singular_value(dtype):
    """Without orthonormalization between products (sigma_j / sigma_1)^(2q + 1) would vanish in rounding."""
    sigma = np.geomspace(1, 100 * eps(dtype), 30)
    a = with_singular_values(50, 40, sigma, dtype)
    f = randomized_svd(a, 30, power=8, rng=0)
    np.testing.assert_allclose(f.s, sigma, atol=10 * eps(dtype))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("operand", OPERANDS)
def test_every_form_of_a_matrix_has_the_same_decomposition(operand, shape, dtype):
    a = algebraic(*shape, dtype, seed=4)
    rank = min(5, *shape)
    expected, f = randomized_svd(a, rank, rng=5), randomized_svd(OPERANDS[operand](a), rank, rng=5)
    tolerance = 100 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(f.s, expected.s, atol=tolerance)
    np.testing.assert_allclose(f.reconstruct(), expected.reconstruct(), atol=tolerance)
    assert f.dtype == dtype


@pytest.mark.parametrize("sketch", ["gaussian", "sparse", "srtt"])
def test_the_seed_decides_whatever_the_number_of_threads(sketch):
    a = geometric(400, 300, "f8", last=1e-4)
    results = []
    for threads in (1, 2):
        with threadpoolctl.threadpool_limits(threads):
            results.append(randomized_svd(a, 20, sketch=sketch, rng=11))
    for x, y in zip(*results, strict=True):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-10)
    assert (randomized_svd(a, 20, rng=12).s != results[0].s).any()


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("rtol", [0.5, 0.1, 1e-3])
def test_a_tolerance_is_reached_with_as_few_as_it_takes(operand, rtol, dtype):
    """Where the error is exact, with at most one singular value more than the best approximation needs. Of an operator
    the norm is an estimate, too."""
    a = algebraic(90, 80, dtype) if rtol > 0.01 else geometric(90, 80, dtype, last=1e-5)
    sigma = np.linalg.svd(a, compute_uv=False)
    f = randomized_svd(OPERANDS[operand](a), rtol=rtol, rng=3)
    assert error_of(a, f) <= rtol * np.linalg.norm(a) * (1.2 if operand == "LinearOperator" else 1.001)
    least = int(np.argmax(np.append(np.sqrt(np.cumsum(sigma[::-1] ** 2))[::-1], 0) <= rtol * np.linalg.norm(sigma)))
    if operand != "LinearOperator":
        assert f.rank <= least + 1
    absolute = randomized_svd(OPERANDS[operand](a), atol=rtol * np.linalg.norm(a), rng=3)
    assert error_of(a, absolute) <= 1.001 * rtol * np.linalg.norm(a)


def test_the_looser_of_two_tolerances_counts():
    a = algebraic(60, 50, "f8")
    norm = np.linalg.norm(a)
    both, loose = (
        randomized_svd(a, rng=0, **rule).rank for rule in ({"rtol": 0.3, "atol": 0.05 * norm}, {"rtol": 0.3})
    )
    assert both == loose
    assert randomized_svd(a, rtol=1.0).rank == 0
    assert randomized_svd(a, 4, rtol=1e-3, rng=0).rank == 4


@pytest.mark.parametrize("which", [0, 1])
def test_tiny_and_huge_matrices_have_the_same_vectors(which, dtype):
    a = with_singular_values(40, 30, np.geomspace(1, 1e-3, 30), dtype)
    factor = extreme(dtype)[which]
    plain, moved = randomized_svd(a, 6, rng=0), randomized_svd(scaled(a, factor), 6, rng=0)
    np.testing.assert_allclose(moved.s.astype("f8") / factor, plain.s, rtol=1e3 * eps(dtype))
    assert moved.error_kind == "exact"
    np.testing.assert_allclose(moved.error / factor, plain.error, rtol=1e-3)


def test_a_zero_matrix_has_zero_singular_values(dtype):
    f = randomized_svd(np.zeros((6, 5), dtype), 3, rng=0)
    np.testing.assert_array_equal(f.s, 0)
    assert f.error == 0
    assert orthogonality_ratio(f.U) <= THRESHOLD
    assert randomized_svd(np.zeros((6, 5), dtype), atol=0).rank == 0


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (5, 3)], ids=str)
def test_rank_zero_is_a_decomposition(shape, dtype):
    f = randomized_svd(np.ones(shape, dtype), 0)
    assert (f.U.shape, f.s.shape, f.Vh.shape) == ((shape[0], 0), (0,), (0, shape[1]))
    np.testing.assert_allclose(f.error, np.sqrt(np.prod(shape)), rtol=1e-6)
    np.testing.assert_array_equal(f.reconstruct(), np.zeros(shape))


def test_the_full_rank_is_the_default(dtype):
    a = gaussian(30, 20, dtype)
    f = randomized_svd(a, rng=0)
    assert f.rank == 20
    np.testing.assert_allclose(f.s, np.linalg.svd(a, compute_uv=False), rtol=100 * eps(dtype))
    assert error_of(a, f) <= 100 * eps(dtype) * np.linalg.norm(a)


def test_it_multiplies_as_the_matrix_it_stands_for(dtype):
    a = gaussian(12, 9, dtype)
    f = randomized_svd(a, 4, rng=0)
    x, y = gaussian(9, 2, dtype, seed=1), gaussian(2, 12, dtype, seed=2)
    atol = 100 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(f @ x, f.reconstruct() @ x, atol=atol)
    np.testing.assert_allclose(f @ x[:, 0], f.reconstruct() @ x[:, 0], atol=atol)
    np.testing.assert_allclose(y @ f, y @ f.reconstruct(), atol=atol)
    assert repr(f) == f"<RandomizedSVD of shape (12, 9), {dtype}: rank 4, exact error {f.error:.3g}>"
    assert isinstance(f, RandomizedSVD)


def test_a_large_sparse_matrix_is_never_dense():
    """As an array it would take 160 GB."""
    rng = np.random.default_rng(0)
    a = sparse.random_array((200_000, 100_000), density=1e-6, rng=rng, format="csr")
    f = randomized_svd(a, 3, power=1, oversample=5, rng=0)
    assert f.error <= sparse.linalg.norm(a)
    assert (f.s[1:] <= f.s[:-1]).all()


def test_a_sparse_array_may_hold_duplicates():
    coo = sparse.coo_array((np.ones(6), ([0, 0, 1, 2, 2, 3], [1, 1, 0, 2, 2, 3])), shape=(4, 4))
    csr = sparse.csr_array((coo.data, coo.col, [0, 2, 3, 5, 6]), shape=(4, 4))
    for a in (coo, csr):
        f = randomized_svd(a, 2, rng=0)
        np.testing.assert_allclose(f.error, error_of(a.toarray(), f), rtol=1e-12)
        assert a.nnz == 6


def test_an_operator_is_only_given_thin_arrays():
    a, widths = gaussian(70, 50, "f8"), []

    class Watched(type(aslinearoperator(a))):
        def _matmat(self, x):
            widths.append(x.shape[1])
            return super()._matmat(x)

    randomized_svd(Watched(a), 6, oversample=4, power=2, rng=0)
    assert max(widths) == 10


def test_what_is_given_is_not_modified(dtype):
    for name, form in OPERANDS.items():
        a = form(rank_deficient(30, 20, dtype))
        before = a @ np.eye(20, dtype=dtype)
        randomized_svd(a, 4, rng=0)
        np.testing.assert_array_equal(a @ np.eye(20, dtype=dtype), before, err_msg=name)


def test_an_operator_that_lies_about_its_dtype_is_refused():
    a = aslinearoperator(gaussian(9, 7, "c16"))
    a.dtype = np.dtype("f8")
    with pytest.raises(TypeError, match="a must have the dtype of its products, complex128, got float64"):
        randomized_svd(a, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rank": -1}, ValueError, "rank must be between 0 and 20 for this matrix, got -1"),
        ({"rank": "3"}, TypeError, "rank must be an integer or None, got '3'"),
        ({"rtol": np.nan}, ValueError, "rtol must be finite and at least 0, got nan"),
        ({"power": -1}, ValueError, "power must be at least 0, got -1"),
        ({"sketch": None}, ValueError, "sketch must be one of 'gaussian', 'sparse', 'srtt', got None"),
    ],
    ids=str,
)
def test_a_bad_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        randomized_svd(gaussian(30, 20, "f8"), **arguments)


def test_infinity_that_is_not_looked_for_is_met_in_a_product():
    a = gaussian(30, 20, "f8")
    a[3, 4] = np.inf
    with pytest.raises(ValueError, match="a must be finite, but column 4 holds inf"):
        randomized_svd(a, 3)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match="products with a must be finite, but one is not"),
    ):
        randomized_svd(a, 3, check_finite=False)
