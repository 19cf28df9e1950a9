"""Stacks of matrices: item by item, padded with zeros to the largest rank."""

import numpy as np
import pytest
from matrices import gaussian, rank_deficient
from measures import assert_same

from rrqr_lapack import qr_truncated

MODES = ["economic", "r", "raw", "full"]


def flat(result):
    """The arrays of a result."""
    return [x for part in result for x in (part if isinstance(part, tuple) else (part,))]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(3, 6, 5), (1, 5, 6), (2, 3, 5, 4), (2, 1, 40, 36)], ids=str)
def test_a_common_rank_gives_each_item_its_own_factorization(shape, mode, dtype, driver):
    a = gaussian(int(np.prod(shape[:-1])), shape[-1], dtype).reshape(shape)
    before = a.copy()
    found = flat(qr_truncated(a, rank=3, mode=mode, driver=driver))
    for index in np.ndindex(shape[:-2]):
        expected = flat(qr_truncated(a[index], rank=3, mode=mode, driver=driver))
        for ours, theirs in zip(found, expected, strict=True):
            assert_same(ours[index], theirs)
    np.testing.assert_array_equal(a, before)


def ragged(dtype):
    """Items of rank 3, 0, 6 and 1."""
    items = [rank_deficient(8, 6, dtype, 3), np.zeros((8, 6), dtype), gaussian(8, 6, dtype), np.ones((8, 6), dtype)]
    return np.stack(items), [3, 0, 6, 1]


def test_items_of_different_rank_are_padded_with_zeros(dtype, driver):
    a, ranks = ragged(dtype)
    q, r, p = qr_truncated(a, rtol=1e-4, driver=driver)
    assert (q.shape, r.shape, p.shape) == ((4, 8, 6), (4, 6, 6), (4, 6))
    np.testing.assert_array_equal(np.count_nonzero(np.diagonal(r, axis1=-2, axis2=-1), axis=-1), ranks)
    for i, k in enumerate(ranks):
        own_q, own_r, own_p = qr_truncated(a[i], rtol=1e-4, driver=driver)
        assert own_r.shape[0] == k
        assert_same(q[i, :, :k], own_q)
        assert_same(r[i, :k], own_r)
        assert_same(p[i], own_p)
        assert not q[i, :, k:].any()
        assert not r[i, k:].any()
        np.testing.assert_allclose(q[i] @ r[i], a[i][:, p[i]], rtol=0, atol=1e-4 * np.abs(a[i]).max())


def test_the_reflectors_are_padded_with_zeros(dtype, driver):
    a, ranks = ragged(dtype)
    (compact, tau), r, _ = qr_truncated(a, rtol=1e-4, mode="raw", driver=driver)
    assert (compact.shape, tau.shape, r.shape) == ((4, 8, 6), (4, 6), (4, 6, 6))
    for i, k in enumerate(ranks):
        (own_compact, own_tau), _, _ = qr_truncated(a[i], rtol=1e-4, mode="raw", driver=driver)
        assert_same(compact[i], own_compact)
        assert_same(tau[i, :k], own_tau)
        assert not tau[i, k:].any()


def test_full_results_need_no_padding(dtype, driver):
    a, _ = ragged(dtype)
    q, r, p = qr_truncated(a, rtol=1e-4, mode="full", driver=driver)
    assert (q.shape, r.shape) == ((4, 8, 8), (4, 8, 6))
    for i in range(4):
        np.testing.assert_allclose(q[i] @ r[i], a[i][:, p[i]], rtol=0, atol=1e-4)


def test_a_stack_of_zero_matrices_has_rank_zero(driver):
    q, r, p = qr_truncated(np.zeros((2, 3, 4)), driver=driver)
    assert (q.shape, r.shape, p.shape) == ((2, 3, 0), (2, 0, 4), (2, 4))


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0), (2, 2, 0, 0)], ids=str)
def test_a_stack_of_empty_matrices_has_rank_zero(shape, driver):
    q, r, p = qr_truncated(np.zeros(shape), driver=driver)
    *batch, m, n = shape
    assert (q.shape, r.shape, p.shape) == ((*batch, m, 0), (*batch, 0, n), (*batch, n))
    np.testing.assert_array_equal(p, np.broadcast_to(np.arange(n), p.shape))


@pytest.mark.parametrize("order", ["C", "F", "moved"])
def test_a_stack_in_any_order_is_factored(order, dtype):
    a = gaussian(24, 5, dtype).reshape(4, 6, 5)
    other = {
        "C": a.copy(),
        "F": np.asfortranarray(a),
        "moved": np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 0, -1)), -1, 0),
    }
    expected = qr_truncated(a, rank=3)
    for overwrite in (False, True):
        for ours, theirs in zip(qr_truncated(other[order], rank=3, overwrite_a=overwrite), expected, strict=True):
            assert_same(ours, theirs)


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3, 3)], ids=str)
def test_a_stack_of_no_matrices_is_refused(shape):
    with pytest.raises(ValueError, match="at least one matrix"):
        qr_truncated(np.zeros(shape))


@pytest.mark.parametrize("workers", [2, 3, 50, -1])
def test_the_workers_change_nothing(dtype, workers):
    a = gaussian(7 * 9, 8, dtype).reshape(7, 9, 8)
    for ours, theirs in zip(qr_truncated(a, rank=5, workers=workers), qr_truncated(a, rank=5), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_matrix_of_a_stack_that_is_not_finite_is_named_whoever_works_on_it():
    a = np.ones((7, 3, 3))
    a[4, 1, 2] = np.nan
    a[6, 0, 0] = np.inf
    for workers in (1, 2, 7):
        with pytest.raises(ValueError, match=r"matrix 4 of the stack.*column 2"):
            qr_truncated(a, workers=workers)


@pytest.mark.parametrize("workers", [0, -2, 1.5, "2", None])
def test_a_number_of_workers_that_is_none_is_refused(workers):
    with pytest.raises((TypeError, ValueError), match="workers"):
        qr_truncated(np.ones((2, 3, 3)), workers=workers)


def test_old_memory_that_holds_infinity_is_no_overflow():
    """NumPy hands out again what was just given back, with what it held."""
    stack = gaussian(120, 30, "f8").reshape(3, 40, 30)
    old = np.full((40, 30), np.inf)
    del old
    _, r, _ = qr_truncated(stack, rank=5)
    np.testing.assert_allclose(np.abs(r[:, 0, 0]), np.linalg.norm(stack, axis=1).max(axis=1), rtol=1e-14)


@pytest.mark.parametrize("order", ["transposed", "every second", "integers"])
def test_a_stack_in_any_layout_is_converted_by_parts(order):
    stack = np.random.default_rng(0).integers(-9, 9, (64, 12, 9))
    stack = {
        "transposed": stack.astype(float).transpose(0, 2, 1),
        "every second": stack.astype("f4")[::2, ::-1],
        "integers": stack,
    }[order]
    for workers in (1, 3):
        found = qr_truncated(stack, rank=4, workers=workers)
        for ours, theirs in zip(found, qr_truncated(np.ascontiguousarray(stack), rank=4), strict=True):
            np.testing.assert_array_equal(ours, theirs)
