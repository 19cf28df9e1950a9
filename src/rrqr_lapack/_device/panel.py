"""Orthonormal bases of panels by Cholesky QR, and the unitary matrices that take such a basis to the first coordinates.

Matrices with many rows are held transposed, a row for each column, so that their columns are contiguous.

A. Stathopoulos, K. Wu, "A block orthogonalization procedure with constant synchronization requirements", SIAM J. Sci.
Comput. 23(6), 2002, doi:10.1137/S1064827500370883; Y. Yamamoto et al., "Roundoff error analysis of the CholeskyQR2
algorithm", Electron. Trans. Numer. Anal. 44, 2015. A unitary matrix from any orthonormal basis: G. Ballard et al.,
"Reconstructing Householder vectors from tall-skinny QR", 2014, doi:10.1109/IPDPS.2014.120, with a QR of
the top block in place of an LU whose signs are chosen on the way.
"""

from typing import NamedTuple

from .standard import Standard
from .types import DeviceArray

PASSES = 2  # of Cholesky QR after the preconditioner: the second makes orthonormal to rounding


def orthonormal(
    library: Standard, panel: DeviceArray, triangle: DeviceArray, before: DeviceArray | None
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """Q, R and whether they hold, of a panel (b, m) that is the product of a well-conditioned matrix and the triangle.

    Q (b, m) is made orthogonal to the orthonormal rows `before`, too: what rounding left of them is taken out.
    """
    xp = library.xp
    q, r, sound = library.solve_lower(triangle.mT, panel), triangle, None
    for _ in range(PASSES):
        if before is not None:
            q = q - (library.conj(before) @ q.mT).mT @ before
        gram = library.conj(q) @ q.mT
        gram = (gram + library.conj(gram.mT)) / 2  # Cholesky looks at one half only
        lower = library.cholesky(gram)
        q = library.solve_lower(library.conj(lower), q)
        r = library.conj(lower.mT) @ r
        # whatever is not a number is not below the limit
        sound = xp.all(abs(gram - xp.eye(gram.shape[0], dtype=library.dtype, device=library.device)) < 0.1)
    return q, xp.triu(r), sound


def by_reflectors(library: Standard, panel: DeviceArray, before: DeviceArray | None) -> tuple[DeviceArray, DeviceArray]:
    """The same of any panel by the library's QR, where Cholesky's factor did not hold."""
    if before is None:
        q, r = library.xp.linalg.qr(panel.mT)
        return q.mT, r
    b, w = panel.shape[0], before.shape[0]
    q, r = library.xp.linalg.qr(library.xp.concat([before, panel], axis=0).mT)
    return q.mT[w:, :], r[w : w + b, w : w + b]


class Panel(NamedTuple):
    """A unitary G with G Q = (I; 0) for an orthonormal Q (m x w).

    With any unitary S for which K = I - S^H Q_top is well conditioned, D = Q - (S; 0) gives the unitary
    H = I - D K^{-1} D^H with H Q = (S; 0), and G is H with its first rows multiplied by S^H. Here S = -U from
    Q_top = U T with a nonnegative diagonal of T, so that K = I + T is triangular.
    """

    q: DeviceArray  # (w, m)
    s: DeviceArray
    inverse: DeviceArray  # K^{-1}


def reflector(library: Standard, q: DeviceArray) -> Panel:
    """G of the orthonormal rows q (w, m)."""
    xp, w = library.xp, q.shape[0]
    identity = xp.eye(w, dtype=library.dtype, device=library.device)
    u, t = xp.linalg.qr(q[:, :w].mT)
    diagonal = xp.sum(t * identity, axis=0)
    size = abs(diagonal)
    phase = xp.where(size == 0, 1.0, diagonal / xp.where(size == 0, 1.0, size))
    k = identity + library.conj(phase)[:, None] * t
    return Panel(q, -(u * phase[None, :]), library.solve_upper(k, identity))


def reflected(library: Standard, panel: Panel, columns: DeviceArray, rows: DeviceArray) -> DeviceArray:
    """The rows below the first w of G A, of columns A (n, m) with rows Q^H A as (n, w)."""
    w = panel.q.shape[0]
    if columns.shape[1] == w:
        return columns[:, w:]
    left = (rows - columns[:, :w] @ library.conj(panel.s)) @ panel.inverse.mT
    rest = (slice(None), slice(w, None))
    return library.subtract(columns, rest, left, panel.q[:, w:])[:, w:]


def prepend(library: Standard, panel: Panel, basis: DeviceArray, at: int, below: int) -> DeviceArray:
    """The basis (k, m), whose rows from `at` + w on lie below the panel's first coordinates, with G^H applied to them
    and the panel's own rows set; those coordinates are below, below + 1, ..."""
    w = panel.q.shape[0]
    own, rest = slice(at, at + w), slice(at + w, None)
    top, low = slice(below, below + w), slice(below + w, None)
    z = (basis[rest, low] @ library.conj(panel.q[:, w:]).mT) @ library.conj(panel.inverse)
    basis = library.put(basis, (rest, top), -(z @ (panel.q[:, :w] - panel.s.mT)))
    basis = library.subtract(basis, (rest, low), z, panel.q[:, w:])
    return library.put(basis, (own, slice(below, None)), panel.q)
