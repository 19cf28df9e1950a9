"""Alternating least squares: descent, rows with few entries, and exact recovery."""

import numpy as np
import pytest
from measures import eps
from observed import at, low_rank, relative, seen

from rrqr_lapack import alternating_least_squares


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


def test_rows_of_very_different_length_are_solved_in_batches(monkeypatch):
    a = low_rank(60, 50, 2, np.float64)
    mask = np.random.default_rng(0).random(a.shape) < np.linspace(0.05, 1, 60)[:, None]
    expected = alternating_least_squares(at(a, mask), rank=2, penalty=0.1, maxiter=5, rng=0)
    monkeypatch.setattr("rrqr_lapack._als.BATCH", 100)
    z = alternating_least_squares(at(a, mask), rank=2, penalty=0.1, maxiter=5, rng=0)
    np.testing.assert_allclose(z.reconstruct(), expected.reconstruct(), rtol=0, atol=1e-10)


def test_a_start_of_a_smaller_rank_is_filled_up():
    a = low_rank(50, 40, 3, np.float64)
    observed = seen(a, 0.5)
    two = alternating_least_squares(observed, rank=2, maxiter=3, rng=0)
    three = alternating_least_squares(observed, rank=3, start=two, rtol=1e-12, rng=0)
    assert relative(three, a) < 1e-10
    assert alternating_least_squares(observed, rank=1, start=three, rng=0).rank == 1
