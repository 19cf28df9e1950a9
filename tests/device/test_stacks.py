"""Stacks of matrices: each item as it is factored alone, padded to the largest rank."""

import numpy as np
import pytest
from matrices import gaussian, rank_deficient
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import qr_truncated
from rrqr_lapack._device import factor


def check(backend, items, f):
    """Every item is reproduced, with an orthonormal Q of its own rank."""
    q, r, p, ranks = map(backend.ndarray, (f.q(), f.R, f.pivots, f.rank))
    for index in np.ndindex(items.shape[:-2]):
        k = ranks[index]
        assert (
            max(qr_ratio(items[index], q[index], r[index], p[index]), orthogonality_ratio(q[index][:, :k])) <= THRESHOLD
        )
        assert not q[index][:, k:].any()
        assert not r[index][k:].any()


@pytest.mark.parametrize(("shape", "driver"), [((9, 7), "greedy"), ((140, 130), "greedy"), ((60, 50), "randomized")])
def test_items_are_factored_each_at_its_own_rank(shape, driver, dtype, backend):
    m, n = shape
    items = np.stack([rank_deficient(m, n, dtype, rank=k, seed=k) for k in (2, 5, 4, 1, 3, 2)]).reshape(3, 2, m, n)
    f = factor(backend.array(items), rtol=1000 * eps(dtype), driver=driver, seed=0)
    np.testing.assert_array_equal(backend.ndarray(f.rank), [[2, 5], [4, 1], [3, 2]])
    assert f.R.shape == (3, 2, 5, n)
    check(backend, items, f)
    assert backend.ndarray(f.residual_norm).max() <= 1000 * eps(dtype) * np.linalg.norm(items)


@pytest.mark.parametrize("rank", [None, 3])
def test_the_pivots_of_small_matrices_are_those_of_the_c_kernels(rank, dtype, backend):
    items = np.stack([gaussian(8, 10, dtype, seed) for seed in range(30)])
    f = factor(backend.array(items), rank=rank)
    r, p = qr_truncated(items, rank=rank, mode="r")
    k = r.shape[1]
    np.testing.assert_array_equal(backend.ndarray(f.pivots)[:, :k], p[:, :k])
    inverse = np.argsort(p, axis=1)[:, None, :]
    found = np.take_along_axis(backend.ndarray(f.R), np.argsort(backend.ndarray(f.pivots), axis=1)[:, None, :], 2)
    expected = np.take_along_axis(r, inverse, 2)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=0, atol=100 * eps(dtype) * np.abs(r).max())
    t = backend.ndarray(f.interpolation())
    for item, columns, coefficients, left in zip(items, p, t, backend.ndarray(f.residual_norm), strict=True):
        error = np.linalg.norm(item - item[:, columns[:k]] @ coefficients)
        assert error == pytest.approx(left, rel=1000 * eps(dtype), abs=1000 * eps(dtype))


def test_items_of_very_different_sizes_keep_their_digits(dtype, backend):
    small = 1e-30 if eps(dtype) > 1e-10 else 1e-280
    items = np.stack([gaussian(9, 9, dtype, 1) * small, gaussian(9, 9, dtype, 2), gaussian(9, 9, dtype, 3) / small])
    f = factor(backend.array(items.astype(dtype)))
    np.testing.assert_array_equal(backend.ndarray(f.rank), 9)
    check(backend, items.astype(dtype), f)


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (2, 3, 0)], ids=str)
def test_stacks_without_elements_have_factors_without_elements(shape, backend):
    f = factor(backend.array(np.zeros(shape)))
    assert (f.q().shape, f.R.shape) == ((*shape[:2], 0), (shape[0], 0, shape[2]))
    assert f.residual_norm.shape == shape[:1]
    assert f.interpolation().shape == f.R.shape
