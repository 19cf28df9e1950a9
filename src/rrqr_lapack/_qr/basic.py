"""Least squares with few nonzeros: basic solutions on columns that a pivoted QR chooses.

G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.5.7.

For the chosen columns C, T = R11^{-1} R12 and every y, A[:, C] T y - b = (A y - b) - (A - A[:, C] T) y. So

    min_z ||A[:, C] z - b||_2 <= ||A y - b||_2 + ||R22||_2 ||y||_2,

above all for a least-squares solution y.
"""

from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike

from .._common.types import Indices, Matrix
from .factored import TruncatedQR
from .strong import StrongRRQR
from .truncated import Options, Truncation


class BasicSolution(NamedTuple):
    """``A x ~= b`` with few nonzeros in x; made by `basic_lstsq`.

    Attributes
    ----------
    x : (N,) or (N, p) ndarray
        The solution, zero outside `columns`.
    columns : (k,) ndarray of int32
        The columns that take part, in the order in which they were chosen.
    residual : float or (p,) ndarray
        ``||A x - b||_2`` for each right-hand side.
    matrix_error : float
        ``||R22||_F = min_T ||A - A[:, columns] T||_F``. No y comes closer to b than
        ``||A y - b||_2 >= residual - matrix_error ||y||_2``.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import basic_lstsq
    >>> x, columns, residual, matrix_error = basic_lstsq(np.diag([1.0, 3.0, 2.0]), [1.0, 3.0, 2.0], rank=2)
    >>> x, columns, float(residual), matrix_error
    (array([0., 1., 1.]), array([1, 2], dtype=int32), 1.0, 1.0)
    """

    x: Matrix
    columns: Indices
    residual: Any  # a number, or one for each right-hand side
    matrix_error: float


def basic_lstsq(
    a: ArrayLike,
    b: ArrayLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float | None = None,
    **options: Unpack[Options],
) -> BasicSolution:
    """Basic least squares, ``min ||A x - b||_2`` over the x that are zero outside k columns chosen by a pivoted QR.

    For every y, ``||A x - b||_2 <= ||A y - b||_2 + ||R22||_F ||y||_2``: with y a least-squares solution, k nonzeros
    cost no more than ``||R22||_F ||y||_2``. The columns are chosen for A alone, so that they serve all right-hand
    sides.

    Parameters
    ----------
    a : (M, N) array_like
        Matrix.
    b : (M,) or (M, p) array_like
        Right-hand sides.
    rank : int, optional
        Most nonzeros of a solution, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        As few columns as leave of every column of `a` at most `atol`, or `rtol` times the largest column norm; off by
        default.
    f : float, optional
        Columns of a strong rank-revealing QR with this bound, at least 1; then also
        ``||R22||_2 <= sqrt(1 + f^2 k (N - k)) sigma_{k+1}(A)``. Off by default: greedy columns.
    **options
        `overwrite_a`, `check_finite` (of `a`; `b` is always checked), `driver`, `tie_tol` and `rng`, as for
        `qr_truncated`.

    Returns
    -------
    BasicSolution
        The tuple ``(x, columns, residual, matrix_error)``; float32 stays float32, complex stays complex. Columns past
        the numerical rank get the coefficient zero.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `strong_rrqr` for `a`, and as `TruncatedQR.lstsq` for `b`.

    See Also
    --------
    TruncatedQR.lstsq : the same where the factor is at hand.

    Notes
    -----
    4 M N k + 4 M k p flops to first order, with `f` also those of `strong_rrqr`.

    References
    ----------
    G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.5.7.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import basic_lstsq
    >>> t = np.linspace(-1, 1, 200)
    >>> A = np.exp(-20 * np.subtract.outer(t, t) ** 2)
    >>> found = basic_lstsq(A, np.sin(3 * t), rank=20)
    >>> int(np.count_nonzero(found.x)), bool(found.residual < 0.01)
    (20, True)
    """
    how: Truncation = {**options, "rank": rank, "rtol": rtol, "atol": atol}
    factor = TruncatedQR(a, **how) if f is None else StrongRRQR(a, f=f, **how)
    z, residual = factor.lstsq(b)
    columns = factor.P[: factor.rank]
    x = np.zeros((factor.shape[1], *z.shape[1:]), z.dtype)
    x[columns] = z
    return BasicSolution(x, columns, residual, factor.residual_norm)
