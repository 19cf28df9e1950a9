"""`randomized_eigh`: eigenvalues of either sign, and of positive semidefinite matrices more for the same products."""

import re

import numpy as np
import pytest
from matrices import extreme, gaussian, scaled
from measures import THRESHOLD, eps, orthogonality_ratio
from operands import OPERANDS
from scipy.sparse.linalg import aslinearoperator

from rrqr_lapack import RandomizedEigh, randomized_eigh
from rrqr_lapack._common.error import ROUNDING


def hermitian(eigenvalues, dtype, n=60, seed=0):
    """V diag(eigenvalues) V^H with random orthonormal V, Hermitian to the last bit."""
    v = np.linalg.qr(gaussian(n, len(eigenvalues), np.result_type(dtype, "f8"), seed))[0]
    a = ((v * eigenvalues) @ v.conj().T).astype(dtype)
    return (a + a.conj().T) / 2


def error_of(a, f):
    wide = np.result_type(a, "f8")
    v = f.V.astype(wide)
    return np.linalg.norm(a.astype(wide) - v * f.w.astype("f8") @ v.conj().T)


DECAY = 1 / np.arange(1, 61)
SIGNED = DECAY * np.where(np.arange(60) % 3 == 1, -1, 1)
FORMS = {name: form for name, form in OPERANDS.items() if name != "Fortran order"}


@pytest.mark.parametrize("psd", [False, True])
@pytest.mark.parametrize("power", [0, 2])
def test_the_eigenvectors_are_orthonormal_and_the_eigenvalues_in_order(psd, power, dtype):
    a = hermitian(DECAY if psd else SIGNED, dtype)
    f = randomized_eigh(a, 8, psd=psd, power=power, rng=0)
    assert f.V.dtype == f.dtype == dtype
    assert f.w.dtype == dtype.type(0).real.dtype
    assert f.V.shape == (60, 8)
    assert f.shape == (60, 60)
    assert orthogonality_ratio(f.V) <= THRESHOLD
    assert (np.diff(np.abs(f.w)) <= 0).all()


@pytest.mark.parametrize("psd", [False, True])
def test_no_eigenvalue_exceeds_the_true_one_in_modulus(psd, dtype):
    eigenvalues = DECAY if psd else SIGNED
    a = hermitian(eigenvalues, dtype)
    for seed in range(10):
        f = randomized_eigh(a, 10, psd=psd, power=0, rng=seed)
        assert (np.abs(f.w) <= DECAY[:10] + 20 * eps(dtype)).all()


def test_power_iterations_find_eigenvalues_of_either_sign(dtype):
    f = randomized_eigh(hermitian(SIGNED, dtype), 6, power=8, rng=0)
    np.testing.assert_allclose(f.w, SIGNED[:6], atol=1e-4)
    assert f.w.min() < 0 < f.w.max()


def test_nystroms_eigenvalues_are_no_worse_than_rayleighs_and_ritzs():
    """Their sketch is the same, and Q^H B Q = Q^H A Q for Nystrom's B."""
    a = hermitian(DECAY, "f8")
    for seed in range(10):
        plain, psd = (randomized_eigh(a, 10, psd=psd, power=0, rng=seed) for psd in (False, True))
        assert (psd.w >= plain.w - 1e-14).all()
        assert error_of(a, psd) <= error_of(a, plain)


@pytest.mark.parametrize("psd", [False, True])
@pytest.mark.parametrize("power", [0, 1])
def test_the_mean_error_is_within_the_bound(psd, power):
    """``||A - B||_F <= sqrt(2) ||A - Q Q^H A||_F``, the range finder's bound, and the truncation; over 30 seeds."""
    eigenvalues, k, p = (DECAY if psd else SIGNED), 10, 6
    a = hermitian(eigenvalues, "f8")
    errors = [error_of(a, randomized_eigh(a, k, psd=psd, oversample=p, power=power, rng=s)) for s in range(30)]
    bound = np.sqrt(2 * (1 + k / (p - 1))) * np.linalg.norm(DECAY[k:]) + np.linalg.norm(DECAY[k : k + p])
    assert np.linalg.norm(DECAY[k:]) <= np.mean(errors) <= bound


@pytest.mark.parametrize("operand", FORMS)
@pytest.mark.parametrize("psd", [False, True])
def test_the_error_is_what_it_says(operand, psd, dtype):
    a = hermitian(DECAY if psd else SIGNED, dtype)
    for power in (0, 2):
        f = randomized_eigh(FORMS[operand](a), 9, psd=psd, power=power, rng=1)
        true = error_of(a, f)
        assert f.error_kind == ("estimate" if operand == "LinearOperator" else "bound" if psd else "exact")
        assert true <= f.error_bound * (1 + 1e-4)
        if f.error_kind == "exact":
            np.testing.assert_allclose(f.error, true, rtol=1e-3)
        else:
            assert true / 2 <= f.error <= 2 * true


@pytest.mark.parametrize("n", [6, 60])
def test_rounding_is_within_the_bound_of_a_positive_semidefinite_matrix(n, dtype):
    """Down to the smallest errors that are no estimates, ``(1000 eps)^(1/2) ||A||_F``."""
    bounds = 0
    for seed in range(40):
        left = (1 + seed % 4) * np.sqrt(1e3 * eps(dtype) / (n - 3)) * np.sqrt(3)
        a = hermitian(np.r_[np.ones(3), np.full(n - 3, left)], dtype, n, seed)
        f = randomized_eigh(a, 3, psd=True, power=seed % 3, rng=seed)
        if f.error_kind == "bound":
            assert error_of(a, f) <= f.error == f.error_bound <= 1.06 * error_of(a, f)
            bounds += 1
    assert bounds > 20


@pytest.mark.parametrize("operand", FORMS)
@pytest.mark.parametrize("psd", [False, True])
@pytest.mark.parametrize("rtol", [0.3, 0.05])
def test_the_tolerance_is_reached(operand, psd, rtol, dtype):
    a = hermitian(DECAY if psd else SIGNED, dtype)
    norm = np.linalg.norm(a)
    f = randomized_eigh(FORMS[operand](a), atol=rtol * norm, psd=psd, rng=2)
    assert error_of(a, f) <= 1.001 * rtol * norm
    least = int(np.argmax(np.sqrt(np.cumsum(DECAY[::-1] ** 2))[::-1] <= rtol * np.linalg.norm(DECAY)))
    if operand != "LinearOperator":
        assert f.rank <= least + 1
        assert randomized_eigh(a, rtol=rtol, psd=psd, rng=2).rank <= least + 1


@pytest.mark.parametrize("psd", [False, True])
def test_a_low_rank_is_found(psd, dtype):
    a = hermitian(np.array([3.0, 2.0, 1.0]) if psd else np.array([3.0, -2.0, 1.0]), dtype)
    f = randomized_eigh(a, rtol=1e-4, psd=psd, rng=0)
    np.testing.assert_allclose(f.w, [3, 2 if psd else -2, 1], atol=1e-4)
    if psd:  # an inverse stops at the numerical rank
        assert randomized_eigh(a, 10, psd=True, rng=0).rank == 3


@pytest.mark.parametrize("psd", [False, True])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_zero_matrices_have_zero_eigenvalues(psd, n, dtype):
    f = randomized_eigh(np.zeros((n, n), dtype), psd=psd)
    assert f.V.shape == (n, f.rank)
    np.testing.assert_array_equal(f.w, 0)
    assert f.error == 0


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("psd", [False, True])
def test_tiny_and_huge_matrices_have_the_same_vectors(psd, which, dtype):
    a, factor = hermitian(DECAY, dtype), extreme(dtype)[which]
    plain, moved = (randomized_eigh(b, 5, psd=psd, rng=0) for b in (a, scaled(a, factor)))
    np.testing.assert_allclose(moved.w.astype("f8") / factor, plain.w, rtol=1e3 * eps(dtype))


def test_it_multiplies_as_the_matrix_it_stands_for(dtype):
    f = randomized_eigh(hermitian(SIGNED, dtype), 4, rng=0)
    x = gaussian(60, 2, dtype)
    np.testing.assert_allclose(f @ x, f.reconstruct() @ x, atol=1e3 * eps(dtype))
    np.testing.assert_allclose(x.T @ f, x.T @ f.reconstruct(), atol=1e3 * eps(dtype))
    w, V = f
    np.testing.assert_allclose(V * w @ V.conj().T, f.reconstruct(), atol=10 * eps(dtype))
    assert repr(f) == f"<RandomizedEigh of shape (60, 60), {dtype}: rank 4, exact error {f.error:.3g}>"
    assert isinstance(f, RandomizedEigh)


@pytest.mark.parametrize("form", [np.asarray, aslinearoperator])
def test_what_is_not_hermitian_is_refused(form, dtype):
    with pytest.raises(ValueError, match="a must be Hermitian"):
        randomized_eigh(form(gaussian(30, 30, dtype)), 5)


def test_what_is_not_positive_semidefinite_is_refused(dtype):
    with pytest.raises(
        ValueError, match="a must be positive semidefinite with psd=True, but has an eigenvalue below -"
    ):
        randomized_eigh(hermitian(SIGNED, dtype), 8, psd=True)


def test_what_is_not_square_is_refused():
    with pytest.raises(ValueError, match=re.escape("a must be square, got the shape (3, 4)")):
        randomized_eigh(np.ones((3, 4)))


SPECTRA = {  # of order n, with k eigenvalues that are found and a tail near what single precision can tell from nothing
    "flat": lambda n, k: np.r_[np.ones(k), np.full(n - k, 0.03)],
    "algebraic": lambda n, k: np.r_[np.arange(1, k + 1.0) ** -0.5, np.full(n - k, 0.01)],
    "one dominates": lambda n, k: np.r_[1e3, np.ones(n - 1)],
    "low rank": lambda n, k: np.r_[np.ones(k), np.zeros(n - k)],
}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("n", "k"), [(20, 5), (60, 40), (200, 30), (200, 150)])
def test_rounding_stays_far_below_the_margin_of_the_bound(n, k, spectrum, dtype):
    """``||A - V diag(w) V^H||_F^2 - (||A||_F^2 - sum w_j^2)`` is at most a quarter of `ROUNDING` eps ||A||_F^2."""
    for seed in range(4):
        a = hermitian(SPECTRA[spectrum](n, k), dtype, n, seed)
        f = randomized_eigh(a, k, psd=True, power=seed % 3, rng=seed)
        excess = error_of(a, f) ** 2 - (
            np.linalg.norm(a.astype(np.result_type(a, "f8"))) ** 2 - np.sum(f.w.astype("f8") ** 2)
        )
        assert excess <= ROUNDING / 4 * eps(dtype) * np.linalg.norm(a) ** 2
        assert error_of(a, f) <= f.error_bound
