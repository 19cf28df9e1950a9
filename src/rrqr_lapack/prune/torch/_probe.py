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
    """An integer tensor with the shape and strides of `x` that holds each entry's index in the space."""
    line = torch.arange(x.shape[axis], device=x.device) // place.stride % place.space.size
    shape = [-1 if i == axis else 1 for i in range(x.ndim)]
    return torch.empty_like(x, dtype=torch.int64).copy_(line.reshape(shape).expand(x.shape))


def locate(y: torch.Tensor, space: Space, why: str) -> list[tuple[int, Place]]:
    """The (axis, place) of every part of `space` in a tensor of its coordinates; what cannot be placed is fixed.

    An operation that takes the space apart splits it: a view into heads times d_h, or a chunk, which is one block
    of it.
    """
    leaves = space.leaves()
    if len(leaves) > 1:
        found, stride = [], 1
        for leaf in reversed(leaves):
            found += locate(y // stride % leaf.size, leaf, why)
            stride *= leaf.size
        return found
    varying = [a for a in range(y.ndim) if y.shape[a] > 1 and not bool((y == y.narrow(a, 0, 1)).all())]
    block = 0
    if y.numel() and varying:
        line = y.movedim(varying[0], 0).reshape(y.shape[varying[0]], -1)[:, 0]
        shifted = line - line[0]
        stride, size = int((shifted == 0).cumprod(0).sum()), int(shifted.max()) + 1
        if len(varying) > 1:
            block = int(shifted[stride % len(line)])
        elif torch.equal(shifted, torch.arange(len(line), device=y.device) // stride % size):
            if size == space.size:
                return [(varying[0], Place(space, stride))]
            block = size if int(line[0]) % size == 0 else 0
    if block > 1 and space.size % block == 0 and block < space.size:
        space.split(block)
        return locate(y, space, why)
    if space.size > 1:
        space.fix(why)
    return []


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
            for axis, where in locate(y, place.space.root, why):
                slot[axis].append(where)
    return [tuple(tuple(leaf_places(tuple(places))) for places in slot) for slot in found]
