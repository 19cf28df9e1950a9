"""Index spaces: which entries of which tensors stand for the same unit.

Every axis of every tensor of a model is a product of index spaces (a flattened convolution: channels times
positions; the input of an attention's output weights: heads times d_h). Operations that match entries unite
their spaces; a reshape that takes an axis apart splits its space. What is left, a union-find forest, says for each
set of neurons, channels or heads where all its members are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias


class Space:
    """A set of `size` indices, perhaps united with others, perhaps split into a major and a minor space.

    Attributes
    ----------
    size : int
    fixed : str or None
        Why its indices cannot be removed one by one.
    summed : bool
        Whether two activations of this space are added: a residual stream.
    stacked : bool
        Whether it counts the matrices of a stacked product: the heads of attention scores, to which a bias for each
        head may be added.
    """

    __slots__ = ("_parent", "_parts", "fixed", "size", "stacked", "summed")

    def __init__(self, size: int) -> None:
        self.size = size
        self.fixed: str | None = None
        self.summed = self.stacked = False
        self._parent: Space | None = None
        self._parts: tuple[Space, Space] | None = None

    @property
    def root(self) -> Space:
        """The space that stands for all that are united with this one."""
        here = self
        while here._parent is not None:
            here = here._parent
        if here is not self:
            self._parent = here
        return here

    def leaves(self) -> list[Space]:
        """Its unsplit parts, outermost first; [root] where it was never split."""
        root = self.root
        return [leaf for part in root._parts for leaf in part.leaves()] if root._parts else [root]

    def split(self, inner: int) -> None:
        """Index i becomes the pair (i // inner, i % inner); the parts are as fixed as the whole was."""
        root = self.root
        parts = Space(root.size // inner), Space(inner)
        for part in parts:
            part.fixed, part.summed, part.stacked = root.fixed, root.summed, root.stacked
        root._parts = parts

    def unite(self, other: Space) -> None:
        """Index i of one is index i of the other; both are unsplit and of one size."""
        one, two = self.root, other.root
        if one is not two:
            two._parent = one
            one.fixed = one.fixed or two.fixed
            one.summed |= two.summed
            one.stacked |= two.stacked

    def fix(self, why: str) -> None:
        """Forbid to remove indices; the first reason is kept."""
        for leaf in self.leaves():
            leaf.fixed = leaf.fixed or why


class Place(NamedTuple):
    """Where a space lies on an axis: entry i of the axis has its index ``(i // stride) % space.size``."""

    space: Space
    stride: int


Axis: TypeAlias = tuple[Place, ...]  # outermost first; what no place covers is no parameter's (samples, positions)


def leaf_places(axis: Iterable[Place]) -> list[Place]:
    """The places of the unsplit parts, outermost first."""
    places = []
    for space, stride in axis:
        for leaf in reversed(space.leaves()):
            places.append(Place(leaf, stride))
            stride *= leaf.size
    return sorted(places, key=lambda place: -place.stride)


def fix(axis: Axis, why: str) -> None:
    """Fix every space on an axis."""
    for space, _ in axis:
        space.fix(why)


def match(one: Axis, two: Axis, why: str, *, summed: bool = False) -> Axis:
    """Entry i of one axis goes with entry i of the other: unite what lies in the same place, fix what does not.

    Spaces are split where the other axis has a boundary. `why` is the reason that is kept for what is fixed,
    `summed` marks two spaces that were not one before.
    """
    if bool(one) != bool(two):
        why = f"{why}, with a number for each unit that no weight or buffer gives"
    one = _refined(one, two, why)
    two = _refined(two, one, why)
    one = _refined(one, two, why)
    found = {(place.stride, place.space.size): place.space for place in one}
    for space, stride in two:
        partner = found.pop((stride, space.size), None)
        if partner is None:
            space.fix(why)
        else:
            meeting = partner.root is not space.root
            partner.unite(space)
            partner.root.summed |= summed and meeting
    for space in found.values():
        space.fix(why)
    merged = {(place.stride, place.space.size): place for place in (*two, *one)}
    return tuple(leaf_places(tuple(merged.values())))


def _refined(axis: Axis, other: Axis, why: str) -> Axis:
    """The leaf places of `axis`, split at every boundary of `other` that lies inside one of them."""
    edges = {edge for space, stride in leaf_places(other) for edge in (stride, stride * space.size)}
    for edge in sorted(edges):
        for space, stride in leaf_places(axis):
            if stride < edge < stride * space.size:
                if edge % stride or (stride * space.size) % edge:
                    space.fix(why)
                else:
                    space.split(edge // stride)
    return tuple(leaf_places(axis))
