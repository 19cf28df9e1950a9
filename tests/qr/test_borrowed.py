"""The randomized driver reads a contiguous matrix of either order where it lies: nothing else may change by that."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES, algebraic, duplicated, extreme, gaussian, geometric, rank_deficient, scaled
from measures import THRESHOLD, eps, qr_ratio

from rrqr_lapack import TruncatedQR, interpolative_decomposition, qr_truncated

MAKERS = [gaussian, geometric, algebraic]


orders = pytest.mark.parametrize("order", ["F", "C"])


def both(a, call, order):
    """The results for a matrix that can be borrowed and for one that must be copied; neither may be written to."""
    borrowed, copied = np.array(a, order=order), np.repeat(a, 2, axis=0)[::2]
    assert not (copied.flags.f_contiguous or copied.flags.c_contiguous) or min(a.shape) < 2
    borrowed.flags.writeable = copied.flags.writeable = False
    return call(borrowed), call(copied)


@given(
    make=st.sampled_from(MAKERS),
    dtype=st.sampled_from(DTYPES),
    shape=st.tuples(st.integers(2, 300), st.integers(2, 700)),
    part=st.floats(0, 1),
    rtol=st.sampled_from([None, None, 0.7, 0.3, 1e-2]),
    seed=st.integers(0, 5),
    order=st.sampled_from("FC"),
)
def test_results_are_those_of_a_copy(make, dtype, shape, part, rtol, seed, order):
    a, rank = make(*shape, dtype), round(part * min(shape))

    def call(a):
        return qr_truncated(a, rank=rank, rtol=rtol, driver="_randomized", rng=seed)

    (q, r, p), (_, r2, p2) = both(a, call, order)
    if eps(dtype) < 1e-10:  # in single precision rounding may decide between two columns, and then all is different
        assert len(r) == len(r2)
        np.testing.assert_array_equal(p[: len(r)], p2[: len(r)])
        accuracy = 1e3 * max(shape) * eps(dtype) * np.abs(r2).max(initial=0)
        np.testing.assert_allclose(np.abs(r), np.abs(r2), rtol=0, atol=accuracy)
    left = a[:, p] - q @ r
    scale = np.linalg.norm(a)
    assert np.linalg.norm(left[:, : len(r)]) <= THRESHOLD * max(shape) * eps(dtype) * scale
    assert np.linalg.norm(q.conj().T @ left) <= THRESHOLD * max(shape) * eps(dtype) * scale


@pytest.mark.parametrize("rank", [0, 1, 127, 128, 129, 230, 256, 257, 300])
@pytest.mark.parametrize("make", MAKERS)
@orders
def test_every_number_of_blocks_and_deferred_updates(order, make, rank, dtype):
    a = make(310, 1300, dtype)

    def call(a):
        return qr_truncated(a, rank=rank, mode="economic", driver="_randomized", rng=1)

    (q, r, p), (_, _, p2) = both(a, call, order)
    if eps(dtype) < 1e-10:  # in single precision rounding may decide between two columns
        np.testing.assert_array_equal(p[:rank], p2[:rank])
    assert qr_ratio(a[:, p[:rank]], q, r[:, :rank], np.arange(rank)) <= THRESHOLD


@orders
@pytest.mark.parametrize(
    "rule", [{"rank": 37}, {"rank": 150}, {"rtol": 0.5}, {"rtol": 1e-3}, {"rank": 40, "f": 1.5}], ids=str
)
def test_an_interpolative_decomposition_knows_its_error(rule, order, dtype):
    a = geometric(200, 500, dtype)

    def call(a):
        return interpolative_decomposition(a, **rule, driver="_randomized", rng=0)

    one, two = both(a, call, order)
    if eps(dtype) < 1e-10:
        np.testing.assert_array_equal(one.columns, two.columns)
    largest, rounding = np.linalg.norm(a, axis=0).max(), float(1e3 * eps(dtype) * np.linalg.norm(a))
    for d in (one, two):
        left = a - a[:, d.columns] @ d.coefficients
        assert d.error == pytest.approx(np.linalg.norm(left), rel=1e-2, abs=rounding)
        if "rtol" in rule:  # it is met, and was not before the last column
            assert np.linalg.norm(left, axis=0).max() <= 1.01 * rule["rtol"] * largest
            q = np.linalg.qr(a[:, d.columns[:-1]])[0]
            assert np.linalg.norm(a - q @ (q.conj().T @ a), axis=0).max() > 0.99 * rule["rtol"] * largest


@orders
def test_where_the_sketch_has_lost_its_columns_the_matrix_is_taken_in(order, dtype):
    a = rank_deficient(250, 900, dtype, rank=60)
    (q, r, p), _ = both(a, lambda a: qr_truncated(a, rtol=300 * eps(dtype), driver="_randomized", rng=0), order)
    assert len(r) == 60
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    a = duplicated(200, 600, dtype)
    (q, r, p), _ = both(a, lambda a: qr_truncated(a, rtol=1e-2, driver="_randomized", rng=0), order)
    assert np.linalg.norm(a[:, p] - q @ r, axis=0).max() <= 1.01e-2 * np.linalg.norm(a, axis=0).max()


@orders
def test_values_that_are_not_finite_are_found(order, dtype):
    for value in (np.nan, np.inf, -np.inf):
        a = np.array(gaussian(300, 400, dtype), order=order)
        a[17, 311] = value
        with pytest.raises(ValueError, match=f"column 311 holds .*{str(value).lstrip('-')}"):
            qr_truncated(a, rank=5, driver="_randomized", rng=0)


@orders
def test_an_object_keeps_no_hold_of_the_matrix(order, dtype):
    a = np.array(geometric(150, 700, dtype), order=order)
    f, expected = TruncatedQR(a, rank=40, driver="_randomized", rng=0), a.copy()
    a[:] = 0
    q = f.form_q()
    left = expected[:, f.P] - q @ (q.conj().T @ expected[:, f.P])
    assert f.residual_norm == pytest.approx(np.linalg.norm(left), rel=1e3 * float(eps(dtype)))
    f.extend(rank=80)
    assert qr_ratio(expected[:, f.P[:80]], f.form_q(), f.R[:, :80], np.arange(80)) <= THRESHOLD


@orders
def test_norms_are_right_where_squares_overflow_or_vanish(order, dtype):
    a = gaussian(150, 400, dtype)
    for factor in extreme(dtype):
        f = qr_truncated(np.array(scaled(a, factor), order=order), rank=20, mode="r", driver="_randomized", rng=0)
        r, p = qr_truncated(np.array(a, order=order), rank=20, mode="r", driver="_randomized", rng=0)
        np.testing.assert_array_equal(f[1], p)
        np.testing.assert_array_equal(f[0], scaled(r, factor))


@orders
@pytest.mark.parametrize("m", [33, 40, 59])
def test_no_candidate_is_rounding_error_where_few_rows_are_left(m, order):
    """The sketch has more rows than the second block's residual: elimination of it goes on in what rounding left."""
    a = gaussian(m, 300, "f8")
    for seed in range(4):
        one, two = both(a, lambda a, seed=seed: qr_truncated(a, driver="_randomized", rng=seed)[2], order)
        np.testing.assert_array_equal(one[:m], two[:m])
