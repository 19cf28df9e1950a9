"""Row interpolative decomposition: a matrix from a few of its own rows.

H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
26(4) (2005), doi:10.1137/030602678. The rows of A are the columns of A^T: where A^T ~= A^T[:, R] X^T, A ~= X A[R, :]
with the same error.
"""

from collections.abc import Iterator
from typing import Any

from .._common.error import Error
from .._common.low_rank import LowRank, error_of
from .._common.operand import as_operand
from .._common.types import Array, Indices, Matrix, MatrixLike, Seed, Sparse
from .._qr.truncated import Driver
from .column import Refit, interpolative_decomposition


class RowInterpolativeDecomposition(LowRank):
    """``A ~= X @ A[R, :]`` with ``X[R, :] = I``; made by `row_interpolative_decomposition`.

    Unpacks to ``(rows, coefficients)``, R and X, and multiplies as the matrix it stands for.

    Attributes
    ----------
    rows : (k,) ndarray of int32
        R, the indices of the chosen rows, in the order in which they were chosen.
    coefficients : (M, k) ndarray
        X; its unit rows are exact.
    skeleton : (k, N) ndarray or sparse array
        ``A[R, :]``, sparse where A is sparse.
    error : float
        ``||A - X A[R, :]||_F``.
    max_row_error : float
        ``max_i ||A[i, :] - X[i, :] A[R, :]||_2``.
    error_kind : {'exact', 'estimate'}
        Whether these errors are known or estimated from a few products with A.
    error_bound : float
        What `error` does not exceed: itself where it is exact, with probability 0.9999 where it is an estimate.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import row_interpolative_decomposition
    >>> A = np.outer([1.0, 2.0], [1.0, 2.0, 3.0])
    >>> R, X = row_interpolative_decomposition(A, rank=1)
    >>> R, X
    (array([1], dtype=int32), array([[0.5],
           [1. ]]))
    >>> row_interpolative_decomposition(A, rank=1).reconstruct()
    array([[1., 2., 3.],
           [2., 4., 6.]])
    """

    def __init__(
        self, rows: Indices, coefficients: Matrix, skeleton: Array | Sparse, error: Error, max_row_error: float
    ) -> None:
        super().__init__(error)
        self.rows, self.coefficients, self.skeleton = rows, coefficients, skeleton
        self.max_row_error = max_row_error

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.coefficients, self.skeleton

    def __iter__(self) -> Iterator[Array]:
        return iter((self.rows, self.coefficients))


def row_interpolative_decomposition(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float | None = None,
    refit: Refit = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> RowInterpolativeDecomposition:
    """Row interpolative decomposition, ``A ~= X @ A[R, :]`` with ``X[R, :] = I``.

    The interpolative decomposition of ``A^T``, by rows where that goes by columns.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose.
    rank : int, optional
        Largest number of rows, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Stop where the largest residual row norm is at most `rtol` times that of `a`, or at most `atol`.
    f : float, optional
        Exchange rows until ``|X| <= f``, as `strong_rrqr` does; at least 1. Off by default.
    refit : optional
        As for `interpolative_decomposition`.
    overwrite_a : bool, optional
        Allow the contents of `a` to be destroyed; saves a copy where `a` is C-ordered.
    check_finite, driver, tie_tol, rng : optional
        As for `interpolative_decomposition`.

    Returns
    -------
    RowInterpolativeDecomposition
        With `rows`, `coefficients`, `rank`, the `error`, which is exact for an array and otherwise estimated.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `interpolative_decomposition`.

    Notes
    -----
    As `interpolative_decomposition`, with M and N exchanged, and A in the place of A^H.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
    26(4) (2005), doi:10.1137/030602678.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import row_interpolative_decomposition
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x[:50]) ** 2)
    >>> R, X = row_interpolative_decomposition(A, rtol=1e-6)
    >>> bool(np.allclose(A, X @ A[R], atol=1e-5))
    True
    """
    a = as_operand(a, check_finite=check_finite, with_adjoint=True)
    d = interpolative_decomposition(
        a.T,
        rank=rank,
        rtol=rtol,
        atol=atol,
        f=f,
        refit=refit,
        overwrite_a=overwrite_a,
        check_finite=check_finite,  # of products, too
        driver=driver,
        tie_tol=tie_tol,
        rng=rng,
    )
    return RowInterpolativeDecomposition(d.columns, d.coefficients.T, d.skeleton.T, error_of(d), d.max_column_error)
