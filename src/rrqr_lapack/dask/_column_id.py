"""Interpolative decomposition of a matrix in blocks, chosen on its triangle or on a sketch of its rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from dask import delayed

from .._common.rule import Rule
from .._common.types import Seed
from .._id.column import interpolative_decomposition as decompose
from .._qr.strong import check_bound
from ._chunks import dtype_of
from ._lazy import Lazy, pieces
from ._second_pass import chosen_columns
from ._stand_in import By, Source, StandIn, reduced


@dataclass(frozen=True, repr=False)
class InterpolativeDecomposition(Lazy):
    """``A ~= A[:, C] @ T`` with ``T[:, C] = I``; made by `interpolative_decomposition`.

    Attributes
    ----------
    columns : (k,) array of int32
        C, in the order of choice. This and all others are lazy until they are computed; k is not known before.
    coefficients : (k, N) array
        T; its unit columns are exact.
    error, error_bound : float
        ``||A - A[:, C] T||_F``, and what it does not exceed: itself, or with probability 0.9999 where it is estimated.
    max_column_error : float
        The largest norm of a column of ``A - A[:, C] T``.
    error_kind : {'exact', 'estimate'}
        Whether the errors are known, from the triangle, or estimated from ten combinations of the rows.
    source : object
        The matrix in blocks, for `skeleton`.
    skeleton : (M, k) dask.array
        ``A[:, C]``, always lazy: a second pass, of blocks of the kind of the matrix.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import interpolative_decomposition
    >>> found = interpolative_decomposition(da.ones((100, 3), chunks=10), rank=1).compute()
    >>> found.columns, found.coefficients, found.skeleton.shape
    (array([0], dtype=int32), array([[1., 1., 1.]]), (100, 1))
    """

    columns: Any
    coefficients: Any
    error: Any
    error_bound: Any
    max_column_error: Any
    error_kind: str
    source: Source

    @property
    def skeleton(self) -> Any:
        return chosen_columns(self.source, self.columns)


def interpolative_decomposition(
    x: Any,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float | None = None,
    by: By = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> InterpolativeDecomposition:
    """Interpolative decomposition of a matrix in blocks, ``A ~= A[:, C] @ T``, in one pass.

    Parameters
    ----------
    x : (M, N) dask.array
        Of any chunking, also with unknown numbers of rows; blocks are NumPy's, sparse, or on a GPU.
    rank : int, optional
        Largest number of columns; a sketch needs it.
    rtol, atol : float, optional
        Stop where the largest residual column norm is at most `rtol` times that of `x`, or at most `atol`. On a sketch
        they hold for estimates, and are halved.
    f : float, optional
        Exchange columns until ``|T| <= f``, as `strong_rrqr` does; at least 1. Off by default.
    by : {'auto', 'triangle', 'sketch'}, optional
        What the columns are chosen on: the triangle of all rows, which gives the pivots, T and the exact error of the
        whole matrix, or ``2 rank + 10`` Gaussian combinations of the rows. 'auto' takes the triangle where it, or a
        matrix of fewer rows itself, fits into Dask's ``array.chunk-size``: in double precision up to N = 4096.
    tie_tol : float, optional
        Relative width of a tie between column norms.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the sketch, which does not depend on the chunking where the sizes of chunks are known.

    Returns
    -------
    InterpolativeDecomposition
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph.

    Raises
    ------
    TypeError, ValueError
        `x` is no 2-D Dask array of numbers with a known number of columns, an argument is out of its range, or a
        sketch has no rank. In a task: a block is not finite.

    Notes
    -----
    'triangle': 2 M N^2 flops, and N^2 numbers on each edge of a tree over the blocks of rows; blocks of columns are
    brought together. 'sketch': 2 M N l flops for l = 2 rank + 20 rows, and l numbers a column on each edge. Memory of
    a task as for `tall_qr`, or a block and ``(M_block + N_block) l``; on the worker that chooses, 3 N^2 or 3 l N.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, SIAM J. Sci. Comput. 26(4) (2005), doi:10.1137/030602678.
    P. G. Martinsson, V. Rokhlin, M. Tygert, Appl. Comput. Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import interpolative_decomposition
    >>> rng = da.random.default_rng(0)
    >>> x = rng.standard_normal((400, 5), chunks=100) @ rng.standard_normal((5, 300), chunks=100)
    >>> found = interpolative_decomposition(x, rank=8, rtol=1e-8, by="sketch", rng=0).compute()
    >>> len(found.columns), found.error_kind
    (5, 'estimate')
    >>> bool(np.allclose(x, found.skeleton @ found.coefficients))
    True
    """
    f = None if f is None else check_bound(f)
    source, stand_in, rule, _, kind = reduced(x, rank, rtol, atol, by, tie_tol, rng)
    found = delayed(_decomposed, pure=True)(stand_in, _plain(rule), f)
    n = source.x.shape[1]
    k: float = np.nan
    shapes = {"columns": (k,), "coefficients": (k, n), "error": (), "error_bound": (), "max_column_error": ()}
    return InterpolativeDecomposition(**pieces(found, dtype_of(x), shapes), error_kind=kind, source=source)


def _plain(rule: Rule) -> Rule:
    """The rule without a generator, which no task may share with another."""
    return rule._replace(rng=None)


def on_stand_in(rule: Rule, stand_in: StandIn) -> Rule:
    """The rule for what stands for the matrix: never below rounding, and halved where norms are estimates.

    The residual of a sketch is about half of what the error will be, for the coefficients are fitted to the sketch.
    """
    if stand_in.tests is not None:
        rule = rule._replace(rtol=rule.rtol / 2 if rule.rtol < 1 else rule.rtol, atol=rule.atol / 2)
    return rule._replace(rank=min(rule.rank, *stand_in.matrix.shape)).at_least(stand_in.rounding)


def _decomposed(stand_in: StandIn, rule: Rule, f: float | None) -> dict[str, Any]:
    rule = on_stand_in(rule, stand_in)
    d = decompose(stand_in.matrix, rank=rule.rank, **rule.tolerances, f=f, tie_tol=rule.tie_tol)
    columns, coefficients = d
    error, worst = stand_in.error(columns, coefficients, np.array([d.error]))
    return {
        "columns": columns,
        "coefficients": coefficients,
        "error": error.value,
        "error_bound": error.bound,
        "max_column_error": d.max_column_error if stand_in.tests is None else worst,
    }
