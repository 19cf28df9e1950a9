"""Randomized singular value decomposition.

N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions", SIAM Review 53(2) (2011), doi:10.1137/090771806.
"""

import numpy as np
import scipy.linalg

from ._arrays import check_rank
from ._operand import adjoint, as_operand
from ._range import range_finder


class RandomizedSVD:
    """``A ~= U diag(s) Vh``; made by `randomized_svd`, unpacks to ``(U, s, Vh)``."""

    def __init__(self, U, s, Vh):
        self.U, self.s, self.Vh = U, s, Vh

    @property
    def rank(self):
        return len(self.s)

    def __iter__(self):
        return iter((self.U, self.s, self.Vh))


def randomized_svd(
    a,
    rank=None,
    *,
    rtol=None,
    atol=None,
    oversample=10,
    power=2,
    sketch="gaussian",
    rng=None,
    check_finite=True,
):
    """Randomized truncated SVD, ``A ~= U diag(s) Vh``.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_svd
    >>> A = np.outer([1.0, 2.0, 3.0], [1.0, 2.0])
    >>> U, s, Vh = randomized_svd(A, rank=1, rng=0)
    >>> bool(np.allclose(A, U * s @ Vh))
    True
    """
    a = as_operand(a, check_finite=check_finite)
    rank = check_rank(rank, min(a.shape))
    q = range_finder(a, rank, oversample=oversample, power=power, rng=rng, check_finite=False).Q
    b = np.asarray(adjoint(a) @ q).conj().T
    u, s, vh = scipy.linalg.svd(b, full_matrices=False)
    return RandomizedSVD(q @ u[:, :rank], s[:rank], vh[:rank])
