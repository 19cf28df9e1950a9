"""Orthonormal bases on a device: by products where that is accurate, otherwise by the library's QR.

Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, "Roundoff error analysis of the CholeskyQR2 algorithm", Electron.
Trans. Numer. Anal. 44 (2015).
"""

from typing import Any

import numpy as np

from .._device.standard import Standard

SAFE = 100.0  # times m eps: the least square of the ratio of its pivots at which Cholesky's factor is accurate enough


def basis(library: Standard, y: Any) -> Any:
    """An orthonormal basis of the columns of a tall Y (m, l), whose first l columns span those of Y one by one."""
    m, columns = y.shape
    if columns == 0 or m < columns:
        return library.xp.linalg.qr(y)[0]
    q = y
    for _ in range(2):
        lower = library.cholesky(library.conj(q.mT) @ q)
        pivots = library.squares(library.xp.sum(lower * identity(library, columns), axis=0))
        limits = library.host(library.xp.stack([library.largest(pivots), -library.largest(-pivots)]))
        if not limits[1] > SAFE * m * library.eps * limits[0]:  # also where they are no numbers
            return library.xp.linalg.qr(y)[0]
        q = library.conj(library.solve_lower(lower, library.conj(q.mT)).mT)
    return q


def completed(library: Standard, q: Any, columns: int) -> Any:
    """Q (..., m, k), its zero columns and those up to `columns` replaced by orthonormal ones outside of its range."""
    xp, (*batch, m, k) = library.xp, q.shape
    more = xp.concat([q, library.zeros((*batch, m, columns - k))], axis=-1)
    missing = xp.sum(library.squares(more), axis=-2, keepdims=True) == 0
    filled = xp.where(missing, _waves(library, m, columns), more)
    return xp.where(missing, xp.linalg.qr(filled)[0], more)


def _waves(library: Standard, m: int, columns: int) -> Any:
    """Columns that are in general position towards any others: Gaussian, and the same in every call."""
    return library.gaussian(np.random.default_rng(0), (m, columns))


def identity(library: Standard, k: int) -> Any:
    """I."""
    return library.xp.eye(k, dtype=library.dtype, device=library.device)
