"""Products of an operand with tall thin arrays, in the layout that is fastest for each kind of operand."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from scipy.linalg import get_blas_funcs

from .operand import Streamed, adjoint, product
from .types import Matrix, Operand

HEARD = 2**32  # multiplications of one product, a fifth of a second or less
BUFFER = 2**22  # entries of a block of rows that is copied or computed


def times(a: Operand, x: Matrix) -> Matrix:
    """A X, Fortran-ordered for an ndarray A.

    For BLAS the product of an ndarray is then one with its long side first, up to twice as fast as ``a @ x``, which
    NumPy hands over with the thin side first; A is copied in no layout.
    """
    if isinstance(a, np.ndarray):
        if _is_heard(a, x):
            return (x.T @ a.T).T
        y = np.empty((a.shape[0], x.shape[1]), np.result_type(a, x), order="F")
        for rows in row_blocks(a.shape, entries=HEARD // x.shape[1]):
            y[rows] = (x.T @ a[rows].T).T
        return y
    if sparse.issparse(a):
        return a @ np.ascontiguousarray(x)
    return product(a, x)


def adjoint_times(a: Operand, x: Matrix) -> Matrix:
    """A^H X, as `times`; conjugates are taken of the thin array only."""
    if isinstance(a, np.ndarray):
        if _is_heard(a, x):
            return (x.conj().T @ a).conj().T
        y = np.empty((a.shape[1], x.shape[1]), np.result_type(a, x), order="F")
        for columns in row_blocks((a.shape[1], a.shape[0]), entries=HEARD // x.shape[1]):
            y[columns] = (x.conj().T @ a[:, columns]).conj().T
        return y
    if sparse.issparse(a):
        return (a.T @ np.ascontiguousarray(x.conj())).conj()
    return times(adjoint(a), x)


def _is_heard(a: Matrix, x: Matrix) -> bool:
    """Whether the product ends soon enough for Ctrl-C, which is heard between two products only."""
    return x.ndim < 2 or a.size * x.shape[1] <= HEARD


def times_both(a: Operand, x: Matrix, y: Matrix) -> tuple[Matrix, Matrix]:
    """A X and A^H Y, which do not depend on each other: one pass over what is read for each product."""
    if isinstance(a, Streamed):
        return a._both(x, y)
    return times(a, x), adjoint_times(a, y)


def divided(c: Matrix, triangle: Matrix) -> Matrix:
    """``C triangle^{-1}``, the triangle an upper one, each row solved for stably."""
    trsm = get_blas_funcs("trsm", (triangle, c))
    return trsm(1.0, triangle, c, side=1) if c.size else c


def row_blocks(shape: tuple[int, int], least: int = 1, entries: int | None = None) -> Iterator[slice]:
    """Slices of at least `least` rows of a matrix, and of no more than have so many entries, by default a buffer's."""
    m, n = shape
    step = max(1, least, (entries or BUFFER) // max(1, n))
    return (slice(start, min(start + step, m)) for start in range(0, m, step))
