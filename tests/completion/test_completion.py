"""What the methods of matrix completion share: observed entries, the result, and the choice of a penalty."""

import warnings

import numpy as np
import pytest
from measures import eps
from observed import at, low_rank, relative, seen
from scipy import sparse

from rrqr_lapack import Completion, ConvergenceWarning, alternating_least_squares, complete, hold_out, soft_impute

METHODS = {
    "soft_impute": lambda a, **options: soft_impute(a, **{"penalty": 0.1} | options),
    "als": lambda a, **options: alternating_least_squares(a, **{"rank": 2, "penalty": 0.1} | options),
}


@pytest.fixture(params=METHODS)
def method(request):
    """Each way to complete a matrix at one penalty."""
    return METHODS[request.param]


def test_explicit_zeros_are_observed(method, dtype):
    a = np.ones((6, 5), dtype)
    a[2, 3] = 0
    z = method(at(a, np.ones(a.shape, bool)), penalty=1e-3, rank=2)
    assert abs(z.reconstruct()[2, 3]) < 0.01
    without = at(a, a != 0)
    assert abs(method(without, penalty=1e-3, rank=1).reconstruct()[2, 3] - 1) < 0.01


def test_the_format_of_the_sparse_matrix_does_not_matter_and_it_stays_as_it_is(method):
    a = seen(low_rank(20, 15, 2, np.float64), 0.5)
    expected = method(a, rng=0).reconstruct()
    for form in ("csr", "csc", "coo", "dok", "lil"):
        given = a.asformat(form)
        before = given.copy()
        np.testing.assert_array_equal(method(given, rng=0).reconstruct(), expected)
        assert (given != before).nnz == 0
    shuffled = np.random.default_rng(0).permutation(a.nnz)
    coords = tuple(index[shuffled] for index in a.coords)
    np.testing.assert_array_equal(
        method(sparse.coo_array((a.data[shuffled], coords), shape=a.shape), rng=0).reconstruct(), expected
    )


def test_the_result_is_a_singular_value_decomposition_with_its_error(method, dtype):
    observed = seen(low_rank(30, 25, 2, dtype), 0.6)
    z = method(observed)
    U, s, Vh = z
    k = z.rank
    assert isinstance(z, Completion)
    assert (U.shape, s.shape, Vh.shape, z.shape) == ((30, k), (k,), (k, 25), (30, 25))
    assert (U.dtype, s.dtype, Vh.dtype, z.dtype) == (dtype, np.finfo(dtype).dtype, dtype, dtype)
    for factor in (U, Vh.conj().T):
        np.testing.assert_allclose(factor.conj().T @ factor, np.eye(k), rtol=0, atol=50 * eps(dtype))
    assert (np.diff(s) <= 0).all() and (s > 0).all()
    full, (rows, columns) = z.reconstruct(), observed.coords
    wrong = np.linalg.norm(observed.data - full[rows, columns])
    assert z.error == pytest.approx(wrong, rel=100 * eps(dtype))
    assert z.rms_error(observed) == pytest.approx(wrong / np.sqrt(observed.nnz), rel=100 * eps(dtype))
    np.testing.assert_allclose(z.entries(rows, columns), full[rows, columns], rtol=0, atol=50 * eps(dtype))
    np.testing.assert_allclose(z.entries([-1], [-2]), full[[-1], [-2]], rtol=0, atol=50 * eps(dtype))
    x = np.arange(25).astype(dtype)
    np.testing.assert_allclose(z @ x, full @ x, rtol=0, atol=5000 * eps(dtype))
    np.testing.assert_allclose(z.entries([], []), [])
    np.testing.assert_allclose(np.arange(30) @ z, np.arange(30) @ full, rtol=0, atol=5000 * eps(dtype))


def test_tiny_and_huge_entries_are_those_near_one_in_another_unit(method, dtype):
    a = low_rank(20, 15, 2, dtype)
    exponent = 100 if eps(dtype) > 1e-10 else 900
    expected = method(seen(a, 0.7), penalty=0.5, rng=0)
    for unit in (2.0**-exponent, 2.0**exponent):
        z = method(seen(a * dtype.type(unit), 0.7), penalty=0.5 * unit, rng=0)
        np.testing.assert_array_equal(z.s / unit, expected.s)
        np.testing.assert_array_equal(z.U, expected.U)
        assert z.error / unit == pytest.approx(expected.error)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 4)], ids=str)
def test_nothing_observed_gives_zero(method, shape, dtype):
    z = method(sparse.coo_array(shape, dtype=dtype), rank=0)
    assert (z.rank, z.error, z.converged, z.dtype) == (0, 0, True, dtype)
    np.testing.assert_array_equal(z.reconstruct(), np.zeros(shape))


def test_zeros_give_zero(method):
    z = method(at(np.zeros((5, 4)), np.ones((5, 4), bool)))
    assert (z.rank, z.error, z.converged) == (0, 0, True)


def test_one_row_one_column_and_one_entry_work(method):
    for shape in ((1, 6), (6, 1), (1, 1)):
        a = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
        z = method(at(a, np.ones(shape, bool)), penalty=1e-6, rank=1, rtol=1e-10)
        np.testing.assert_allclose(z.reconstruct(), a, rtol=1e-5)


def test_rows_and_columns_without_an_entry_are_zero(method):
    a = low_rank(12, 10, 1, np.float64)
    mask = np.ones(a.shape, bool)
    mask[3], mask[:, 4] = False, False
    full = method(at(a, mask), penalty=0.01).reconstruct()
    np.testing.assert_allclose(full[3], 0, atol=1e-12)
    np.testing.assert_allclose(full[:, 4], 0, atol=1e-12)


def test_integers_are_taken_as_doubles(method):
    a = sparse.coo_array(np.array([[1, 2], [2, 4]]))
    assert method(a).dtype == np.float64


def test_a_start_at_the_solution_is_found_to_be_one(method, dtype):
    observed = seen(low_rank(40, 30, 2, dtype), 0.5)
    solution = method(observed, rtol=1e-6 if eps(dtype) > 1e-10 else 1e-9, rng=0)
    again = method(observed, rtol=1e-3, start=solution, rng=0)
    assert again.iterations <= 3 < solution.iterations
    np.testing.assert_allclose(again.reconstruct(), solution.reconstruct(), rtol=0, atol=2e-3)


@pytest.mark.parametrize("name", ["soft_impute", "als"])
def test_too_few_iterations_are_a_warning_that_says_what_to_do(name):
    observed = seen(low_rank(20, 15, 2, np.float64), 0.5)
    with pytest.warns(ConvergenceWarning, match=r"stopped after 1 iterations, .*raise maxiter") as told:
        z = METHODS[name](observed, maxiter=1)
    assert [warning.filename for warning in told] == [__file__]
    assert (z.iterations, z.converged) == (1, False)
    assert "not converged" in repr(z)
    with pytest.warns(ConvergenceWarning, match=f"complete by {name} stopped after 1 iterations") as told:
        complete(observed, method=name, rank=2, maxiter=1, rng=0)
    assert len(told) == 1


@pytest.mark.parametrize("unit", ["small", "large"])
@pytest.mark.parametrize("name", ["soft_impute", "als"])
def test_no_unit_of_entries_and_penalty_overflows(name, unit, dtype):
    """Entries of 1e-300 and 1e300, single precision 1e-38 and 1e38, with penalties far above and below."""
    single = eps(dtype) > 1e-10
    unit = {"small": 1e-38 if single else 1e-300, "large": 1e37 if single else 1e300}[unit]
    a = low_rank(8, 6, 1, np.dtype(dtype.char.upper().replace("F", "D") if dtype.kind == "c" else "d"))
    observed = seen(a, 0.8)
    observed = sparse.coo_array(((observed.data * unit).astype(dtype), observed.coords), shape=a.shape)
    zero = METHODS[name](observed, penalty=1e3 * unit if unit < 1 else min(1e3 * unit, 1e308), rank=2)
    assert (zero.rank, zero.converged) == (0, True)
    assert zero.error == pytest.approx(unit * np.linalg.norm(observed.data.astype(a.dtype) / unit), rel=1e-3)
    assert METHODS[name](observed, penalty=1e300, rank=2).rank == 0 or unit == 1e300
    close = METHODS[name](observed, penalty=1e-3 * unit, rank=2)
    assert np.linalg.norm(close.reconstruct() / unit - a) < 0.1 * np.linalg.norm(a)
    chosen = complete(observed, method="als", rank=1, rng=0)
    assert np.linalg.norm(chosen.reconstruct() / unit - a) < 0.1 * np.linalg.norm(a)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):  # of a penalty below rounding error
        least = METHODS[name](observed, penalty=1e-323, rank=1, maxiter=100)
    assert np.linalg.norm(least.reconstruct() / unit - a) < 0.1 * np.linalg.norm(a)


def test_singular_values_that_overflow_are_said(method):
    a = np.full((4, 4), np.finfo(np.float64).max)
    with pytest.raises(OverflowError, match="singular values of Z overflow in float64; scale a down"):
        method(at(a, np.ones(a.shape, bool)))


def test_a_start_in_another_unit_is_refused(method):
    observed = seen(low_rank(12, 10, 2, np.float64), 0.8)
    start = method(observed, rng=0)
    with pytest.raises(ValueError, match="start must not be so large that the entries of a are its rounding error"):
        method(observed * 1e-300, start=start)
    tiny = method(observed * 1e-300, penalty=1e-301, rng=0)
    expected = method(observed, rng=0, rtol=1e-8)
    np.testing.assert_allclose(
        method(observed, start=tiny, rng=0, rtol=1e-8).reconstruct(), expected.reconstruct(), rtol=0, atol=1e-5
    )


def test_held_out_entries_and_the_others_are_the_observed_ones(dtype):
    a = low_rank(30, 20, 2, dtype)
    a[0] = 0
    observed = at(a, np.random.default_rng(0).random(a.shape) < 0.5)
    kept, held_out = hold_out(observed, 0.25, rng=1)
    assert kept.dtype == held_out.dtype == dtype
    assert held_out.nnz == round(0.25 * observed.nnz)
    assert kept.nnz + held_out.nnz == observed.nnz
    both = sparse.coo_array((np.ones(kept.nnz), kept.tocoo().coords), shape=a.shape) + sparse.coo_array(
        (np.ones(held_out.nnz), held_out.tocoo().coords), shape=a.shape
    )
    assert both.max() == 1
    np.testing.assert_array_equal((kept + held_out).toarray(), observed.toarray())
    assert (hold_out(observed, 0.25, rng=1)[1] != held_out).nnz == 0
    assert [part.nnz for part in hold_out(observed, 0)] == [observed.nnz, 0]
    assert [part.nnz for part in hold_out(observed, 1)] == [0, observed.nnz]


@pytest.mark.parametrize("name", ["soft_impute", "als"])
def test_the_penalty_is_the_best_on_the_path_and_what_was_held_out_is_used_in_the_end(name):
    a = low_rank(80, 60, 3, np.float64)
    observed = seen(a, 0.5)
    observed.data += 0.2 * np.random.default_rng(1).standard_normal(observed.nnz)
    z = complete(observed, method=name, rank=10 if name == "als" else None, rng=0)
    errors = [step.held_out_error for step in z.path]
    assert z.held_out_error == min(errors) == errors[-2]
    assert z.penalty == z.path[-2].penalty
    assert (np.diff([step.penalty for step in z.path]) < 0).all()
    missing = np.sqrt(
        np.mean((a - z.reconstruct())[~np.isin(np.arange(a.size), _flat(observed)).reshape(a.shape)] ** 2)
    )
    assert missing == pytest.approx(np.sqrt(z.held_out_error**2 - 0.2**2), rel=0.35)
    solve = METHODS[name](observed, penalty=z.penalty, rank=10 if name == "als" else None, rtol=1e-7)
    assert relative(z, solve.reconstruct()) < 1e-2


def _flat(observed):
    return observed.coords[0] * observed.shape[1] + observed.coords[1]


def test_given_penalties_are_tried_from_large_to_small():
    observed = seen(low_rank(30, 25, 2, np.float64), 0.6)
    z = complete(observed, penalties=[0.1, 10, 1], rng=0)
    assert [step.penalty for step in z.path] == [10, 1, 0.1]
    assert complete(observed, penalties=2.0, rng=0).penalty == 2.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"a": np.ones((2, 2))},
            TypeError,
            "a must be a SciPy sparse matrix whose stored entries are the observed ones",
        ),
        ({"a": sparse.coo_array(([1, 2], ([0, 0], [1, 1])), shape=(2, 2))}, ValueError, "each entry at most once"),
        ({"a": sparse.coo_array(([np.nan], ([1], [0])), shape=(2, 2))}, ValueError, r"entry \(1, 0\) is nan"),
        ({"a": sparse.coo_array(np.ones(3))}, ValueError, "a must have 2 dimensions, got 1"),
        ({"penalty": -1}, ValueError, "penalty must be finite and at least 0, got -1"),
        ({"penalty": None}, ValueError, "penalty must be"),
        ({"rank": 3}, ValueError, "rank must be between 0 and 2 for this matrix, got 3"),
        ({"rtol": "1"}, TypeError, "rtol must be a real number"),
        ({"maxiter": 1.5}, TypeError, "maxiter must be an integer"),
        ({"start": np.ones((2, 2))}, TypeError, "start must be a Completion or None, got ndarray"),
        (
            {"start": soft_impute(sparse.coo_array(np.eye(3)), penalty=0.1)},
            ValueError,
            r"start must have the shape \(2, 2\) of a, got \(3, 3\)",
        ),
    ],
)
def test_what_is_wrong_is_named(method, options, error, message):
    with pytest.raises(error, match=message):
        method(**{"a": sparse.coo_array(np.eye(2))} | options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda a: complete(a, method="svd"), ValueError, "method must be one of 'soft_impute', 'als', got 'svd'"),
        (lambda a: complete(a, method="als"), ValueError, "rank must be an integer for method='als', got None"),
        (lambda a: complete(a, fraction=0), ValueError, "fraction must leave entries to fit and to measure on"),
        (lambda a: complete(a, fraction=1), ValueError, "fraction must leave entries to fit and to measure on"),
        (lambda a: complete(a, penalties=[]), ValueError, "penalties must hold at least one number, got none"),
        (lambda a: complete(a, penalties=["1"]), TypeError, "penalty must be a real number"),
        (lambda a: complete(a, penalties=[-1.0]), ValueError, "penalty must be finite and at least 0"),
        (lambda a: hold_out(a, 1.5), ValueError, r"fraction must be between 0 and 1, got 1\.5"),
        (lambda a: hold_out(a, None), ValueError, "fraction must be between 0 and 1, got None"),
        (lambda a: soft_impute(a, penalty=0), ValueError, "penalty must be greater than 0, got 0"),
        (
            lambda a: soft_impute(a, penalty=1).rms_error(sparse.eye_array(3)),
            ValueError,
            r"a must have the shape \(2, 2\)",
        ),
        (
            lambda a: soft_impute(a, penalty=1).rms_error(sparse.coo_array((2, 2))),
            ValueError,
            "at least one entry, got none",
        ),
        (
            lambda a: soft_impute(a, penalty=1).entries([0], [0, 1]),
            ValueError,
            "must be of the same length, got 1 and 2",
        ),
        (
            lambda a: soft_impute(a, penalty=1).entries([0.5], [0]),
            TypeError,
            r"rows must be a vector of integers, got \[0\.5\]",
        ),
        (lambda a: soft_impute(a, penalty=1).entries([2], [0]), IndexError, "out of bounds"),
    ],
)
def test_what_is_wrong_with_a_choice_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call(sparse.coo_array(np.eye(2)))
