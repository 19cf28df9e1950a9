"""The private members of SciPy that are read are still there, and read nowhere else."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy
import scipy.linalg.cython_blas
from scipy.sparse.linalg import LinearOperator

import rrqr_lapack
from rrqr_lapack import randomized_svd
from rrqr_lapack._common import operand
from rrqr_lapack._common.scipy_private import adjoint_was_left_out

SOURCES = [path for path in Path(rrqr_lapack.__file__).parent.rglob("*.py") if path.name != "scipy_private.py"]
PRIVATE = r"_CustomLinearOperator|_blas_int_size|\b(scipy|linalg|sparse|special|_interface)\._\w|from scipy[\w.]*\._"


def multiply(x):
    return 0 * x


def test_scipy_still_tells_whether_an_adjoint_was_given():
    """If this fails, SciPy has renamed what `adjoint_was_left_out` reads: it then is False for all, and must go or
    learn the new name."""
    assert adjoint_was_left_out(LinearOperator((2, 2), matvec=multiply, dtype="d"))
    for way in ("rmatvec", "rmatmat"):
        assert not adjoint_was_left_out(LinearOperator((2, 2), matvec=multiply, **{way: multiply}, dtype="d"))


@pytest.mark.skipif(tuple(map(int, scipy.__version__.split(".")[:2])) < (1, 18), reason="before, all integers were int")
def test_scipy_still_tells_the_size_of_its_integers():
    """If this fails, SciPy has renamed what `_core` reads: 64-bit integers are then taken for 32-bit ones."""
    assert scipy.linalg.cython_blas._blas_int_size() in (4, 8)


def test_without_what_scipy_tells_the_first_product_with_the_adjoint_refuses(monkeypatch):
    monkeypatch.setattr(operand, "adjoint_was_left_out", lambda a: False)
    a = np.diag([2.0, 1.0])
    with pytest.raises(TypeError, match=r"products with .* its adjoint \(matvec and rmatvec\)"):
        randomized_svd(LinearOperator(a.shape, matvec=lambda x: a @ x, dtype="d"), 1, rng=0)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_else_of_scipy_is_read_that_is_private(path):
    assert not re.findall(PRIVATE, path.read_text(encoding="utf-8"))
