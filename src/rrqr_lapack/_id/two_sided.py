"""Two-sided interpolative decomposition: a matrix from the entries where a few of its rows and columns meet.

H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
26(4) (2005), doi:10.1137/030602678. The columns A[:, C] are chosen first, then rows R of these. A[:, C] has rank k, so
that k rows reproduce it, A[:, C] = X A[R, C], and ||A - X A[R, C] T|| = ||A - A[:, C] T||.
"""

from collections.abc import Iterator
from typing import Any

from .._common.arrays import check_rng
from .._common.error import Error
from .._common.low_rank import LowRank, error_of
from .._common.operand import densified
from .._common.types import Array, Indices, Matrix, MatrixLike, Seed
from .._qr.truncated import Driver
from .column import Refit, interpolative_decomposition
from .row import row_interpolative_decomposition


class TwoSidedInterpolativeDecomposition(LowRank):
    """``A ~= X @ A[R, C] @ T`` with ``X[R, :] = I``, ``T[:, C] = I``; made by `two_sided_interpolative_decomposition`.

    Unpacks to ``(rows, columns, row_coefficients, column_coefficients)``, R, C, X and T, and multiplies as the matrix
    it stands for.

    Attributes
    ----------
    rows, columns : (k,) ndarray of int32
        R and C, the indices of the chosen rows and columns, in the order in which they were chosen.
    row_coefficients : (M, k) ndarray
        X; its unit rows are exact.
    column_coefficients : (k, N) ndarray
        T; its unit columns are exact.
    skeleton : (k, k) ndarray
        ``A[R, C]``.
    error : float
        ``||A - X A[R, C] T||_F``.
    error_kind : {'exact', 'estimate'}
        Whether the error is known or estimated from a few products with A.
    error_bound : float
        What `error` does not exceed: itself where it is exact, with probability 0.9999 where it is an estimate.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import two_sided_interpolative_decomposition
    >>> two_sided_interpolative_decomposition(np.outer([1.0, 2.0], [1.0, 2.0, 3.0]), rank=1).skeleton
    array([[6.]])
    >>> abs(two_sided_interpolative_decomposition(np.diag([2.0, 0.0]), rank=1).reconstruct())
    array([[2., 0.],
           [0., 0.]])
    """

    def __init__(
        self,
        rows: Indices,
        columns: Indices,
        row_coefficients: Matrix,
        column_coefficients: Matrix,
        skeleton: Matrix,
        error: Error,
    ) -> None:
        super().__init__(error)
        self.rows, self.columns, self.skeleton = rows, columns, skeleton
        self.row_coefficients, self.column_coefficients = row_coefficients, column_coefficients

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.row_coefficients, self.skeleton, self.column_coefficients

    def __iter__(self) -> Iterator[Array]:
        return iter((self.rows, self.columns, self.row_coefficients, self.column_coefficients))


def two_sided_interpolative_decomposition(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float | None = None,
    refit: Refit = None,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> TwoSidedInterpolativeDecomposition:
    """Two-sided interpolative decomposition, ``A ~= X @ A[R, C] @ T`` with error ``||A - A[:, C] T||_F``.

    The columns C and their coefficients T are those of `interpolative_decomposition`, the rows R and X those of the row
    interpolative decomposition of ``A[:, C]``, which is exact.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose.
    rank, rtol, atol, f, refit, check_finite, driver, tie_tol, rng : optional
        As for `interpolative_decomposition`; `f`, `driver` and `tie_tol` hold for the rows too.

    Returns
    -------
    TwoSidedInterpolativeDecomposition
        With `rows`, `columns`, their coefficients, ``skeleton = A[R, C]``, `rank`, the `error`, which is exact for an
        array and otherwise estimated.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `interpolative_decomposition`.

    Notes
    -----
    4 M N k + 4 M k^2 flops to first order.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
    26(4) (2005), doi:10.1137/030602678.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import two_sided_interpolative_decomposition
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x[:50]) ** 2)
    >>> R, C, X, T = two_sided_interpolative_decomposition(A, rtol=1e-6)
    >>> bool(np.allclose(A, X @ A[np.ix_(R, C)] @ T, atol=1e-5))
    True
    """
    choice: dict[str, Any] = {"f": f, "driver": driver, "tie_tol": tie_tol, "rng": check_rng(rng)}
    stop: dict[str, Any] = {"rtol": rtol, "atol": atol, "refit": refit, "check_finite": check_finite}
    columns = interpolative_decomposition(a, rank=rank, **stop, **choice)
    rows = row_interpolative_decomposition(densified(columns.skeleton), check_finite=False, **choice)
    while rows.rank < columns.rank:  # a rank that pivoting columns did not see, but pivoting their rows did
        columns = interpolative_decomposition(a, rank=rows.rank, **stop, **choice)
        rows = row_interpolative_decomposition(densified(columns.skeleton), check_finite=False, **choice)
    (R, X), (C, T) = rows, columns
    return TwoSidedInterpolativeDecomposition(R, C, X, T, rows.skeleton, error_of(columns))
