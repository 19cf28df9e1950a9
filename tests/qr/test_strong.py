"""Strong rank-revealing QR: what it certifies holds, where greedy pivots would do and where they would not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import (
    DTYPES,
    ZOO,
    algebraic,
    duplicated,
    extreme,
    gaussian,
    geometric,
    graded,
    kahan,
    rank_deficient,
    relu,
    rotated_kahan,
    scaled,
)
from measures import THRESHOLD, assert_same, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import StrongRRQR, TruncatedQR, interpolative_decomposition, strong_rrqr

ANY = 1 - 1e-4  # as tie_tol: the first of almost all columns is taken, which makes many exchanges necessary


def wide(a):
    """In double precision."""
    return a.astype(np.result_type(a, np.float64))


def kahan_blocks(count, n, dtype):
    """Several Kahan matrices side by side: as many small singular values that greedy pivots miss."""
    return np.kron(np.eye(count), kahan(n, np.float64)).astype(dtype)


def exchange_factors(a, f):
    """T and rho_ij from their definition, by a QR factorization of the chosen columns in double precision."""
    k, a = f.rank, wide(a[:, f.P])
    a = a / (np.abs(a).max(initial=0) or 1)
    q, r = np.linalg.qr(a[:, :k])
    t = np.linalg.solve(r, q.conj().T @ a[:, k:])
    left = np.linalg.norm(a[:, k:] - a[:, :k] @ t, axis=0)
    return t, np.hypot(np.abs(t), np.outer(np.linalg.norm(np.linalg.inv(r), axis=1), left))


def assert_strong(a, f, bound=2.0):
    """A factorization of A with max |T_ij| and max rho_ij within the bound, and what the object says they are."""
    k, (m, n) = f.rank, a.shape
    np.testing.assert_array_equal(np.sort(f.P), np.arange(n))
    q, r = f.form_q(), f.R
    assert (q.shape, r.shape, q.dtype, r.dtype) == ((m, k), (k, n), a.dtype, a.dtype)
    assert qr_ratio(a[:, f.P[:k]], q, r[:, :k], np.arange(k)) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    t, rho = exchange_factors(a, f)
    error = 10 * np.sqrt(eps(a.dtype))
    assert f.max_coefficient <= f.rho <= max(bound, 1 + error)
    assert np.abs(f.interpolation()[:, f.P[k:]]).max(initial=0) <= max(bound, 1 + error)
    noise = THRESHOLD * max(a.shape) * eps(a.dtype) * np.linalg.cond(wide(r[:, :k])) if k else 0
    if noise < 1e-2:
        assert f.max_coefficient == pytest.approx(np.abs(t).max(initial=0), rel=error + noise, abs=noise)
        assert f.rho >= rho.max(initial=0) * (1 - error - noise) - noise  # some norms of R22 are known as bounds


def assert_bounds(a, f):
    """All singular values of R11 and R22 lie within the factor `bound`, and those of A within what follows from R11."""
    k, q, values = f.rank, f.bound, np.linalg.svdvals(wide(a))
    rounding = THRESHOLD * max(a.shape) * eps(a.dtype) * values.max(initial=0)
    residual = wide(a)[:, f.P[k:]] - wide(f.form_q()) @ f.R[:, k:]
    of_r11, of_r22 = np.linalg.svdvals(wide(f.R[:, :k])), np.linalg.svdvals(residual)[: len(values) - k]
    assert q == pytest.approx(np.sqrt(1 + f.rho**2 * k * (a.shape[1] - k)))
    assert np.all(values[:k] / q <= of_r11 + rounding)
    assert np.all(of_r11 <= values[:k] + rounding)
    assert np.all(values[k:] <= of_r22 + rounding)
    assert np.all(of_r22 <= q * values[k:] + q * rounding)
    lower, upper = f.singular_value_bounds()
    assert lower.dtype == upper.dtype == a.real.dtype
    assert lower.shape == upper.shape == (min(k + 1, *a.shape),)
    assert np.all(lower <= values[: len(lower)] + rounding)
    assert np.all(values[: len(lower)] <= upper + q * rounding)


@pytest.mark.parametrize("name", ZOO)
def test_every_matrix_gets_a_strong_factorization(name, dtype, driver):
    a = ZOO[name](dtype)
    before = a.copy()
    for rank in [k for k in (0, 1, 5, 33, None) if k is None or k <= min(a.shape)]:
        f = strong_rrqr(a, rank=rank, driver=driver)
        assert f.rank <= (min(a.shape) if rank is None else rank)
        assert_strong(a, f)
    np.testing.assert_array_equal(a, before)


MANY = {
    "gaussian": lambda t: gaussian(60, 90, t),
    "algebraic": lambda t: algebraic(90, 60, t),
    "geometric": lambda t: geometric(70, 70, t, last=np.sqrt(eps(t))),
    "relu": lambda t: relu(120, 60, t),
    "graded": lambda t: graded(80, 60, t),
    "duplicated columns": lambda t: duplicated(50, 60, t),
    "rank-deficient": lambda t: rank_deficient(60, 50, t, rank=20),
    "wide, all rows": lambda t: gaussian(25, 120, t),
    "kahan blocks": lambda t: kahan_blocks(3, 30, t),
}


@pytest.mark.parametrize("bound", [1, 1.1, 2, 10])
@pytest.mark.parametrize("name", MANY)
def test_from_bad_columns_it_takes_many_exchanges(name, bound, dtype):
    a = MANY[name](dtype)
    for rank in (7, 25):
        f = strong_rrqr(a, rank=rank, f=bound, tie_tol=ANY)
        assert_strong(a, f, bound)
        assert_bounds(a, f)
        # the interpolation error, beside that of the best approximation of the rank
        best = np.append(np.linalg.svdvals(wide(a)), 0)[f.rank]
        error = np.linalg.norm(wide(a) - wide(a)[:, f.P[: f.rank]] @ f.interpolation(), 2)
        rounding = 100 * max(a.shape) * eps(dtype) * np.linalg.norm(a, 2)
        q = np.sqrt(1 + max(bound, 1.01) ** 2 * f.rank * (a.shape[1] - f.rank))
        assert error <= q * best + rounding * (1 + f.max_coefficient)
    assert f.swaps > 0 or bound > 1 or name == "duplicated columns"


def test_more_columns_come_in_than_a_round_has_room_for(dtype):
    """In the order of the matrix the first forty columns come first, and all of them are short."""
    a = gaussian(120, 150, dtype)
    a[:, :40] *= a.real.dtype.type(1e-2)
    f = strong_rrqr(a, rank=40, tie_tol=1 - 1e-6)
    assert f.swaps >= 40
    assert not np.isin(np.arange(40), f.P[:40]).any()
    assert_strong(a, f)
    assert_bounds(a, f)


@pytest.mark.parametrize("make", [kahan, rotated_kahan])
@pytest.mark.parametrize(("n", "rank"), [(100, 99), (200, 199), (200, 120)])
def test_the_smallest_singular_value_of_kahans_matrix_is_found(make, n, rank, dtype):
    a = make(n, dtype, angle=1.2)
    f, single = strong_rrqr(a, rank=rank), eps(dtype) > 1e-10
    assert f.rank == rank if not single or rank < 100 else f.rank >= 99
    assert f.swaps >= 1
    assert_strong(a, f)
    assert_bounds(a, f)
    least = np.linalg.svdvals(wide(f.R[:, : f.rank]))[-1]
    assert least >= np.linalg.svdvals(kahan(n, np.float64))[f.rank - 1] / np.sqrt(1 + 4 * f.rank * (n - f.rank))
    if rank == 99 and make is kahan:  # and greedy pivots keep the order
        greedy = TruncatedQR(a, rank=rank, tie_tol=1e4 * eps(dtype))
        assert np.abs(np.linalg.solve(greedy.R[:, :99], greedy.R[:, 99:])).max() > 1e12


def test_inverses_beyond_the_range_of_numbers_are_no_obstacle(dtype):
    """The inverse of this triangle grows to 2^n: to infinity in single, beyond what can be squared in double."""
    n = 160 if eps(dtype) > 1e-10 else 450
    a = (np.eye(n) - np.triu(np.ones((n, n)), 1)).astype(dtype)
    f = strong_rrqr(a, rank=n - 1, tie_tol=ANY)
    assert f.rank == n - 1
    assert f.swaps >= 1
    assert_strong(a, f)


def test_the_rank_is_that_of_the_chosen_columns(dtype):
    """Two small singular values are hidden where greedy pivoting sees none: below rounding they do not count."""
    a = kahan_blocks(2, 110, dtype)
    f = strong_rrqr(a)
    values = np.linalg.svdvals(wide(a))
    assert f.rank == np.sum(values > 2 * max(a.shape) * eps(dtype) * np.linalg.norm(a, axis=0).max())
    assert_strong(a, f)


def test_a_rank_deficient_matrix_has_its_rank(dtype, driver):
    a = rank_deficient(60, 50, dtype, rank=9)
    for rank in (8, 9, 10, 50, None):
        f = strong_rrqr(a, rank=rank, driver=driver)
        assert f.rank == min(9, rank or 9)
        assert_strong(a, f)


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_of_the_matrix_does_not_matter(which, dtype):
    a = gaussian(60, 50, dtype)
    f, g = (strong_rrqr(x, rank=20, f=1.05, tie_tol=ANY) for x in (a, scaled(a, extreme(dtype)[which])))
    np.testing.assert_array_equal(f.P, g.P)
    assert (f.swaps, f.rank) == (g.swaps, g.rank)
    assert (g.max_coefficient, g.rho) == pytest.approx((f.max_coefficient, f.rho), rel=1e3 * eps(dtype))
    assert f.swaps > 0


def test_a_tolerance_holds_after_the_exchanges(dtype):
    a = algebraic(90, 80, dtype)
    for tie_tol in (0, 0.5, 0.9):
        for rtol in (0.5, 0.2, 0.1):
            f = strong_rrqr(a, rtol=rtol, f=1.05, tie_tol=tie_tol)
            assert 0 < f.rank < 80
            assert f.residual_column_norms.max() <= rtol * np.linalg.norm(a, axis=0).max() * (1 + 1e3 * eps(dtype))
            assert_strong(a, f, 1.05)
            g = strong_rrqr(a, atol=rtol * np.linalg.norm(a, axis=0).max(), f=1.05, tie_tol=tie_tol)
            assert abs(g.rank - f.rank) <= 1


@pytest.mark.parametrize("name", ["gaussian", "relu", "algebraic", "geometric"])
def test_where_greedy_pivots_are_strong_they_stay(name, dtype, driver):
    a = MANY[name](dtype)
    f, greedy = strong_rrqr(a, rank=20, driver=driver), TruncatedQR(a, rank=20, driver=driver)
    assert f.swaps == 0
    np.testing.assert_array_equal(f.P, greedy.P)
    np.testing.assert_allclose(f.R, greedy.R, rtol=0, atol=1e2 * eps(dtype) * np.abs(a).max())
    assert f.maxresid == pytest.approx(greedy.maxresid, rel=10 * np.sqrt(eps(dtype)))
    assert f.rho == pytest.approx(exchange_factors(a, f)[1].max(), rel=10 * np.sqrt(eps(dtype)))
    assert isinstance(f, TruncatedQR)


def test_the_chosen_columns_stand_in_greedy_order(dtype):
    a = gaussian(60, 90, dtype)
    f = strong_rrqr(a, rank=50, f=1)
    assert f.swaps > 0
    np.testing.assert_array_equal(TruncatedQR(a[:, f.P[:50]]).P, np.arange(50))


def test_of_columns_that_would_do_equally_the_first_comes_in(dtype):
    """And those that are as long as the chosen one stay out."""
    for columns, first, swaps in (([1, 3, 3, 2], 1, 1), ([3, 3, 1], 0, 0), ([3, -3, 3], 0, 0)):
        f = strong_rrqr(np.array([columns, columns], dtype), rank=1, f=1, tie_tol=ANY)
        assert (f.P[0], f.swaps) == (first, swaps)


def test_a_bound_is_met_to_the_last_digit_and_equal_columns_stay_for_any(dtype):
    slack = np.sqrt(eps(dtype))
    f = strong_rrqr(np.array([[1, 2 + 20 * eps(dtype)]], dtype), rank=1, f=2, tie_tol=ANY)
    assert (f.swaps, f.rho <= 2) == (1, True)
    for bound in (1, 1 + slack, 1 + 3 * slack):
        assert strong_rrqr(np.array([[3, 3, 1]], dtype), rank=1, f=bound).swaps == 0


def test_columns_that_are_tied_with_what_is_numerically_zero_end_it(dtype):
    """The second column is taken before the third, is below rounding, and so is left out again, and taken again."""
    a = np.diag([1, 1 / 4, 2]).astype(dtype)
    a[1:] *= 3 * eps(dtype)
    f = strong_rrqr(a, tie_tol=ANY)
    assert f.rank == 1
    assert_strong(a, f)


def test_everything_that_a_truncated_qr_does_it_does_for_its_own_columns(dtype):
    a = kahan_blocks(2, 30, dtype)
    f = strong_rrqr(a, rank=40)
    assert f.swaps > 0
    chosen, k = a[:, f.P[:40]], f.rank
    b = gaussian(60, 3, dtype)
    z, resid = f.lstsq(b)
    np.testing.assert_allclose(z, np.linalg.lstsq(chosen, b)[0], rtol=0, atol=1e4 * eps(dtype))
    np.testing.assert_allclose(resid, np.linalg.norm(b - chosen @ z, axis=0), rtol=1e3 * eps(dtype))
    q = f.form_q(full=True)
    np.testing.assert_allclose(f.apply_q(b, adjoint=True), q.conj().T @ b, rtol=0, atol=1e2 * eps(dtype))
    assert qr_ratio(a[:, f.P[:k]], f.form_q(), np.triu(f.qr[:k, :k]), np.arange(k)) <= THRESHOLD
    residual = wide(a)[:, f.P] - wide(f.form_q()) @ f.R
    assert f.residual_norm == pytest.approx(np.linalg.norm(residual), rel=1e3 * eps(dtype))
    norms = np.linalg.norm(residual[:, k:], axis=0)
    np.testing.assert_allclose(f.residual_column_norms, norms, rtol=0, atol=100 * eps(dtype))
    assert f.maxresid == pytest.approx(norms.max(), rel=10 * np.sqrt(eps(dtype)))
    diagonal = np.abs(np.diagonal(f.R))
    assert np.all(diagonal[1:] <= diagonal[:-1] * (1 + 10 * np.sqrt(eps(dtype))))


def test_an_extension_is_strong_again(dtype, driver):
    a = kahan_blocks(2, 30, dtype)
    f = strong_rrqr(a, rank=10, driver=driver)
    for rule in ({"rank": 30}, {"rank": 30}, {"rtol": 0.2}, {"rank": 58}, {}):
        before = f.rank
        assert f.extend(**rule) is f
        assert f.rank >= min(before, 58)
        assert_strong(a, f)
        assert_bounds(a, f)


def test_a_bounded_interpolative_decomposition_is_that_of_the_strong_factorization(dtype):
    a, tie_tol = kahan_blocks(2, 30, dtype), 1e4 * eps(dtype)
    f = strong_rrqr(a, rank=58, tie_tol=tie_tol)
    for refit in (None, "lstsq"):
        d = interpolative_decomposition(a, rank=58, f=2, refit=refit, tie_tol=tie_tol)
        np.testing.assert_array_equal(d.columns, f.P[:58])
        np.testing.assert_allclose(d.coefficients, f.interpolation(), rtol=0, atol=1e4 * eps(dtype))
        assert d.error == pytest.approx(f.residual_norm, rel=1e4 * eps(dtype), abs=1e3 * eps(dtype))
    assert np.abs(interpolative_decomposition(a, rank=58, tie_tol=tie_tol).coefficients).max() > 1e3
    assert np.abs(interpolative_decomposition(a, rank=58, f=1.5, tie_tol=tie_tol).coefficients).max() <= 1.5


def test_a_matrix_that_may_be_overwritten_is_given_up_for_the_same_result(dtype):
    a = kahan_blocks(2, 30, dtype)
    own = np.asfortranarray(a.copy())
    f, g = strong_rrqr(a, rank=40), strong_rrqr(own, rank=40, overwrite_a=True)
    np.testing.assert_array_equal(f.P, g.P)
    assert_same(f.R, g.R)
    assert not np.array_equal(own, a)


def test_without_the_check_a_nan_ends_it(dtype):
    a = gaussian(20, 15, dtype)
    a[3, 4] = np.nan
    f = strong_rrqr(a, check_finite=False)
    assert f.rank <= 15


@pytest.mark.parametrize("value", [0.999, 0, -1, np.nan, np.inf, 10**400, None], ids=str)
def test_a_bound_that_no_factorization_meets_is_refused(value):
    with pytest.raises(ValueError, match=r"\bf must be finite and at least 1, got"):
        strong_rrqr(np.eye(3), f=value)


@pytest.mark.parametrize("value", ["2", 1j, [2.0], True], ids=repr)
def test_a_bound_that_is_no_number_is_refused(value):
    for factorize in (strong_rrqr, interpolative_decomposition):
        with pytest.raises(TypeError, match=r"\bf must be a real number"):
            factorize(np.eye(3), f=value)


def test_the_representation_says_what_it_is():
    f = strong_rrqr(np.eye(4, 3), rank=2)
    assert isinstance(f, StrongRRQR)
    assert repr(f).startswith("<StrongRRQR of shape (4, 3), float64: rank 2")


@st.composite
def cases(draw):
    """Integer matrices, with ties and dependent columns, or Gaussian ones; a rank, a bound, a width of ties."""
    m, n = draw(st.tuples(st.integers(0, 12), st.integers(0, 12)))
    dtype, rng = draw(st.sampled_from(DTYPES)), np.random.default_rng(draw(st.integers(0, 2**32)))
    a = rng.integers(-2, 3, (m, n)) if draw(st.booleans()) else rng.standard_normal((m, n))
    a = (a * (1 + 1j * rng.integers(-1, 2, (m, n)))).astype(dtype) if dtype.kind == "c" else a.astype(dtype)
    return a, draw(st.integers(0, min(m, n))), draw(st.floats(1, 3)), draw(st.sampled_from([0.0, 0.5, ANY]))


@given(cases())
def test_any_matrix_gets_a_strong_factorization(case):
    a, rank, bound, tie_tol = case
    f = strong_rrqr(a, rank=rank, f=bound, tie_tol=tie_tol)
    assert f.rank == min(rank, np.linalg.matrix_rank(wide(a), tol=1e-4) if a.size else 0)
    assert_strong(a, f, bound)
    assert_bounds(a, f)
