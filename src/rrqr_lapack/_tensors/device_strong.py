"""Strong rank-revealing QR on a device: columns are exchanged until no exchange pays.

M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
Comput. 17(4) (1996), doi:10.1137/0917055. Exchanges are rare, so each is followed by a QR of the chosen columns anew,
which is products and one call of the library, in place of Givens rotations.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._common.rule import Rule
from .._device import DeviceFactor, factor
from .._device.library import library_of
from .._device.result import Formed


class Strong(NamedTuple):
    """The factor, and what is certified of it."""

    factor: DeviceFactor
    max_coefficient: float
    rho: float
    swaps: int


def strong_factor(a: Any, found: DeviceFactor, rule: Rule, f: float) -> Strong:
    """A factor of which no exchange of two columns multiplies ``|det R11|`` by more than f."""
    library = library_of(a)
    xp, swaps, n = library.xp, 0, a.shape[1]
    order, k = library.host(found.pivots).astype(int), found.rank
    limit = max(f, 1 + math.sqrt(library.eps))  # below it rounding would exchange columns for ever
    enough = max(rule.rtol * float(library.host(library.norms(a.mT)).max(initial=0)), rule.atol)
    while True:
        chosen, others = (library.take(a, library.indices(part), 1) for part in (order[:k], order[k:]))
        within = factor(chosen)  # in greedy order, and independent, since they were chosen so
        order[:k] = order[library.host(within.pivots).astype(int)]
        q, r11 = within.q(), within.R
        r12 = library.conj(q.mT) @ others
        left = library.norms((others - q @ r12).mT)
        t = library.solve_upper(r11, r12)
        if k in (0, n):
            largest = 0.0
            break
        inverse = library.solve_upper(r11, xp.eye(k, dtype=library.dtype, device=library.device))
        rho = xp.sqrt(library.squares(t) + (library.norms(inverse)[:, None] * left[None, :]) ** 2)
        i, j = divmod(int(xp.argmax(xp.reshape(rho, (-1,)))), n - k)
        largest = float(rho[i, j])
        if largest > limit:
            order[[i, k + j]] = order[[k + j, i]]
            swaps += 1
        elif k < rule.rank and float(library.largest(left)) > enough:  # an exchange undid the tolerance
            j = int(xp.argmax(left))
            order[[k, k + j]] = order[[k + j, k]]
            k += 1
        else:
            break
    known = xp.concat([xp.zeros_like(found.residual_column_norms)[:k], left])
    norms = library.take(known, library.indices(np.argsort(order)))
    r, pivots = xp.concat([r11, r12], axis=1), library.indices(order)
    found = replace(found, R=r, pivots=pivots, rank=k, residual_column_norms=norms, _basis=Formed(q))
    return Strong(found, float(library.largest(abs(t))) if 0 < k < n else 0.0, largest, swaps)
