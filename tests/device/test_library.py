"""Libraries: recognized without being imported, with or without array-api-compat, and little comes to the host."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from backends import Backend
from matrices import gaussian
from measures import THRESHOLD, orthogonality_ratio, qr_ratio

from rrqr_lapack._device import factor
from rrqr_lapack._device.library import library_of, namespace_of
from rrqr_lapack._device.on_torch import Torch, leading
from rrqr_lapack._device.standard import Standard


def test_no_library_is_imported_that_the_user_has_not():
    code = (
        "import sys, numpy, rrqr_lapack._device as d; d.factor(numpy.ones((3, 2)));"
        "assert not {'torch', 'jax', 'cupy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_subclass_of_a_librarys_array_has_its_table():
    torch = pytest.importorskip("torch", reason="the array is PyTorch's")
    kind = type("Mine", (torch.Tensor,), {"__module__": "users.own"})
    a = torch.ones(3, 2)
    assert type(library_of(a.as_subclass(kind))) is type(library_of(a)) is Torch
    assert type(library_of(np.ones((3, 2)))) is Standard


@pytest.mark.parametrize("library", ["torch", "numpy", "array_api_strict"])
@pytest.mark.parametrize("driver", ["greedy", "randomized"])
def test_array_api_compat_is_not_needed(library, driver, dtype, monkeypatch):
    backend = Backend(library)
    backend.module()
    monkeypatch.setattr(
        "rrqr_lapack._device.library.import_module", lambda name: exec("raise ImportError(name)", {"name": name})
    )
    a = gaussian(90, 70, dtype)
    assert namespace_of(backend.array(a)).__name__ == library
    f = factor(backend.array(a), driver=driver, seed=0)
    q, r, p = map(backend.ndarray, (f.q(), f.R, f.pivots))
    assert max(qr_ratio(a, q, r, p), orthogonality_ratio(q)) <= THRESHOLD


@pytest.mark.parametrize(("driver", "per_block"), [("greedy", 12), ("randomized", 2)])
def test_only_indices_and_diagonals_come_to_the_host(driver, per_block, backend, monkeypatch):
    n, sizes = 320, []
    x = backend.array(gaussian(n, n, np.float64))
    table = type(library_of(x))
    host = table.host
    monkeypatch.setattr(
        table,
        "host",
        lambda library, part: [
            sizes.append(part.size if isinstance(part.size, int) else part.numel()),
            host(library, part),
        ][1],
    )
    factor(x, driver=driver, seed=0)
    assert max(sizes) <= n
    assert sum(sizes) <= 4 * n
    assert len(sizes) <= per_block * n // 32 + 4


@pytest.mark.parametrize("shape", [(30, 8), (8, 8)])
def test_the_rows_that_elimination_takes_first_are_those_of_lapack(shape, dtype, backend):
    a = gaussian(*shape, dtype)
    _, swaps = scipy.linalg.lu_factor(a)
    expected = np.arange(len(a))
    for i, other in enumerate(swaps):
        expected[[i, other]] = expected[[other, i]]
    assert leading(swaps, len(a), 5) == expected[:5].tolist()
    x = backend.array(a)
    if dtype.kind == "f":  # LAPACK compares |Re| + |Im|
        assert list(library_of(x).leading_rows(x, 5)) == expected[:5].tolist()


@pytest.mark.parametrize("driver", ["greedy", "randomized"])
def test_the_same_seed_gives_the_same_factor(driver, backend):
    x = backend.array(gaussian(100, 90, np.float32))
    first, again, other = (factor(x, driver=driver, seed=seed, rank=50) for seed in (3, 3, 4))
    np.testing.assert_array_equal(backend.ndarray(first.R), backend.ndarray(again.R))
    same = np.array_equal(backend.ndarray(first.pivots), backend.ndarray(other.pivots))
    assert same == (driver == "greedy")


@pytest.mark.parametrize("driver", ["greedy", "randomized"])
def test_jax_arrays_are_factored_eagerly(driver):
    jax = Backend("jax", forced=True)
    a = gaussian(70, 66, np.float32)
    x = jax.array(a)
    f = factor(x, driver=driver, seed=0, rank=16)
    q, r, p = map(jax.ndarray, (f.q(), f.R, f.pivots))
    assert all(jax.like(part, x) for part in (f.q(), f.R, f.pivots))
    full = np.linalg.norm(a[:, p] - q @ r)
    assert float(f.residual_norm) == pytest.approx(full, rel=1e-4)
    assert orthogonality_ratio(q) <= THRESHOLD
    if driver == "greedy":
        np.testing.assert_array_equal(p[:16], scipy.linalg.qr(a, mode="r", pivoting=True)[1][:16])
