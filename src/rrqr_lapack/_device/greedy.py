"""Greedy pivots, LAPACK's, a block at a time: chosen on Gram rows, eliminated by products."""

import math

from .candidates import Candidates, step
from .elimination import Elimination
from .stopping import Stop

WIDEST = {True: 128, False: 96}  # columns of a block on an accelerator, and on a CPU
LEAST = 8  # columns that a block is meant to have, at least
GROWTH = 4  # how many times wider the block after a full one may be


def greedy(e: Elimination, stop: Stop, limit: float) -> None:
    """Go on until the norms of the residual columns are at most `limit`, or there are `stop.rank` steps."""
    library, xp = e.library, e.library.xp
    one = library.compiled(step)
    widest = min(WIDEST[library.accelerated], max(32, math.isqrt(e.m * e.n) // 24 * 8))
    expected = widest // 2
    if stop.rank > widest:  # otherwise it may be that one block is all
        e.own()
    while e.rank < stop.rank:
        e.close()
        if e.rank:
            e.measure()
        largest = float(xp.sqrt(library.largest(e.squares)))
        if not largest * e.unit > limit:
            break
        e.rescale(largest)
        left = stop.rank - e.rank
        blocks = -(-left // expected)
        goal = min(-(-left // blocks), widest)
        where, triangle = Candidates(e).choose(goal, (limit / e.unit) ** 2, one)
        if not len(where):  # to rounding the longest is where the limit is
            where = library.host(xp.argmax(e.squares, axis=0, keepdims=True))
            triangle = xp.sqrt(library.take(e.squares, library.indices(where)))[:, None] + library.zeros((1, 1))
        e.eliminate(where, triangle)
        expected = min(GROWTH * expected, widest) if len(where) >= goal else max(LEAST, len(where))
