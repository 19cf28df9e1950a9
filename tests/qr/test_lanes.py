"""Stacks of small matrices, one in each lane of the vectors: each is factored as it would be alone."""

import numpy as np
import pytest
import scipy.linalg
from matrices import gaussian, rank_deficient
from measures import THRESHOLD, assert_same, assert_same_choices, orthogonality_ratio, qr_ratio

from rrqr_lapack import _core, qr, qr_truncated

SHAPES = [(1, 1), (1, 5), (5, 1), (4, 9), (9, 4), (16, 16), (33, 20), (20, 33), (64, 64)]
MANY = 19  # fills groups of any width, and then some


@pytest.fixture(params=_core.ISAS, autouse=True)
def isa(request):
    """Each instruction set that this machine has."""
    before = _core.instruction_set()
    _core.use_instruction_set(request.param)
    yield request.param
    _core.use_instruction_set(before)


def stack(count, m, n, dtype):
    return gaussian(count * m, n, dtype).reshape(count, m, n)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("count", [2, MANY])
def test_each_has_the_pivots_and_the_triangle_of_a_call_of_its_own(count, shape, dtype):
    a = stack(count, *shape, dtype)
    q, r, p = qr_truncated(a)
    for i in range(count):
        _, own_r, own_p = qr_truncated(a[i], driver="greedy")
        np.testing.assert_array_equal(p[i], own_p)
        assert_same(r[i], own_r)
        assert qr_ratio(a[i], q[i], r[i], p[i]) <= THRESHOLD
        assert orthogonality_ratio(q[i]) <= THRESHOLD


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", ["r", "economic", "full"])
def test_the_drop_in_gives_what_scipy_gives_each(mode, shape, dtype):
    a = stack(MANY, *shape, dtype)
    before = a.copy()
    *q, r, p = qr(a, mode=mode, pivoting=True)
    for i in range(MANY):
        *_, own_r, own_p = scipy.linalg.qr(a[i], mode=mode, pivoting=True)
        np.testing.assert_array_equal(p[i], own_p)
        assert_same(r[i], own_r)
        if q:
            assert qr_ratio(a[i], q[0][i], r[i], p[i]) <= THRESHOLD
            assert orthogonality_ratio(q[0][i]) <= THRESHOLD
    np.testing.assert_array_equal(a, before)


def ragged(dtype):
    """Ranks of 3, 0, 6 and 1, again and again."""
    kinds = [rank_deficient(8, 6, dtype, 3), np.zeros((8, 6), dtype), gaussian(8, 6, dtype), np.ones((8, 6), dtype)]
    return np.stack([kinds[i % 4] for i in range(MANY)]), np.array([(3, 0, 6, 1)[i % 4] for i in range(MANY)])


@pytest.mark.parametrize("rule", [{"rtol": 1e-4}, {"atol": 1e-4}, {"rank": 2, "rtol": 1e-4}], ids=str)
def test_each_ends_at_its_own_rank(rule, dtype):
    a, ranks = ragged(dtype)
    ranks = np.minimum(ranks, rule.get("rank", 6))
    q, r, p = qr_truncated(a, **rule)
    np.testing.assert_array_equal(np.count_nonzero(np.diagonal(r, axis1=-2, axis2=-1), axis=-1), ranks)
    for i, k in enumerate(ranks):
        own_q, own_r, own_p = qr_truncated(a[i], **rule)
        assert_same_choices(a[i], p[i], own_p, k)
        assert_same(r[i, :k], own_r)
        assert_same(q[i, :, :k], own_q)
        assert not r[i, k:].any()
        assert not q[i, :, k:].any()


def test_the_drop_in_completes_the_q_of_each(dtype):
    a, _ = ragged(dtype)
    q, r, p = qr(a, mode="full", pivoting=True)
    for i in range(MANY):
        assert qr_ratio(a[i], q[i], r[i], p[i]) <= THRESHOLD
        assert orthogonality_ratio(q[i]) <= THRESHOLD


def scaled(dtype):
    """Sizes at both ends of the range, of whole matrices and within one."""
    a = stack(MANY, 7, 5, dtype)
    exponent = 30 if a.real.dtype == np.float32 else 290
    for i, e in ((1, exponent), (4, -exponent), (9, -exponent // 2)):
        a[i] *= 10.0**e
    a[12, 1:] *= 10.0**-exponent
    a[13, :, 2:] *= 10.0**-exponent
    return a


def test_sizes_near_the_ends_of_the_range_are_factored_alike(dtype):
    a = scaled(dtype)
    for (q, r, p), alone in (
        (qr_truncated(a), qr_truncated),
        (qr(a, mode="economic", pivoting=True), lambda a, mode: scipy.linalg.qr(a, mode=mode, pivoting=True)),
    ):
        for i in range(MANY):
            np.testing.assert_array_equal(p[i], alone(a[i], mode="r")[-1])
            assert qr_ratio(a[i], q[i], r[i], p[i]) <= THRESHOLD
            assert orthogonality_ratio(q[i]) <= THRESHOLD


def test_nan_in_one_matrix_is_seen_in_no_other(dtype):
    a = stack(MANY, 6, 5, dtype)
    clean = qr_truncated(a), qr(a, mode="economic", pivoting=True)
    a[3, 2, 1], a[18, 0, 0] = np.nan, np.inf
    others = np.delete(np.arange(MANY), [3, 18])
    found = qr_truncated(a[:18], check_finite=False), qr(a, mode="economic", pivoting=True, check_finite=False)
    for kept, ours, expected in ((others, found[1], clean[1]), (np.delete(np.arange(18), 3), found[0], clean[0])):
        for x, y in zip(ours, expected, strict=True):
            np.testing.assert_array_equal(x[kept], y[kept])
    assert not np.isfinite(found[1][1][[3, 18]]).all(axis=(1, 2)).any()
    for i in (3, 18):
        _, _, p = scipy.linalg.qr(a[i], pivoting=True, check_finite=False)
        np.testing.assert_array_equal(found[1][2][i], p)


def test_the_matrix_that_is_not_finite_is_named():
    a = np.ones((MANY, 3, 3))
    a[4, 1, 2] = np.nan
    for function in (lambda a: qr(a, pivoting=True), qr_truncated):
        with pytest.raises(ValueError, match=r"matrix 4 of the stack.*column 2"):
            function(a)


def test_norms_too_large_for_the_dtype_are_refused_or_left_to_lapack():
    a = np.ones((MANY, 3, 3))
    a[5] *= 1.5e308
    with pytest.raises(OverflowError, match="column norm"):
        qr_truncated(a)
    r, _ = qr(a, mode="r", pivoting=True)
    np.testing.assert_allclose(np.abs(r[4, 0]), np.sqrt(3))


@pytest.mark.parametrize("tie_tol", [0.0, 0.2])
def test_ties_go_to_the_column_that_comes_first(tie_tol, dtype):
    a = np.broadcast_to(np.diag(np.array([1, 0.9, 1, 2, 1], dtype)), (MANY, 5, 5))
    expected = [3, 0, 2, 4, 1] if tie_tol == 0 else [3, 0, 1, 2, 4]
    _, p = qr_truncated(a, mode="r", tie_tol=tie_tol)
    np.testing.assert_array_equal(p, np.broadcast_to(expected, p.shape))


def test_equal_norms_are_taken_by_the_drop_in_as_by_lapack(dtype):
    a = np.stack([np.diag(np.roll(np.array([1, 1, 2, 1, 2, 0.5], dtype), i)) for i in range(MANY)])
    _, p = qr(a, mode="r", pivoting=True)
    for i in range(MANY):
        np.testing.assert_array_equal(p[i], scipy.linalg.qr(a[i], mode="r", pivoting=True)[1])


def test_a_larger_matrix_is_done_without_lanes(dtype):
    a = stack(3, 150, 140, dtype)
    q, r, _ = qr_truncated(a, rank=30)
    for i in range(3):
        assert_same(r[i], qr_truncated(a[i], rank=30, driver="greedy")[1])
        assert orthogonality_ratio(q[i]) <= THRESHOLD
