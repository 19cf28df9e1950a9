"""Arrays of JAX: eager calls, tracers, and the algorithms for devices."""

import numpy as np
import pytest
from backends import JAX_FORCED, Backend
from matrices import gaussian
from measures import THRESHOLD, orthogonality_ratio, qr_ratio

import rrqr_lapack as rr
from rrqr_lapack._tensors import home

jax = pytest.importorskip("jax", reason="the tests are on arrays of JAX")


@pytest.mark.parametrize("function", [rr.qr_truncated, rr.interpolative_decomposition, rr.TruncatedQR, rr.range_finder])
def test_a_tracer_is_refused_with_what_to_do(function):
    with pytest.raises(TypeError, match=r"a must be an array that holds numbers, got a tracer .*rank=k.*pure_callback"):
        jax.jit(lambda a: function(a, rank=2))(jax.numpy.eye(4))


def test_what_the_refusal_says_to_do_works_under_jit():
    a = gaussian(9, 6, "f")
    like = jax.ShapeDtypeStruct((4, 6), np.float32), jax.ShapeDtypeStruct((6,), np.int32)

    @jax.jit
    def leading(x):
        return jax.pure_callback(lambda x: rr.qr_truncated(np.asarray(x), rank=4, mode="r"), like, x)

    r, p = leading(a)
    expected = rr.qr_truncated(a, rank=4, mode="r")
    assert np.array_equal(p, expected[1])
    assert np.array_equal(r, expected[0])


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
