"""Strong rank-revealing QR: pivoted QR, whose columns are exchanged until no coefficient is large.

M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
Comput. 17(4) (1996), doi:10.1137/0917055; algorithm: `rrqr_lapack.strong_rrqr`.

Guarantee: |T_ij| <= f, and ||A - A_C T||_2 <= sqrt(1 + f^2 k (n - k)) sigma_{k+1}. With columns that must be in, these
hold for what they leave of the others: for the rows of T that belong to columns chosen freely.
"""

from functools import partial

import numpy as np

from .._common.rule import Rule
from .._common.types import Indices, Operand
from .._qr.strong import strong_rrqr
from .greedy import pivots


def strong(a: Operand, rule: Rule, first: int, *, f: float = 2.0) -> Indices:
    if not isinstance(a, np.ndarray):
        raise TypeError(
            "a must be dense for method='strong', got a sparse array; pass a.toarray() if it fits in memory, "
            "or method='greedy'"
        )
    return pivots(a, rule, first, partial(strong_rrqr, f=f))
