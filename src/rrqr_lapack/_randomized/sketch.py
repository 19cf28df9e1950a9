"""Random sketches: a few random combinations of many coordinates keep the geometry of a low-dimensional subspace.

A sketch Omega (l x n, l small, ``E Omega^H Omega`` a multiple of I) is one of

- ``gaussian``: independent standard normal entries;
- ``sparse``: 8 random signs in each column, one in each of 8 bands of rows. J. Nelson, H. L. Nguyen, "OSNAP: faster
  numerical linear algebra algorithms via sparser subspace embeddings", FOCS 2013, doi:10.1109/FOCS.2013.21;
- ``srtt``: random signs, a cosine transform, l of its n coordinates. N. Ailon, B. Chazelle, "The fast
  Johnson-Lindenstrauss transform and approximate nearest neighbors", SIAM J. Comput. 39(1) (2009),
  doi:10.1137/060673096.

All numbers come one after the other from the caller's generator, so that a sketch does not depend on threads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike
from scipy import fft, sparse

from .._common.products import row_blocks, times
from .._common.random import gaussian
from .._common.types import Array, Matrix, Operand, Sparse

SIGNS = 8  # in a column of a sparse sketch; fewer begin to lose subspaces, more cost more


def sparse_signs(rng: np.random.Generator, rows: int, columns: int, dtype: DTypeLike) -> Sparse:
    """`SIGNS` entries +-1 in each column, one in each of that many bands of rows, as a CSR array."""
    signs = min(SIGNS, rows)
    bounds = np.arange(signs + 1) * rows // max(signs, 1)
    row = rng.integers(bounds[:-1], bounds[1:], size=(columns, signs))
    values = rng.choice(np.array([-1, 1], dtype), size=(columns, signs))
    starts = np.arange(columns + 1) * signs
    return sparse.csc_array((values.ravel(), row.ravel(), starts), shape=(rows, columns)).tocsr()


@dataclass(frozen=True)
class Trigonometric:
    """Omega = R C D: signs D, the orthogonal cosine transform C, the coordinates R that are kept."""

    signs: Array
    kept: Array

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.kept), len(self.signs)

    def of_rows(self, a: Matrix) -> Matrix:
        """A Omega^T of an ndarray, some rows at a time."""
        y = np.empty((a.shape[0], len(self.kept)), a.dtype)
        for rows in row_blocks(a.shape):
            y[rows] = fft.dct(a[rows] * self.signs, axis=1, norm="ortho", overwrite_x=True)[:, self.kept]
        return y

    def toarray(self) -> Matrix:
        """Omega itself, an array."""
        units = np.zeros(self.shape, self.signs.dtype)
        units[np.arange(len(self.kept)), self.kept] = 1
        return fft.idct(units, axis=1, norm="ortho", overwrite_x=True) * self.signs


def trigonometric(rng: np.random.Generator, rows: int, columns: int, dtype: DTypeLike) -> Trigonometric:
    """Random signs and coordinates of a `Trigonometric` sketch."""
    signs = rng.choice(np.array([-1, 1], np.dtype(dtype).char.lower()), size=columns)
    return Trigonometric(signs, np.sort(rng.choice(columns, rows, replace=False)))


SketchName: TypeAlias = Literal["gaussian", "sparse", "srtt"]
SKETCHES: dict[SketchName, Callable[..., Any]] = {"gaussian": gaussian, "sparse": sparse_signs, "srtt": trigonometric}


def as_array(omega: Any) -> Matrix:
    """Omega as an array."""
    return omega if isinstance(omega, np.ndarray) else omega.toarray()


def sketch_of_rows(omega: Any, a: Operand) -> Matrix:
    """A Omega^T, an array: every row of the operand A is sketched."""
    if isinstance(omega, np.ndarray):
        return times(a, omega.T)
    if not isinstance(a, np.ndarray):
        return (a @ omega.T).toarray() if _both_sparse(omega, a) else times(a, omega.toarray().T)
    return omega.of_rows(a) if isinstance(omega, Trigonometric) else _signs_of_rows(omega, a)


def sketch_of_columns(omega: Any, a: Operand) -> Matrix:
    """Omega A, an array: every column of the operand A is sketched."""
    return sketch_of_rows(omega, a.T).T


def _both_sparse(omega: Operand, a: Operand) -> bool:
    return sparse.issparse(omega) and sparse.issparse(a)


def _signs_of_rows(omega: Sparse, a: Matrix) -> Matrix:
    """A Omega^T for a sparse Omega and an ndarray A, whose rows SciPy would have to transpose all at once."""
    y = np.empty((omega.shape[0], a.shape[0]), a.dtype)
    for rows in row_blocks(a.shape):
        y[:, rows] = omega @ np.ascontiguousarray(a[rows].T)
    return y.T
