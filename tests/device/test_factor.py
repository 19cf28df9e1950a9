"""What the factorization on a device gives: A P = Q R up to what it says is left, on the device, as accurate as the C
kernels."""

import numpy as np
import pytest
from matrices import ZOO, gaussian, rank_deficient
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack._device import factor

DRIVERS = ["greedy", "randomized"]
QUICK = ["several panels", "rank-deficient", "duplicated columns", "no rows", "huge", "zero"]  # the reference is slow


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", ZOO)
def test_q_and_r_reproduce_the_matrix(name, driver, dtype, backend):
    if backend.library != "torch" and (name not in QUICK or dtype.kind == "c"):
        pytest.skip("the reference sees fewer matrices")
    a = ZOO[name](dtype)
    x = backend.array(a)
    f = factor(x, driver=driver, seed=0)
    q, r, p = map(backend.ndarray, (f.q(), f.R, f.pivots))
    assert all(backend.like(part, x) for part in (f.q(), f.R, f.pivots))
    assert (q.dtype, r.dtype, q.shape, r.shape) == (dtype, dtype, (len(a), f.rank), (f.rank, a.shape[1]))
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    np.testing.assert_array_equal(np.sort(p), np.arange(a.shape[1]))
    np.testing.assert_array_equal(np.tril(r, -1), 0)
    np.testing.assert_array_equal(backend.ndarray(x), a)


@pytest.mark.parametrize("rank", [0, 1, 31, 40, 100])
@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_left_is_what_it_says(driver, rank, dtype, backend):
    a = gaussian(150, 140, dtype)
    f = factor(backend.array(a), driver=driver, rank=rank, seed=0)
    q, r, p = map(backend.ndarray, (f.q(), f.R, f.pivots))
    left = np.empty(140)
    left[p] = np.linalg.norm(a[:, p] - q @ r, axis=0)
    assert orthogonality_ratio(q) <= THRESHOLD
    accuracy = 100 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(backend.ndarray(f.residual_column_norms), left, rtol=0, atol=accuracy)
    assert float(f.residual_norm) == pytest.approx(np.linalg.norm(left), rel=100 * eps(dtype))


@pytest.mark.parametrize("rank", [3, 9, 20, None])
@pytest.mark.parametrize("driver", DRIVERS)
def test_t_is_finite_and_as_good_as_the_factorization(driver, rank, dtype, backend):
    a = rank_deficient(70, 80, dtype, rank=9)  # R11 is singular for the larger ranks
    a[:, ::7] = 0
    f = factor(backend.array(a), driver=driver, rank=rank, seed=0)
    t, p, k = backend.ndarray(f.interpolation()), backend.ndarray(f.pivots), f.rank
    np.testing.assert_array_equal(t[:, p[:k]], np.eye(k))
    assert np.isfinite(t).all()
    assert f.numerical_rank == min(k, 9)
    accuracy = 1000 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(
        np.linalg.norm(a - a[:, p[:k]] @ t), float(f.residual_norm), rtol=1000 * eps(dtype), atol=accuracy
    )


def test_a_panel_that_the_triangle_does_not_condition_is_factored_all_the_same(dtype, backend, monkeypatch):
    a = rank_deficient(90, 80, dtype, rank=40)

    def untouched(library, panel, triangle, before):
        return panel, triangle, library.xp.all(library.zeros((1,), library.real_dtype) > 0)

    monkeypatch.setattr("rrqr_lapack._device.elimination.orthonormal", untouched)
    f = factor(backend.array(a))
    q, r, p = map(backend.ndarray, (f.q(), f.R, f.pivots))
    assert max(qr_ratio(a, q, r, p), orthogonality_ratio(q)) <= THRESHOLD
