"""What each method of select_columns promises, as its module states it."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES, algebraic, gaussian, geometric, kahan, relu, rotated_kahan, with_singular_values
from measures import eps
from scipy.linalg import svdvals
from selections import best_errors, projection_residual, wide

from rrqr_lapack import randomized_svd, rpcholesky, select_columns
from rrqr_lapack._common.random import gaussian as gaussian_sketch
from rrqr_lapack._selection.arp import eliminate

K = 5
GAP = [3, 2.7, 2.4, 2.1, 1.8, *[0.1] * 25]
SPECTRA = {
    "algebraic": algebraic,
    "geometric": lambda m, n, t, seed: geometric(m, n, t, 1e-3, seed),
    "a gap": lambda m, n, t, seed: with_singular_values(m, n, GAP[: min(m, n)], t, seed),
    "gaussian": gaussian,
    "relu": lambda m, n, t, seed: relu(m, n, t, seed),
    "coherent": lambda m, n, t, seed: coherent(m, n, t, seed),
}
spectra = pytest.mark.parametrize("spectrum", SPECTRA)


def coherent(m, n, dtype, seed=0):
    """Most of the leading right singular vectors in a few columns: uniform sampling misses them."""
    a = 0.01 * gaussian(m, n, dtype, seed)
    a[:, :K] += gaussian(m, K, dtype, seed + 1) * 2.0 ** -np.arange(K).astype(a.real.dtype)
    return a


def rounding(a):
    """What of a norm of A may be rounding error."""
    return 100 * max(a.shape) * eps(a.dtype) * svdvals(wide(a))[0]


def errors(a, C):
    """Spectral and Frobenius norm of A - A_C T."""
    left = projection_residual(a, C)
    return svdvals(left).max(initial=0), np.linalg.norm(left)


@spectra
@pytest.mark.parametrize("seed", range(4))
def test_gks_is_within_the_norm_of_the_inverse_of_its_rows_of_v(spectrum, seed, dtype):
    a = SPECTRA[spectrum](40, 30, dtype, seed)
    C = select_columns(a, K, method="gks").columns
    v = scipy.linalg.svd(wide(a))[2][:K].conj().T
    factor = 1 / svdvals(v[C])[-1]
    for error, best in zip(errors(a, C), best_errors(a, K), strict=True):
        assert best * (1 - 1e-6) <= error <= factor * best + rounding(a)
    assert factor <= np.sqrt(1 + 4 * K * (30 - K))


STRONG = SPECTRA | {"kahan": lambda m, n, t, seed: rotated_kahan(30, t, 1.2)}


@pytest.mark.parametrize("spectrum", STRONG)
@pytest.mark.parametrize("f", [1.1, 2, 10])
@pytest.mark.parametrize("k", [K, 29])
def test_strong_has_no_large_coefficient_and_is_near_the_best(spectrum, f, k, dtype):
    a = STRONG[spectrum](40, 30, dtype, 0)
    found = select_columns(a, k, method="strong", f=f)
    assert found.max_coefficient <= f * (1 + 1e4 * eps(dtype))
    assert errors(a, found.columns)[0] <= np.sqrt(1 + f**2 * k * (30 - k)) * best_errors(a, k)[0] + rounding(a)


def test_greedy_has_large_coefficients_where_strong_has_none():
    a = kahan(100, "d") * (1 - 1e-6) ** np.arange(100)
    assert select_columns(a, 99).max_coefficient > 1e6
    assert select_columns(a, 99, method="strong").max_coefficient <= 2 * (1 + 1e-10)


@spectra
def test_gks_is_pivoted_qr_on_the_leading_right_singular_vectors(spectrum):
    a = SPECTRA[spectrum](40, 30, "d", 1)
    vh = scipy.linalg.svd(a)[2][:K]
    expected = scipy.linalg.qr(vh, pivoting=True, mode="r")[1][:K]
    np.testing.assert_array_equal(select_columns(a, K, method="gks").columns, expected)


@spectra
@pytest.mark.parametrize("seed", range(4))
def test_randomized_gks_is_within_the_same_factor_of_its_own_basis(spectrum, seed, dtype):
    a = SPECTRA[spectrum](40, 30, dtype, seed)
    C = select_columns(a, K, method="gks", driver="randomized", power=1, rng=seed).columns
    v = wide(randomized_svd(a, K, power=1, rng=np.random.default_rng(seed).integers(2**63)).Vh).conj().T
    left = wide(a) - wide(a) @ v @ v.conj().T
    factor = 1 / svdvals(v[C])[-1]
    assert errors(a, C)[0] <= factor * svdvals(left)[0] + rounding(a)
    assert errors(a, C)[1] <= factor * np.linalg.norm(left) + rounding(a)


@spectra
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("driver", ["exact", "randomized"])
def test_osinsky_is_within_k_plus_one_of_the_best_square(spectrum, seed, driver, dtype):
    a = SPECTRA[spectrum](40, 30, dtype, seed)
    C = select_columns(a, K, method="osinsky", driver=driver, rng=seed).columns
    if driver == "exact":
        v = scipy.linalg.svd(wide(a))[2][:K].conj().T
    else:
        v = wide(randomized_svd(a, K, rng=np.random.default_rng(seed).integers(2**63)).Vh).conj().T
    best = np.linalg.norm(wide(a) - wide(a) @ v @ v.conj().T)
    oblique = wide(a) - wide(a)[:, C] @ np.linalg.solve(v[C].conj().T, v.conj().T)
    assert np.linalg.norm(oblique) <= np.sqrt(K + 1) * best + rounding(a)
    assert errors(a, C)[1] <= np.linalg.norm(oblique) + rounding(a)


@spectra
def test_osinsky_lets_the_expected_oblique_error_grow_least(spectrum, dtype):
    a = SPECTRA[spectrum](20, 15, dtype, 1)
    v = scipy.linalg.svd(wide(a))[2][:3].conj().T
    e = wide(a) - wide(a) @ v @ v.conj().T
    chosen = []
    for _ in range(3):
        growth = {}
        for j in {*range(15)} - {*chosen}:
            r = np.linalg.qr(v[[*chosen, j]].conj().T)[1]
            if abs(r[-1, -1]) > 1e-3:
                growth[j] = np.linalg.norm(e[:, [*chosen, j]] @ np.linalg.inv(r))
        chosen.append(min(growth, key=growth.get))
    assert select_columns(a, 3, method="osinsky").columns.tolist() == chosen


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**20), st.floats(0, 4), st.sampled_from(DTYPES))
def test_osinsky_is_within_k_plus_one_of_the_best_square_on_any_small_matrix(m, n, seed, decades, dtype):
    a = gaussian(m, n, dtype, seed) * np.logspace(0, -decades, n).astype(np.finfo(dtype).dtype)
    k = 1 + seed % min(m, n)
    found = select_columns(a, k, method="osinsky")
    assert errors(a, found.columns)[1] <= np.sqrt(k + 1) * best_errors(a, k)[1] + rounding(a)


@spectra
def test_adaptive_randomized_pivoting_is_within_k_plus_one_of_the_best_square_in_expectation(spectrum, dtype):
    a, k = SPECTRA[spectrum](9, 8, dtype, 3), 3
    vh = scipy.linalg.svd(a)[2][:k]
    exact, v = wide(a), wide(vh).conj().T
    best = np.linalg.norm(exact - exact @ v @ v.conj().T) ** 2
    expected_oblique = expected_best = total = 0
    for C in itertools.permutations(np.flatnonzero(a.any(axis=0)).tolist(), k):
        probability, steps = [1.0], iter(C)

        def scripted(scores, row, steps=steps, probability=probability):
            j = next(steps)
            probability[0] *= scores[j] / scores.sum()
            return j

        assert tuple(eliminate(vh, scripted)) == C
        oblique = exact - exact[:, C] @ np.linalg.solve(v[list(C)].conj().T, v.conj().T)
        total += probability[0]
        expected_oblique += probability[0] * np.linalg.norm(oblique) ** 2
        expected_best += probability[0] * errors(a, list(C))[1] ** 2
    assert total == pytest.approx(1)
    assert expected_oblique == pytest.approx((k + 1) * best, rel=1e4 * eps(dtype))
    assert expected_best <= expected_oblique


@spectra
def test_adaptive_randomized_pivoting_is_within_k_plus_one_of_the_best_square_on_average(spectrum):
    a = SPECTRA[spectrum](40, 30, "d", 3)
    squares = [select_columns(a, K, method="arp", rng=seed).error ** 2 for seed in range(60)]
    assert np.mean(squares) <= (K + 1) * best_errors(a, K)[1] ** 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("power", [0, 1])
def test_an_lu_pivoted_sketch_is_within_the_norm_of_its_own_coefficients(seed, power, dtype):
    a = algebraic(40, 30, dtype, seed)
    C = select_columns(a, K, method="sketch", power=power, rng=seed).columns
    exact = wide(a)
    y = gaussian_sketch(np.random.default_rng(seed), K, 40, dtype).astype(exact.dtype)
    y = y @ np.linalg.matrix_power(exact @ exact.conj().T, power) @ exact
    row_space = np.linalg.qr(y.conj().T)[0]
    left = exact - exact @ row_space @ row_space.conj().T
    factor = np.linalg.norm(np.linalg.solve(y[:, C], y), 2)
    assert errors(a, C)[0] <= factor * svdvals(left)[0] + rounding(a)


def test_an_lu_pivoted_sketch_takes_the_pivots_of_partial_pivoting(dtype):
    a = algebraic(40, 30, dtype)
    y = gaussian_sketch(np.random.default_rng(2), K, 40, dtype) @ a
    order = scipy.linalg.lu(y.conj().T, p_indices=True)[0]
    expected = np.argsort(order)[:K]
    np.testing.assert_array_equal(select_columns(a, K, method="sketch", rng=2).columns, expected)


def test_a_qr_pivoted_sketch_is_nearly_as_good_as_greedy():
    ratios = []
    for seed in range(30):
        a = algebraic(40, 30, "d", seed)
        C = select_columns(a, K, method="sketch", pivoting="qr", rng=seed).columns
        ratios.append(errors(a, C)[1] / select_columns(a, K).error)
    assert np.mean(ratios) <= 1.15


@pytest.mark.parametrize("method", ["leverage", "arp", "uniform"])
def test_samples_are_drawn_with_their_probabilities(method):
    a = coherent(20, 8, "d")
    weights = scipy.linalg.svd(a)[2][0] ** 2 if method != "uniform" else np.full(8, 1 / 8)
    rng = np.random.default_rng(0)
    draws = np.bincount([select_columns(a, 1, method=method, rng=rng).columns[0] for _ in range(1000)], minlength=8)
    assert (np.abs(draws - 1000 * weights) <= 5 * np.sqrt(1000 * weights * (1 - weights)) + 1).all()


@pytest.mark.parametrize("pivoting", ["random", "greedy"])
def test_cholesky_takes_the_pivots_of_the_partial_factorization(pivoting, dtype):
    b = gaussian(30, 12, dtype)
    a = b @ b.conj().T
    found = select_columns(a, K, method="cholesky", pivoting=pivoting, rng=4)
    np.testing.assert_array_equal(found.columns, rpcholesky(a, rank=K, pivoting=pivoting, rng=4).columns)


def test_uniform_sampling_misses_what_the_others_see():
    worst = {}
    for method in ("uniform", "arp", "leverage", "sketch", "gks", "greedy"):
        a = [coherent(40, 200, "d", seed) for seed in range(10)]
        worst[method] = np.median([select_columns(m, K, method=method, rng=1).error / best_errors(m, K)[1] for m in a])
    assert worst.pop("uniform") > 3
    assert max(worst.values()) < 1.5
