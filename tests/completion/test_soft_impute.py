"""The nuclear norm: minima, paths, and exact recovery."""

import numpy as np
import pytest
from measures import eps
from observed import low_rank, mask_of, relative, seen
from scipy import sparse

from rrqr_lapack import alternating_least_squares, soft_impute
from rrqr_lapack._completion.soft_impute import SparsePlusLowRank


def objective(z, observed, penalty):
    rows, columns = observed.coords
    return 0.5 * np.linalg.norm(observed.data - z.entries(rows, columns)) ** 2 + penalty * z.s.sum()


def gradient(z, observed):
    """P_Omega(A - Z), a dense array."""
    return np.where(mask_of(observed), observed.toarray() - z.reconstruct(), 0)


@pytest.mark.parametrize("penalty", [3.0, 0.3, 0.03])
@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_conditions_of_the_minimum_hold(penalty, noise, dtype):
    observed = seen(low_rank(50, 40, 3, dtype), 0.5)
    observed.data += (noise * np.random.default_rng(1).standard_normal(observed.nnz)).astype(dtype)
    single = eps(dtype) > 1e-10
    z = soft_impute(observed, penalty=penalty, rtol=1e-5 if single else 1e-9, rng=0)
    G, tolerance = gradient(z, observed) / penalty, (0.3 if single else 1e-4)
    assert z.converged
    assert np.linalg.norm(G, 2) <= 1 + tolerance
    np.testing.assert_allclose(z.U.conj().T @ G, z.Vh, rtol=0, atol=tolerance)
    np.testing.assert_allclose(G @ z.Vh.conj().T, z.U, rtol=0, atol=tolerance)


def test_no_other_matrix_has_a_smaller_objective():
    observed = seen(low_rank(40, 30, 3, np.float64), 0.5)
    observed.data += 0.3 * np.random.default_rng(1).standard_normal(observed.nnz)
    mask, values, penalty = mask_of(observed), observed.toarray(), 1.0
    z = np.zeros(observed.shape)
    for _ in range(3000):  # the plain iteration of Mazumder, Hastie and Tibshirani, dense
        u, s, vh = np.linalg.svd(np.where(mask, values, z))
        s = np.maximum(s - penalty, 0)
        z = (u[:, : len(s)] * s) @ vh[: len(s)]
    found = soft_impute(observed, penalty=penalty, rtol=1e-10, rng=0)
    np.testing.assert_allclose(found.reconstruct(), z, rtol=0, atol=1e-6)
    assert found.rank == np.linalg.matrix_rank(z, tol=1e-5)


def test_alternating_least_squares_finds_the_same_minimum(dtype):
    observed = seen(low_rank(40, 30, 3, dtype), 0.5)
    observed.data += (0.1 * np.random.default_rng(1).standard_normal(observed.nnz)).astype(dtype)
    single = eps(dtype) > 1e-10
    options = {"penalty": 2.0, "rtol": 1e-6 if single else 1e-11, "rng": 0}
    convex = soft_impute(observed, **options)
    factored = alternating_least_squares(observed, rank=15, **options)
    assert 3 <= convex.rank == factored.rank < 15
    np.testing.assert_allclose(factored.reconstruct(), convex.reconstruct(), rtol=0, atol=1e-3 if single else 1e-7)


def test_the_penalty_decides_between_zero_and_the_observed_entries(dtype):
    observed = seen(low_rank(30, 25, 2, dtype), 0.5)
    largest = np.linalg.norm(observed.toarray(), 2)
    assert soft_impute(observed, penalty=1.0001 * largest).rank == 0
    just = soft_impute(observed, penalty=0.999 * largest, rtol=1e-6)
    assert just.rank == 1
    assert soft_impute(observed, penalty=1e-3 * largest).error < 0.01 * np.linalg.norm(observed.data)


def test_a_path_of_warm_starts_gives_what_cold_starts_give_in_fewer_iterations():
    observed = seen(low_rank(50, 40, 3, np.float64), 0.5)
    observed.data += 0.2 * np.random.default_rng(1).standard_normal(observed.nnz)
    warm, cold_iterations, warm_iterations = None, 0, 0
    for penalty in (6.0, 5.0, 4.0, 3.0):
        warm = soft_impute(observed, penalty=penalty, start=warm, rtol=1e-7, rng=0)
        cold = soft_impute(observed, penalty=penalty, rtol=1e-7, rng=0)
        np.testing.assert_allclose(warm.reconstruct(), cold.reconstruct(), rtol=0, atol=1e-4)
        cold_iterations += cold.iterations
        warm_iterations += warm.iterations
    assert warm_iterations < cold_iterations


def test_a_start_above_the_minimum_comes_down():
    observed = seen(low_rank(40, 30, 3, np.float64), 0.5)
    small = soft_impute(observed, penalty=0.01, rng=0)
    large = soft_impute(observed, penalty=5.0, start=small, rtol=1e-8, rng=0)
    cold = soft_impute(observed, penalty=5.0, rtol=1e-8, rng=0)
    assert objective(large, observed, 5.0) == pytest.approx(objective(cold, observed, 5.0), rel=1e-8)


def test_the_rank_is_at_most_the_one_that_is_asked_for(dtype):
    observed = seen(low_rank(30, 25, 5, dtype), 0.6)
    for rank in (0, 1, 3):
        assert soft_impute(observed, penalty=0.1, rank=rank).rank == rank


@pytest.mark.parametrize("seed", range(2))
def test_it_recovers_incoherent_matrices_at_the_sampling_rate_of_candes_and_recht(seed, dtype):
    n, rank = 100, 2
    entries = 1.5 * n**1.2 * rank * np.log(n)  # E. J. Candes, B. Recht, 2009, doi:10.1007/s10208-009-9045-5
    a = low_rank(n, n, rank, dtype, seed=10 * seed)
    z = soft_impute(seen(a, entries / n**2, seed), penalty=0.01, rng=0)
    assert z.converged
    assert relative(z, a) < 1e-3  # in proportion to the penalty


@pytest.mark.filterwarnings("ignore::rrqr_lapack.ConvergenceWarning")
def test_a_matrix_too_large_to_be_dense_is_completed():
    m, n = 100_000, 50_000
    rng = np.random.default_rng(0)
    rows, columns = rng.choice(m, 500, replace=False), rng.integers(0, 20, 500)
    observed = sparse.coo_array((np.ones(500), (rows, columns)), shape=(m, n))
    z = soft_impute(observed, penalty=0.5, rank=3, rng=0, maxiter=4)
    assert z.rank == 3
    assert z.error < np.sqrt(500)


def test_sparse_plus_low_rank_multiplies_from_both_sides(dtype):
    S = seen(low_rank(9, 7, 1, dtype), 0.5).tocsr()
    L, R = low_rank(9, 2, 2, dtype, 1), low_rank(7, 2, 2, dtype, 2)
    X, dense = SparsePlusLowRank(S, L, R), S.toarray() + L @ R.conj().T
    np.testing.assert_allclose(X @ np.eye(7, dtype=dtype), dense, rtol=0, atol=20 * eps(dtype))
    np.testing.assert_allclose(X.H @ np.eye(9, dtype=dtype), dense.conj().T, rtol=0, atol=20 * eps(dtype))


@pytest.mark.filterwarnings("ignore::rrqr_lapack.ConvergenceWarning")
def test_huge_entries_and_a_tiny_penalty_give_the_entries():
    z = soft_impute(sparse.coo_array(np.full((3, 3), 1e300)), penalty=1e-30, maxiter=100)
    np.testing.assert_allclose(z.reconstruct(), 1e300, rtol=1e-14)
