"""Partial Cholesky with random or greedy pivots: A ~= F F^H with the trace of the residual as its error."""

import numpy as np
import psd
import pytest
import scipy.linalg
from matrices import gaussian
from measures import eps
from psd import PSD
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from rrqr_lapack import PartialCholesky, rpcholesky


@pytest.fixture(params=["random", "greedy"])
def pivoting(request):
    """Each way to choose pivots."""
    return request.param


class Columns:
    """A LinearOperator around a matrix with a diagonal, and columns by products; counts them."""

    def __new__(cls, a):
        operator = aslinearoperator(a)
        operator.diagonal = lambda: a.diagonal()
        operator.asked = []
        operator.columns = lambda indices: operator.asked.extend(indices) or a[:, indices]
        return operator


def residual(a, f):
    """A - F F^H in a wider precision, divided by the largest diagonal entry."""
    wide = np.clongdouble if a.dtype.kind == "c" else np.longdouble
    largest = a.diagonal().real.max(initial=0) or 1
    F = f.F.astype(wide)
    return (a.astype(wide) - F @ F.conj().T) / wide(largest)


@pytest.mark.parametrize("name", PSD)
def test_the_error_is_the_trace_and_the_factor_is_triangular_at_the_pivots(name, dtype, pivoting):
    make, numerical_rank = PSD[name]
    a = make(dtype)
    before, n = a.copy(), len(a)
    for rank in [k for k in (0, 1, 7, None) if k is None or k <= n]:
        f = rpcholesky(a, rank=rank, pivoting=pivoting, rng=1)
        k = f.rank
        assert isinstance(f, PartialCholesky)
        assert k == len(f.columns) == len(set(f.columns)) <= (n if rank is None else rank)
        if numerical_rank is not None:
            assert k == min(numerical_rank, n if rank is None else rank)
        assert (f.F.shape, f.F.dtype, f.shape, f.dtype) == ((n, k), dtype, (n, n), dtype)
        top = f.F[f.columns]
        np.testing.assert_array_equal(np.triu(top, 1), 0)
        assert (np.diagonal(top).real > 0).all() and (np.diagonal(top).imag == 0).all()
        left = residual(a, f)
        largest = a.diagonal().real.max(initial=0) or 1
        rounding = 30 * eps(dtype)
        np.testing.assert_allclose(f.residual_diagonal / largest, left.diagonal().real, rtol=0, atol=rounding)
        np.testing.assert_array_equal(f.residual_diagonal[f.columns], 0)
        np.testing.assert_allclose(left[:, f.columns].astype(complex), 0, rtol=0, atol=rounding)
        assert f.error / largest == pytest.approx(float(left.diagonal().real.sum()), abs=rounding * max(n, 1))
        assert (f.residual_diagonal >= 0).all()
    np.testing.assert_array_equal(a, before)


def test_the_residual_is_positive_semidefinite_so_the_error_is_the_nuclear_norm(dtype, pivoting):
    a = psd.gram(60, 60, dtype)
    f = rpcholesky(a, rank=20, pivoting=pivoting, rng=0)
    left = a - f.F @ f.F.conj().T
    assert np.linalg.eigvalsh(left)[0] >= -100 * eps(dtype) * np.linalg.norm(a, 2)
    assert f.error == pytest.approx(np.linalg.norm(left, "nuc"), rel=1e3 * eps(dtype))


def test_greedy_pivots_are_those_of_lapack(dtype):
    for a in (psd.gram(70, 70, dtype), psd.graded(60, dtype)):
        (pstrf,) = scipy.linalg.get_lapack_funcs(("pstrf",), (a,))
        expected = pstrf(a, lower=1)[1] - 1
        np.testing.assert_array_equal(rpcholesky(a, rank=30, pivoting="greedy").columns, expected[:30])


def test_greedy_pivots_break_ties_by_the_lowest_index():
    np.testing.assert_array_equal(rpcholesky(np.eye(5), pivoting="greedy").columns, range(5))


def test_pivots_drawn_in_rounds_are_distributed_as_if_drawn_one_by_one(monkeypatch):
    a = psd.gram(4, 2, np.float64, seed=5) + np.diag([0.1, 0.5, 1.0, 2.0])
    draws, probability = 3000, np.zeros((4, 4))
    for i in range(4):
        left = np.diagonal(a - np.outer(a[:, i], a[i]) / a[i, i]).clip(0)
        probability[i] = a[i, i] / np.trace(a) * left / left.sum()
    np.fill_diagonal(probability, 0)
    rng = np.random.default_rng(0)
    monkeypatch.setattr("rrqr_lapack._kernel.rpcholesky.PROPOSALS", 3)
    found = np.zeros((4, 4))
    for _ in range(draws):
        first, second = rpcholesky(a, rank=2, rng=rng).columns
        found[first, second] += 1
    expected = probability[~np.eye(4, dtype=bool)] * draws
    statistic = ((found[~np.eye(4, dtype=bool)] - expected) ** 2 / expected).sum()
    assert expected.min() > 5
    assert statistic < scipy.stats.chi2.ppf(0.999, 11)


def test_the_mean_error_keeps_the_bound_of_chen_epperly_tropp_and_webber():
    values = np.r_[np.ones(5), 0.01 * np.ones(75)]
    a = psd.with_eigenvalues(80, values, np.float64)
    r, e = 5, 0.5
    h = values[r:].sum() / values.sum()
    k = int(np.ceil(r / e + r * np.log(1 / (e * h))))
    errors = [rpcholesky(a, rank=k, rng=seed).error for seed in range(50)]
    assert k < 40
    assert np.mean(errors) <= (1 + e) * values[r:].sum()


def test_outliers_mislead_greedy_pivots_and_not_random_ones():
    a = np.zeros((420, 420))
    a[:400, :400] = 0.9 * psd.with_eigenvalues(400, np.r_[1.0, np.full(399, 1e-6)], np.float64) / (1 / 400)
    a[400:, 400:] = 40 * a[:400, :400].diagonal().max() * np.eye(20) / 20
    errors = [rpcholesky(a, rank=15, rng=seed).error for seed in range(20)]
    greedy = rpcholesky(a, rank=15, pivoting="greedy")
    assert (greedy.columns >= 400).all()
    assert np.mean(errors) < greedy.error


@pytest.mark.parametrize("block", [1, 100])
def test_a_tolerance_stops_at_the_first_step_that_meets_it(block, dtype, pivoting, monkeypatch):
    monkeypatch.setattr("rrqr_lapack._kernel.rpcholesky.PROPOSALS", block)
    a = psd.with_eigenvalues(90, np.geomspace(1, 1e-2, 90), dtype)
    trace = a.diagonal().real.sum(dtype=float)
    for rtol in (0.9, 0.5, 0.05):
        relative = rpcholesky(a, rtol=rtol, pivoting=pivoting, rng=2)
        absolute = rpcholesky(a, atol=rtol * trace, pivoting=pivoting, rng=2)
        np.testing.assert_array_equal(relative.columns, absolute.columns)
        assert relative.error <= rtol * trace * (1 + 10 * eps(dtype))
        assert relative.error + np.linalg.norm(relative.F[:, -1]) ** 2 > rtol * trace * (1 - 10 * eps(dtype))
    assert rpcholesky(a, rtol=1, pivoting=pivoting).rank == 0
    assert rpcholesky(a, rtol=0.5, rank=3, pivoting=pivoting, rng=2).rank == 3


def test_only_the_columns_of_the_pivots_are_asked_for(dtype, pivoting):
    a = psd.smooth(200, dtype)
    operator = Columns(a)
    f = rpcholesky(operator, rank=6, pivoting=pivoting, rng=0)
    np.testing.assert_array_equal(operator.asked, f.columns)


def test_arrays_sparse_arrays_and_operators_agree(dtype, pivoting):
    a = np.where(np.abs(np.subtract.outer(np.arange(80), np.arange(80))) < 9, psd.gram(80, 80, dtype), 0)
    a = (a + 300 * np.eye(80)).astype(dtype)
    f = rpcholesky(a, rank=20, pivoting=pivoting, rng=4)
    g = rpcholesky(sparse.coo_array(a), rank=20, pivoting=pivoting, rng=4)
    np.testing.assert_array_equal(f.columns, g.columns)
    np.testing.assert_allclose(f.F, g.F, rtol=0, atol=100 * eps(dtype) * np.abs(f.F).max())
    h = rpcholesky(Columns(a), rank=20, pivoting=pivoting, rng=4)
    assert h.error == pytest.approx(f.error, rel=0.2)
    assert h.F.dtype == dtype


def test_a_seed_gives_the_same_pivots_and_another_seed_others():
    a = psd.gram(60, 60, np.float64)
    pivots = [tuple(rpcholesky(a, rank=10, rng=seed).columns) for seed in (3, 3, np.random.default_rng(3), 4)]
    assert pivots[0] == pivots[1] == pivots[2] != pivots[3]


def test_memory_for_the_factor_grows_when_no_rank_is_given(monkeypatch):
    monkeypatch.setattr("rrqr_lapack._kernel.rpcholesky.ROOM", 3)
    a = psd.gram(90, 90, np.float64)
    f = rpcholesky(a, rng=0)
    assert f.rank == 90
    np.testing.assert_allclose(f.F @ f.F.T, a, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("a", "options", "error", "message"),
    [
        (np.ones((3, 4)), {}, ValueError, r"a must be square, got the shape \(3, 4\)"),
        (np.ones(3), {}, ValueError, "a must have 2 dimensions, got 1"),
        (np.diag([1.0, np.nan]), {}, ValueError, "a must be finite, but column 1 holds nan"),
        (np.diag([1.0, np.nan]), {"check_finite": False}, ValueError, "its diagonal entry 1 is nan"),
        (np.array([[1.0, np.inf], [np.inf, 9.0]]), {"check_finite": False}, ValueError, "column [01] is not"),
        (np.diag([1.0, -2.0]), {}, ValueError, r"positive semidefinite, but its diagonal entry 1 is -2\.0"),
        (np.diag([1, 1j]), {}, ValueError, "positive semidefinite, but its diagonal entry 1 is"),
        (np.array([[1.0, 3.0], [3.0, 1.0]]), {}, ValueError, "positive semidefinite, but a residual has the diagonal"),
        (np.diag([1.7e308, 1.7e308]), {}, OverflowError, "trace of a overflows; scale a down"),
        (aslinearoperator(np.eye(3)), {}, TypeError, "a must have a diagonal, got a LinearOperator without"),
        (np.eye(3), {"rank": 4}, ValueError, "rank must be between 0 and 3 for this matrix, got 4"),
        (np.eye(3), {"rank": 1.5}, TypeError, r"rank must be an integer or None, got 1\.5"),
        (np.eye(3), {"rtol": -1}, ValueError, "rtol must be finite and at least 0, got -1"),
        (np.eye(3), {"atol": "1"}, TypeError, "atol must be a real number"),
        (np.eye(3), {"pivoting": "both"}, ValueError, "pivoting must be one of 'random', 'greedy', got 'both'"),
        (np.array(["a"]), {}, TypeError, "a must be boolean, integer, real or complex, got"),
    ],
)
def test_what_is_wrong_is_named(a, options, error, message):
    with pytest.raises(error, match=message):
        rpcholesky(a, **options)


def test_its_repr_says_rank_and_error():
    assert repr(rpcholesky(np.eye(3), rank=2)) == "<PartialCholesky of shape (3, 3), float64: rank 2, exact error 1>"


def test_what_is_not_hermitian_or_has_another_diagonal_is_refused(dtype, pivoting):
    a = psd.gram(40, 40, dtype) + 40 * np.eye(40, dtype=dtype) + np.triu(np.ones((40, 40), dtype), 1)
    with pytest.raises(ValueError, match=r"a must be Hermitian .* entry \d+ of its column \d+ differs by"):
        rpcholesky(a, pivoting=pivoting, rng=0)
    operator = Columns(psd.gram(40, 40, dtype))
    diagonal = operator.diagonal()
    operator.diagonal = lambda: 1.1 * diagonal
    with pytest.raises(ValueError, match=r"entry (\d+) of its column \1 differs by .* from its diagonal"):
        rpcholesky(operator, pivoting=pivoting, rng=0)


def test_what_was_computed_in_single_precision_is_hermitian_enough(pivoting):
    x = gaussian(60, 5, np.float64)
    a = np.eye(60) + (x @ x.T) * (1 + 1e-6 * gaussian(60, 60, np.float64, seed=1))
    assert rpcholesky(a, rank=5, pivoting=pivoting, rng=0).rank == 5
