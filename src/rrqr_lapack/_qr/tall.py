"""QR of a tall matrix whose rows arrive in pieces, in memory that does not grow with their number.

J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU factorizations",
SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992. Single precision goes through the Gram matrix in double
precision: G. Golub, C. Van Loan, "Matrix Computations" (2013), section 5.3, and N. Higham, "Accuracy and Stability of
Numerical Algorithms" (2002), section 10.3, for the semidefinite Cholesky factorization.
"""

import copy
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from .. import _core
from .._common.arrays import as_fortran, as_numeric, check_finite_columns, check_flag, lapack_dtype
from .._common.foreign import become, foreign
from .._common.state import Kept
from .._common.types import DType, Matrix, Shape
from .factored import TruncatedQR
from .truncated import Truncation

LEAST_ROWS = 256  # gathered before they are eliminated: fewer are not worth a call
PANEL = 32  # columns that LAPACK's tpqrt eliminates at a time


class TallQR(Kept):
    """The triangle R of ``A = Q R``, that is ``R^H R = A^H A``, of a tall matrix A whose rows arrive in pieces.

    R has the singular values, the column norms and the linear dependences of A, and pivoted QR chooses the same columns
    of both: `pivoted` gives the pivots, the interpolation matrix and the errors of A from N x N numbers.

    Parameters
    ----------
    rows : (m, N) array_like, optional
        The first rows, as for `update`.
    check_finite : bool, optional
        Refuse NaN and infinity.

    Attributes
    ----------
    shape : tuple of int
        (M, N), M the number of rows so far; (0, 0) before the first rows.
    dtype : numpy.dtype or None
        float32, float64, complex64 or complex128: that of the first rows.
    R : (min(M, N), N) ndarray
        Upper trapezoidal factor, of that dtype. Its rows may differ in sign (phase) from those of another QR.

    Notes
    -----
    2 M N^2 flops in matrix products and O(N^2) memory, for any number and size of pieces: small ones are gathered. But
    for rounding the result does not depend on how the rows were cut. In double precision R is exact for an A with
    each column perturbed by O(eps) of its norm. Rows in single precision are accumulated as ``A^H A`` in double
    precision, for half the flops: since ``eps_double < eps_single^2``, that perturbs A by less than its own rounding.

    An object is for one thread at a time: let each have its own, and merge them.

    References
    ----------
    J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU
    factorizations", SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import TallQR
    >>> A = np.random.default_rng(0).standard_normal((1000, 4))
    >>> tall = TallQR()
    >>> for piece in np.array_split(A, 7):
    ...     _ = tall.update(piece)
    >>> tall.shape
    (1000, 4)
    >>> bool(np.allclose(tall.R.T @ tall.R, A.T @ A))
    True
    """

    _kept = ("shape", "dtype", "_check_finite", "_sum", "_gathered")

    def __init__(self, rows: ArrayLike | None = None, *, check_finite: bool = True) -> None:
        self.shape: Shape = (0, 0)
        self.dtype: DType | None = None
        self._check_finite = check_flag("check_finite", check_finite)
        self._sum: Any = None  # a _Triangle or a _Gram, and
        self._gathered: Any = None  # an array, once there are rows
        if rows is not None:
            self.update(rows)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if self._sum is not None:
            state["kept"]["_gathered"] = self._rest()  # the rest of the memory for it was never written to
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._sum is not None:
            rest = self._gathered
            self._make_room()
            self._gathered[: len(rest)] = rest

    def __repr__(self) -> str:
        return f"<TallQR of shape {self.shape}, {self.dtype}>"

    @property
    def R(self) -> Matrix:
        if self._sum is None:
            return np.zeros((0, 0))
        total = copy.deepcopy(self._sum)
        total.add(self._rest())
        return total.triangle()[: min(self.shape)].astype(self.dtype, copy=False)

    def update(self, rows: ArrayLike) -> Self:
        """Append rows, ``A -> [A; rows]``.

        Parameters
        ----------
        rows : (m, N) array_like
            Any number of rows, also none. The first ones fix the dtype (integers count as double precision), later
            ones must fit into it. They are not kept.

        Returns
        -------
        TallQR
            The object itself.

        Raises
        ------
        TypeError
            `rows` is sparse, masked, not numeric, or of a wider dtype than the first rows.
        ValueError
            `rows` has not two dimensions, another number of columns than before, or NaN or infinity (the first such
            column is named). The object is then as it was.

        Examples
        --------
        >>> from rrqr_lapack import TallQR
        >>> abs(TallQR([[3.0]]).update([[4.0]]).R)
        array([[5.]])
        """
        if type(rows) is not np.ndarray and self._sum is None and foreign(rows):
            become(self, "rows", rows, {"check_finite": self._check_finite})
            return self
        rows = as_numeric(rows, "rows")
        if rows.ndim != 2:
            raise ValueError(f"rows must have 2 dimensions, got {rows.ndim}")
        dtype = lapack_dtype(rows.dtype)
        self._check_fit(rows.shape[1], dtype)
        rows = rows.astype(dtype, copy=False)
        if self._check_finite:
            check_finite_columns(rows, "rows")
        self._start(rows.shape[1], dtype)
        self._add(rows)
        return self

    def merge(self, other: "TallQR") -> Self:
        """Append the rows that another TallQR has seen, ``A -> [A; B]``, from its triangle alone.

        So several threads, processes or machines can each take a share of the rows.

        Parameters
        ----------
        other : TallQR
            Of as many columns; it is not changed.

        Returns
        -------
        TallQR
            The object itself.

        Raises
        ------
        TypeError
            `other` is no TallQR, or of a wider dtype.
        ValueError
            Another number of columns.

        Notes
        -----
        2 N^3 flops.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TallQR
        >>> A, B = np.eye(5)[:, :3], np.ones((4, 3))
        >>> tall = TallQR(A).merge(TallQR(B))
        >>> bool(np.allclose(tall.R.T @ tall.R, A.T @ A + B.T @ B)), tall.shape
        (True, (9, 3))
        """
        if not isinstance(other, TallQR):
            raise TypeError(f"other must be a TallQR, got {type(other).__name__}")
        if other.dtype is not None:
            self._check_fit(other.shape[1], other.dtype)
            self._start(other.shape[1], other.dtype)
            rest = other._rest()
            self._sum.merge(other._sum)
            self.shape = (self.shape[0] + other.shape[0] - len(rest), self.shape[1])
            self._add(rest)
        return self

    def copy(self) -> Self:
        """An independent TallQR of the same rows.

        Examples
        --------
        >>> from rrqr_lapack import TallQR
        >>> one = TallQR([[1.0, 2.0]])
        >>> two = one.copy().update([[3.0, 4.0]])
        >>> one.shape, two.shape
        ((1, 2), (2, 2))
        """
        return copy.deepcopy(self)

    def pivoted(self, **options: Unpack[Truncation]) -> TruncatedQR:
        """Pivoted QR of A by that of R, ``A[:, P] ~= Q R``, without a Q: the same pivots, T and errors.

        Parameters
        ----------
        **options
            `rank`, `rtol`, `atol`, `driver`, `tie_tol` and `rng` as for `TruncatedQR`.

        Returns
        -------
        TruncatedQR
            Of R: its `P`, `rank`, `R`, `interpolation()`, `maxresid` and `residual_norm` are those of A.

        Raises
        ------
        TypeError, ValueError
            As `TruncatedQR`.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TallQR
        >>> tall = TallQR()
        >>> for x in np.linspace(0, 1, 500):
        ...     _ = tall.update([[1.0, x, 1.0 + x, 2.0 - x]])
        >>> F = tall.pivoted(rtol=1e-10)
        >>> F.rank, F.interpolation().shape
        (2, (2, 4))
        """
        return TruncatedQR(self.R, **options, overwrite_a=True)  # type: ignore[misc]  # not the caller's

    def _check_fit(self, columns: int, dtype: DType) -> None:
        if self.dtype is None:
            return
        if columns != self.shape[1]:
            raise ValueError(f"rows must have {self.shape[1]} columns like the rows before, got {columns}")
        if not np.can_cast(dtype, self.dtype):
            raise TypeError(f"rows must fit into {self.dtype}, the dtype of the first rows, got {dtype}; convert them")

    def _start(self, columns: int, dtype: DType) -> None:
        if self._sum is None:
            self.shape, self.dtype = (0, columns), dtype
            self._sum = (_Gram if dtype.char in "fF" else _Triangle)(columns, dtype)
            self._make_room()

    def _make_room(self) -> None:
        """Memory for the rows that are gathered."""
        columns = self.shape[1]
        self._gathered = np.empty((max(columns, LEAST_ROWS), columns), self._sum.dtype)

    def _rest(self) -> Matrix:
        """The rows that are gathered but not yet eliminated."""
        return self._gathered[: self.shape[0] - self._sum.rows]

    def _add(self, rows: Matrix) -> None:
        """Whole blocks; what is left over waits for more."""
        block = len(self._gathered)
        while len(rows):
            waiting = len(self._rest())
            taken = min(block - waiting, len(rows))
            self._gathered[waiting : waiting + taken] = rows[:taken]
            if waiting + taken == block:
                self._sum.add(self._gathered)
            self.shape = (self.shape[0] + taken, self.shape[1])
            rows = rows[taken:]


class _Triangle:
    """R, by ``[R; rows] -> R``: by LAPACK's tpqrt where R is already a triangle."""

    def __init__(self, columns: int, dtype: DType) -> None:
        self.rows, self.dtype = 0, dtype
        self.upper = np.zeros((0, columns), dtype, order="F")

    def add(self, rows: Matrix) -> None:
        """Eliminate rows."""
        self.rows += len(rows)
        n = rows.shape[1]
        if not rows.size:
            return
        if len(self.upper) < n:
            self.upper = _triangle(np.concatenate([self.upper, rows]))
            return
        tpqrt = get_lapack_funcs("tpqrt", dtype=self.upper.dtype)
        rows = as_fortran(rows, overwrite=False, check_finite=False)
        self.upper = tpqrt(0, min(PANEL, n), self.upper, rows, overwrite_a=True, overwrite_b=True)[0]

    def merge(self, other: "_Triangle") -> None:
        """Eliminate the triangle that stands for the other's rows."""
        rows = self.rows + other.rows
        self.add(other.triangle().astype(self.dtype, copy=False))
        self.rows = rows

    def triangle(self) -> Matrix:
        """R."""
        return self.upper


class _Gram:
    """``G = A^H A`` of single-precision rows, in double precision; the upper triangle of its conjugate."""

    def __init__(self, columns: int, dtype: DType) -> None:
        self.rows, self.dtype = 0, np.promote_types(dtype, np.float64)
        self.conjugate = np.zeros((columns, columns), self.dtype, order="F")

    def add(self, rows: Matrix) -> None:
        """``G + rows^H rows``, of rows in double precision."""
        self.rows += len(rows)
        if rows.size:
            product = get_blas_funcs("herk" if self.dtype.kind == "c" else "syrk", dtype=self.dtype)
            # rows^T is Fortran-ordered, and rows^T (rows^T)^H = conj(rows^H rows): nothing is copied
            self.conjugate = product(1.0, rows.T, 1.0, self.conjugate, overwrite_c=True)

    def merge(self, other: "_Gram") -> None:
        """Sums add."""
        self.rows += other.rows
        self.conjugate += other.conjugate

    def triangle(self) -> Matrix:
        """R with ``R^H R = G``: the Cholesky factor of G scaled to a unit diagonal.

        Where G is numerically singular, pivoted and ending where all that is left of it is rounding error.
        """
        scale = np.sqrt(np.diagonal(self.conjugate).real)
        divisor = np.where(scale > 0, scale, 1)
        scaled = self.conjugate.conj() / divisor
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
        return _triangle(factor * scale)


def _triangle(a: Matrix) -> Matrix:
    """R of ``a = Q R``, upper trapezoidal, (min(M, N), N)."""
    factor = _core.Factor(as_fortran(a, overwrite=False, check_finite=False))
    factor.geqrf()
    return np.asfortranarray(np.triu(factor.a[: min(a.shape)]))
