"""What the spectral norm does not exceed, from products."""

import numpy as np
import pytest
from matrices import algebraic, gaussian
from measures import eps

from rrqr_lapack._randomized.spectral_norm import spectral_bound


def bound(a, seed):
    """Of an array."""
    rng = np.random.default_rng(seed)
    return spectral_bound(lambda x: a @ x, lambda y: a.conj().T @ y, a.shape[1], a.dtype, rng)


@pytest.mark.parametrize("make", [algebraic, gaussian])
def test_the_norm_is_never_above_and_hardly_below(make, dtype):
    """The largest of 50 was 1.35 times the norm of a Gaussian matrix, and 1.12 times that of the other."""
    a = make(300, 300, dtype)
    norm = np.linalg.norm(a, 2)
    ratios = [bound(a, seed) / norm for seed in range(10)]
    assert 1 - 10 * eps(dtype) <= min(ratios)
    assert max(ratios) <= 1.6


def test_it_fails_as_often_as_it_says(monkeypatch):
    """Where there is one singular value the bound is tight: with a doubt of 0.2 about 60 of 300 are to fail."""
    monkeypatch.setattr("rrqr_lapack._randomized.spectral_norm.DOUBT", 0.2)
    for dtype in ("d", "D"):
        a = np.diag([1.0, 0, 0]).astype(dtype)
        assert 35 <= sum(bound(a, seed) < 1 for seed in range(300)) <= 85


def test_it_scales_with_the_matrix(dtype):
    a = gaussian(20, 10, dtype)
    for factor in (2.0**-60, 2.0**60):
        assert bound(a * a.real.dtype.type(factor), 0) == pytest.approx(bound(a, 0) * factor, rel=1e3 * eps(dtype))


def test_a_zero_matrix_has_the_bound_zero(dtype):
    assert bound(np.zeros((5, 4), dtype), 0) == 0
