"""Where the index spaces of a tensor go in an operation that only moves entries, found by moving their coordinates.

view, permute, chunk, indexing and their like take their arguments in many ways. Instead of reading arguments, the
operation is run on integer tensors that hold, in each entry, its coordinate in one space.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ._spaces import Axis, Place, Space, leaf_places


def coordinates(x: torch.Tensor, axis: int, place: Place) -> torch.Tensor:
    """An integer tensor with the shape and strides of `x` that holds each entry's index in the space, -1 outside."""
    at = torch.arange(x.shape[axis], device=x.device)
    index = (at - place.start) // place.stride % place.space.size
    line = torch.where((at >= place.start) & (at < place.stop), index, -1)
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    return torch.empty_like(x, dtype=torch.int64).copy_(line.reshape(shape).expand(x.shape))


def locate(y: torch.Tensor, space: Space, why: str) -> list[tuple[int, Place]]:
    """The (axis, place) of every part of `space` in a tensor of its coordinates; what cannot be placed is fixed.

    An operation that takes the space apart divides it: a view makes it a product (heads times d_h), a slice or chunk
    is a segment. Parts that the operation drops have no place.
    """
    if space.factors:
        major, minor = space.factors
        return [
            *locate(torch.where(y < 0, -1, y // minor.size), major, why),
            *locate(torch.where(y < 0, -1, y % minor.size), minor, why),
        ]
    if space.segments:
        first, second = space.segments
        return [
            *locate(torch.where(y < first.size, y, -1), first, why),
            *locate(torch.where(y < first.size, -1, y - first.size), second, why),
        ]
    if space.size == 1 or not bool((y >= 0).any()):
        return []
    varying = [a for a in range(y.ndim) if y.shape[a] > 1 and not bool((y == y.narrow(a, 0, 1)).all())]
    block = 0
    if varying:
        lines = y.movedim(varying[0], 0).reshape(y.shape[varying[0]], -1)
        line = lines[:, int((lines >= 0).any(0).int().argmax())]
        runs = _runs(line)
        if len(varying) == 1 and all(_regular(line[start:stop]) for start, stop, _ in runs):
            ends = {end for start, stop, _ in runs for end in (int(line[start]), int(line[stop - 1]) + 1)}
            if ends == {0, space.size}:
                return [(varying[0], Place(space, stride, start, stop)) for start, stop, stride in runs]
            space.cut(min(end for end in ends if 0 < end < space.size))
            return locate(y, space, why)
        start, stop, stride = runs[0]
        block = int(line[start + stride] - line[start]) if start + stride < stop else 0
    if block > 1 and space.size % block == 0 and block < space.size:
        space.split(block)
        return locate(y, space, why)
    space.fix(why)
    return []


def _runs(line: torch.Tensor) -> list[tuple[int, int, int]]:
    """(start, stop, stride) of each stretch of a line that is not negative; its first index comes stride times."""
    inside = [0, *(line >= 0).int().tolist(), 0]
    edges = [i for i in range(len(inside) - 1) if inside[i] != inside[i + 1]]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(i, j, int((line[i:j] == line[i]).int().cumprod(0).sum())) for i, j in pairs]


def _regular(run: torch.Tensor) -> bool:
    """Whether it goes from its first to its last index, each as often, over and over."""
    stride, low, count = int((run == run[0]).int().cumprod(0).sum()), run[0], run[-1] - run[0] + 1
    expected = low + torch.arange(len(run), device=run.device) // stride % count.clamp(min=1)
    return len(run) % (stride * int(count.clamp(min=1))) == 0 and torch.equal(run, expected)


def moved(
    function: Callable[[torch.Tensor], Any], x: torch.Tensor, axes: tuple[Axis, ...], why: str
) -> list[tuple[Axis, ...]]:
    """The axes of each output of ``function(x)``, which only moves entries of `x`.

    Parameters
    ----------
    function : callable
        Takes a tensor shaped as `x`, returns a tensor or a sequence of tensors.
    x : tensor
    axes : tuple of Axis
        Those of `x`.
    why : str
        The reason that is kept for what is fixed.
    """
    found: list[list[list[Place]]] = []
    todo = [(a, place) for a, axis in enumerate(axes) for place in leaf_places(axis)]
    while todo:
        a, place = todo.pop()
        try:
            outputs = function(coordinates(x, a, place))
        except (RuntimeError, TypeError):
            place.space.fix(why)
            continue
        outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
        while len(found) < len(outputs):
            found.append([[] for _ in range(outputs[len(found)].ndim)])
        for slot, y in zip(found, outputs, strict=True):
            for axis, where in locate(y, place.space, why):
                slot[axis].append(where)
    return [tuple(tuple(leaf_places(tuple(places))) for places in slot) for slot in found]
