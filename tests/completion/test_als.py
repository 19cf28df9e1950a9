"""Alternating least squares: descent, rows with few entries, and exact recovery."""

import numpy as np
import pytest
from matrices import gaussian
from measures import eps
from observed import at, low_rank, relative, seen
from scipy import sparse

from rrqr_lapack import alternating_least_squares
from rrqr_lapack._completion.als import _smallest_solutions


@pytest.mark.filterwarnings("ignore::rrqr_lapack.ConvergenceWarning")
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_no_iteration_raises_the_objective(penalty, dtype):
    observed = seen(low_rank(40, 30, 6, dtype), 0.4)
    rows, columns = observed.coords
    z, before = None, np.inf
    for _ in range(12):
        z = alternating_least_squares(observed, rank=4, penalty=penalty, start=z, maxiter=1, rng=0)
        after = 0.5 * np.linalg.norm(observed.data - z.entries(rows, columns)) ** 2 + penalty * z.s.sum()
        assert after <= before * (1 + 100 * eps(dtype))
        before = after


def test_each_half_is_the_least_squares_solution():
    observed = seen(low_rank(20, 15, 3, np.float64), 0.7)
    z = alternating_least_squares(observed, rank=2, rtol=1e-12, maxiter=5000)
    rows, columns = observed.coords
    for i in range(20):
        there = rows == i
        w = np.linalg.lstsq(z.Vh.T[columns[there]], observed.data[there])[0]
        np.testing.assert_allclose(z.U[i] * z.s, w, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_it_recovers_incoherent_matrices_at_the_sampling_rate_of_candes_and_recht(seed, dtype):
    n, rank = 100, 2
    entries = n**1.2 * rank * np.log(n)  # E. J. Candes, B. Recht, 2009, doi:10.1007/s10208-009-9045-5, with C = 1
    a = low_rank(n, n, rank, dtype, seed=10 * seed)
    z = alternating_least_squares(seen(a, entries / n**2, seed), rank=rank, rtol=100 * eps(dtype), rng=0)
    assert z.converged
    assert relative(z, a) < 1e4 * eps(dtype)


def test_singular_values_beyond_the_rank_of_a_full_matrix_are_left_out(dtype):
    a = low_rank(20, 15, 3, dtype)
    z = alternating_least_squares(at(a, np.ones(a.shape, bool)), rank=8)
    assert z.rank == 3
    assert relative(z, a) < 100 * eps(dtype)


def test_a_row_with_fewer_entries_than_the_rank_gets_the_smallest_solution(dtype):
    a = low_rank(30, 20, 3, dtype)
    mask = np.ones(a.shape, bool)
    mask[4, 2:] = False
    z = alternating_least_squares(at(a, mask), rank=3, rtol=100 * eps(dtype))
    V = z.Vh.conj().T[:2]
    smallest = np.linalg.pinv(V.conj()) @ a[4, :2]
    tolerance = 1e4 * eps(dtype)
    np.testing.assert_allclose(z.reconstruct()[4], z.Vh.T @ smallest, rtol=0, atol=tolerance)
    np.testing.assert_allclose(z.reconstruct()[4, :2], a[4, :2], rtol=0, atol=tolerance)
    others = np.arange(30) != 4
    np.testing.assert_allclose(z.reconstruct()[others], a[others], rtol=0, atol=tolerance)


@pytest.mark.filterwarnings("ignore::rrqr_lapack.ConvergenceWarning")
def test_rows_of_very_different_length_are_solved_in_batches(monkeypatch):
    a = low_rank(60, 50, 2, np.float64)
    mask = np.random.default_rng(0).random(a.shape) < np.linspace(0.05, 1, 60)[:, None]
    expected = alternating_least_squares(at(a, mask), rank=2, penalty=0.1, maxiter=5, rng=0)
    monkeypatch.setattr("rrqr_lapack._completion.als.BATCH", 100)
    z = alternating_least_squares(at(a, mask), rank=2, penalty=0.1, maxiter=5, rng=0)
    np.testing.assert_allclose(z.reconstruct(), expected.reconstruct(), rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore::rrqr_lapack.ConvergenceWarning")
def test_a_start_of_a_smaller_rank_is_filled_up():
    a = low_rank(50, 40, 3, np.float64)
    observed = seen(a, 0.5)
    two = alternating_least_squares(observed, rank=2, maxiter=3, rng=0)
    three = alternating_least_squares(observed, rank=3, start=two, rtol=1e-12, rng=0)
    assert relative(three, a) < 1e-10
    assert alternating_least_squares(observed, rank=1, start=three, rng=0).rank == 1


@pytest.mark.parametrize("penalty", [0.0, 1e-3, 1e-30])
def test_dependent_rows_get_the_smallest_solution_whatever_their_unit(penalty, dtype):
    """Also where the other rows of a batch are not dependent, and where there is nothing but zeros."""
    wide, k, single = np.result_type(dtype, np.float64), 4, float(np.finfo(dtype).eps)
    B = np.stack([gaussian(7, k, wide, seed) for seed in range(4)])
    B[1, :, 3] = B[1, :, 0]
    B[2, :, 2] = B[2, :, 1] + 0.1 * np.sqrt(k * single) * B[2, :, 3]
    B[3] = 0
    values = np.stack([gaussian(7, 1, wide, seed)[:, 0] for seed in range(4, 8)])
    for unit in (1e-100, 1.0, 1e100):
        found = _smallest_solutions(B * unit, values, penalty * unit**2, single)
        for b, right, w, rank in zip(B, values, found * unit, (4, 3, 3, 0), strict=True):
            u, s, vh = np.linalg.svd(b)
            s = s[:rank]
            expected = vh[:rank].conj().T @ (s / (s**2 + penalty) * (u.conj().T @ right)[:rank])
            np.testing.assert_allclose(w, expected, rtol=0, atol=1e-9)


def test_entries_that_no_others_connect_are_not_made_up(dtype):
    z = alternating_least_squares(sparse.coo_array(np.diag(np.array([3.0, 5.0], dtype))), rank=1)
    np.testing.assert_allclose(z.reconstruct(), np.diag([0.0, 5.0]), rtol=0, atol=10 * eps(dtype))
    assert z.converged
    assert z.error == pytest.approx(3.0)


def test_rows_that_see_only_equal_columns_have_the_smallest_solution(dtype):
    mask = np.ones((10, 6), bool)
    mask[5:, 3:] = False
    z = alternating_least_squares(at(np.full(mask.shape, 4, dtype), mask), rank=2, rng=0)
    assert z.converged
    np.testing.assert_allclose(z.reconstruct()[mask], 4, rtol=0, atol=100 * eps(dtype))
    assert np.abs(z.reconstruct()).max() < 4.001  # among the unobserved entries 1e16 was seen


@pytest.mark.parametrize("seed", range(3))
def test_a_rank_above_that_of_the_matrix_fits_its_entries_and_stays_bounded(seed, dtype):
    a = low_rank(50, 50, 3, dtype, seed=seed)
    observed = seen(a, 0.6, seed)
    z = alternating_least_squares(observed, rank=6, rng=0)
    assert 3 <= z.rank <= 6
    assert z.error < 1e-3 * np.linalg.norm(observed.data)
    assert np.linalg.norm(z.s) < 1.5 * np.linalg.norm(a)


def test_a_penalty_of_nearly_nothing_is_as_none(dtype):
    mask = np.ones((10, 6), bool)
    mask[5:, 3:] = False
    z = alternating_least_squares(at(np.full(mask.shape, 4, dtype), mask), rank=2, penalty=1e-40, rng=0)
    np.testing.assert_allclose(z.reconstruct()[mask], 4, rtol=0, atol=100 * eps(dtype))
    assert np.abs(z.reconstruct()).max() < 4.001


def test_a_penalty_above_the_largest_singular_value_converges_to_zero(dtype):
    observed = seen(low_rank(20, 15, 3, dtype), 0.7)
    penalty = 1.2 * float(np.linalg.norm(observed.toarray(), 2))
    z = alternating_least_squares(observed, rank=3, penalty=penalty, maxiter=120, rng=0)
    assert (z.rank, z.converged) == (0, True)


def test_only_dependent_rows_of_a_batch_are_solved_by_singular_values(monkeypatch):
    """One row whose factors are dependent costs its own decomposition, and changes no other's solution."""
    B = np.random.default_rng(0).standard_normal((50, 20, 4))
    B[17, :, 3] = B[17, :, 2]
    values = np.random.default_rng(1).standard_normal((50, 20))
    decomposed, svd = [], np.linalg.svd
    monkeypatch.setattr(np.linalg, "svd", lambda b, **options: (decomposed.append(len(b)), svd(b, **options))[1])
    found = _smallest_solutions(B, values, 0.0, np.finfo(float).eps)
    assert decomposed == [1]
    for b, v, w in zip(B, values, found, strict=True):
        np.testing.assert_allclose(w, np.linalg.lstsq(b, v, rcond=1e-6)[0], rtol=1e-9, atol=1e-12)
