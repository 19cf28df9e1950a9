"""Leverage scores: how much of each column, and of each row, lies in the leading singular subspaces.

P. Drineas, M. W. Mahoney, S. Muthukrishnan, "Relative-error CUR matrix decompositions", SIAM J. Matrix Anal. Appl.
30(2) (2008), doi:10.1137/07070471X: with A_k = U_k S_k V_k^H column j has the score ||V_k(j, :)||^2 / k, row i has
||U_k(i, :)||^2 / k.
"""

import numpy as np

from .._common.types import Indices, Operand, Reals
from .._qr.truncated import numerical_rtol
from .._randomized.svd import randomized_svd


def leverage_scores(a: Operand, rank: int, rng: np.random.Generator) -> tuple[Reals, Reals]:
    """The scores of the columns and of the rows at the rank, or at the numerical rank where that is less.

    Each sums to one; to zero for a zero matrix.
    """
    u, s, vh = randomized_svd(a, rank, rng=rng, check_finite=False)
    k = int(np.count_nonzero(s > numerical_rtol(a) * s.max(initial=0)))
    columns, rows = ((np.abs(vectors[:, :k]) ** 2).sum(axis=1) / max(k, 1) for vectors in (vh.conj().T, u))
    return columns, rows


def drawn(scores: Reals, count: int, rng: np.random.Generator) -> Indices:
    """At most `count` different indices with probabilities in proportion to the scores."""
    count = min(count, int(np.count_nonzero(scores)))
    return rng.choice(len(scores), count, replace=False, p=scores / scores.sum()) if count else np.empty(0, np.intp)
