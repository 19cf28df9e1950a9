"""What a device cannot factor is refused, and what does not fit is named."""

import numpy as np
import pytest
from matrices import gaussian

from rrqr_lapack._device import factor
from rrqr_lapack._device.standard import Standard


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("driver", ["greedy", "randomized"])
def test_the_first_column_that_is_not_finite_is_named(driver, value, dtype, backend):
    for n in (20, 90):
        a = gaussian(n, n, dtype)
        a[3, 11] = a[5, 7] = value
        with pytest.raises(ValueError, match=r"^a must be finite, but column 7 holds"):
            factor(backend.array(a), driver=driver)
    stack = np.zeros((2, 3, 4), dtype)
    stack[1, 0, 2] = value
    with pytest.raises(ValueError, match=r"matrix 1 of the stack\) must be finite, but column 2 holds"):
        factor(backend.array(stack), driver="greedy")


def test_other_dtypes_are_refused(backend):
    with pytest.raises(TypeError, match=r"must be of float32, float64, complex64 or complex128 .*, got int64"):
        factor(backend.array(np.ones((3, 3), np.int64)))


def test_wrong_arguments_are_named(backend):
    a = backend.array(np.ones((4, 3)))
    with pytest.raises(ValueError, match="at least 2 dimensions, got 1"):
        factor(a[:, 0])
    with pytest.raises(ValueError, match="rank must be between 0 and 3"):
        factor(a, rank=4)
    with pytest.raises(ValueError, match="rtol must be finite"):
        factor(a, rtol=np.nan)
    with pytest.raises(ValueError, match="driver must be one of"):
        factor(a, driver="lapack")


def test_a_norm_that_is_no_number_of_the_dtype_is_an_overflow(dtype, backend):
    most = np.finfo(dtype).max
    with pytest.raises(OverflowError, match="a column norm is too large"):
        factor(backend.array(np.full((30, 20), most, dtype)))


def test_a_full_device_is_a_memory_error_that_names_the_matrix_and_the_cure(backend, monkeypatch):
    a = gaussian(90, 80, np.float32)
    x = backend.array(a)

    def full(library, shape, dtype=None):
        raise MemoryError

    monkeypatch.setattr(Standard, "zeros", full)
    with pytest.raises(MemoryError, match=r"no memory on .* 90 x 80 numbers .* makes no copy"):
        factor(x)
    np.testing.assert_array_equal(backend.ndarray(x), a)


def test_other_errors_pass(backend, monkeypatch):
    def broken(library, shape, dtype=None):
        raise RuntimeError("something else")

    monkeypatch.setattr(Standard, "zeros", broken)
    with pytest.raises(RuntimeError, match="something else"):
        factor(backend.array(gaussian(90, 80, np.float32)))


def test_a_device_without_double_factors_singles():
    strict = pytest.importorskip("array_api_strict", reason="needs the standard's reference")
    device = strict.Device("no_float64")
    a = gaussian(90, 80, np.float32)
    f = factor(strict.asarray(a, device=device), rank=20)
    assert (f.R.device, f.R.dtype) == (device, strict.float32)
    f = factor(strict.asarray(a, device=device), rtol=0.5, driver="randomized", seed=0)
    assert (f.q().device, f.q().dtype) == (device, strict.float32)
