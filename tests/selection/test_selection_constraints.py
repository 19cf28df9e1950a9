"""Columns that must be in or out, and held-out rows: the semantics of LAPACK's ?GECXX."""

import numpy as np
import pytest
from matrices import algebraic, extreme, gaussian, rotated_kahan, scaled
from measures import eps
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator
from selections import wide

from bench.family.selection import WAYS
from rrqr_lapack import select_columns

M, N, K = 40, 30, 9
CONSTRAINTS = {
    "none": {},
    "include": {"include": [17, 3, 8]},
    "exclude": {"exclude": [0, 29, 5]},
    "rows": {"heldout_rows": [1, 2, 30]},
    "all": {"include": [4, 2], "exclude": [0, 1, 7], "heldout_rows": [39, 0, 12, 11]},
    "as many as allowed": {"include": list(range(K))},
}
constraints = pytest.mark.parametrize("name", CONSTRAINTS)
as_dense_or_sparse = pytest.mark.parametrize("kind", [np.asarray, sparse.csc_array], ids=["dense", "sparse"])


def gecxx(a, kmaxfree, abstol=-1.0, reltol=-1.0, include=(), exclude=(), heldout_rows=()):
    """JPIV(1:K), MAXC2NRMK, FNRMK and X as the comments in DGECXX define them, by explicit projections."""
    a = wide(a)
    sub = np.delete(a, heldout_rows, axis=0)
    took_part = [j for j in range(a.shape[1]) if j not in exclude]
    longest = np.linalg.norm(sub[:, took_part], axis=0).max()
    residual, chosen = sub.copy(), []

    def take(j):
        chosen.append(j)
        q = residual[:, j] / np.linalg.norm(residual[:, j])
        for _ in range(2):
            residual[:] -= np.outer(q, q.conj() @ residual)
        residual[:, j] = 0

    for j in include:
        take(j)
    while len(chosen) < min(len(include) + kmaxfree, sub.shape[0], len(took_part)):
        norms = np.linalg.norm(residual[:, took_part], axis=0)
        if norms.max() <= max(abstol, reltol * longest):
            break
        take(took_part[int(np.argmax(norms))])
    left = residual[:, took_part]
    x = np.linalg.lstsq(a[:, chosen], a)[0]
    return chosen, np.linalg.norm(left, axis=0).max(), np.linalg.norm(left), x


@constraints
@as_dense_or_sparse
def test_the_choice_is_that_of_gecxx(name, kind, dtype):
    a, given = algebraic(M, N, dtype), CONSTRAINTS[name]
    chosen, _, fnrmk, x = gecxx(a, K - len(given.get("include", ())), **given)
    found = select_columns(kind(a), K, **given)
    np.testing.assert_array_equal(found.columns, chosen)
    assert found.training_error == pytest.approx(fnrmk, rel=1e3 * eps(dtype))
    np.testing.assert_allclose(found.coefficients, x, atol=1e3 * eps(dtype))
    assert found.error == pytest.approx(np.linalg.norm(wide(a) - wide(a)[:, chosen] @ x), rel=1e3 * eps(dtype))


@constraints
@as_dense_or_sparse
@pytest.mark.parametrize("tolerance", ["rtol", "atol"])
def test_a_tolerance_is_that_of_gecxx(name, kind, tolerance, dtype):
    a, given = algebraic(M, N, dtype), CONSTRAINTS[name]
    value = 0.15 if tolerance == "rtol" else 0.08
    chosen, maxc2nrmk, _, _ = gecxx(a, N, **{{"rtol": "reltol", "atol": "abstol"}[tolerance]: value}, **given)
    found = select_columns(kind(a), **{tolerance: value}, **given)
    np.testing.assert_array_equal(found.columns, chosen)
    assert len(chosen) < min(a.shape)
    assert maxc2nrmk > 0


@constraints
@pytest.mark.parametrize("k", [K, 20])
def test_strong_keeps_the_coefficients_of_freely_chosen_columns_small(name, k, dtype):
    a = rotated_kahan(N, dtype, 1.2)
    given = {**CONSTRAINTS[name], "heldout_rows": []}
    found = select_columns(a, k, method="strong", f=1.5, **given)
    include, exclude = list(given.get("include", ())), list(given.get("exclude", ()))
    assert found.rank == k
    assert found.columns[: len(include)].tolist() == include
    assert not set(exclude) & set(found.columns.tolist())
    assert np.abs(np.delete(found.coefficients, exclude, axis=1)[len(include) :]).max(initial=0) <= 1.5 * (
        1 + 1e5 * eps(dtype)
    )


@constraints
@pytest.mark.parametrize("tolerance", [{"rtol": 0.15}, {"atol": 0.08}], ids=["rtol", "atol"])
def test_strong_obeys_a_tolerance_on_the_rows_and_columns_that_take_part(name, tolerance, dtype):
    a, given = algebraic(M, N, dtype), CONSTRAINTS[name]
    found = select_columns(a, method="strong", **tolerance, **given)
    chosen, _, _, _ = gecxx(a, N, reltol=tolerance.get("rtol", -1), abstol=tolerance.get("atol", -1), **given)
    assert abs(found.rank - len(chosen)) <= 2
    seen = wide(np.delete(a, given.get("heldout_rows", []), axis=0))
    took_part = np.delete(np.arange(N), given.get("exclude", []))
    q = np.linalg.qr(seen[:, found.columns])[0]
    norms = np.linalg.norm(seen - q @ (q.conj().T @ seen), axis=0)[took_part]
    longest = np.linalg.norm(seen[:, took_part], axis=0).max()
    assert norms.max() <= max(tolerance.get("rtol", 0) * longest, tolerance.get("atol", 0)) * (1 + 1e3 * eps(dtype))


@as_dense_or_sparse
def test_a_tolerance_that_holds_at_once_leaves_the_columns_that_must_be_in(kind, dtype):
    assert select_columns(kind(algebraic(M, N, dtype)), rtol=1, include=[6, 2]).columns.tolist() == [6, 2]


@as_dense_or_sparse
def test_columns_that_must_be_in_stay_though_they_are_dependent(kind, dtype):
    a = algebraic(M, N, dtype)
    a[:, 7], a[:, 9] = a[:, 5], 0
    found = select_columns(kind(a), 6, include=[5, 7, 9])
    C, T = found
    assert C[:3].tolist() == [5, 7, 9]
    assert found.rank == 6
    np.testing.assert_array_equal(T[:, C], np.eye(6))
    assert found.max_coefficient < 10
    left = np.linalg.norm(wide(a) - wide(a[:, C]) @ wide(T))
    assert found.error == pytest.approx(left, rel=1e3 * eps(dtype))
    independent = select_columns(a, 4, include=[5])
    assert sorted({*independent.columns.tolist(), 7, 9}) == sorted(C.tolist())
    assert found.error == pytest.approx(independent.error, rel=1e3 * eps(dtype))


@pytest.mark.parametrize("way", WAYS)
def test_no_method_sees_held_out_rows_or_takes_excluded_columns(way, dtype):
    method, options = WAYS[way]
    a = algebraic(M, N, dtype)
    a[:, 5] *= 100
    changed = a.copy()
    changed[3:9] = gaussian(6, N, dtype, 1)
    given = {"method": method, "heldout_rows": range(3, 9), "exclude": [5, 11], "rng": 0, **options}
    found = select_columns(a, K, **given)
    np.testing.assert_array_equal(found.columns, select_columns(changed, K, **given).columns)
    assert not {5, 11} & set(found.columns.tolist())
    assert found.rank == K


@as_dense_or_sparse
@pytest.mark.parametrize("end", [None, 0, 1], ids=["", "tiny", "huge"])
def test_the_heldout_error_is_that_of_coefficients_fitted_to_the_other_rows(kind, end, dtype):
    factor = 1 if end is None else extreme(dtype)[end]
    a = algebraic(M, N, dtype)
    held = np.arange(5, 12)
    found = select_columns(kind(scaled(a, factor)), K, heldout_rows=held, exclude=[3], include=[1])
    seen, unseen = wide(np.delete(a, held, axis=0)), wide(a[held])
    T = np.linalg.lstsq(seen[:, found.columns], seen)[0]
    missed, left = (np.linalg.norm(np.delete(rows - rows[:, found.columns] @ T, 3, axis=1)) for rows in (unseen, seen))
    assert found.heldout_error / factor == pytest.approx(missed, rel=1e4 * eps(dtype))
    assert found.training_error / factor == pytest.approx(left, rel=1e4 * eps(dtype))


def test_masks_are_indices(dtype):
    a = algebraic(M, N, dtype)
    mask, rows = np.zeros((2, N), bool), np.zeros(M, bool)
    mask[0, [3, 7]] = mask[1, [0, 20]] = rows[5:9] = True
    found = select_columns(a, K, include=mask[0], exclude=mask[1], heldout_rows=rows)
    expected = select_columns(a, K, include=[3, 7], exclude=[0, 20], heldout_rows=range(5, 9))
    np.testing.assert_array_equal(found.columns, expected.columns)
    assert found.heldout_error == expected.heldout_error


def test_nothing_left_to_choose_is_no_columns(dtype):
    a = algebraic(M, N, dtype)
    for given in ({"exclude": range(N)}, {"heldout_rows": range(M)}):
        found = select_columns(a, 3, **given)
        assert found.rank == 0
        assert found.error == pytest.approx(np.linalg.norm(a))


def test_fewer_rows_than_columns_asked_for_bound_the_rank():
    found = select_columns(algebraic(M, N, "d"), 8, heldout_rows=range(M - 5), include=[2, 4])
    assert found.rank == 5
    assert found.training_error < 1e-13
    assert found.heldout_error > 0.1


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            {"include": [3], "exclude": [3]},
            ValueError,
            "include and exclude must have no column in common, got 3 in both",
        ),
        ({"include": [3, 3]}, ValueError, "include must hold each index once, got 3 more than once"),
        ({"exclude": [30]}, ValueError, "exclude must be between 0 and 29, got 30"),
        ({"exclude": [-1]}, ValueError, "exclude must be between 0 and 29, got -1"),
        ({"heldout_rows": [1.0]}, TypeError, "heldout_rows must be a vector of integers or a mask"),
        ({"include": 3}, TypeError, "include must be a vector of integers or a mask, got 3"),
        ({"include": np.ones(4, bool)}, ValueError, r"include as a mask must have the shape \(30,\), got \(4,\)"),
        ({"include": range(10)}, ValueError, "rank must be at least the number of columns in include, 10, got 9"),
        ({"include": [1, 2], "heldout_rows": range(39)}, ValueError, "at most as many columns as rows take part, 1"),
        (
            {"include": [1], "method": "gks"},
            ValueError,
            "include must be empty for method='gks', got 1 columns; 'greedy'.* take it",
        ),
    ],
)
def test_constraints_that_cannot_be_met_are_named(given, error, words):
    with pytest.raises(error, match=words):
        select_columns(algebraic(M, N, "d"), K, **given)


def test_constraints_of_a_positive_semidefinite_matrix_or_an_operator_are_refused():
    with pytest.raises(ValueError, match="exclude and heldout_rows must be empty for method='cholesky'"):
        select_columns(np.eye(5), 2, method="cholesky", exclude=[1])
    with pytest.raises(TypeError, match="include, exclude and heldout_rows must be empty for a LinearOperator"):
        select_columns(aslinearoperator(np.eye(5)), 2, method="gks", exclude=[1])
