"""Greedy pivoted QR of many small matrices at once, a step of all of them at a time: Businger and Golub's, with norms
that are computed afresh before each step.

No column is moved: those chosen are marked, and R's columns are put in order at the end. Each step drops a row.
P. Businger, G. H. Golub, doi:10.1007/BF01436084.
"""

import math
from typing import NamedTuple

from .standard import Standard
from .stopping import Stop
from .types import DeviceArray

SAFE = {True: 2.0**-50, False: 2.0**-450}  # norms, of singles and of doubles, whose squares are far from underflow
AHEAD = 8  # steps between two looks, where a tolerance may stop, whether any matrix goes on


class Steps(NamedTuple):
    """What is known after the last step, of a stack of b matrices (m, n): k steps."""

    rows: list[DeviceArray]  # of R, each (b, n), in the order of A's columns
    reflectors: list[DeviceArray]  # each (b, m - i), of norm sqrt(2), or 0: H = I - v v^H
    pivots: DeviceArray  # (b, n)
    ranks: DeviceArray  # (b,)
    left: DeviceArray  # (b, n), norms of the columns of the residual

    def until(self, k: int) -> "Steps":
        """Without the steps after the k-th, which no matrix took."""
        return self._replace(rows=self.rows[:k], reflectors=self.reflectors[:k])


def lockstep(library: Standard, a: DeviceArray, stop: Stop, limit: DeviceArray) -> Steps:
    """Factor the stack a (b, m, n), none of whose entries is large; `limit` (b,) are norms at which to stop."""
    steps, least = _run(library, library.copy(a), stop, limit, careful=False)
    # squares that underflow make norms too small: where any came near, once more with what is left brought near 1
    if least < SAFE[library.eps > 1e-10]:
        steps, _ = _run(library, library.copy(a), stop, limit, careful=True)
    return steps


def _run(library: Standard, a: DeviceArray, stop: Stop, limit: DeviceArray, careful: bool) -> tuple[Steps, float]:
    """The steps, and the smallest of the largest norms that any of them met."""
    xp = library.xp
    batch, _, n = a.shape
    index = xp.arange(n, device=library.device)[None, :]
    marks = xp.zeros((batch, n), dtype=index.dtype, device=library.device) + n  # the step that took a column
    going = xp.ones((batch,), dtype=xp.bool, device=library.device)
    ranks = xp.zeros((batch,), dtype=index.dtype, device=library.device)
    unit = xp.ones((batch,), dtype=library.real_dtype, device=library.device)
    left, least = None, unit
    rows: list[DeviceArray] = []
    reflectors: list[DeviceArray] = []
    for k in range(stop.rank + 1):
        if careful and a.shape[1]:
            top = library.largest(library.largest(abs(a), axis=2), axis=1)
            factor = 2.0 ** -xp.floor(xp.log2(xp.where(top > 0, top, 1.0)))
            a, unit = a * factor[:, None, None], unit / factor
        free = marks == n
        norms = xp.where(free, xp.sqrt(xp.sum(library.squares(a), axis=1)), 0.0)
        left = norms * unit[:, None] if left is None else xp.where(going[:, None], norms * unit[:, None], left)
        if k == stop.rank or (stop.by_tolerance and k % AHEAD == 0 and not bool(xp.any(going))):
            break
        largest = library.largest(left, axis=1)
        least = xp.where(going & (largest < least), largest, least)
        going = going & (largest > limit)
        pivot = xp.argmax(xp.where(free, norms, -1.0), axis=1)
        a, row, v = _step(library, a, pivot, going)
        taken = (index == pivot[:, None]) & going[:, None]
        rows.append(xp.where(going[:, None] & free, row * unit[:, None], 0.0))
        reflectors.append(v)
        marks = xp.where(taken, k, marks)
        ranks = xp.where(going, ranks + 1, ranks)
    steps = Steps(rows, reflectors, xp.argsort(marks, axis=1, stable=True), ranks, left)
    return steps, -float(library.largest(-least))


def _step(
    library: Standard, a: DeviceArray, pivot: DeviceArray, going: DeviceArray
) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """A without its first row after the reflection of the pivot column, that row, and the reflector."""
    xp = library.xp
    x = library.pick(a, pivot)
    top = library.largest(abs(x), axis=1, keepdims=True)
    x = xp.where(going[:, None] & (top > 0), x / xp.where(top > 0, top, 1.0), 0.0)
    head = x[:, :1]
    modulus = abs(head)
    phase = xp.where(modulus == 0, 1.0, head / xp.where(modulus == 0, 1.0, modulus))
    v = xp.concat([head + phase * library.norms(x)[:, None], x[:, 1:]], axis=1)
    size = library.norms(v)[:, None]
    v = v * xp.where(size > 0, math.sqrt(2) / xp.where(size > 0, size, 1.0), 0.0)
    product = library.conj(v)[:, None, :] @ a
    row = a[:, 0, :] - v[:, :1] * product[:, 0, :]
    rest = (slice(None), slice(1, None), slice(None))
    return library.subtract(a, rest, v[:, 1:, None], product)[rest], row, v


class Reflectors:
    """Q of a stack from the reflectors of its steps."""

    def __init__(self, library: Standard, steps: Steps, shape: tuple[int, ...]) -> None:
        self.library, self.steps, self.shape = library, steps, shape

    def form(self) -> DeviceArray:
        """Q, (..., m, k)."""
        library, xp, m = self.library, self.library.xp, self.shape[-2]
        vectors, ranks = self.steps.reflectors, self.steps.ranks
        k = len(vectors)
        q = library.zeros((ranks.shape[0], m, k))
        q = q + xp.eye(m, k, dtype=library.dtype, device=library.device)[None, :, :]
        for i in range(k - 1, -1, -1):
            v, part = vectors[i], (slice(None), slice(i, None), slice(i, None))
            q = library.subtract(q, part, v[:, :, None], library.conj(v)[:, None, :] @ q[part])
        own = xp.arange(k, device=library.device)[None, :] < ranks[:, None]
        return xp.reshape(xp.where(own[:, None, :], q, 0.0), (*self.shape[:-1], k))
