"""Column subset selection of a matrix in blocks, by any method that a triangle or a sketch can stand for."""

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
from dask import delayed
from numpy.typing import ArrayLike

from .._common.arrays import check_choice
from .._common.types import Seed
from .._selection.registry import METHODS, MethodName, Options
from .._selection.select import select_columns as select
from ._chunks import dtype_of
from ._column_id import InterpolativeDecomposition, on_stand_in
from ._lazy import pieces
from ._stand_in import By, StandIn, reduced


@dataclass(frozen=True, repr=False)
class ColumnSelection(InterpolativeDecomposition):
    """``A ~= A[:, C] @ T`` with the best T for what stands for A; made by `select_columns`.

    Its attributes are those of `InterpolativeDecomposition`.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import select_columns
    >>> select_columns(da.ones((100, 3), chunks=10), 1)
    <ColumnSelection: error_kind=exact>
    """


def select_columns(
    x: Any,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    method: MethodName = "greedy",
    include: ArrayLike | None = None,
    exclude: ArrayLike | None = None,
    by: By = "auto",
    rng: Seed = None,
    **options: Unpack[Options],
) -> ColumnSelection:
    """Column subset selection of a matrix in blocks, ``A ~= A[:, C] @ T``, in one pass.

    Parameters
    ----------
    x : (M, N) dask.array
        As for `interpolative_decomposition`.
    rank : int, optional
        Largest number of columns; a sketch needs it, and the methods 'sketch' and 'uniform' do.
    rtol, atol : float, optional
        Stop with fewer columns, as `rrqr_lapack.select_columns` does; on a sketch they are halved.
    method : str, optional
        One of the methods of `rrqr_lapack.select_columns` but 'cholesky'. The triangle has A's right singular vectors,
        leverage scores and norms, so that each chooses there as it would on the whole matrix.
    include, exclude : array_like of int, or mask of shape (N,), optional
        Columns that must be in C, and columns that must not.
    by, rng : optional
        As for `interpolative_decomposition`; the seed is that of random methods too.
    **options
        What the method takes beside.

    Returns
    -------
    ColumnSelection
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph.

    Raises
    ------
    TypeError, ValueError
        As `interpolative_decomposition` and, in the task that chooses, `rrqr_lapack.select_columns`.

    Notes
    -----
    The pass and the memory of `interpolative_decomposition`, and what the method takes for a matrix of N rows.

    References
    ----------
    Those of `rrqr_lapack.select_columns`.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import select_columns
    >>> x = da.random.default_rng(0).standard_normal((1000, 20), chunks=(100, 7))
    >>> found = select_columns(x, 3, method="osinsky", rng=0).compute()
    >>> len(found.columns), found.skeleton.shape
    (3, (1000, 3))
    """
    check_choice("method", method, tuple(METHODS))
    if METHODS[method].square:
        raise ValueError(f"method must be one that a triangle can stand for, got {method!r}; take 'greedy'")
    source, stand_in, rule, seed, kind = reduced(x, rank, rtol, atol, by, rng=rng)
    constraints = {name: None if each is None else np.asarray(each) for name, each in _named(include, exclude)}
    given = {"rank": rank, "rtol": rtol is not None, "atol": atol is not None}
    how = {"method": method, "rng": seed, **constraints, **options}
    found = delayed(_selected, pure=True)(stand_in, rule._replace(rng=None), given, how)
    n, k = source.x.shape[1], np.nan
    shapes = {"columns": (k,), "coefficients": (k, n), "error": (), "error_bound": (), "max_column_error": ()}
    return ColumnSelection(**pieces(found, dtype_of(x), shapes), error_kind=kind, source=source)


def _named(include: Any, exclude: Any) -> list[tuple[str, Any]]:
    return [("include", include), ("exclude", exclude)]


def _selected(stand_in: StandIn, rule: Any, given: dict[str, Any], how: dict[str, Any]) -> dict[str, Any]:
    asked = on_stand_in(rule, stand_in)
    tolerances = {name: getattr(asked, name) for name in ("rtol", "atol") if given[name]}
    rank = None if given["rank"] is None else asked.rank
    found = select(stand_in.matrix, rank, **tolerances, **how)
    coefficients = found.coefficients
    error, worst = stand_in.error(found.columns, coefficients, np.array([found.error]))
    return {
        "columns": found.columns,
        "coefficients": coefficients,
        "error": error.value,
        "error_bound": error.bound,
        "max_column_error": found.max_column_error if stand_in.tests is None else worst,
    }
