"""LAPACK's own truncated pivoted QR, ?geqp3rk, from SciPy's OpenBLAS: a second opinion, never a part of the package."""

import ctypes

import numpy as np
import pytest
import threadpoolctl

_LETTER = {np.dtype("f4"): "s", np.dtype("f8"): "d"}


def _routine(dtype):
    """The routine with 32-bit integers, where the loaded OpenBLAS has it."""
    for library in threadpoolctl.threadpool_info():
        if library["internal_api"] == "openblas":
            for name in (f"scipy_{_LETTER[dtype]}geqp3rk_", f"{_LETTER[dtype]}geqp3rk_"):
                found = getattr(ctypes.CDLL(library["filepath"]), name, None)
                if found:
                    return found
    pytest.skip("no LAPACK 3.12 with 32-bit integers is loaded, so there is no ?geqp3rk to compare with")


def geqp3rk(a, rank=None, atol=-1.0, rtol=-1.0):
    """(rank, P, R, maxresid, relmaxresid) from LAPACK, in real dtypes: the complex ones are wrong in 3.12."""
    real, routine = a.dtype.type, _routine(a.dtype)
    m, n = a.shape
    a = np.array(a, order="F")
    pivots, tau = np.zeros(n, np.int32), np.zeros(min(m, n), real)
    work, iwork = np.zeros(40 * (n + 2), real), np.zeros(max(n, 1), np.int32)
    integers = np.array([m, n, 0, min(m, n) if rank is None else rank, max(m, 1), 0, len(work), -99], np.int32)
    reals = np.array([atol, rtol, 0, 0], real)  # it overwrites its tolerances

    def at(array, i=0):
        return ctypes.c_void_p(array.ctypes.data + i * array.itemsize)

    m_, n_, nrhs_, kmax_, lda_, k_, lwork_, info_ = (at(integers, i) for i in range(8))
    tolerances_and_norms = (at(reals, 0), at(reals, 1)), (at(reals, 2), at(reals, 3))
    routine(
        m_, n_, nrhs_, kmax_, *tolerances_and_norms[0], at(a), lda_, k_, *tolerances_and_norms[1],
        at(pivots), at(tau), at(work), lwork_, at(iwork), info_,
    )  # fmt: skip
    assert integers[7] == 0
    k = int(integers[5])
    return k, pivots - 1, np.triu(a[:k]), float(reals[2]), float(reals[3])
