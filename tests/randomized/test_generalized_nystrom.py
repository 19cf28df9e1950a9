"""`generalized_nystrom`: from one pass over the matrix, within its bound of the best approximation."""

import numpy as np
import pytest
from matrices import ZOO, gaussian, rank_deficient, with_singular_values
from measures import THRESHOLD, eps, orthogonality_ratio
from operands import OPERANDS
from scipy.sparse.linalg import LinearOperator

from rrqr_lapack import generalized_nystrom

SKETCHES = ("gaussian", "sparse", "srtt")


def error_of(a, f):
    wide = np.result_type(a, "f8")
    return np.linalg.norm(a.astype(wide) - f.U.astype(wide) * f.s.astype("f8") @ f.Vh.astype(wide))


def test_the_mean_square_error_is_within_the_bound():
    """Theorem 4.3 of Tropp and others before truncation, which leaves at most twice that and the optimum."""
    sigma, rank, p = 1 / np.arange(1, 61), 10, 10
    a, n = with_singular_values(80, 60, sigma, "c16"), rank + p
    squares = [np.linalg.norm(sigma[k:]) ** 2 * (1 + n / (n // 2 - 1)) * (1 + k / (n - k - 1)) for k in range(n - 1)]
    found = [generalized_nystrom(a, rank, oversample=p, rng=seed) for seed in range(40)]
    bound = np.linalg.norm(sigma[rank:]) + 2 * np.sqrt(min(squares))
    assert np.linalg.norm(sigma[rank:]) <= np.mean([error_of(a, f) for f in found]) <= bound


@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize("operand", OPERANDS)
def test_a_low_rank_is_found_in_every_form(operand, sketch, dtype):
    a = rank_deficient(60, 45, dtype, rank=7)
    f = generalized_nystrom(OPERANDS[operand](a), 7, sketch=sketch, rng=0)
    assert f.dtype == dtype
    assert error_of(a, f) <= 1e3 * eps(dtype) * np.linalg.norm(a)


@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize("name", ZOO)
def test_the_factors_are_a_singular_value_decomposition(name, sketch, dtype):
    a = ZOO[name](dtype)
    rank = min(4, *a.shape)
    f = generalized_nystrom(a, rank, sketch=sketch, rng=1)
    assert (f.U.shape, f.Vh.shape) == ((a.shape[0], rank), (rank, a.shape[1]))
    assert f.U.dtype == f.Vh.dtype == dtype
    assert orthogonality_ratio(f.U) <= THRESHOLD
    assert orthogonality_ratio(f.Vh.conj().T) <= THRESHOLD
    assert (np.diff(f.s) <= 0).all()


def test_it_stays_stable_where_the_sketches_are_ill_conditioned(dtype):
    """Singular values that fall below rounding within the sketch: the plain pseudo-inverse of Y A X would blow up."""
    a = with_singular_values(80, 60, 10.0 ** -np.arange(0.0, 60), dtype)
    errors = [error_of(a, generalized_nystrom(a, 25, rng=seed)) for seed in range(20)]
    assert max(errors) <= 1e3 * eps(dtype)


def test_the_bound_of_the_estimate_holds(dtype):
    a = with_singular_values(50, 40, 1 / np.arange(1, 41), dtype)
    for seed in range(100):
        f = generalized_nystrom(a, 6, rng=seed)
        assert f.error_kind == "estimate"
        assert error_of(a, f) <= f.error_bound


def test_no_product_depends_on_another(dtype):
    """What it multiplies A with is the same for another matrix: all is drawn beforehand."""
    seen = []

    class Watched(LinearOperator):
        def __init__(self, a):
            super().__init__(a.dtype, a.shape)
            self.a, self.given = a, []
            seen.append(self.given)

        def _matmat(self, x):
            self.given.append(x)
            return self.a @ x

        def _rmatmat(self, x):
            self.given.append(x)
            return self.a.conj().T @ x

    for seed in (0, 1):
        generalized_nystrom(Watched(gaussian(30, 20, dtype, seed)), 4, rng=5)
    assert len(seen[0]) == len(seen[1]) == 3
    for x, y in zip(*seen, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (5, 3)], ids=str)
@pytest.mark.parametrize("sketch", SKETCHES)
def test_rank_zero_is_an_approximation(shape, sketch):
    f = generalized_nystrom(np.zeros(shape), 0, oversample=0, sketch=sketch)
    assert (f.U.shape, f.s.shape, f.Vh.shape) == ((shape[0], 0), (0,), (0, shape[1]))
    assert f.error == 0


def test_a_bad_argument_is_named():
    with pytest.raises(ValueError, match="rank must be between 0 and 3 for this matrix, got 4"):
        generalized_nystrom(np.ones((5, 3)), 4)
    with pytest.raises(ValueError, match="a must be finite, but column 1 holds nan"):
        generalized_nystrom(np.array([[1, np.nan], [2, 3]]), 1)
