"""Pivoted QR of one matrix in progress: columns chosen, rows of R, bases of panels, and what they leave.

The last columns of Q form an open panel: they are held as they are, the matrix is not updated with them, and the
residual is ``columns - rows @ basis``. To close it is to apply the unitary matrix that takes it to the first
coordinates, which leaves a matrix with fewer rows. A factorization that stops soon closes none, and never touches the
matrix.
"""

import math
from collections.abc import Iterator

import numpy as np

from .._common.types import Array
from .panel import Panel, by_reflectors, orthonormal, prepend, reflected, reflector
from .result import DeviceFactor
from .standard import Standard
from .types import DeviceArray

CHUNK = 512  # columns of the residual at a time, where it is not held
NEAR = 2.0**-30  # the longest column down to which squares are safe
DOUBT = 1e4  # a square that cancelled to less than so many eps of what it was is computed afresh


class Elimination:
    """A P = Q R so far. Columns and places are those not yet chosen, wherever nothing else is said."""

    def __init__(self, library: Standard, a: DeviceArray, squares: DeviceArray) -> None:
        self.library = library
        self.m, self.n = a.shape
        self.columns = a.mT  # (n', m'), the matrix itself until it is owned
        self.places: Array | None = np.arange(self.n)  # where a column is among those; None where they are all, owned
        self.order = np.arange(self.n)  # which column of A each is
        self.chosen: list[int] = []
        self.pieces: list[tuple[Array, DeviceArray]] = []  # columns of A, and rows of R there, (n', b)
        self.panels: list[Panel] = []
        self.basis: DeviceArray = None  # (w, m') of the open panel, None where it has no columns
        self.rows: DeviceArray = None  # (n', w), its rows of R
        self.unit = 1.0  # a power of two: the matrix is this many times the columns
        self.base: DeviceArray = squares  # squared norms of the residual when they were last computed
        self.squares: DeviceArray = squares  # squared norms of the residual, (n',)
        self.shape = a.shape

    @property
    def rank(self) -> int:
        """Columns chosen."""
        return len(self.chosen)

    @property
    def width(self) -> int:
        """Columns of the open panel."""
        return 0 if self.basis is None else int(self.basis.shape[0])

    def _only(self, x: DeviceArray) -> DeviceArray:
        """Of values for all stored columns those of the columns left."""
        if self.places is None or len(self.places) == x.shape[0]:
            return x
        return self.library.take(x, self.library.indices(self.places))

    def columns_at(self, where: Array) -> DeviceArray:
        """Columns of the residual."""
        library = self.library
        found = library.take(self.columns, library.indices(where if self.places is None else self.places[where]))
        return found if self.basis is None else found - library.take(self.rows, library.indices(where)) @ self.basis

    def products(self, vectors: DeviceArray) -> DeviceArray:
        """V^H A for the rows V^T (b, m'), over the columns left: (n', b)."""
        return self._only(self.columns @ self.library.conj(vectors).mT)

    def residual(self) -> Iterator[DeviceArray]:
        """The columns of the residual, some at a time."""
        size = len(self.order)
        if self.basis is None and self.places is None:
            yield self.columns
            return
        for first in range(0, size, CHUNK):
            yield self.columns_at(np.arange(first, min(first + CHUNK, size)))

    def measure(self) -> None:
        """The squared norms of the residual columns afresh."""
        norms = self.library.xp.concat([self.library.norms(block) for block in self.residual()], axis=0)
        self.base = self.squares = norms * norms

    def rescale(self, largest: float) -> float:
        """Bring the columns, the longest of which is so long, near 1 where their squares might underflow."""
        if largest > NEAR:
            return largest
        self.close()
        factor = 2.0 ** -math.frexp(largest)[1]
        self.own()
        self.columns = self.columns * factor
        self.unit /= factor
        self.measure()
        return largest * factor

    def doubtful(self) -> bool:
        """Whether the largest norm has cancelled too far to be known."""
        library = self.library
        return bool(library.largest(self.squares) < DOUBT * library.eps * library.largest(self.base))

    def eliminate(self, where: Array, triangle: DeviceArray) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
        """Append the columns at these places, which the triangle makes well conditioned: R of them and of the others,
        (b, b) and (n', b), and where the others were."""
        library, xp = self.library, self.library.xp
        columns = self.columns_at(where)
        q, r, sound = library.compiled(orthonormal)(columns, triangle, self.basis)
        if not bool(sound):
            q, r = by_reflectors(library, columns, self.basis)
        order = self.order
        kept = self._drop(where)
        f = self.products(q)
        self.chosen += order[where].tolist()
        self.rows = f if self.rows is None else xp.concat([library.take(self.rows, library.indices(kept)), f], axis=1)
        self.basis = q if self.basis is None else xp.concat([self.basis, q], axis=0)
        piece = xp.concat([r.mT, f], axis=0)
        self.pieces.append((np.concatenate([order[where], self.order]), piece * self.unit if self.unit != 1 else piece))
        index = library.indices(kept)
        left = library.take(self.squares, index) - xp.sum(library.squares(f), axis=1)
        self.base, self.squares = library.take(self.base, index), xp.where(left > 0, left, 0.0)
        return r, f, index

    def _drop(self, where: Array) -> Array:
        """Take columns out; the places that the others had, in their new order."""
        b, size = len(where), len(self.order)
        chosen = np.zeros(size, bool)
        chosen[where] = True
        kept = np.arange(b, size)
        kept[chosen[b:]] = np.flatnonzero(~chosen[:b])
        self.order = self.order[kept]
        if self.places is None:
            self.columns = self.library.drop(self.columns, kept, b)
        else:
            self.places = self.places[kept]
        return kept

    def own(self) -> None:
        """Copy the columns that are left, so that they can be changed."""
        if self.places is not None:
            whole = len(self.places) == self.columns.shape[0]
            self.columns = self.library.copy(self.columns) if whole else self._only(self.columns)
            self.places = None

    def close(self) -> None:
        """Apply the open panel to the columns that are left."""
        if self.basis is None:
            return
        panel = self.library.compiled(reflector)(self.basis)
        self.panels.append(panel)
        self.own()
        self.columns = self.library.compiled(reflected)(panel, self.columns, self.rows)
        self.basis = self.rows = None

    def cut(self, kept: int) -> None:
        """Let only the first columns of the last block stay. Nothing may follow; norms are not known."""
        order, piece = self.pieces.pop()
        less = piece.shape[1] - kept
        if kept:
            self.pieces.append((order, piece[:, :kept]))
        self.order = order[kept:]
        self.chosen = self.chosen[: len(self.chosen) - less]
        if self.basis is None:
            self.basis = self.panels.pop().q
        self.basis = self.basis[: self.width - less, :] if self.width > less else None
        self.rows = None

    def upper(self) -> tuple[DeviceArray, Array]:
        """R (k, n) and P."""
        library, k = self.library, self.rank
        pivots = np.concatenate([np.array(self.chosen, np.int64), self.order])
        place = np.empty(self.n, np.int64)
        place[pivots] = np.arange(self.n)
        r, first = library.zeros((self.n, k)), 0
        for order, piece in self.pieces:
            b = piece.shape[1]
            sorted_piece = library.take(piece, library.indices(np.argsort(place[order])))
            r = library.put(r, (slice(first, None), slice(first, first + b)), sorted_piece)
            first += b
        return r.mT, pivots

    def result(self, unit: float) -> DeviceFactor:
        """The factor of the matrix that was divided by the unit."""
        library, xp = self.library, self.library.xp
        r, pivots = self.upper()
        left = library.zeros((self.n,), library.real_dtype)
        if len(self.order) and self.rank < self.m:
            if self.doubtful():
                self.measure()
            known = xp.sqrt(self.squares) * (self.unit * unit)
            left = xp.concat([library.zeros((self.rank,), library.real_dtype), known], axis=0)
            left = library.take(left, library.indices(np.argsort(pivots)))
        r = r * unit if unit != 1 else r
        return DeviceFactor(r, library.indices(pivots), self.rank, left, self.shape, self, library)

    def form(self) -> DeviceArray:
        """Q, (m, k)."""
        library, k = self.library, self.rank
        q, end = library.zeros((k, self.m)), k
        below = sum(panel.q.shape[0] for panel in self.panels)
        if self.basis is not None:
            end -= self.width
            q = library.put(q, (slice(end, None), slice(below, None)), self.basis)
        for panel in reversed(self.panels):
            end, below = end - panel.q.shape[0], below - panel.q.shape[0]
            q = prepend(library, panel, q, end, below)
        return q.mT
