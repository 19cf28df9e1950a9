"""Products of an operand with tall thin arrays, in the layout that is fastest for each kind of operand."""

import numpy as np
from scipy import sparse

from ._operand import adjoint, product

BUFFER = 2**22  # elements of a copied block of rows


def times(a, x):
    """A X, Fortran-ordered for an ndarray A.

    For BLAS the product of an ndarray is then one with its long side first, up to twice as fast as ``a @ x``, which
    NumPy hands over with the thin side first; A is copied in no layout.
    """
    if isinstance(a, np.ndarray):
        return (x.T @ a.T).T
    if sparse.issparse(a):
        return a @ np.ascontiguousarray(x)
    return product(a, x)


def adjoint_times(a, x):
    """A^H X, as `times`; conjugates are taken of the thin array only."""
    if isinstance(a, np.ndarray):
        return (x.conj().T @ a).conj().T
    if sparse.issparse(a):
        return (a.T @ np.ascontiguousarray(x.conj())).conj()
    return times(adjoint(a), x)


def row_blocks(a, least=1):
    """Slices of at least `least` rows of A, and of no more than fill a buffer, one after the other."""
    step = max(1, least, BUFFER // max(1, a.shape[1]))
    return (slice(start, start + step) for start in range(0, a.shape[0], step))
