"""What holds for every matrix, tried on many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matrices import DTYPES
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import TruncatedQR, interpolative_decomposition, qr_truncated

sizes = st.integers(0, 12)
shapes = st.tuples(sizes, sizes)
dtypes = st.sampled_from(DTYPES)
drivers = st.sampled_from(["_prefetch", "greedy", "lapack"])


@st.composite
def integer_matrices(draw, shapes=shapes, largest=3):
    """Small integers: many exact ties, zeros and dependent columns."""
    shape, dtype = draw(shapes), draw(dtypes)
    integers = st.integers(-largest, largest)
    a = draw(hnp.arrays(np.int64, shape, elements=integers)).astype(dtype)
    if dtype.kind == "c":
        a = a + 1j * draw(hnp.arrays(np.int64, shape, elements=integers)).astype(a.real.dtype)
    return a.astype(dtype)


@st.composite
def gaussian_matrices(draw, shapes=shapes):
    """No ties, up to chance."""
    shape, dtype = draw(shapes), draw(dtypes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    a = rng.standard_normal(shape)
    return (a + 1j * rng.standard_normal(shape) if dtype.kind == "c" else a).astype(dtype)


@st.composite
def products(draw):
    """Rank-deficient products of integer matrices, exact."""
    m, k, n = draw(sizes), draw(st.integers(0, 4)), draw(sizes)
    x, y = (draw(hnp.arrays(np.int64, shape, elements=st.integers(-3, 3))) for shape in ((m, k), (k, n)))
    return (x @ y).astype(draw(dtypes))


matrices = st.one_of(integer_matrices(), gaussian_matrices(), products())


@given(matrices, drivers, st.data())
def test_any_truncation_reproduces_the_matrix(a, driver, data):
    rank = data.draw(st.integers(0, min(a.shape)))
    before = a.copy()
    q, r, p = qr_truncated(a, rank=rank, mode="full", driver=driver)
    np.testing.assert_array_equal(a, before)
    np.testing.assert_array_equal(np.sort(p), np.arange(a.shape[1]))
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD


@given(matrices, drivers)
def test_the_diagonal_does_not_increase(a, driver):
    diagonal = np.abs(np.diagonal(qr_truncated(a, mode="r", driver=driver)[0])).astype(float)
    if len(diagonal):
        rounding = 10 * np.sqrt(eps(a.dtype)) * diagonal[:-1] + 12 * eps(a.dtype) * diagonal[0]
        assert np.all(diagonal[1:] <= diagonal[:-1] + rounding)


@given(matrices, drivers, st.lists(st.floats(0, 1.5), min_size=2, max_size=5))
def test_a_smaller_tolerance_gives_at_least_the_rank(a, driver, tolerances):
    ranks = [TruncatedQR(a, rtol=rtol, driver=driver).rank for rtol in sorted(tolerances)]
    assert ranks == sorted(ranks, reverse=True)


@given(matrices, drivers, st.floats(0, 1.5))
def test_the_factorization_stops_where_the_rule_holds_and_not_before(a, driver, rtol):
    f = TruncatedQR(a, rtol=rtol, driver=driver)
    assert f.rank == min(a.shape) or f.relmaxresid <= rtol or f.maxresid == 0
    if f.rank:
        assert TruncatedQR(a, rank=f.rank - 1, driver=driver).relmaxresid > rtol * (1 - 10 * np.sqrt(eps(a.dtype)))


@given(gaussian_matrices(), drivers, st.integers(-100, 100))
def test_scaling_by_a_power_of_two_scales_r_and_nothing_else(a, driver, exponent):
    factor = a.real.dtype.type(2.0**exponent)
    q, r, p = qr_truncated(a, driver=driver)
    q_scaled, r_scaled, p_scaled = qr_truncated(a * factor, driver=driver)
    np.testing.assert_array_equal(p_scaled, p)
    accuracy = 1000 * eps(a.dtype)
    np.testing.assert_allclose(r_scaled / factor, r, rtol=0, atol=accuracy * np.abs(r).max(initial=0))
    assert q_scaled.shape == q.shape


@given(integer_matrices(), st.integers(-90, 90))
def test_scaling_by_a_power_of_two_breaks_no_tie(a, exponent):
    """In exact arithmetic many columns tie here; every rounding is the same at every scale, so the choice is too. What
    is left of a matrix of lower rank is not told apart: it would soon be subnormal in single precision."""
    factor = a.real.dtype.type(2.0**exponent)
    rule = {"mode": "r", "driver": "greedy", "rtol": float(eps(a.dtype))}
    r, p = qr_truncated(a, **rule)
    r_scaled, p_scaled = qr_truncated(a * factor, **rule)
    np.testing.assert_array_equal(p_scaled, p)
    np.testing.assert_array_equal(r_scaled, r * factor)


@given(gaussian_matrices(), drivers, st.randoms(use_true_random=False))
def test_permuting_the_columns_permutes_the_pivots(a, driver, random):
    order = list(range(a.shape[1]))
    random.shuffle(order)
    k = min(a.shape)
    p = qr_truncated(a, mode="r", driver=driver)[1][:k]
    permuted = qr_truncated(a[:, order], mode="r", driver=driver)[1][:k]
    np.testing.assert_array_equal(np.array(order, int)[permuted], p)


@given(integer_matrices(st.tuples(sizes, st.integers(1, 12))), drivers)
def test_the_first_pivot_is_the_first_of_the_longest_columns(a, driver):
    squares = (a.real.astype(int) ** 2 + a.imag.astype(int) ** 2).sum(axis=0)  # exact
    if squares.any() and driver != "lapack":
        assert qr_truncated(a, rank=1, mode="r", driver=driver)[1][0] == np.argmax(squares)


@given(matrices, drivers, st.data())
def test_going_on_gives_the_same_rank_and_residual(a, driver, data):
    k = min(a.shape)
    first = data.draw(st.integers(0, k))
    f, g = TruncatedQR(a, rank=first, driver=driver).extend(), TruncatedQR(a, driver=driver)
    assert qr_ratio(a, f.form_q(), f.R, f.P) <= THRESHOLD
    if driver != "_prefetch":
        np.testing.assert_array_equal(f.P, g.P)
        np.testing.assert_array_equal(f.R, g.R)


@given(gaussian_matrices(), drivers, st.sampled_from([None, "lstsq"]))
def test_a_decomposition_of_full_rank_is_exact(a, driver, refit):
    d = interpolative_decomposition(a, driver=driver, refit=refit)
    scale = np.abs(d.coefficients).max(initial=1) * np.abs(a).max(initial=0)
    np.testing.assert_allclose(d.reconstruct(), a, rtol=0, atol=500 * eps(a.dtype) * scale)
    np.testing.assert_array_equal(d.coefficients[:, d.columns], np.eye(d.rank))


@given(st.one_of(integer_matrices(), products()), drivers, st.sampled_from([None, "lstsq"]))
def test_a_decomposition_has_the_rank_of_an_integer_matrix(a, driver, refit):
    d = interpolative_decomposition(a, driver=driver, refit=refit)
    assert d.rank == np.linalg.matrix_rank(a.astype(np.complex128)) if a.size else d.rank == 0
    scale = np.abs(d.coefficients).max(initial=1) * np.abs(a).max(initial=0)
    np.testing.assert_allclose(d.reconstruct(), a, rtol=0, atol=1000 * eps(a.dtype) * scale)


@given(matrices, drivers, st.data())
def test_least_squares_leaves_a_residual_orthogonal_to_the_columns(a, driver, data):
    rank = data.draw(st.integers(0, min(a.shape)))
    b = np.random.default_rng(data.draw(st.integers(0, 1000))).standard_normal(a.shape[0]).astype(a.dtype)
    f = TruncatedQR(a, rank=rank, driver=driver)
    z, resid = f.lstsq(b)
    chosen = a[:, f.P[: f.rank]]
    left = b - chosen @ z
    scale = (np.linalg.norm(chosen) * np.linalg.norm(z) + np.linalg.norm(b)) * eps(a.dtype)
    assert abs(np.linalg.norm(left) - resid) <= 100 * scale
    assert np.all(np.abs(chosen.conj().T @ left) <= 100 * scale * max(np.linalg.norm(chosen), 1))
