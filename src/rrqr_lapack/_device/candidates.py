"""The greedy choices of a block on rows of the Gram matrix, which stay on the device: csrc/prefetch.c, for any library.

Row k of R is r_k = (G_p - sum_{l<k} conj(r_l(p)) r_l) / r_kk, and the squared norm of each column falls by |r_k(j)|^2.
The next pivot is the longest column left, candidate or not, so that the choice is exactly the greedy one as long as the
squared norms keep enough digits; a bound of their error ends the block before they do not. Columns are in the order of
A here, so that of tied ones the first is taken.
"""

from typing import Any, NamedTuple

import numpy as np

from .._common.types import Array
from .elimination import Elimination
from .standard import Standard
from .types import DeviceArray

INNER = (
    16  # steps between two looks from the host, after which the candidates' rows are brought up to date by a product
)
PER_PIVOT = 2  # candidates for each pivot of the block
BATCH = 32  # columns that a missed pivot is fetched with
MISS = 8  # steps that pay for a miss
CHOICE = {True: 1e-3, False: 3e-7}  # relative error of a squared norm that a choice may bear, of singles and of doubles


class State(NamedTuple):
    """What changes from step to step."""

    left: DeviceArray  # (n,) squared norms; negative for columns chosen
    error: DeviceArray  # (n,) of a Gram row there, in units of eps
    window: DeviceArray  # (INNER, n) rows of R since the candidates were brought up to date
    chosen: DeviceArray  # (INNER,)
    going: DeviceArray  # (1,)


def step(library: Standard, limit: Any, slots: Any, gram: Any, index: Any, state: State, t: Any) -> State:
    """One greedy step; nothing changes any more after the first that may not be taken."""
    xp = library.xp
    left, error, window, chosen, going = state
    choice = CHOICE[library.eps > 1e-10]
    p = xp.argmax(left, axis=0, keepdims=True)
    slot, most, doubt = library.take(slots, p), library.take(left, p), library.take(error, p)
    row = library.take(gram, xp.where(slot < 0, 0, slot))
    u = row - library.conj(library.take(window, p, 1)).mT @ window
    squared = library.real(library.take(u[0, :], p))
    going = going & (slot >= 0) & (most > limit) & (doubt * library.eps <= choice * squared)
    inverse = xp.where(going, 1 / xp.sqrt(xp.where(going, squared, 1.0)), 0.0)
    u = u * inverse
    fall = library.squares(u[0, :])
    left = xp.where((index == p) & going, -1.0, left - fall)
    error = error + 2 * doubt * inverse * xp.sqrt(fall)
    window = library.put(window, (t, ...), u[0, :])
    return State(left, error, window, library.put(chosen, t, xp.where(going, p, -1)[0]), going)


class Candidates:
    """The Gram rows of a block."""

    def __init__(self, elimination: Elimination) -> None:
        self.e, self.library = elimination, elimination.library
        library, xp, n = self.library, self.library.xp, elimination.n
        place = np.zeros(n, np.int64)
        place[elimination.order] = np.arange(len(elimination.order))
        present = np.zeros(n, np.int64)
        present[elimination.order] = 1
        self.place = place
        self.index = xp.arange(n, device=library.device)
        self.where = library.indices(place)
        self.left = xp.where(library.indices(present) > 0, library.take(elimination.squares, self.where), -1.0)
        self.slots = xp.zeros_like(self.index) - 1
        self.gram: DeviceArray = None  # (c, n), rows of the candidates
        self.columns: DeviceArray = None  # (c,), which they are
        self.rows: DeviceArray = None  # of R, (t, n)

    def fetch(self, count: int) -> None:
        """Rows of the longest columns that have none yet, up to date with the steps so far."""
        library, xp = self.library, self.library.xp
        open_ = xp.where((self.slots < 0) & (self.left >= 0), self.left, -1.0)
        order = xp.argsort(-open_, stable=True)
        count = min(count, len(self.e.order))
        top = order[:count]
        held = 0 if self.gram is None else self.gram.shape[0]
        places = library.take(self.where, top)
        columns = library.take(self.e.columns, places)
        gram = library.take((self.e.columns @ library.conj(columns).mT).mT, self.where, 1)
        if self.rows is not None:
            gram = gram - library.conj(library.take(self.rows, top, 1)).mT @ self.rows
        rank = xp.argsort(order)
        self.slots = xp.where((rank < count) & (open_ >= 0), rank + held, self.slots)
        self.gram = gram if self.gram is None else xp.concat([self.gram, gram], axis=0)
        self.columns = top if self.columns is None else xp.concat([self.columns, top], axis=0)

    def choose(self, goal: int, limit: float, one: Any) -> tuple[Array, DeviceArray]:
        """Up to `goal` pivots, places among the columns left, and the triangle of R in their columns.

        `limit` is the squared norm at which to stop; `one` the step, compiled or not.
        """
        library, xp = self.library, self.library.xp
        error = xp.zeros_like(self.left) + library.largest(self.left)
        chosen: list[int] = []
        misses = 0
        self.fetch(PER_PIVOT * goal)
        while len(chosen) < goal:
            steps = min(INNER, goal - len(chosen))
            state = State(
                self.left,
                error,
                library.zeros((INNER, self.e.n)),
                xp.zeros((INNER,), dtype=self.index.dtype, device=library.device) - 1,
                xp.ones((1,), dtype=xp.bool, device=library.device),
            )
            for t in range(steps):
                state = one(limit, self.slots, self.gram, self.index, state, t)
            found = library.host(state.chosen)
            found = found[found >= 0].tolist()
            self.left, error = state.left, state.error
            if found:
                rows = state.window[: len(found), :]
                taken = library.take(rows, self.columns, 1)
                self.gram = self.gram - library.conj(taken).mT @ rows
                self.rows = rows if self.rows is None else xp.concat([self.rows, rows], axis=0)
                chosen += found
            if len(found) < steps:
                p = xp.argmax(self.left, axis=0, keepdims=True)
                missed = bool(xp.all((library.take(self.slots, p) < 0) & (library.take(self.left, p) > limit)))
                misses += missed
                if not missed or MISS * (misses - 1) > len(chosen) + MISS:
                    break
                self.fetch(BATCH)
        if not chosen:
            return np.zeros(0, np.int64), None
        return self.place[chosen], xp.triu(library.take(self.rows, library.indices(chosen), 1))
