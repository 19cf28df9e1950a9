"""certify: every bound holds, for any columns of any matrix, and each is reached by some."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES, ZOO, algebraic, extreme, gaussian, rank_deficient, rotated_kahan, scaled
from measures import eps
from operands import OPERANDS
from scipy.sparse.linalg import aslinearoperator
from selections import best_errors, wide

from rrqr_lapack import certify, cur, interpolative_decomposition, randomized_svd, select_columns, strong_rrqr

BOUNDS = ("residual", "singular_vectors", "leverage", "coefficients")
norms = pytest.mark.parametrize("norm", [2, "fro"])
drivers = pytest.mark.parametrize("driver", ["exact", "randomized"])


def error(a, C, norm):
    """The norm of (I - P) A, orthogonalized twice in a precision that is wider than that of A."""
    left = np.asarray(a).astype(np.result_type(a.dtype, np.float64 if eps(a.dtype) > 1e-10 else np.longdouble))
    for j in C:
        column = left[:, j]
        length = np.sqrt((np.abs(column) ** 2).sum())
        if length > 0:
            q = column / length
            for _ in range(2):
                left = left - np.outer(q, q.conj() @ left)
            left[:, j] = 0
    return np.linalg.norm(left.astype(np.result_type(a.dtype, np.float64)), norm) if left.size else 0.0


@st.composite
def choices(draw):
    """A matrix of any small shape and spectrum, some of it dependent, and any columns of it."""
    m, n, dtype = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.sampled_from(DTYPES))
    seed, decades = draw(st.integers(0, 2**20)), draw(st.floats(0, 6))
    rank = draw(st.integers(1, min(m, n)))
    a = gaussian(m, rank, dtype, seed) @ gaussian(rank, n, dtype, seed + 1)
    a = a + draw(st.sampled_from([0, 1e-3])) * gaussian(m, n, dtype, seed + 2)
    a = (a * np.logspace(0, -decades, n)).astype(dtype)
    return a, np.random.default_rng(seed).permutation(n)[: draw(st.integers(0, n))]


@norms
@drivers
@given(choice=choices())
def test_no_bound_is_below_the_error(norm, driver, choice):
    a, C = choice
    found = certify(a, C, norm=norm, driver=driver, rng=0)
    truth = error(a, C, norm)
    for name, bound in found.bounds.items():
        assert bound >= truth, name
    assert found.error_bound == min(found.bounds.values()) == getattr(found, found.smallest)
    assert found.error_kind == {"exact": "bound", "randomized": "estimate"}[driver]


def test_what_a_difference_of_squares_loses_is_in_the_bound():
    """The Frobenius error of a randomized basis is one, and here it was 5e-11 of itself too small."""
    a = np.array([[-2.01967901e-04, 2.75455639e-04], [2.55982832e-01, 3.89481523e-04]])
    for seed in range(20):
        found = certify(a, [0], norm="fro", driver="randomized", rng=seed)
        assert error(a, [0], "fro") <= found.error_bound <= 1.001 * error(a, [0], "fro")


@pytest.mark.parametrize(("driver", "norm"), [("exact", 2), ("randomized", "fro")])
@pytest.mark.parametrize("name", ZOO)
def test_every_matrix_of_the_zoo_is_bounded(name, norm, driver, dtype):
    a = ZOO[name](dtype)
    power = 2.0 ** -math.frexp(np.abs(a).max(initial=0))[1] if name in ("tiny", "huge") else 1.0
    for k in {0, 1, min(a.shape) // 2, min(a.shape)}:
        C = np.arange(a.shape[1])[::-1][:k]
        found = certify(a, C, norm=norm, driver=driver, rng=0)
        assert min(found.bounds.values()) * power >= error(scaled(a, power), C, norm)


@drivers
@norms
def test_a_matrix_of_two_columns_reaches_every_bound(norm, driver, dtype):
    """Its second singular value is so small that the error is sigma_2 / cos(angle) to its square."""
    c, s = math.cos(0.7), math.sin(0.7)
    a = (np.diag([1.0, 1e-2]) @ np.array([[c, s], [-s, c]])).astype(dtype)
    found = certify(a, [0], norm=norm, driver=driver, rng=0)
    loose = 1.5 if driver == "randomized" and norm == 2 else 1.001
    for name, bound in found.bounds.items():
        assert error(a, [0], norm) <= bound <= loose * error(a, [0], norm), name


@norms
def test_columns_that_are_the_leading_singular_vectors_are_as_good_as_any(norm, dtype):
    a = np.diag([4, 3, 0.01, 0.01]).astype(dtype)
    found = certify(a, [1, 0], norm=norm)
    assert found.basis_error == pytest.approx(best_errors(a, 2)[norm == "fro"], rel=10 * eps(dtype))
    for bound in found.bounds.values():
        assert found.basis_error <= bound <= found.basis_error + 100 * eps(dtype)


@norms
def test_the_bounds_are_the_formulas_that_they_are_called_by(norm, dtype):
    a, C = algebraic(30, 20, dtype), [3, 17, 8]
    found = certify(a, C, norm=norm)
    left, near = best_errors(a, 3)[norm == "fro"], {"rel": 1e4 * eps(dtype)}
    v = np.linalg.svd(wide(a))[2][:3].conj().T
    others = np.delete(v, C, axis=0)
    e = wide(a) - wide(a) @ v @ v.conj().T
    growth = np.linalg.norm(others @ np.linalg.inv(v[C]), 2)
    assert found.singular_vectors == pytest.approx(math.hypot(1, growth) * left, **near)
    w = e[:, C] @ np.linalg.inv(v[C].conj().T)
    assert found.residual == pytest.approx(math.hypot(left, np.linalg.norm(w, norm)), **near)
    r = np.linalg.qr(wide(a)[:, [*C, *np.delete(np.arange(20), C)]], "r")
    ratio = np.linalg.norm(r[3:, 3:], 2) / np.linalg.svd(r[:3, :3])[1][-1]
    m = np.block([[ratio * np.eye(3), -np.linalg.solve(r[:3, :3], r[:3, 3:])], [np.zeros((17, 3)), np.eye(17)]])
    assert found.coefficients == pytest.approx(np.linalg.norm(m, 2) * left, **near)


def test_leverage_speaks_where_the_columns_hold_nearly_all_of_the_vectors():
    a = np.diag([5.0, 4, 3, 0.1, 0.1, 0.1]) + 1e-2 * gaussian(6, 6, "d")
    v = np.linalg.svd(a)[2][:3].T
    missed = (np.abs(v[3:]) ** 2).sum()
    assert certify(a, [0, 1, 2]).leverage == pytest.approx(best_errors(a, 3)[0] / math.sqrt(1 - missed))
    assert certify(a, [0, 3, 4]).leverage == math.inf


@pytest.mark.parametrize("seed", range(5))
def test_each_bound_is_sharper_than_the_one_that_is_drawn_from_it(seed, dtype):
    a = algebraic(30, 12, dtype, seed)
    for k in range(1, 12):
        found = certify(a, select_columns(a, k).columns)
        assert found.residual <= found.singular_vectors * (1 + 1e4 * eps(dtype))
        assert found.singular_vectors <= found.leverage * (1 + 1e4 * eps(dtype))


@pytest.mark.parametrize("k", [3, 12, 19])
def test_coefficients_are_no_worse_than_what_strong_rank_revealing_qr_certifies(k, dtype):
    a = rotated_kahan(20, dtype, 1.2)
    factor = strong_rrqr(a, rank=k)
    found = certify(a, factor.P[:k])
    assert found.coefficients <= factor.bound * best_errors(a, k)[0] * 1.01 + 1e4 * eps(dtype)


def test_greedy_pivots_of_kahans_matrix_are_told_from_strong_ones():
    a = rotated_kahan(60, "d", 1.2)
    greedy = certify(a, select_columns(a, 59).columns)
    strong = certify(a, select_columns(a, 59, method="strong").columns)
    assert greedy.error_bound > 100 * strong.error_bound
    assert strong.error_bound < 2 * strong.basis_error


@drivers
def test_a_bound_of_the_error_of_every_method(driver):
    a = algebraic(60, 40, "d")
    for method in ("greedy", "strong", "gks", "arp", "osinsky", "sketch", "leverage", "uniform"):
        found = select_columns(a, 10, method=method, rng=0)
        bound = certify(a, found.columns, norm="fro", driver=driver, rng=0)
        assert found.error <= bound.error_bound <= 4 * found.error, method


def test_columns_may_come_from_anywhere():
    a = algebraic(40, 30, "d")
    for C in (interpolative_decomposition(a, rank=5).columns, cur(a, rank=5).columns, [1, 7], ()):
        assert certify(a, C).error_bound >= error(a, C, 2)


@norms
def test_all_columns_leave_nothing(norm, dtype):
    a = algebraic(20, 8, dtype)
    found = certify(a, np.random.default_rng(0).permutation(8), norm=norm)
    assert found.basis_error == 0
    assert max(found.bounds.values()) <= 1e3 * eps(dtype)


@norms
@drivers
def test_more_columns_than_the_rank_leave_rounding_only(norm, driver, dtype):
    a = rank_deficient(40, 30, dtype, rank=5)
    found = certify(a, range(8), norm=norm, driver=driver, rng=0)
    assert error(a, range(8), norm) <= found.error_bound <= 1e4 * eps(dtype) * np.linalg.norm(a)
    assert found.coefficients == math.inf


@norms
@drivers
def test_a_power_of_two_scales_the_bounds_and_nothing_else(norm, driver, dtype):
    a = algebraic(30, 20, dtype)
    found = certify(a, [2, 5, 7], norm=norm, driver=driver, rng=0)
    for factor in extreme(dtype):
        other = certify(scaled(a, factor), [2, 5, 7], norm=norm, driver=driver, rng=0)
        for name, bound in found.bounds.items():
            assert getattr(other, name) == pytest.approx(bound * factor, rel=1e3 * eps(dtype)), name


@norms
@pytest.mark.parametrize("form", OPERANDS)
def test_every_form_of_a_matrix_has_the_same_bounds(norm, form, dtype):
    a = algebraic(30, 20, dtype)
    expected = certify(aslinearoperator(a), [2, 5, 7], norm=norm, rng=0)
    found = certify(OPERANDS[form](a), [2, 5, 7], norm=norm, driver="randomized", rng=0)
    for name, bound in found.bounds.items():
        assert error(a, [2, 5, 7], norm) <= bound
        assert bound == pytest.approx(getattr(expected, name), rel=0.9 if norm == "fro" else 1e4 * eps(dtype)), name


@pytest.mark.parametrize("seed", range(5))
def test_a_randomized_basis_is_bounded_by_its_own_error(seed, dtype):
    a = algebraic(40, 30, dtype, seed)
    C = select_columns(a, 6, method="gks", driver="randomized", rng=seed).columns
    found = certify(a, C, driver="randomized", power=0, oversample=0, rng=seed)
    v = wide(randomized_svd(a, 6, power=0, oversample=0, rng=np.random.default_rng(seed).integers(2**63)).Vh).conj().T
    own = np.linalg.norm(wide(a) - wide(a) @ v @ v.conj().T, 2)
    assert own <= found.basis_error <= 1.5 * own
    assert found.singular_vectors >= own / np.linalg.svd(v[C])[1][-1]


@pytest.mark.parametrize(
    ("arguments", "raises", "says"),
    [
        ({"columns": [0, 0]}, ValueError, "columns must hold each index once, got 0"),
        ({"columns": [5]}, ValueError, "columns must be between 0 and 4, got 5"),
        ({"columns": [0.5]}, TypeError, "columns must be a vector of integers"),
        ({"columns": [0], "norm": 1}, ValueError, "norm must be 2 or 'fro', got 1"),
        ({"columns": [0], "norm": "nuc"}, ValueError, "norm must be 2 or 'fro', got 'nuc'"),
        ({"columns": [0], "driver": "greedy"}, ValueError, "driver must be one of 'auto', 'exact', 'randomized'"),
        ({"columns": [0], "a": aslinearoperator(np.eye(5)), "driver": "exact"}, TypeError, "a must be dense"),
        ({"columns": [0], "a": np.diag([1, np.nan])}, ValueError, "a must be finite"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(arguments, raises, says):
    with pytest.raises(raises, match=says):
        certify(**{"a": np.eye(5)} | arguments)


def test_it_says_what_it_certifies():
    found = certify(np.diag([4.0, 2.0, 1.0]), [0, 1], norm="fro")
    assert repr(found) == "<Certificate: at most 1 in the Frobenius norm by 'residual', the basis leaves 1>"
    assert tuple(found.bounds) == BOUNDS
