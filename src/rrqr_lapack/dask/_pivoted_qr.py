"""Truncated pivoted QR of a matrix in blocks: P, R, T and the residual norm from one pass, Q from a second one."""

from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed

from .._common.types import Matrix, Seed
from .._qr.factored import TruncatedQR as Factor
from .._qr.tall import TallQR
from .._randomized.qr import interpolation_of
from ._chunks import dtype_of, only_block
from ._column_id import on_stand_in
from ._lazy import Lazy, pieces
from ._orthonormal import basis_of_chosen
from ._second_pass import chosen_columns
from ._stand_in import By, Source, StandIn, reduced
from ._triangle import triangle

FIELDS = ("rank", "maxresid", "residual_norm", "error_bound")


@dataclass(frozen=True, repr=False)
class TruncatedQR(Lazy):
    """The factorization ``A[:, P] ~= Q R`` of a matrix in blocks; made by `qr_truncated`.

    Attributes
    ----------
    P : (N,) array of int32
        Permutation; ``P[:k]`` are the chosen columns. This and all others are lazy until they are computed.
    R : (k, N) array
        Upper trapezoidal factor.
    rank : int
        k.
    maxresid, residual_norm : float
        Largest column norm of ``A[:, P] - Q R``, and its Frobenius norm.
    error_bound : float
        What `residual_norm` does not exceed: itself, or with probability 0.9999 where it is estimated.
    error_kind : {'exact', 'estimate'}
        Whether these norms are known, from the triangle, or estimated from ten combinations of the rows.
    source : object
        The matrix in blocks, for `form_q`.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import qr_truncated
    >>> x = da.random.default_rng(0).standard_normal((1000, 6), chunks=(130, 4))
    >>> F = qr_truncated(x, rank=3).compute()
    >>> F.R.shape, F.interpolation().compute().shape, F.form_q().shape
    ((3, 6), (3, 6), (1000, 3))
    """

    P: Any
    R: Any
    rank: Any
    maxresid: Any
    residual_norm: Any
    error_bound: Any
    error_kind: str
    source: Source

    def interpolation(self) -> Any:
        """The k x N matrix T with ``A ~= A[:, P[:k]] T``, in A's order of columns, from R.

        Returns
        -------
        (k, N) dask.array
            T, of the same graph as R.
        """
        found = delayed(interpolation_of, pure=True)(*self._small())
        return da.from_delayed(found, self.R.shape, dtype=self.R.dtype)

    def form_q(self) -> Any:
        """Q itself, orthonormal to rounding, by a second pass over the matrix that reads the chosen columns.

        Returns
        -------
        (M, k) dask.array
            Q in blocks of whole rows; k is unknown unless P and R have been computed.

        Raises
        ------
        ValueError
            In a task: the matrix is not the one that was factored.

        Notes
        -----
        6 M k^2 flops; k^2 numbers on each edge of a tree. The blocks of Q are in memory from its first to its second
        half.
        """
        R, P = self._small()
        if isinstance(P, np.ndarray):
            columns, upper = _first(R, P), _square(R)
        else:
            columns = da.from_delayed(delayed(_first, pure=True)(R, P), (np.nan,), dtype=self.P.dtype)
            upper = delayed(_square, pure=True)(R)
        return basis_of_chosen(chosen_columns(self.source, columns), upper)

    def _small(self) -> tuple[Any, Any]:
        """R and P for a task."""
        return only_block(self.R), only_block(self.P)


def qr_truncated(
    x: Any,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    by: By = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> TruncatedQR:
    """Truncated pivoted QR of a matrix in blocks, ``A[:, P] ~= Q R``.

    Parameters
    ----------
    x : (M, N) dask.array
        Of any chunking, also with unknown numbers of rows; blocks are NumPy's, sparse, or on a GPU.
    rank : int, optional
        Largest number of columns; a sketch needs it.
    rtol, atol : float, optional
        Tolerances for the largest residual column norm, `rtol` relative to the largest of `x`.
    by, tie_tol, rng : optional
        As for `interpolative_decomposition`.

    Returns
    -------
    TruncatedQR
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph. Q is made by its `form_q`.

    Raises
    ------
    TypeError, ValueError
        As `interpolative_decomposition`.

    Notes
    -----
    By the triangle: P, R and the norms are those of `rrqr_lapack.TruncatedQR` of the whole matrix, from one pass of
    2 M N^2 flops. By a sketch: P is chosen on it in one pass, and R is ``R11 T``, with R11 of the chosen columns from a
    second pass; the residual is that of the interpolative decomposition. The rank never exceeds the numerical rank.

    References
    ----------
    J. Demmel, L. Grigori, M. Hoemmen, J. Langou, SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992.

    Examples
    --------
    >>> import dask
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import qr_truncated
    >>> x = da.random.default_rng(0).standard_normal((1000, 6), chunks=(130, 4))
    >>> F = qr_truncated(x)
    >>> Q, R, P = dask.compute(F.form_q(), F.R, F.P)
    >>> bool(np.allclose(x.compute()[:, P], Q @ R))
    True
    """
    return factored(x, rank, rtol, atol, by, tie_tol, rng, _factored, TruncatedQR, FIELDS)


def factored(
    x: Any,
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    by: By,
    tie_tol: float,
    rng: Seed,
    factor: Any,
    kind_of_result: type[TruncatedQR],
    numbers: tuple[str, ...],
    *arguments: Any,
) -> Any:
    """A `TruncatedQR`, or a class of more numbers, from the task `factor`."""
    source, stand_in, rule, _, kind = reduced(x, rank, rtol, atol, by, tie_tol, rng)
    found, n = delayed(factor, pure=True)(stand_in, rule._replace(rng=None), *arguments), source.x.shape[1]
    parts = pieces(found, dtype_of(x), {"P": (n,), "R": (np.nan, n), **dict.fromkeys(numbers, ())})
    if kind == "estimate":
        columns = da.from_delayed(delayed(_first, pure=True)(found["R"], found["P"]), (np.nan,), dtype=np.int32)
        upper = delayed(_rescaled, pure=True)(found["R"], triangle(chosen_columns(source, columns)))
        parts["R"] = da.from_delayed(upper, (np.nan, n), dtype=parts["R"].dtype)
    return kind_of_result(**parts, error_kind=kind, source=source)


def numbers_of(factor: Factor, stand_in: StandIn) -> dict[str, Any]:
    """What a result says of a factor."""
    k = factor.rank
    found = {"P": factor.P, "R": factor.R, "rank": k}
    if stand_in.tests is None:
        norm = factor.residual_norm
        return found | {"maxresid": factor.maxresid, "residual_norm": norm, "error_bound": norm}
    error, worst = stand_in.error(factor.P[:k], factor.interpolation(), factor.residual_column_norms)
    return found | {"maxresid": worst, "residual_norm": error.value, "error_bound": error.bound}


def _factored(stand_in: StandIn, rule: Any) -> dict[str, Any]:
    rule = on_stand_in(rule, stand_in)
    return numbers_of(Factor(stand_in.matrix, rank=rule.rank, **rule.tolerances, tie_tol=rule.tie_tol), stand_in)


def _first(R: Matrix, P: Any) -> Any:
    return P[: len(R)]


def _square(R: Matrix) -> Matrix:
    return R[:, : len(R)]


def _rescaled(R: Matrix, tall: TallQR) -> Matrix:
    """R11 T: the sketch's T for the triangle of the chosen columns themselves."""
    k = len(R)
    upper = tall.R[:k]
    signs = np.diagonal(upper) / np.where(np.diagonal(upper) == 0, 1, np.abs(np.diagonal(upper)))
    upper = upper / np.where(signs == 0, 1, signs)[:, None]
    return np.hstack([upper, upper @ np.linalg.solve(R[:, :k], R[:, k:])]) if k else R
