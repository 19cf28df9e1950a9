"""LAPACK's pivots, and the rank at which a factorization ends, for arrays of every library."""

import numpy as np
import pytest
import scipy.linalg
from matrices import algebraic, gaussian, geometric, relu
from measures import THRESHOLD, assert_same_choices, between, eps, full_diagonal, orthogonality_ratio, qr_ratio

import rrqr_lapack as rr

MATRICES = {
    "gaussian": lambda t: gaussian(90, 70, t),
    "relu": lambda t: relu(90, 70, t),
    "1/j": lambda t: algebraic(80, 80, t),
    "1e-8": lambda t: geometric(80, 80, t, 1e-8),
}
FUNCTIONS = {  # the columns that each chooses, in their order
    "qr": lambda a, k: rr.qr(a, pivoting=True, mode="r")[1],
    "qr_truncated": lambda a, k: rr.qr_truncated(a, mode="r", rank=k)[1],
    "TruncatedQR": lambda a, k: rr.TruncatedQR(a, rank=k).P,
    "interpolative_decomposition": lambda a, k: rr.interpolative_decomposition(a, rank=k).columns,
    "select_columns": lambda a, k: rr.select_columns(a, k, method="greedy").columns,
}


@pytest.fixture(params=MATRICES)
def a(request, dtype):
    """Matrices of which blocks are factored, and whose pivots are settled."""
    return MATRICES[request.param](dtype)


def test_pivots_are_those_of_lapack_and_the_factors_are_sound(backend, dtype, a):
    r, expected = scipy.linalg.qr(a, mode="r", pivoting=True)
    diagonal = np.abs(np.diagonal(r))
    known = int((diagonal > 100 * eps(dtype) * diagonal[0]).sum())  # behind it the order is that of rounding errors
    q, r, p = map(backend.ndarray, rr.qr(backend.array(a), pivoting=True, mode="economic"))
    assert_same_choices(a, p, expected, known)
    assert qr_ratio(a, q, r, p) < THRESHOLD
    assert orthogonality_ratio(q) < THRESHOLD


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_choose_the_same_columns(backend, name):
    a = algebraic(70, 70, "f")
    expected = scipy.linalg.qr(a, mode="r", pivoting=True)[1]
    assert_same_choices(a, backend.ndarray(FUNCTIONS[name](backend.array(a), 20)), expected, 20)


@pytest.mark.parametrize("count", [1, 40])
def test_all_end_at_the_same_rank(backend, dtype, a, count):
    diagonal = full_diagonal(a)
    tolerance, x = between(diagonal, count), backend.array(a)
    assert rr.qr_truncated(x, atol=tolerance, mode="r")[0].shape[0] == count
    assert rr.TruncatedQR(x, rtol=tolerance / diagonal[0]).rank == count
    assert rr.interpolative_decomposition(x, atol=tolerance).rank == count
