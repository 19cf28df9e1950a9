"""Greedy pivoted QR: always the column farthest from those chosen.

P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations", Numer. Math. 7 (1965),
doi:10.1007/BF01436084. Of a sparse matrix by Gram-Schmidt, which asks A for columns and products only: G. W. Stewart,
"Four algorithms for the efficient computation of truncated pivoted QR approximations to a sparse matrix", Numer. Math.
83 (1999), doi:10.1007/s002110050451.

Guarantee: ||A - A_C T||_2 <= sqrt(n - k) 2^k sigma_{k+1}, and there are matrices where it grows so; on most the factor
is below 10.
"""

from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.norms import column_norms, outside_norms
from .._common.rule import Rule
from .._common.scaling import near_one
from .._common.types import Indices, Operand
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .residual import complement


def greedy(a: Operand, rule: Rule, first: int) -> Indices:
    if isinstance(a, LinearOperator):
        raise TypeError(
            "a must be an array or a sparse matrix for method='greedy', got a LinearOperator; "
            "choose by products, with method='gks', 'arp' or 'sketch'"
        )
    return _by_products(a, rule, first) if sparse.issparse(a) else pivots(a, rule, first, TruncatedQR)


def pivots(a: Operand, rule: Rule, first: int, factorize: Callable[..., TruncatedQR]) -> Indices:
    """The pivots of an array's factorization, a `TruncatedQR`, after the `first` columns, which must be in."""
    if not first:
        tolerances = rule.at_least(numerical_rtol(a)).tolerances
        factor = factorize(a, rank=rule.rank, **tolerances, check_finite=False)
        return factor.P[: factor.rank]
    a, scale = near_one(a)
    atol = _tolerance(a, rule, scale)
    left = complement(a, first)
    factor = factorize(left, rank=min(rule.rank - first, *left.shape), atol=atol, check_finite=False)
    return np.concatenate((np.arange(first), first + factor.P[: factor.rank]))


def _tolerance(a: Operand, rule: Rule, scale: float) -> float:
    """The residual column norm at which a selection is complete: at a tolerance, or at rounding error."""
    return max(rule.atol / scale, max(rule.rtol, numerical_rtol(a)) * float(column_norms(a).max(initial=0)))


def _by_products(a: Operand, rule: Rule, first: int) -> Indices:
    """The same of a sparse matrix.

    Norms are downdated, |r_j|^2 at a time. Where that has cancelled half of the digits they are computed afresh, and
    the norm of a column is checked before it is chosen.
    """
    a, scale = near_one(a)
    m = a.shape[0]
    atol = _tolerance(a, rule, scale)
    squares = column_norms(a).astype(np.float64) ** 2
    dependent = numerical_rtol(a) * np.sqrt(squares[:first].max(initial=0))
    fresh = squares.copy()
    lost = np.sqrt(np.finfo(a.dtype).eps)
    q = np.empty((m, min(rule.rank, 32)), a.dtype, order="F")
    chosen: list[int] = []
    k = 0  # k <= len(chosen): of columns that must be in some may be dependent
    while len(chosen) < rule.rank:
        forced = len(chosen) < first
        j = len(chosen) if forced else int(np.argmax(squares))
        column = a[:, [j]].toarray()[:, 0]
        for _ in range(2):  # twice is enough for orthogonality
            column -= q[:, :k] @ (q[:, :k].conj().T @ column)
        norm = float(np.linalg.norm(column))
        if not forced and norm < 0.9 * np.sqrt(squares[j]):
            squares[j] = fresh[j] = norm**2
            continue
        if not forced and norm <= atol:
            break
        chosen.append(j)
        squares[j] = fresh[j] = -np.inf
        if forced and norm <= dependent:
            continue
        if k == q.shape[1]:
            q = np.concatenate((q, np.empty((m, min(k, rule.rank - k)), a.dtype, order="F")), axis=1)
        q[:, k] = column / norm
        squares -= np.abs(a.T @ q[:, k].conj()) ** 2
        k += 1
        stale = np.flatnonzero((squares < lost * fresh) & (fresh > atol**2))
        if stale.size:
            squares[stale] = fresh[stale] = outside_norms(a, q[:, :k], stale) ** 2
    return np.array(chosen, np.intp)
