"""Randomized range finder: an orthonormal basis of most of a matrix's range from a few products with it.

N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for constructing
approximate matrix decompositions", SIAM Review 53(2) (2011), doi:10.1137/090771806.
"""

import numpy as np

from ._arrays import check_rank
from ._operand import adjoint, as_operand, dtype_of
from ._qr import qr
from ._sketch import gaussian


class Range:
    """``A ~= Q Q^H A`` with orthonormal Q; made by `range_finder`."""

    def __init__(self, Q):
        self.Q = Q

    @property
    def rank(self):
        return self.Q.shape[1]


def range_finder(
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
    """Orthonormal basis of an approximate range, ``A ~= Q Q^H A``, with rank + oversample columns.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import range_finder
    >>> A = np.outer([1.0, 2.0, 3.0], [1.0, 2.0])
    >>> Q = range_finder(A, rank=1, rng=0).Q
    >>> bool(np.allclose(A, Q @ (Q.T @ A)))
    True
    """
    a = as_operand(a, check_finite=check_finite)
    rank = check_rank(rank, min(a.shape))
    columns = min(rank + oversample, *a.shape)
    rng = np.random.default_rng(rng)
    q = _orthonormal(a @ gaussian(rng, columns, a.shape[1], dtype_of(a)).T)
    for _ in range(power):
        q = _orthonormal(adjoint(a) @ q)
        q = _orthonormal(a @ q)
    return Range(q)


def _orthonormal(y):
    return qr(np.asarray(y), mode="economic")[0]
