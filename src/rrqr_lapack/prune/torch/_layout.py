"""Axes of weights as trees of index spaces: where the units of a group lie on an axis, and how long it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .._face import Term
from ._spaces import Axis, Space, leaf_places


@dataclass(frozen=True)
class Layout:
    """An axis: one index space, the product of two, or two side by side.

    Attributes
    ----------
    size : int
        Entries.
    group : str or None
        Of an undivided space: whose units its indices are.
    made : bool
        Whether weights make it: what is made and lies within a unit belongs to the unit, all else are positions.
    parts : () or (Layout, Layout)
    segments : bool
        Whether the parts lie side by side.
    """

    size: int
    group: str | None = None
    made: bool = False
    parts: tuple[()] | tuple[Layout, Layout] = ()
    segments: bool = False

    @classmethod
    def of(cls, space: Space, groups: Mapping[Space, str], made: Collection[Space]) -> Layout:
        """That of an axis of weights."""
        parts = space.factors or space.segments
        if parts is None:
            return cls(space.size, groups.get(space.root), space.root in made)
        one, two = (cls.of(part, groups, made) for part in parts)
        return cls(space.size, None, one.made or two.made, (one, two), space.segments is not None)

    def resized(self, widths: Mapping[str, int]) -> Layout:
        """The same where these groups have other numbers of units."""
        if not self.parts:
            return replace(self, size=widths.get(self.group or "", self.size))
        one, two = (part.resized(widths) for part in self.parts)
        return replace(self, size=one.size + two.size if self.segments else one.size * two.size, parts=(one, two))

    def terms(self) -> tuple[Term, ...]:
        """The number of entries as a function of the widths of groups."""
        if not self.parts:
            return (Term(1, (self.group,)),) if self.group else (Term(self.size),)
        one, two = (part.terms() for part in self.parts)
        if self.segments:
            return (*one, *two)
        return tuple(Term(a.coefficient * b.coefficient, a.groups + b.groups) for a in one for b in two)

    def kept(self, group: str, C: ArrayLike) -> np.ndarray:
        """The entries that stay when the units C of a group do, in the order of C."""
        if not self.parts:
            return np.asarray(C, dtype=np.intp) if self.group == group else np.arange(self.size)
        one, two = self.parts
        if self.segments:
            return np.concatenate([one.kept(group, C), one.size + two.kept(group, C)])
        return (one.kept(group, C)[:, None] * two.size + two.kept(group, C)).ravel()

    def blocks(self, group: str) -> list[np.ndarray]:
        """For each time that a group lies on the axis its units' entries: (units, columns of a unit, positions)."""
        if not self.parts:
            return [np.arange(self.size)[:, None, None]] if self.group == group else []
        one, two = self.parts
        if self.segments:
            return [*one.blocks(group), *(one.size + block for block in two.blocks(group))]
        inner = two._grid()
        outer = [
            (block[:, :, None, :, None] * two.size + inner[:, None, :]).reshape(
                len(block), block.shape[1] * len(inner), -1
            )
            for block in one.blocks(group)
        ]
        before = np.arange(one.size) * two.size
        return outer + [(block[..., None] + before).reshape(*block.shape[:2], -1) for block in two.blocks(group)]

    def _grid(self) -> np.ndarray:
        """The entries, (those of a unit that this lies within, positions)."""
        entries = np.arange(self.size)
        if not self.made:
            return entries[None, :]
        if not self.parts or self.segments:
            return entries[:, None]
        one, two = (part._grid() for part in self.parts)
        grid = one[:, None, :, None] * self.parts[1].size + two[None, :, None, :]
        return grid.reshape(len(one) * len(two), -1)


def length_terms(axis: Axis, length: int, groups: Mapping[Space, str]) -> dict[tuple[str, ...], float]:
    """The length of an axis as a polynomial in the widths of the groups: coefficients by their names."""
    places = [place for place in leaf_places(axis) if place.space in groups]
    edges = sorted({0, length, *(edge for place in places for edge in (place.start, place.stop))})
    terms: Counter[tuple[str, ...]] = Counter()
    for start, stop in pairwise(edges):
        there = [place.space for place in places if place.start <= start < place.stop]
        names = tuple(sorted(groups[space] for space in there))
        terms[names] += (stop - start) / math.prod(space.size for space in there)  # type: ignore[assignment]
    return dict(terms)


def cost_terms(
    cost: float, axes: Collection[tuple[Axis, int]], groups: Mapping[Space, str]
) -> dict[tuple[str, ...], float]:
    """A cost that is proportional to the lengths of these axes, likewise."""
    terms: dict[tuple[str, ...], float] = {(): cost}
    for axis, length in axes:
        product: Counter[tuple[str, ...]] = Counter()
        for names, coefficient in terms.items():
            for more, count in length_terms(axis, length, groups).items():
                product[tuple(sorted(names + more))] += coefficient * count / length  # type: ignore[assignment]
        terms = dict(product)
    return terms


def as_terms(costs: Mapping[tuple[str, ...], float]) -> tuple[Term, ...]:
    """The same for the core."""
    return tuple(Term(round(count), names) for names, count in costs.items())
