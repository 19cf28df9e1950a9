"""CUR of a matrix in blocks: columns by its triangle or a sketch, rows of these columns by a tournament, then the rows.

``U = T R^+`` for the coefficients T of the columns: by the triangle that is the U of least error, C^+ A R^+.
"""

from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed

from .._common.error import estimated
from .._common.types import Array, Indices, Matrix, Seed
from .._id.linking import linked_array, projection_of
from .._qr.factored import TruncatedQR
from ._chunks import dtype_of, in_dtype, to_host
from ._column_id import on_stand_in
from ._layers import blocks_of, gathered, grid_of, tasks
from ._lazy import Lazy, an_object, pieces
from ._second_pass import chosen_columns
from ._stand_in import By, Source, StandIn, reduced
from ._tournament import Rows, in_the_matrix, winners


@dataclass(frozen=True, repr=False)
class CUR(Lazy):
    """``A ~= C @ U @ R`` with C columns and R rows of A; made by `cur`.

    Attributes
    ----------
    U : (c, r) LinkingMatrix
        What links them, in factored form, `rrqr_lapack.cur` has it too. This and all others are lazy until computed.
    R : (r, N) array
        ``A[rows, :]``.
    columns, rows : (c,) and (r,) array of int
        Indices of the chosen columns and rows.
    error, error_bound : float
        ``||A - C U R||_F``, and what it does not exceed.
    error_kind : {'exact', 'estimate'}
        Whether the error is known, from the triangle, or estimated from ten combinations of the rows.
    source : object
        The matrix in blocks, for `C`.
    C : (M, c) dask.array
        ``A[:, columns]``, always lazy.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import cur
    >>> found = cur(da.ones((100, 3), chunks=10), rank=1).compute()
    >>> found.columns, found.C.shape, found.R.shape
    (array([0], dtype=int32), (100, 1), (1, 3))
    """

    U: Any
    R: Any
    columns: Any
    rows: Any
    error: Any
    error_bound: Any
    error_kind: str
    source: Source

    @property
    def C(self) -> Any:
        return chosen_columns(self.source, self.columns)


def cur(
    x: Any,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    by: By = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> CUR:
    """CUR decomposition of a matrix in blocks, ``A ~= C @ U @ R``, in three passes.

    Parameters
    ----------
    x : (M, N) dask.array
        As for `interpolative_decomposition`.
    rank, rtol, atol, by, tie_tol, rng : optional
        As for `interpolative_decomposition`, whose columns are taken.

    Returns
    -------
    CUR
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph.

    Raises
    ------
    TypeError, ValueError
        As `interpolative_decomposition`.

    Notes
    -----
    The first pass is that of `interpolative_decomposition`. The second reads the chosen columns, in which a tournament
    finds rows, c^2 numbers on each edge of its tree: which rows win depends on the chunking. The third reads these
    rows. The worker that links them holds R and what stands for the matrix.

    References
    ----------
    S. Voronin, P. G. Martinsson, Adv. Comput. Math. 43(3) (2017), doi:10.1007/s10444-016-9494-8. J. Demmel, L. Grigori,
    M. Gu, H. Xiang, SIAM J. Matrix Anal. Appl. 36(1) (2015), doi:10.1137/13092157X.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import cur
    >>> rng = da.random.default_rng(0)
    >>> x = rng.standard_normal((400, 5), chunks=100) @ rng.standard_normal((5, 300), chunks=100)
    >>> found = cur(x, rtol=1e-9).compute()
    >>> bool(np.allclose(x, (found.C @ np.asarray(found.U)) @ found.R))
    True
    """
    source, stand_in, rule, _, kind = reduced(x, rank, rtol, atol, by, tie_tol, rng)
    x, n = source.x, source.x.shape[1]
    factor = delayed(_factor, pure=True)(stand_in, rule._replace(rng=None))
    columns = da.from_delayed(delayed(_columns, pure=True)(factor), (np.nan,), dtype=np.int32)
    chosen = winners(chosen_columns(source, columns))
    blocks = blocks_of(source.again(chosen))
    R = gathered(_in_order, tasks(_rows_of, blocks, chosen, grid_of(range(len(blocks)))[:, None]), chosen)
    found = delayed(_linked, pure=True)(stand_in, factor, R)
    parts = pieces(found, dtype_of(x), {"error": (), "error_bound": ()})
    return CUR(
        U=an_object(found["U"]),
        R=da.from_delayed(R, (np.nan, n), dtype=dtype_of(x)),
        columns=columns,
        rows=da.from_delayed(in_the_matrix(chosen, x), (np.nan,), dtype=np.int64),
        **parts,
        error_kind=kind,
        source=source,
    )


def _factor(stand_in: StandIn, rule: Any) -> TruncatedQR:
    rule = on_stand_in(rule, stand_in)
    return TruncatedQR(stand_in.matrix, rank=rule.rank, **rule.tolerances, tie_tol=rule.tie_tol)


def _columns(factor: TruncatedQR) -> Indices:
    return factor.P[: factor.rank]


def _rows_of(block: Any, rows: Rows, number: int) -> Array:
    """The chosen rows that are in a block, in the order of choice."""
    return to_host(in_dtype(block[rows.places[rows.blocks == number]]))


def _in_order(grid: list[list[Array]], rows: Rows) -> Matrix:
    """R from what the blocks have of it."""
    found = np.concatenate([np.concatenate(row, axis=1) for row in grid])
    return found[np.argsort(np.argsort(rows.blocks, kind="stable"), kind="stable")]


def _linked(stand_in: StandIn, factor: TruncatedQR, R: Matrix) -> dict[str, Any]:
    U, error = linked_array(projection_of(factor), R)
    if stand_in.tests is not None:
        error = estimated((stand_in.tests - stand_in.tests[:, _columns(factor)] @ (U @ R)).T)
    return {"U": U, "error": error.value, "error_bound": error.bound}
