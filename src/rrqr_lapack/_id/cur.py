"""CUR: a matrix from a few of its own columns and rows, A ~= C U R.

M. W. Mahoney, P. Drineas, "CUR matrix decompositions for improved data analysis", PNAS 106(3) (2009),
doi:10.1073/pnas.0803205106: columns and rows by leverage scores. S. Voronin, P. G. Martinsson, "Efficient algorithms
for CUR and interpolative matrix decompositions", Adv. Comput. Math. 43(3) (2017), doi:10.1007/s10444-016-9494-8:
columns and rows from interpolative decompositions. `_linking.py` has the best U for either.
"""

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from .._common import operand
from .._common.arrays import check_choice, check_count
from .._common.error import Error
from .._common.indices import check_indices
from .._common.low_rank import LowRank
from .._common.operand import as_operand, densified, is_dense
from .._common.rule import Rule, check_rule
from .._common.types import Array, Indices, MatrixLike, Operand, Seed, Sparse
from .._qr.factored import TruncatedQR
from .._qr.truncated import Driver, numerical_rtol
from .column import interpolative_decomposition
from .leverage import drawn, leverage_scores
from .linking import LinkingMatrix, linked_array, linked_products, projection_of, projection_on
from .row import row_interpolative_decomposition

Method: TypeAlias = Literal["id", "leverage"]


class CUR(LowRank):
    """``A ~= C @ U @ R`` with C columns and R rows of A; made by `cur`.

    Unpacks to ``(C, U, R)`` and multiplies as the matrix it stands for.

    Attributes
    ----------
    C : (M, c) ndarray or sparse array
        ``A[:, columns]``, sparse where A is sparse.
    U : (c, r) LinkingMatrix
        What links them, in factored form; ``numpy.asarray(U)`` is the array.
    R : (r, N) ndarray or sparse array
        ``A[rows, :]``, sparse where A is sparse.
    columns, rows : (c,) and (r,) ndarray
        Indices of the chosen columns and rows.
    error : float
        ``||A - C U R||_F``.
    error_kind : {'exact', 'estimate'}
        Whether the error is known or estimated from a few products with A.
    error_bound : float
        What `error` does not exceed: itself where it is exact, with probability 0.9999 where it is an estimate.
    rank : int
        Rank of the approximation, at most min(c, r).
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import cur
    >>> approximation = cur(np.outer([1.0, 2.0], [1.0, 2.0, 4.0]), rank=1)
    >>> approximation.columns, approximation.rows
    (array([2], dtype=int32), array([1], dtype=int32))
    """

    def __init__(
        self, C: Array | Sparse, U: LinkingMatrix, R: Array | Sparse, columns: Indices, rows: Indices, error: Error
    ) -> None:
        super().__init__(error)
        self.C, self.U, self.R, self.columns, self.rows = C, U, R, columns, rows

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.C, self.U, self.R

    @property
    def rank(self) -> int:
        return self.U.rank

    def __iter__(self) -> Iterator[Any]:
        return iter((self.C, self.U, self.R))


def cur(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    columns: ArrayLike | None = None,
    rows: ArrayLike | None = None,
    method: Method = "id",
    oversample: int | None = None,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
) -> CUR:
    """CUR decomposition, ``A ~= C @ U @ R`` with ``C = A[:, columns]``, ``R = A[rows, :]`` and the U of least error.

    U minimizes ``||A - C U R||_F``, so that the error is at most ``||A - C C^+ A||_F + ||A - A R^+ R||_F``.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose.
    rank : int, optional
        For 'id' the largest number of columns and rows, 0 to min(M, N), which is the default. For 'leverage' the rank
        of the singular subspaces, which must be given.
    rtol, atol : float, optional
        Tolerances of the interpolative decomposition that chooses the columns, for 'id' only: for the largest residual
        column norm, `rtol` relative to that of `a`.
    columns, rows : (c,) and (r,) array_like of int, optional
        Columns and rows of the caller's choice, in the place of `rank` and tolerances. Where only one of them is given,
        the other follows as an interpolative decomposition of those columns or rows.
    method : {'id', 'leverage'}, optional
        'id' takes the columns of an interpolative decomposition, and the rows of one of these columns. 'leverage' draws
        columns, and rows, without replacement with probabilities in proportion to their leverage scores; Mahoney and
        Drineas toss a coin for each, which leaves their number to chance.
    oversample : int, optional
        For 'leverage': columns, and rows, beyond the rank; ``rank log(rank)`` by default, rounded up. No more are drawn
        than have a score.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'auto', 'greedy', 'randomized', 'lapack'}, optional
        How columns and rows are pivoted, as for `qr_truncated`.
    tie_tol : float, optional
        Relative width of a tie between norms.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of all that is random: 'leverage', the 'randomized' driver, and the sketches and estimates
        where `a` is no array.

    Returns
    -------
    CUR
        With `C`, `U`, `R`, `columns`, `rows`, `rank`, and the `error`. C and R are sparse where `a` is. The error is
        exact for an array, and for a sparse matrix where it is above about ``1e-6 ||A||_F`` (single precision:
        ``1e-2``); otherwise it is an estimate from ten random vectors, beside its bound. `error_kind` says which.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `interpolative_decomposition`. ValueError also for indices out of range, and for options that belong to
        another way of choosing.

    Notes
    -----
    4 M N k flops for 'id' of an array to first order; otherwise 4 M N c beyond what the choice takes. For a sparse
    matrix or LinearOperator what `interpolative_decomposition` says, and r products for U, 10 for an estimate; dense
    arrays of the sizes of C and R serve for their QR.

    With 'id' and k columns the error is at most ``sqrt(1 + (1 + ||X||_2)^2) ||A - A[:, C] T||_F`` in terms of the
    two-sided decomposition. With coins in the place of draws, and O(k log k / e^2) columns and rows, 'leverage' keeps
    it below ``(2 + e) ||A - A_k||_F`` with high probability, A_k being the best approximation of rank k. Dependent
    columns or rows take no part in U.

    References
    ----------
    M. W. Mahoney, P. Drineas, "CUR matrix decompositions for improved data analysis", PNAS 106(3) (2009),
    doi:10.1073/pnas.0803205106. S. Voronin, P. G. Martinsson, "Efficient algorithms for CUR and interpolative matrix
    decompositions", Adv. Comput. Math. 43(3) (2017), doi:10.1007/s10444-016-9494-8. G. W. Stewart, "Four algorithms for
    the efficient computation of truncated pivoted QR approximations to a sparse matrix", Numer. Math. 83(2) (1999),
    doi:10.1007/s002110050451.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import cur
    >>> A = sparse.random_array((300, 8), density=0.1, rng=0) @ sparse.random_array((8, 200), density=0.1, rng=1)
    >>> approximation = cur(A, rtol=1e-10, rng=0)
    >>> approximation.rank, sparse.issparse(approximation.C), sparse.issparse(approximation.R)
    (8, True, True)
    >>> bool(np.allclose(A.toarray(), approximation.reconstruct()))
    True
    """
    a = as_operand(a, check_finite=check_finite, with_adjoint=True)
    rule = check_rule(a.shape, rank, rtol, atol, tie_tol, rng)
    choice = {"driver": driver, "tie_tol": rule.tie_tol, "rng": rule.rng, "check_finite": check_finite}
    _check_options(rank, rtol, atol, columns, rows, method, oversample)
    projection = None
    if columns is not None or rows is not None:
        columns = None if columns is None else check_indices("columns", columns, a.shape[1])
        rows = None if rows is None else check_indices("rows", rows, a.shape[0])
        if columns is None:
            columns = interpolative_decomposition(densified(operand.rows(a, rows)), **choice).columns
    elif method == "leverage":
        columns, rows = _drawn(a, rule, oversample)
    elif is_dense(a):
        factor = TruncatedQR(a, rank=rule.rank, **rule.at_least(numerical_rtol(a)).tolerances, **choice)
        columns, projection = factor.P[: factor.rank], projection_of(factor)
    else:
        columns = interpolative_decomposition(a, rank=rule.rank, **rule.tolerances, **choice).columns
    C = operand.columns(a, columns)
    if rows is None:
        rows = row_interpolative_decomposition(densified(C), **choice).rows
    R = operand.rows(a, rows)
    if is_dense(a):
        U, error = linked_array(projection or projection_on(a, C), R)
    else:
        U, error = linked_products(a, C, R, rule.rng)
    return CUR(C, U, R, columns, rows, error)


def _check_options(
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    columns: ArrayLike | None,
    rows: ArrayLike | None,
    method: str,
    oversample: int | None,
) -> None:
    """ValueError for options that belong to another way of choosing."""
    check_choice("method", method, get_args(Method))
    given = columns is not None or rows is not None
    others = {"rank": rank, "rtol": rtol, "atol": atol, "oversample": oversample}
    others = [name for name, value in others.items() if value is not None] + ["method"] * (method != "id")
    if given and others:
        raise ValueError(
            f"columns and rows must come without {', '.join(others)}, whose place they take, got both; drop either"
        )
    if method == "leverage" and (rank is None or rtol is not None or atol is not None):
        raise ValueError(f"rank must be given and no tolerance for method='leverage', got {rank=}, {rtol=}, {atol=}")
    if method == "id" and oversample is not None:
        raise ValueError(f"oversample must be None for method='id', got {oversample!r}; method='leverage' takes it")


def _drawn(a: Operand, rule: Rule, oversample: int | None) -> list[Indices]:
    """Columns and rows, drawn by their leverage scores."""
    rank, rng = rule.rank, rule.rng
    more = math.ceil(rank * math.log(max(rank, 1))) if oversample is None else check_count("oversample", oversample)
    return [drawn(scores.astype(np.float64), rank + more, rng) for scores in leverage_scores(a, rank, rng)]
