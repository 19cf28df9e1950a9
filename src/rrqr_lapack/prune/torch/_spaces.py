"""Index spaces: which entries of which tensors stand for the same unit.

Every axis of every tensor of a model is a sequence of segments (what was concatenated), each a product of index spaces
(a flattened convolution: channels times positions; the input of an attention's output weights: heads times d_h).
Operations that match entries unite their spaces; a reshape that takes an axis apart splits its space into a product, a
slice cuts it into segments. What is left, a union-find forest, says for each set of neurons, channels or heads where
all its members are.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple, TypeAlias


class Space:
    """A set of `size` indices, perhaps united with others, perhaps split into parts.

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

    __slots__ = ("_parent", "_parts", "_segments", "fixed", "size", "stacked", "summed")

    def __init__(self, size: int) -> None:
        self.size = size
        self.fixed: str | None = None
        self.summed = self.stacked = False
        self._parent: Space | None = None
        self._parts: tuple[Space, Space] | None = None
        self._segments = False

    @property
    def root(self) -> Space:
        """The space that stands for all that are united with this one."""
        here = self
        while here._parent is not None:
            here = here._parent
        if here is not self:
            self._parent = here
        return here

    @property
    def factors(self) -> tuple[Space, Space] | None:
        """The major and the minor space of one that was split."""
        root = self.root
        return None if root._segments else root._parts

    @property
    def segments(self) -> tuple[Space, Space] | None:
        """The first and the second segment of one that was cut."""
        root = self.root
        return root._parts if root._segments else None

    def leaves(self) -> list[Space]:
        """Its undivided parts, outermost and first ones first; [root] where it was never divided."""
        root = self.root
        return [leaf for part in root._parts for leaf in part.leaves()] if root._parts else [root]

    def split(self, inner: int) -> None:
        """Index i becomes the pair (i // inner, i % inner)."""
        self._divide(Space(self.root.size // inner), Space(inner), segments=False)

    def cut(self, at: int) -> None:
        """The indices below `at` become one space, the others another."""
        self._divide(Space(at), Space(self.root.size - at), segments=True)

    def _divide(self, *parts: Space, segments: bool) -> None:
        """The parts are as fixed as the whole was."""
        root = self.root
        for part in parts:
            part.fixed, part.summed, part.stacked = root.fixed, root.summed, root.stacked
        root._parts, root._segments = (parts[0], parts[1]), segments

    def unite(self, other: Space) -> None:
        """Index i of one is index i of the other; both are undivided and of one size."""
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
    """Where a space lies on an axis: entry i, start <= i < stop, has index ``(i - start) // stride % space.size``."""

    space: Space
    stride: int
    start: int
    stop: int


Axis: TypeAlias = tuple[Place, ...]  # by segment, outermost first; what no place covers is no parameter's


def whole(space: Space) -> Axis:
    """An axis that is a space; of a single index it is none."""
    return (Place(space, 1, 0, space.size),) if space.size > 1 else ()


def stretched(axis: Axis, times: int) -> Axis:
    """The axis with every entry repeated, one after the other."""
    return tuple(Place(space, *(times * each for each in where)) for space, *where in leaf_places(axis))


def side_by_side(parts: Iterable[tuple[Axis, int]]) -> Axis:
    """The axis on which axes of these lengths lie one after the other."""
    found, offset = [], 0
    for axis, length in parts:
        found += [place._replace(start=place.start + offset, stop=place.stop + offset) for place in axis]
        offset += length
    return tuple(found)


def leaf_places(axis: Iterable[Place]) -> list[Place]:
    """The places of the undivided parts that have more than one index, segment by segment, outermost first."""
    places = chain.from_iterable(map(_expanded, axis))
    return sorted(places, key=lambda place: (place.start, -place.stride))


def _expanded(place: Place) -> list[Place]:
    space, stride, start, stop = place
    if space.factors:
        major, minor = space.factors
        outer = Place(major, stride * minor.size, start, stop)
        return [*_expanded(outer), *_expanded(Place(minor, stride, start, stop))]
    if space.segments:
        places = []
        while start < stop:
            for part in space.segments:
                places += _expanded(Place(part, stride, start, start + stride * part.size))
                start += stride * part.size
        return places
    return [Place(space.root, stride, start, stop)] if space.size > 1 else []


def fix(axis: Axis, why: str) -> None:
    """Fix every space on an axis."""
    for place in axis:
        place.space.fix(why)


def match(one: Axis, two: Axis, why: str, *, summed: bool = False) -> Axis:
    """Entry i of one axis goes with entry i of the other: unite what lies in the same place, fix what does not.

    Spaces are divided where the other axis has a boundary. `why` is the reason that is kept for what is fixed,
    `summed` marks two spaces that were not one before.
    """
    if bool(one) != bool(two):
        why = f"{why}, with a number for each unit that no weight or buffer gives"
    one, two = _aligned(one, two, why)
    found = {_where(place): place.space for place in one}
    for place in two:
        partner, space = found.pop(_where(place), None), place.space
        if partner is None:
            space.fix(why)
        else:
            meeting = partner.root is not space.root
            partner.unite(space)
            partner.root.summed |= summed and meeting
    for space in found.values():
        space.fix(why)
    return tuple(leaf_places({_where(place): place for place in (*two, *one)}.values()))


def _where(place: Place) -> tuple[int, ...]:
    return (*place[1:], place.space.size)


def _aligned(one: Axis, two: Axis, why: str) -> tuple[Axis, Axis]:
    """Both axes in leaf places, divided at each other's boundaries."""
    while True:
        old = [*map(_where, one)], [*map(_where, two)]
        one = _refined(one, two, why)
        two = _refined(two, one, why)
        if old == ([*map(_where, one)], [*map(_where, two)]):
            return one, two


def _refined(axis: Axis, other: Axis, why: str) -> Axis:
    """The leaf places of `axis`, divided at every boundary of `other` that lies inside one of them."""
    theirs = leaf_places(other)
    inside: dict[tuple[int, int], set[int]] = {}  # boundaries of factors, by segment
    for space, stride, *segment in theirs:
        inside.setdefault((segment[0], segment[1]), set()).update((stride, stride * space.size))
    for edge in sorted({edge for edges in inside.values() for edge in edges}):
        for space, stride, start, stop in leaf_places(axis):
            if edge in inside.get((start, stop), ()) and stride < edge < stride * space.size and not space.root._parts:
                if edge % stride or (stride * space.size) % edge:
                    space.fix(why)
                else:
                    space.split(edge // stride)
    places = leaf_places(axis)
    for edge in sorted({edge for place in theirs for edge in (place.start, place.stop)}):
        places = [piece for place in leaf_places(places) for piece in _cut(place, edge)]
    return tuple(leaf_places(places))


def _cut(place: Place, edge: int) -> list[Place]:
    """A place in two where the boundary of a segment of another axis falls between indices."""
    space, stride, start, stop = place
    offset, period = edge - start, stride * space.size
    if not start < edge < stop or offset % stride:
        return [place]
    if offset % period:
        space.cut(offset % period // stride)
        return _expanded(place)
    return [place._replace(stop=edge), place._replace(start=edge)]
