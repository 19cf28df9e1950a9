"""The greedy driver's pivots on a device are LAPACK's, and both drivers stop where their rule says."""

import numpy as np
import pytest
import scipy.linalg
from matrices import algebraic, gaussian, geometric, kahan, relu, rotated_kahan
from measures import assert_same_choices, between, eps, full_diagonal

from rrqr_lapack._device import factor


def smooth(m, n, dtype):
    """A kernel matrix, on which the longest columns are a poor guess of the next pivots."""
    x, y = np.random.default_rng(3).random((2, 200, 2))
    return np.exp(-2 * ((x[:m, None] - y[None, :n]) ** 2).sum(axis=2)).astype(dtype)


MATRICES = {
    "gaussian": lambda t: gaussian(200, 160, t),
    "wide": lambda t: gaussian(100, 200, t),
    "relu": lambda t: relu(200, 180, t),
    "1/j": lambda t: algebraic(160, 160, t),
    "1e-8": lambda t: geometric(160, 160, t, 1e-8),
    "smooth": lambda t: smooth(150, 150, t),
    "kahan": lambda t: kahan(90, t),
    "rotated kahan": lambda t: rotated_kahan(90, t, 1.1),
}


@pytest.mark.parametrize("name", MATRICES)
def test_greedy_pivots_are_those_of_lapack(name, dtype, backend):
    if backend.library != "torch" and name != "gaussian":
        pytest.skip("the reference sees fewer matrices")
    a = MATRICES[name](dtype)
    r, expected = scipy.linalg.qr(a, mode="r", pivoting=True)
    diagonal = np.abs(np.diagonal(r))
    known = int((diagonal > 100 * eps(dtype) * diagonal[0]).sum())  # behind it the order is that of rounding errors
    found = factor(backend.array(a), driver="greedy")
    assert_same_choices(a, backend.ndarray(found.pivots), expected, known)


@pytest.mark.parametrize("count", [1, 30, 75])
@pytest.mark.parametrize("name", ["gaussian", "relu", "1/j", "1e-8"])
def test_greedy_steps_stop_at_the_same_rank(name, count, dtype, backend):
    if backend.library != "torch" and (name, count) != ("1/j", 30):
        pytest.skip("the reference sees fewer matrices")
    a = MATRICES[name](dtype)
    diagonal = full_diagonal(a)
    tolerance = between(diagonal, count)
    x = backend.array(a)
    assert factor(x, atol=tolerance).rank == count
    assert factor(x, rtol=tolerance / diagonal[0]).rank == count


@pytest.mark.parametrize("fall", [0.7, 1e-2, 1e-6])
@pytest.mark.parametrize("name", ["gaussian", "relu", "1e-8"])
def test_randomized_steps_stop_before_the_first_with_the_largest_norm_within_the_tolerance(name, fall, dtype, backend):
    a = MATRICES[name](dtype)
    longest = np.linalg.norm(a, axis=0).max()
    if fall < 100 * eps(dtype):
        pytest.skip("below rounding")
    f = factor(backend.array(a), rtol=fall, driver="randomized", seed=1)
    q, r, p = map(backend.ndarray, (f.q(), f.R, f.pivots))
    slack = 1000 * eps(dtype) * longest
    after = np.linalg.norm(a[:, p] - q @ r, axis=0)
    before = np.linalg.norm(a[:, p] - q[:, :-1] @ r[:-1], axis=0)
    assert after.max() <= fall * longest + slack
    assert before.max() > fall * longest - slack
    left = np.empty(a.shape[1])
    left[p] = after
    np.testing.assert_allclose(backend.ndarray(f.residual_column_norms), left, rtol=0, atol=slack)


def test_of_tied_columns_the_first_is_taken(dtype, backend):
    for n in (20, 90):  # in lock step, and in blocks
        found = factor(backend.array(np.eye(n, dtype=dtype)))
        np.testing.assert_array_equal(backend.ndarray(found.pivots), np.arange(n))


@pytest.mark.parametrize("driver", ["greedy", "randomized"])
@pytest.mark.parametrize("n", [40, 80])
def test_columns_of_all_sizes_are_chosen_in_order(n, driver, dtype, backend):
    exponents = np.linspace(0, 30 if eps(dtype) > 1e-10 else 250, n)
    order = np.random.default_rng(0).permutation(n)
    a = np.diag(10.0**-exponents)[:, order].astype(dtype)
    f = factor(backend.array(a), driver=driver, seed=0)
    assert f.rank == n
    p = backend.ndarray(f.pivots)
    if driver == "greedy":
        np.testing.assert_array_equal(order[p], np.arange(n))
    r = backend.ndarray(f.R)
    np.testing.assert_allclose(np.sort(np.abs(np.diagonal(r)))[::-1], 10.0**-exponents, rtol=1000 * eps(dtype))


@pytest.mark.parametrize("rank", [8, 40])
def test_randomized_choices_are_nearly_as_good_as_greedy_ones(rank, dtype, backend):
    for name in ("relu", "1/j") if backend.library == "torch" else ("1/j",):
        x = backend.array(MATRICES[name](dtype))
        best = float(factor(x, rank=rank).residual_norm)
        assert float(factor(x, rank=rank, driver="randomized", seed=0).residual_norm) <= 1.2 * best
