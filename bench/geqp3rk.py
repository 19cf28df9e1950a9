"""LAPACK's truncated pivoted QR, called in the OpenBLAS that SciPy brings along.

It entered LAPACK with 3.12 and no SciPy exports it, so its symbol is looked up in the loaded library. Real dtypes only:
the complex versions of LAPACK 3.12.0 and 3.12.1 are wrong. A peer here and a second opinion in the tests, never a part
of the package.
"""

import ctypes
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_info

_SYMBOLS = {np.dtype("f"): "sgeqp3rk_", np.dtype("d"): "dgeqp3rk_"}
_INT = ctypes.c_int


class Truncated(NamedTuple):
    """What ?geqp3rk gives: Q and R in compact form, and the norms of the residual."""

    factor: np.ndarray
    tau: np.ndarray
    rank: int
    pivots: np.ndarray
    maxresid: float
    relmaxresid: float


def available():
    """Whether a loaded BLAS has the routine, with 32-bit integers."""
    return _library() is not None


def geqp3rk(a, rank=None, *, rtol=-1.0, atol=-1.0):
    """At most `rank` steps on a copy of `a`, until a tolerance that is not negative holds."""
    m, n = a.shape
    real = ctypes.c_float if a.dtype == np.float32 else ctypes.c_double
    routine = _library()[_SYMBOLS[a.dtype]]
    routine.restype = None
    factor = np.array(a, order="F")
    pivots, tau = np.empty(n, np.int32), np.zeros(min(m, n), a.dtype)
    iwork = np.empty(max(1, n - 1), np.int32)
    done, info, largest, relative = _INT(), _INT(), real(), real()
    rank = min(m, n) if rank is None else rank

    def call(work, lwork):
        tolerances = real(atol), real(rtol)  # overwritten, so made afresh
        routine(
            _ref(_INT(m)), _ref(_INT(n)), _ref(_INT(0)), _ref(_INT(rank)), *map(_ref, tolerances), _data(factor),
            _ref(_INT(max(1, m))), _ref(done), _ref(largest), _ref(relative), _data(pivots), _data(tau), _data(work),
            _ref(_INT(lwork)), _data(iwork), _ref(info),
        )  # fmt: skip
        if info.value:
            raise ValueError(f"geqp3rk returned INFO = {info.value}")

    size = np.empty(1, a.dtype)
    call(size, -1)
    call(np.empty(int(size[0]), a.dtype), int(size[0]))
    return Truncated(factor, tau, done.value, pivots - 1, largest.value, relative.value)


def _library():
    """The first loaded BLAS with the symbols, and a function that finds them, or None."""
    for pool in threadpool_info():
        if pool["user_api"] == "blas":
            library = ctypes.CDLL(pool["filepath"])
            for prefix in ("scipy_", ""):
                found = {name: getattr(library, prefix + name, None) for name in _SYMBOLS.values()}
                if all(found.values()):
                    return found
    return None


def _ref(value):
    return ctypes.byref(value)


def _data(array):
    return array.ctypes.data_as(ctypes.c_void_p)
