"""`qr` with pivoting on large matrices, where the prefetching kernel takes the place of LAPACK's: SciPy's results."""

import numpy as np
import pytest
import scipy.linalg
from matrices import algebraic, gaussian, geometric, relu, with_zero_columns
from measures import THRESHOLD, assert_same_choices, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import qr

LARGE = {
    "square": lambda t: gaussian(270, 270, t),
    "tall": lambda t: gaussian(550, 100, t),
    "wide": lambda t: gaussian(100, 700, t),
    "relu": lambda t: relu(300, 250, t)[:, np.arange(250) % 17 != 0],  # without its dead neurons
    "algebraic": lambda t: algebraic(280, 260, t),
    "geometric": lambda t: geometric(260, 280, t, last=np.sqrt(eps(t)) if eps(t) < 1e-10 else 0.03),
}
UNRULY = {
    "zero": lambda t: np.zeros((300, 260), t),
    "zero columns": lambda t: with_zero_columns(260, 300, t),
    "copies of unit vectors": lambda t: np.eye(300, dtype=t)[:, np.arange(300) % 100],
    "ones": lambda t: np.ones((260, 300), t),
    "a corner": lambda t: np.pad(gaussian(60, 70, t), ((0, 200), (0, 230))),
}


def assert_sound(a, raw, economic):
    """Small residuals, and a raw form that says the same as the factors."""
    (compact, tau), r, p = raw
    q, r_economic, p_economic = economic
    k = min(a.shape)
    assert (compact.shape, tau.shape, r.shape, q.shape) == (a.shape, (k,), (k, a.shape[1]), (a.shape[0], k))
    assert qr_ratio(a, q, r_economic, p_economic) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    np.testing.assert_array_equal(np.sort(p), np.arange(a.shape[1]))
    np.testing.assert_array_equal(p, p_economic)
    np.testing.assert_array_equal(r, r_economic)
    np.testing.assert_array_equal(np.triu(compact[:k]), r)
    if k:
        name = "ungqr" if a.dtype.kind == "c" else "orgqr"
        q, _, info = scipy.linalg.get_lapack_funcs(name, (a,))(np.array(compact[:, :k], order="F"), tau)
        assert info == 0
        assert qr_ratio(a, q, r, p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD


@pytest.mark.parametrize("name", LARGE)
def test_pivots_and_r_are_scipys(name, dtype):
    a = LARGE[name](dtype)
    before = a.copy()
    q, r, p = qr(a, mode="economic", pivoting=True)
    q_scipy, r_scipy, p_scipy = scipy.linalg.qr(a, mode="economic", pivoting=True)
    assert_same_choices(a, p, p_scipy, min(a.shape))
    if (p == p_scipy).all():
        accuracy = max(a.shape) * eps(dtype) * abs(r_scipy[0, 0])
        np.testing.assert_allclose(r, r_scipy, rtol=0, atol=10 * accuracy)
    else:  # columns that tie to rounding, which double tells apart
        assert dtype in (np.float32, np.complex64)
    assert (q.dtype, r.dtype, p.dtype) == (q_scipy.dtype, r_scipy.dtype, p_scipy.dtype)
    np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("name", LARGE | UNRULY)
def test_every_form_is_sound(name, dtype):
    a = (LARGE | UNRULY)[name](dtype)
    assert_sound(a, qr(a, mode="raw", pivoting=True), qr(a, mode="economic", pivoting=True))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_has_no_norms_is_what_scipy_makes_of_it(value, dtype):
    a = gaussian(270, 260, dtype)
    a[200, 100] = value
    found, expected = (f(a, mode="r", pivoting=True, check_finite=False) for f in (qr, scipy.linalg.qr))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_norms_that_overflow_are_what_scipy_makes_of_them(dtype):
    a = np.full((270, 260), np.finfo(dtype).max, dtype)
    found, expected = (f(a, mode="r", pivoting=True) for f in (qr, scipy.linalg.qr))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_overwriting_gives_the_same(dtype):
    a = np.asfortranarray(gaussian(270, 260, dtype))
    expected = qr(a, mode="economic", pivoting=True)
    for ours, theirs in zip(qr(a, mode="economic", pivoting=True, overwrite_a=True), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
