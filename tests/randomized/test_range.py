"""`range_finder`: Halko, Martinsson and Tropp's bounds, orthonormal bases, tolerances that hold, true errors."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import ZOO, algebraic, gaussian, geometric, rank_deficient, with_singular_values
from measures import THRESHOLD, eps, orthogonality_ratio
from operands import OPERANDS
from scipy.sparse.linalg import LinearOperator, aslinearoperator
from scipy.special import gammainc

from rrqr_lapack import range_finder
from rrqr_lapack._common.error import estimated

SKETCHES = ("gaussian", "sparse", "srtt")
SPECTRA = {
    "1/j": 1 / np.arange(1, 61),
    "geometric": np.geomspace(1, 1e-6, 60),
    "a step": np.r_[np.ones(10), np.full(50, 0.01)],
    "flat": np.ones(60),
}


def residual(a, q):
    """A - Q Q^H A in double."""
    a, q = (x.astype(np.result_type(x, "f8")) for x in (a, q))
    return a - q @ (q.conj().T @ a)


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_mean_error_is_within_the_bounds_of_halko_martinsson_and_tropp(spectrum, power):
    """Theorems 10.5 and 10.6 and Corollary 10.10, the mean over 40 seeds; complex, where the bounds hold as well."""
    sigma, k, p = SPECTRA[spectrum], 10, 5
    a = with_singular_values(80, 60, sigma, "c16")
    errors = [residual(a, range_finder(a, k, oversample=p, power=power, rng=seed).Q) for seed in range(40)]
    frobenius = np.sqrt(1 + k / (p - 1)) * np.linalg.norm(sigma[k:])
    exponent = 2 * power + 1
    spectral = (1 + np.sqrt(k / (p - 1))) * sigma[k] ** exponent
    spectral += np.e * np.sqrt(k + p) / p * np.linalg.norm(sigma[k:] ** exponent)
    assert np.mean([np.linalg.norm(e) for e in errors]) <= frobenius
    assert np.mean([np.linalg.norm(e, 2) for e in errors]) <= spectral ** (1 / exponent)


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("rule", [{"rank": 5}, {"rtol": 0.1}, {"rtol": 1e-4}], ids=str)
def test_the_basis_is_orthonormal(name, rule, dtype):
    a = ZOO[name](dtype)
    rule = {"rank": min(5, *a.shape)} if "rank" in rule else rule
    found = range_finder(a, **rule, rng=0)
    assert found.Q.dtype == dtype
    assert found.rank == found.Q.shape[1]
    assert orthogonality_ratio(found.Q) <= THRESHOLD


@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize("operand", OPERANDS)
def test_every_form_of_a_matrix_gives_the_same_range(operand, sketch, dtype):
    a = rank_deficient(60, 45, dtype, rank=7)
    form = OPERANDS[operand](a)
    found = range_finder(form, 7, sketch=sketch, power=1, rng=3)
    assert np.linalg.norm(residual(a, found.Q)) <= 100 * eps(dtype) * np.linalg.norm(a)


@pytest.mark.parametrize("sketch", SKETCHES)
@pytest.mark.parametrize("power", [0, 2])
@pytest.mark.parametrize("rtol", [0.3, 1e-2, 1e-5])
def test_the_tolerance_is_reached(rtol, power, sketch, dtype):
    a = algebraic(80, 70, dtype) if rtol > 1e-3 else geometric(80, 70, dtype)
    for form in (a, aslinearoperator(a)):
        found = range_finder(form, rtol=rtol, power=power, sketch=sketch, rng=1)
        assert np.linalg.norm(residual(a, found.Q)) <= max(rtol, 80 * eps(dtype)) * np.linalg.norm(a)
        absolute = range_finder(form, atol=rtol * np.linalg.norm(a), power=power, sketch=sketch, rng=1)
        np.testing.assert_allclose(absolute.rank, found.rank, atol=16)


@pytest.mark.parametrize("rtol", [1e-8, 1e-12, 0.0])
def test_a_tolerance_below_the_root_of_rounding_is_reached(rtol):
    a = geometric(300, 200, "f8", last=1e-18)
    found = range_finder(a, rtol=rtol, rng=0)
    assert np.linalg.norm(residual(a, found.Q)) <= max(rtol, 300 * eps("f8")) * np.linalg.norm(a)
    assert orthogonality_ratio(found.Q) <= THRESHOLD


def test_a_basis_to_a_tolerance_has_little_more_columns_than_it_takes():
    """The best basis has 91 columns, and at most the largest block, a half of what was there, is too much."""
    a = geometric(300, 250, "f8", last=1e-8)
    sigma = np.geomspace(1, 1e-8, 250)
    least = int(np.argmax(np.sqrt(np.cumsum(sigma[::-1] ** 2))[::-1] <= 1e-3 * np.linalg.norm(sigma)))
    assert least <= range_finder(a, rtol=1e-3, rng=0).rank <= 1.5 * least


def test_rank_and_oversample_cap_a_basis_to_a_tolerance():
    found = range_finder(gaussian(80, 70, "f8"), rank=20, oversample=3, rtol=1e-3, rng=0)
    assert found.rank == 23
    assert found.error > 1e-3 * np.linalg.norm(gaussian(80, 70, "f8"))


@pytest.mark.parametrize("last", [1.0, 1e-2, 1e-4])
def test_an_exact_error_is_exact(last, dtype):
    a = with_singular_values(70, 50, np.geomspace(1, last, 50), dtype)
    found = range_finder(a, rtol=0.3, rng=0)
    assert found.error_kind == "exact"
    assert found.error == found.error_bound
    np.testing.assert_allclose(found.error, np.linalg.norm(residual(a, found.Q)), rtol=1e-3)


def test_an_error_is_called_exact_only_where_rounding_does_not_hide_it(dtype):
    """Down to where the difference of squares is given up, it is right to a percent."""
    kinds = set()
    for rtol in np.geomspace(0.3, np.sqrt(eps(dtype)), 15):
        a = geometric(70, 60, dtype, last=eps(dtype))
        found = range_finder(a, rtol=rtol, rng=0)
        kinds.add(found.error_kind)
        if found.error_kind == "exact":
            np.testing.assert_allclose(found.error, np.linalg.norm(residual(a, found.Q)), rtol=0.01)
    assert kinds == {"exact", "estimate"}


def test_an_estimate_is_right_on_average_and_its_bound_holds(dtype):
    """Over 300 seeds the mean square is the square of the error within five standard errors, and no bound fails."""
    a = with_singular_values(40, 30, np.geomspace(1, 1e-2, 30), dtype)
    found = [range_finder(a, 3, oversample=2, rng=seed) for seed in range(300)]
    assert {f.error_kind for f in found} == {"estimate"}
    ratios = np.array([(f.error / np.linalg.norm(residual(a, f.Q))) ** 2 for f in found])
    assert abs(ratios.mean() - 1) <= 5 * ratios.std() / np.sqrt(300)
    assert all(f.error_bound >= np.linalg.norm(residual(a, f.Q)) for f in found)


@given(probes=st.integers(1, 60), one=st.booleans())
def test_the_bound_of_an_estimate_holds_with_the_stated_probability(probes, one):
    """A single direction is the worst case: then the estimate is chi-square, which the bound must cover to 0.9999."""
    degrees = probes if one else 2 * probes
    unit = np.ones((1, probes)) * (1 if one else np.sqrt(2) * np.exp(1j))
    error = estimated(unit)
    np.testing.assert_allclose(error.value, 1)
    assert gammainc(degrees / 2, degrees / error.bound**2 / 2) <= 1e-4


@pytest.mark.parametrize("sketch", SKETCHES)
def test_a_generator_and_its_seed_give_the_same_basis(sketch):
    a = gaussian(50, 40, "f8")
    seeded, again, other = (range_finder(a, 5, sketch=sketch, rng=rng).Q for rng in (7, np.random.default_rng(7), 8))
    np.testing.assert_array_equal(seeded, again)
    assert (seeded != other).any()


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0)], ids=str)
@pytest.mark.parametrize("rule", [{}, {"rtol": 0.1}], ids=str)
def test_an_empty_matrix_has_an_empty_range(shape, rule, dtype):
    found = range_finder(np.zeros(shape, dtype), **rule)
    assert found.Q.shape == (shape[0], 0)
    assert found.Q.dtype == dtype
    assert found.error == 0


def test_a_zero_matrix_has_rank_zero_to_any_tolerance(dtype):
    assert range_finder(np.zeros((9, 7), dtype), rtol=0).rank == 0


@pytest.mark.parametrize("rank", [1, 8, 30])
def test_the_rank_of_a_rank_deficient_matrix_is_found(rank, dtype):
    """Also where blocks of the identity leave columns of exact zeros."""
    for a in (rank_deficient(90, 70, dtype, rank=rank), np.eye(90, 70, dtype=dtype) * (np.arange(70) < rank)):
        found = range_finder(a, rtol=1e-4, rng=0)
        assert found.rank == rank
        assert orthogonality_ratio(found.Q) <= THRESHOLD


def test_an_operator_without_adjoint_has_a_range_without_power_iterations():
    a = rank_deficient(40, 30, "f8", rank=4)
    forward = LinearOperator(a.shape, matvec=lambda x: a @ x, dtype="f8")
    for rule in ({"rank": 4}, {"rtol": 1e-6}):
        found = range_finder(forward, power=0, rng=0, **rule)
        assert np.linalg.norm(residual(a, found.Q)) <= 1e-6 * np.linalg.norm(a)
    with pytest.raises(TypeError, match="adjoint"):
        range_finder(forward, 4, power=1)


def test_the_matrix_is_not_modified(dtype):
    for order in "CF":
        a = np.array(gaussian(30, 20, dtype), order=order)
        before = a.copy()
        a.setflags(write=False)
        range_finder(a, 5, rng=0)
        np.testing.assert_array_equal(a, before)


BAD = [
    ({"rank": 21}, ValueError, "rank must be between 0 and 20 for this matrix, got 21"),
    ({"rank": 2.0}, TypeError, "rank must be an integer or None, got 2.0"),
    ({"oversample": -1}, ValueError, "oversample must be at least 0, got -1"),
    ({"oversample": None}, TypeError, "oversample must be an integer, got None"),
    ({"power": 1.5}, TypeError, "power must be an integer, got 1.5"),
    ({"power": True}, TypeError, "power must be an integer, got True"),
    ({"sketch": "fourier"}, ValueError, "sketch must be one of 'gaussian', 'sparse', 'srtt', got 'fourier'"),
    ({"rtol": -0.1}, ValueError, "rtol must be finite and at least 0, got -0.1"),
    ({"atol": "1"}, TypeError, "atol must be a real number or None, got '1'"),
    ({"rng": "seed"}, TypeError, "seed"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD, ids=str)
def test_a_bad_argument_is_named(arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        range_finder(gaussian(30, 20, "f8"), **arguments)


@pytest.mark.parametrize("operand", [name for name in OPERANDS if name != "LinearOperator"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_column_that_is_not_finite_is_named(operand, bad, dtype):
    a = gaussian(30, 20, dtype)
    a[4, 13] = bad
    with pytest.raises(ValueError, match="a must be finite, but column 13"):
        range_finder(OPERANDS[operand](a), 5)


def test_a_product_that_is_not_finite_is_refused():
    a = gaussian(30, 20, "f8")
    a[4, 13] = np.nan
    with pytest.raises(ValueError, match="products with a must be finite, but one is not"):
        range_finder(aslinearoperator(a), 5)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 2, 2)), 1.0])
def test_what_is_no_matrix_is_refused(bad):
    with pytest.raises(ValueError, match="a must have 2 dimensions"):
        range_finder(bad, 1)


def test_integers_and_booleans_become_what_lapack_takes():
    a = (9 * gaussian(12, 9, "f8")).astype(int)
    assert range_finder(a, 2, rng=0).Q.dtype == np.float64
    assert range_finder(a > 0, 2, rng=0).Q.dtype == np.float32
