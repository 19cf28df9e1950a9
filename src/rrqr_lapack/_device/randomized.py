"""Randomized blocked pivoted QR: pivots are chosen on a sketch of the residual, the matrix sees products only.

M. Melnichenko et al., "Anatomy of high-performance column-pivoted QR decomposition" (BQRRP), 2025, arXiv:2507.00976;
J. A. Duersch, M. Gu, doi:10.1137/15M1044680; P. G. Martinsson et al., doi:10.1137/16M1081270. Elimination of the
transposed sketch in place of its pivoted QR: Y. Dong, P. G. Martinsson, "Simpler is better", 2023, arXiv:2104.05877.
The sketch's triangle makes the panel well conditioned before Cholesky QR: O. Balabanov, arXiv:2210.09953.
"""

import math

import numpy as np

from .._common.types import Array
from .elimination import Elimination
from .stopping import Stop
from .types import DeviceArray

OVERSAMPLE = 8  # rows that a sketch has beyond the columns of a block
NARROW, WIDE = 32, {True: 512, False: 128}  # columns of a block, on an accelerator and on a CPU
BLOCKS = {True: 32, False: 24}  # of a small matrix: the root of its elements over this
DEFER = 4  # up to a rank of so small a part of the sides the matrix is not updated


class Sketch:
    """B = Omega A of the residual columns, held as B^T (n', s)."""

    def __init__(self, e: Elimination, rng: np.random.Generator, wanted: int) -> None:
        self.e, self.library = e, e.library
        self.size = wanted + OVERSAMPLE
        self.omega = self.library.gaussian(rng, (self.size, e.m))
        self.rows: DeviceArray = None
        self.length = 0.0  # about that of the longest column when it was formed

    def form(self, largest: float) -> None:
        """Sketch what is left, whose longest column is so long."""
        xp, below = self.library.xp, self.e.columns.shape[1]
        omega = self.omega[:, self.e.m - below :].mT
        if self.e.basis is None:
            self.rows = self.e._only(self.e.columns @ omega)
        else:
            self.rows = xp.concat([block @ omega for block in self.e.residual()], axis=0)
        self.length = largest * math.sqrt(self.size)

    def pivots(self, wanted: int) -> tuple[Array, DeviceArray, DeviceArray]:
        """Up to `wanted` places, the triangle of the sketch there, and the sketch there: fewer where the rest of the
        sketch is rounding error."""
        library, xp = self.library, self.library.xp
        chosen = library.leading_rows(self.rows, min(wanted, self.rows.shape[0], self.size))
        columns = library.take(self.rows, library.indices(chosen))
        _, triangle = xp.linalg.qr(columns.mT)
        diagonal = library.host(
            abs(xp.sum(triangle * xp.eye(len(chosen), dtype=library.dtype, device=library.device), axis=0))
        )
        small = ~(diagonal > math.sqrt(library.eps) * self.length)
        b = int(np.argmax(small)) if small.any() else len(chosen)
        return np.array(chosen[:b], np.int64), triangle[:b, :b], columns[:b, :]

    def downdate(self, columns: DeviceArray, r: DeviceArray, f: DeviceArray, kept: DeviceArray) -> None:
        """The sketch of what is left when the columns that had this sketch are eliminated: B_2 - B_1 R11^{-1} R12."""
        coefficients = self.library.solve_lower(r.mT, columns)
        self.rows = self.library.subtract(self.library.take(self.rows, kept), ..., f, coefficients)


def block_width(e: Elimination, rank: int) -> int:
    """Columns of a block."""
    fast = e.library.accelerated
    width = min(max(NARROW, math.isqrt(e.m * e.n) // BLOCKS[fast]), WIDE[fast])
    return -(-rank // -(-rank // width)) if rank else 1


def randomized(e: Elimination, stop: Stop, limit: float, rng: np.random.Generator) -> None:
    """Go on until the norms of the residual columns are at most `limit`, or there are `stop.rank` steps."""
    library, xp = e.library, e.library.xp
    block = block_width(e, stop.rank)
    few = DEFER * stop.rank <= min(e.m, e.n)
    width = stop.rank if few else 4 * block if stop.by_tolerance else block
    if not few:
        e.own()
    sketch = Sketch(e, rng, block)
    while e.rank < stop.rank:
        wanted = min(block, stop.rank - e.rank)
        if e.width + wanted > width:
            e.close()
            if stop.by_tolerance:
                e.measure()
        fresh = sketch.rows is None
        if stop.by_tolerance or fresh:
            if fresh and e.rank:
                e.measure()
            largest = float(xp.sqrt(library.largest(e.squares)))
            if not largest * e.unit > limit:
                break
            if fresh or largest * math.sqrt(sketch.size) <= math.sqrt(library.eps) * sketch.length:
                largest = e.rescale(largest)
                sketch.form(largest)
                fresh = True
        where, triangle, columns = sketch.pivots(wanted)
        if not len(where):
            sketch.rows = None
            if not fresh:
                continue
            where = library.host(xp.argmax(e.squares, axis=0, keepdims=True))
            triangle = xp.sqrt(library.take(e.squares, library.indices(where)))[:, None] + library.zeros((1, 1))
        r, f, kept = e.eliminate(where, triangle)
        if stop.by_tolerance and _stopped(e, r, f, limit):
            return
        if len(where) < wanted:
            sketch.rows = None
        elif e.rank < stop.rank:
            sketch.downdate(columns, r, f, kept)


def _stopped(e: Elimination, r: DeviceArray, f: DeviceArray, limit: float) -> bool:
    """Cut the last block before its first step at which the rule holds, if there is one.

    The squares of the residual before a step are summed backwards from what is left behind the block, so that nothing
    cancels.
    """
    library, xp, b = e.library, e.library.xp, r.shape[0]
    if len(e.order) and e.doubtful():
        e.measure()
    from_row = xp.tril(xp.ones((b, b), dtype=library.real_dtype, device=library.device))
    behind = xp.concat([xp.zeros((b,), dtype=library.real_dtype, device=library.device), e.squares], axis=0)
    left = library.squares(xp.concat([r.mT, f], axis=0)) @ from_row + behind[:, None]
    over = library.host(xp.sqrt(library.largest(left, axis=0)) * e.unit > limit)
    if over.all():
        return False
    kept = int(np.argmin(over))
    e.cut(kept)
    e.base = e.squares = left[kept:, kept]
    return True
