"""What lies beside a matrix is neither read nor written, by BLAS either, into which no sanitizer looks."""

import numpy as np
import pytest
from matrices import gaussian
from measures import THRESHOLD, qr_ratio

from rrqr_lapack import TruncatedQR, _core


def among_others(a, value):
    """A copy of a matrix in column-major order, and the columns on both sides of it, which hold one value."""
    side = 100
    room = np.full((a.shape[0], a.shape[1] + 2 * side), value, a.dtype, order="F")
    room[:, side:-side] = a
    return room[:, side:-side], (room[:, :side], room[:, -side:])


def assert_untouched(others, value):
    for other in others:
        np.testing.assert_array_equal(other, np.full_like(other, value))


read_or_written = pytest.mark.parametrize("value", [np.nan, 7], ids=["read", "written"])


@read_or_written
@pytest.mark.parametrize("shape", [(150, 140), (60, 250), (250, 60)], ids=str)
def test_what_lies_beside_the_matrix_is_neither_read_nor_written(shape, value, driver, dtype):
    a = gaussian(*shape, dtype)
    for rank in (45, 60):
        own, others = among_others(a, value)
        f = TruncatedQR(own, rank=rank, driver=driver, overwrite_a=True, check_finite=False)
        assert not np.array_equal(own, a)
        q, r = f.form_q(), f.R
        assert qr_ratio(a[:, f.P[:rank]], q, r[:, :rank], np.arange(rank)) <= THRESHOLD
        assert np.isfinite(r).all()
        assert_untouched(others, value)


@read_or_written
@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("left", [True, False])
def test_what_lies_beside_an_operand_is_neither_read_nor_written(left, adjoint, value, dtype):
    a, b = gaussian(90, 80, dtype), gaussian(*((90, 40) if left else (40, 90)), dtype, seed=1)
    factor = _core.Factor(np.asfortranarray(a))
    factor.greedy(80, -1, -1, 0)
    q = factor.form_q(90)
    q = q.conj().T if adjoint else q
    c, others = among_others(b, value)
    factor.apply_q(c, left, adjoint)
    np.testing.assert_allclose(c, q @ b if left else b @ q, rtol=0, atol=1e3 * np.finfo(dtype).eps)
    assert_untouched(others, value)
