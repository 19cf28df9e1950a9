"""Leverage scores: how much of each column, and of each row, lies in the leading singular subspaces.

P. Drineas, M. W. Mahoney, S. Muthukrishnan, "Relative-error CUR matrix decompositions", SIAM J. Matrix Anal. Appl.
30(2) (2008), doi:10.1137/07070471X: with A_k = U_k S_k V_k^H column j has the score ||V_k(j, :)||^2 / k, row i has
||U_k(i, :)||^2 / k. The subspaces come from N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with
randomness", SIAM Rev. 53(2) (2011), doi:10.1137/090771806, algorithms 4.4 and 5.1.
"""

import numpy as np

from ._operand import adjoint, dtype_of, product
from ._sketch import gaussian
from ._truncated import numerical_rtol

OVERSAMPLING = 10
POWER_ITERATIONS = 2  # each squares the ratio of a singular value that is kept to one that is not


def leverage_scores(a, rank, rng):
    """The scores of the columns and of the rows at the rank, or at the numerical rank where that is less.

    Each sums to one; to zero for a zero matrix.
    """
    q = _orthonormal(product(a, gaussian(rng, a.shape[1], min(rank + OVERSAMPLING, *a.shape), dtype_of(a))))
    for _ in range(POWER_ITERATIONS):
        q = _orthonormal(product(a, _orthonormal(product(adjoint(a), q))))
    u, s, vh = np.linalg.svd(product(adjoint(a), q).conj().T, full_matrices=False)
    k = min(rank, int(np.count_nonzero(s > numerical_rtol(a) * s.max(initial=0))))
    return tuple((np.abs(vectors[:, :k]) ** 2).sum(axis=1) / max(k, 1) for vectors in (vh.conj().T, q @ u))


def _orthonormal(a):
    return np.linalg.qr(a)[0]
