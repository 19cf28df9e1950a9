"""What the tests measure of a choice of columns."""

import numpy as np
import scipy.linalg


def wide(a):
    """The array in double precision."""
    return np.asarray(a).astype(np.result_type(a.dtype, np.float64))


def best_errors(a, k):
    """sigma_{k+1} and the Frobenius norm of what the best approximation of rank k leaves."""
    s = scipy.linalg.svdvals(wide(a))[k:]
    return s.max(initial=0), float(np.linalg.norm(s))


def projection_residual(a, C):
    """A - A_C A_C^+ A in double precision."""
    a = wide(a)
    q = np.linalg.qr(a[:, C])[0]
    return a - q @ (q.conj().T @ a)
