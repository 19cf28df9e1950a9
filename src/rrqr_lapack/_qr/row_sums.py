"""What is kept of rows that were seen: R of their QR factorization, or in single precision their Gram matrix in double.

Both are sums in that those of two sets of rows make that of all. J. Demmel, L. Grigori, M. Hoemmen, J. Langou, SIAM J.
Sci. Comput. 34(1) (2012), doi:10.1137/080731992; N. Higham, "Accuracy and Stability of Numerical Algorithms" (2002),
section 10.3, for the semidefinite Cholesky factorization.
"""

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from .. import _core
from .._common.arrays import as_fortran
from .._common.types import DType, Matrix

PANEL = 32  # columns that LAPACK's tpqrt eliminates at a time


class Triangle:
    """R, by ``[R; rows] -> R``: by LAPACK's tpqrt where R is already a triangle."""

    def __init__(self, columns: int, dtype: DType) -> None:
        self.rows, self.dtype = 0, dtype
        self.total = np.zeros((0, columns), dtype, order="F")

    def add(self, rows: Matrix) -> None:
        """Eliminate rows."""
        self.rows += len(rows)
        n = rows.shape[1]
        if not rows.size:
            return
        if len(self.total) < n:
            self.total = triangle_of(np.concatenate([self.total, rows]))
            return
        tpqrt = get_lapack_funcs("tpqrt", dtype=self.total.dtype)
        rows = as_fortran(rows, overwrite=False, check_finite=False)
        self.total = tpqrt(0, min(PANEL, n), self.total, rows, overwrite_a=True, overwrite_b=True)[0]

    def merge(self, other: "Triangle") -> None:
        """Eliminate the triangle that stands for the other's rows."""
        rows = self.rows + other.rows
        self.add(other.triangle().astype(self.dtype, copy=False))
        self.rows = rows

    def triangle(self) -> Matrix:
        """R."""
        return self.total


class Gram:
    """``G = A^H A`` of single-precision rows, in double precision; the upper triangle of its conjugate."""

    def __init__(self, columns: int, dtype: DType) -> None:
        self.rows, self.dtype = 0, np.promote_types(dtype, np.float64)
        self.total = np.zeros((columns, columns), self.dtype, order="F")

    def add(self, rows: Matrix) -> None:
        """``G + rows^H rows``, of rows in double precision."""
        self.rows += len(rows)
        if rows.size:
            product = get_blas_funcs("herk" if self.dtype.kind == "c" else "syrk", dtype=self.dtype)
            # rows^T is Fortran-ordered, and rows^T (rows^T)^H = conj(rows^H rows): nothing is copied
            self.total = product(1.0, rows.T, 1.0, self.total, overwrite_c=True)

    def merge(self, other: "Gram") -> None:
        """Sums add."""
        self.rows += other.rows
        self.total += other.total

    def triangle(self) -> Matrix:
        """R with ``R^H R = G``: the Cholesky factor of G scaled to a unit diagonal.

        Where G is numerically singular, pivoted and ending where all that is left of it is rounding error.
        """
        scale = np.sqrt(np.diagonal(self.total).real)
        divisor = np.where(scale > 0, scale, 1)
        scaled = self.total.conj() / divisor
        scaled /= divisor[:, None]
        np.fill_diagonal(scaled, 1)
        potrf, pstrf = get_lapack_funcs(("potrf", "pstrf"), dtype=scaled.dtype)
        if self.rows >= len(scale) > 0:
            upper, failed = potrf(scaled, clean=True)
            if not failed:
                return upper * scale
        factor = np.zeros_like(scaled)
        if scale.any():
            upper, pivots, rank, _ = pstrf(scaled)
            factor[:rank, pivots - 1] = np.triu(upper[:rank])
        return triangle_of(factor * scale)


def triangle_of(a: Matrix) -> Matrix:
    """R of ``a = Q R``, upper trapezoidal, (min(M, N), N)."""
    factor = _core.Factor(as_fortran(a, overwrite=False, check_finite=False))
    factor.geqrf()
    return np.asfortranarray(np.triu(factor.a[: min(a.shape)]))
