"""Arrays of JAX: eager calls, tracers, and the algorithms for devices."""

import numpy as np
import pytest
from backends import JAX_FORCED, Backend
from matrices import gaussian
from measures import THRESHOLD, orthogonality_ratio, qr_ratio

import rrqr_lapack as rr
from rrqr_lapack._tensors import home

jax = pytest.importorskip("jax", reason="the tests are on arrays of JAX")


REFUSED = r"must be an array that holds numbers, got a tracer .*by qr_truncated with rank=k"


@pytest.mark.parametrize("function", [rr.interpolative_decomposition, rr.TruncatedQR, rr.range_finder])
def test_a_tracer_is_refused_with_what_to_do(function):
    with pytest.raises(TypeError, match=REFUSED):
        jax.jit(lambda a: function(a, rank=2))(jax.numpy.eye(4))


@pytest.mark.parametrize("options", [{}, {"rtol": 1e-3}, {"rank": 2, "mode": "full"}, {"rank": 2, "mode": "raw"}])
def test_a_traced_call_whose_shapes_are_not_fixed_is_refused(options):
    with pytest.raises(TypeError, match=REFUSED):
        jax.jit(lambda a: rr.qr_truncated(a, **options))(jax.numpy.eye(4))


def test_a_traced_call_checks_its_arguments():
    with pytest.raises(ValueError, match=r"rank must be between 0 and 4 .*got 5"):
        jax.jit(lambda a: rr.qr_truncated(a, rank=5))(jax.numpy.eye(4))
    with pytest.raises(TypeError, match="must be of a floating dtype"):
        jax.jit(lambda a: rr.qr_truncated(a, rank=2))(jax.numpy.ones((4, 4), int))


@pytest.mark.parametrize("mode", ["economic", "r"])
@pytest.mark.parametrize("dtype", ["float32", "complex64", "bfloat16"])
def test_under_jit_the_rank_fixes_the_shapes(mode, dtype):
    a = jax.numpy.asarray(gaussian(9, 6, "F" if dtype == "complex64" else "f")).astype(dtype)
    found = jax.jit(lambda x: rr.qr_truncated(x * 1, rank=4, mode=mode))(a)
    expected = rr.qr_truncated(a, rank=4, mode=mode)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_under_jit_what_is_behind_the_matrix_own_rank_is_zero():
    a = gaussian(9, 2, "f") @ gaussian(2, 6, "f", seed=1)
    q, r, p = map(np.asarray, jax.jit(lambda x: rr.qr_truncated(x, rank=4, rtol=1e-4))(a))
    assert (q.shape, r.shape) == ((9, 4), (4, 6))
    assert not q[:, 2:].any()
    assert not r[2:].any()
    assert np.allclose(a[:, p], q @ r, atol=1e-5)


def test_vmap_is_a_stack():
    a = gaussian(27, 6, "f").reshape(3, 9, 6)
    found = jax.vmap(lambda x: rr.qr_truncated(x, rank=4))(jax.numpy.asarray(a))
    for one, other in zip(found, rr.qr_truncated(a, rank=4), strict=True):
        assert np.array_equal(one, other)


def test_bfloat16_is_computed_in_single_and_comes_back():
    a = jax.numpy.asarray(gaussian(12, 6, "f")).astype(jax.numpy.bfloat16)
    q, r, p = rr.qr_truncated(a)
    assert q.dtype == r.dtype == jax.numpy.bfloat16
    expected = rr.qr_truncated(np.asarray(a).astype("f"))
    assert np.array_equal(p, expected[2])
    assert np.allclose(q.astype("f"), expected[0], atol=2.0**-8)


def test_the_algorithms_for_devices_take_arrays_of_jax(monkeypatch):
    monkeypatch.setattr(home, "HOST", False)
    a = gaussian(16, 8, "f")
    x = JAX_FORCED.array(a)
    q, r, p = rr.qr_truncated(x)
    assert Backend("jax").like(q, x)
    assert qr_ratio(a, np.array(q), np.array(r), np.array(p)) < THRESHOLD
    assert orthogonality_ratio(np.array(q)) < THRESHOLD
    assert np.array_equal(p, rr.qr_truncated(a)[2])
