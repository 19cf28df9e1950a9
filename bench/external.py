"""A peer out of a shared library: whoever has built another pivoted QR puts it into a race without a binding of it.

The library has three functions of C's calling convention, for double precision and column-major matrices:

    const char *peer_name(void);
    int64_t peer_factor(int64_t m, int64_t n, double *a, int64_t rank, int64_t *pivots, double *tau);
    void peer_form_q(int64_t m, int64_t n, int64_t rank, const double *a, const double *tau, double *q);

`peer_factor` overwrites a (m x n, leading dimension m) by a factorization A P = Q R of `rank` steps, R on and above the
diagonal of its first rows, with pivots counted from 0 and min(m, n) numbers in tau; it returns how many steps it made,
or a negative number where it failed. `peer_form_q` writes the first `rank` columns of Q (m x rank) from what is left in
a and tau. A method with an explicit Q keeps it in memory of its own until peer_form_q, and is timed with it.
"""

import ctypes

import numpy as np

from .method import Method, qr_error

_POINTER = ctypes.c_void_p
_SIZE = ctypes.c_int64


def methods(path):
    """{name: Method} of the library at `path`, with R alone and with Q."""
    library = ctypes.CDLL(str(path))
    try:
        name, factor, form_q = library.peer_name, library.peer_factor, library.peer_form_q
    except AttributeError as error:
        raise SystemExit(
            f"{path} must have peer_name, peer_factor and peer_form_q, see bench/external.py: {error}"
        ) from None
    name.restype = ctypes.c_char_p
    factor.restype, factor.argtypes = _SIZE, (_SIZE, _SIZE, _POINTER, _SIZE, _POINTER, _POINTER)
    form_q.restype, form_q.argtypes = None, (_SIZE, _SIZE, _SIZE, _POINTER, _POINTER, _POINTER)

    def compact(a, rank):
        if a.dtype != np.float64:
            raise SystemExit(f"{path} takes float64, got {a.dtype}")
        (m, n), work = a.shape, np.array(a, order="F")
        pivots, tau = np.empty(n, np.int64), np.empty(min(a.shape))
        steps = factor(m, n, work.ctypes.data, rank, pivots.ctypes.data, tau.ctypes.data)
        if steps < 0:
            raise SystemExit(f"{path} failed with {steps} on a {m} x {n} matrix")
        return work, tau, pivots, int(steps)

    def with_q(a, rank):
        work, tau, pivots, steps = compact(a, rank)
        q = np.empty((a.shape[0], steps), order="F")
        form_q(*a.shape, steps, work.ctypes.data, tau.ctypes.data, q.ctypes.data)
        return q, np.triu(work[:steps]), pivots

    def error(a, rank, result):
        return qr_error(a, *with_q(a, rank))

    title = name().decode()
    return {
        f"{title} r": Method(f"{title} r", compact, error, lambda result: result[2]),
        f"{title} economic": Method(f"{title} economic", with_q, error, lambda result: result[2]),
    }
