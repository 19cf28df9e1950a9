"""`TruncatedQR`: the factorization as an object."""

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import ZOO, gaussian, rank_deficient
from measures import THRESHOLD, eps, factor_ratio, orthogonality_ratio

from rrqr_lapack import TruncatedQR, qr_truncated

RANKS = [0, 1, 5, 32, 33, 38]


@pytest.mark.parametrize("name", ZOO)
def test_the_attributes_are_those_of_the_truncated_qr(name, dtype, driver):
    a = ZOO[name](dtype)
    for rank in [k for k in RANKS if k <= min(a.shape)]:
        f = TruncatedQR(a, rank=rank, driver=driver)
        (compact, tau), r, p = qr_truncated(a, rank=rank, mode="raw", driver=driver)
        assert (f.shape, f.dtype, f.rank) == (a.shape, dtype, len(r))
        for found, expected in ((f.P, p), (f.R, r), (f.tau, tau), (f.qr, compact)):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ZOO)
def test_the_residual_norms_are_those_of_the_explicit_residual(name, dtype, driver):
    a = ZOO[name](dtype)
    wide = np.clongdouble if dtype.kind == "c" else np.longdouble
    for rank in [k for k in RANKS if k <= min(a.shape)]:
        f = TruncatedQR(a, rank=rank, driver=driver)
        residual = a[:, f.P].astype(wide) - f.form_q().astype(wide) @ f.R
        norms = np.sqrt((np.abs(residual[:, f.rank :]) ** 2).sum(axis=0))
        largest = np.sqrt((np.abs(a.astype(wide)) ** 2).sum(axis=0)).max(initial=0)
        rounding = float(THRESHOLD * max(a.shape) * eps(dtype) * largest)
        assert f.residual_column_norms.shape == (a.shape[1] - f.rank,)
        np.testing.assert_allclose(f.residual_column_norms, norms.astype(float), rtol=0, atol=rounding)
        assert f.residual_norm == pytest.approx(float(np.sqrt((norms**2).sum())), rel=1e-12, abs=rounding * a.shape[1])
        # downdated norms are known to sqrt(eps), see LAPACK Working Note 176
        slack = 10 * np.sqrt(eps(dtype))
        assert f.maxresid == pytest.approx(float(norms.max(initial=0)), rel=slack, abs=rounding)
        assert f.relmaxresid == pytest.approx(f.maxresid / float(largest) if largest else 0, rel=slack)


@greedy_pivots
def test_maxresid_is_the_next_diagonal_element(dtype, driver):
    a = gaussian(60, 50, dtype)
    diagonal = np.abs(np.diagonal(TruncatedQR(a, driver=driver).R))
    for k in (0, 1, 31, 32, 33, 49):
        f = TruncatedQR(a, rank=k, driver=driver)
        assert f.maxresid == pytest.approx(diagonal[k], rel=10 * np.sqrt(eps(dtype)))
        assert f.relmaxresid == pytest.approx(diagonal[k] / diagonal[0], rel=10 * np.sqrt(eps(dtype)))


@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7)], ids=str)
def test_nothing_is_left_at_full_rank(shape, dtype, driver):
    f = TruncatedQR(gaussian(*shape, dtype), driver=driver)
    assert (f.rank, f.maxresid, f.relmaxresid) == (4 if shape != (5, 5) else 5, 0, 0)
    if shape[0] <= shape[1]:
        assert f.residual_norm == 0
        assert not f.residual_column_norms.any()


@pytest.mark.parametrize("attribute", ["P", "R", "tau", "qr", "residual_column_norms"])
def test_writing_to_a_result_does_not_change_the_factor(attribute, dtype):
    f = TruncatedQR(gaussian(9, 6, dtype), rank=3)
    before = getattr(f, attribute).copy()
    getattr(f, attribute)[...] = 0
    np.testing.assert_array_equal(getattr(f, attribute), before)


def test_the_factor_outlives_a_change_of_its_input(dtype):
    a = np.asfortranarray(gaussian(9, 6, dtype))
    f, expected = TruncatedQR(a, rank=3), TruncatedQR(a.copy(), rank=3).extend(rank=5)
    a[...] = 0
    np.testing.assert_array_equal(f.extend(rank=5).R, expected.R)


@pytest.mark.parametrize("shape", [(60, 50), (50, 60), (1, 6), (6, 1)], ids=str)
def test_q_is_unitary_and_reproduces_the_chosen_columns(shape, dtype, driver):
    a = gaussian(*shape, dtype)
    for rank in [k for k in (0, 1, 5, 33, 50) if k <= min(shape)]:
        f = TruncatedQR(a, rank=rank, driver=driver)
        q, full = f.form_q(), f.form_q(full=True)
        assert (q.shape, full.shape, q.dtype, full.dtype) == ((shape[0], rank), (shape[0],) * 2, dtype, dtype)
        assert orthogonality_ratio(full) <= THRESHOLD
        np.testing.assert_allclose(full[:, :rank], q, rtol=0, atol=50 * eps(dtype))
        assert factor_ratio(a[:, f.P[:rank]], q @ f.R[:, :rank]) <= THRESHOLD


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("rank", RANKS)
def test_apply_q_multiplies_by_the_full_q(rank, adjoint, side, dtype, driver):
    f = TruncatedQR(gaussian(45, 40, dtype), rank=rank, driver=driver)
    q = f.form_q(full=True)
    q = q.conj().T if adjoint else q
    for p in (None, 0, 1, 7):
        c = gaussian(45, 1 if p is None else p, dtype, seed=9)
        c = c[:, 0] if p is None else c if side == "left" else c.T
        before = c.copy()
        found = f.apply_q(c, adjoint=adjoint, side=side)
        expected = q @ c if side == "left" else c @ q
        assert (found.shape, found.dtype) == (c.shape, dtype)
        np.testing.assert_allclose(found, expected, rtol=0, atol=200 * eps(dtype))
        np.testing.assert_array_equal(c, before)
        assert not np.shares_memory(found, c)


def test_apply_q_takes_array_likes_of_any_layout():
    f = TruncatedQR(gaussian(6, 4, "f8"), rank=2)
    c = gaussian(12, 9, "f8")[::2, ::-3]
    expected = f.form_q(full=True) @ c
    for array in (c, np.asfortranarray(c), c.tolist(), c.astype(">f8")):
        np.testing.assert_allclose(f.apply_q(array), expected, rtol=0, atol=1e-14)
    integers = np.arange(12).reshape(6, 2)
    np.testing.assert_allclose(f.apply_q(integers), f.form_q(full=True) @ integers, rtol=0, atol=1e-13)


def test_the_adjoint_undoes_q(dtype):
    f = TruncatedQR(rank_deficient(50, 40, dtype), rank=9)
    c = gaussian(50, 3, dtype)
    for side, x in (("left", c), ("right", c.T)):
        back = f.apply_q(f.apply_q(x, side=side), side=side, adjoint=True)
        np.testing.assert_allclose(back, x, rtol=0, atol=100 * eps(dtype))


def test_the_representation_says_what_it_is():
    text = repr(TruncatedQR(gaussian(6, 4, "f4"), rank=2))
    for part in ("TruncatedQR", "(6, 4)", "float32", "rank 2"):
        assert part in text
