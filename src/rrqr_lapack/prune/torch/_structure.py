"""The groups of a model, as data: which axes of which tensors a cut must slice, and which it must fold T into."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .._face import Term
from ._layout import Layout, as_terms, cost_terms, length_terms
from ._spaces import Space
from ._tape import OUTPUT, Key, Tape

WITHIN = "a head or a group of channels goes or stays as a whole"

Attribute: TypeAlias = tuple[str, str, tuple[Term, ...]]  # module, attribute, its value as a function of the widths


class Member(NamedTuple):
    """One axis of one parameter or buffer that a group runs along.

    Attributes
    ----------
    name : str
    axis : int
    layout : Layout
        Of the whole axis.
    group : str
    """

    name: str
    axis: int
    layout: Layout
    group: str

    @property
    def blocks(self) -> list[np.ndarray]:
        """The entries of the units, for each time that the group lies on the axis: (units, columns, positions)."""
        return self.layout.blocks(self.group)

    def kept(self, C: ArrayLike) -> np.ndarray:
        """The entries of the axis that stay when the units C do."""
        return self.layout.kept(self.group, C)

    def resized(self, widths: Mapping[str, int]) -> Member:
        """The same for other numbers of units."""
        return self._replace(layout=self.layout.resized(widths))


class Reader(NamedTuple):
    """A weight that reads a group, and what is added to its products."""

    member: Member
    biases: tuple[str, ...]


@dataclass(frozen=True)
class Coupling:
    """A group and everything that a cut of it touches.

    Attributes
    ----------
    name : str
        The first module that makes it.
    width, unit : int
        As in `rrqr_lapack.prune._face.Group`.
    makers : tuple of Member
        Weights whose products are the group.
    followers : tuple of Member
        Everything else that is sliced: biases, normalizations, slopes.
    readers : tuple of Reader
    affine : bool
        Whether a constant added to the activations can be folded: every reader has a bias of its own and does not
        pad with zeros.
    attributes : tuple of (str, str, tuple of Term)
        Module, attribute, and the attribute's value: numbers in the model's code that follow widths.
    stream : bool
        Whether it is a residual stream: activations of these units are added up.
    """

    name: str
    width: int
    unit: int
    makers: tuple[Member, ...]
    followers: tuple[Member, ...]
    readers: tuple[Reader, ...]
    affine: bool
    attributes: tuple[Attribute, ...] = ()
    stream: bool = False

    @property
    def members(self) -> tuple[Member, ...]:
        """Every axis that a cut touches."""
        return (*self.makers, *self.followers, *(reader.member for reader in self.readers))

    def resized(self, widths: Mapping[str, int]) -> Coupling:
        """The same for other numbers of units."""
        return replace(
            self,
            width=widths.get(self.name, self.width),
            makers=tuple(member.resized(widths) for member in self.makers),
            followers=tuple(member.resized(widths) for member in self.followers),
            readers=tuple(reader._replace(member=reader.member.resized(widths)) for reader in self.readers),
        )


@dataclass(frozen=True)
class Structure:
    """All groups of a model, its costs, and what was left alone.

    Attributes
    ----------
    couplings : dict
        Name -> `Coupling`, in forward order.
    parameters, flops : tuple of Term
    whole : dict
        Name -> why these units cannot be removed, of all that weights make except the model's outputs; "within" a name,
        of the columns of its units.
    unknown : dict
        Module -> operation in it that is not understood and that weights depend on, or that its weights did not run.
    """

    couplings: Mapping[str, Coupling]
    parameters: tuple[Term, ...]
    flops: tuple[Term, ...]
    whole: Mapping[str, str]
    unknown: Mapping[str, str]

    @property
    def widths(self) -> dict[str, int]:
        """Units of each group."""
        return {name: coupling.width for name, coupling in self.couplings.items()}

    def resized(self, widths: Mapping[str, int]) -> Structure:
        """The same for other numbers of units."""
        return replace(self, couplings={name: each.resized(widths) for name, each in self.couplings.items()})

    def only(self, couplings: Iterable[Coupling], whole: Mapping[str, str] | None = None) -> Structure:
        """The same with fewer groups, or with other attributes; what the others cost becomes constant.

        `whole` says why there are fewer.
        """
        kept = {coupling.name: coupling for coupling in couplings}
        gone = {name: coupling.width for name, coupling in self.couplings.items() if name not in kept}

        def reduced(terms: Iterable[Term]) -> tuple[Term, ...]:
            costs: Counter[tuple[str, ...]] = Counter()
            for term in terms:
                constant = math.prod(gone.get(name, 1) for name in term.groups)
                costs[tuple(name for name in term.groups if name not in gone)] += term.coefficient * constant
            return tuple(Term(count, names) for names, count in costs.items())

        def attributes(coupling: Coupling) -> tuple[Attribute, ...]:
            return tuple((module, attribute, reduced(terms)) for module, attribute, terms in coupling.attributes)

        return replace(
            self,
            couplings={name: replace(each, attributes=attributes(each)) for name, each in kept.items()},
            parameters=reduced(self.parameters),
            flops=reduced(self.flops),
            whole={**self.whole, **(whole or {})},
        )


def structure(tape: Tape, samples: int, *, residual: bool) -> Structure:
    """Read the groups off a tape.

    Parameters
    ----------
    tape : Tape
        Closed.
    samples : int
        How many samples it saw.
    residual : bool
        Whether residual streams are groups.
    """
    places: dict[Space, list[Key]] = {}
    for name, spaces in tape.spaces.items():
        for axis, space in enumerate(spaces):
            for leaf in dict.fromkeys(space.leaves()):
                places.setdefault(leaf, []).append((name, axis))
    made = {leaf for key in tape.makes for leaf in _space(tape, key).leaves()}
    read = {leaf for key in tape.reads for leaf in _space(tape, key).leaves()}
    closed = {leaf for leaf in made - read if leaf.fixed and leaf.fixed != OUTPUT}
    first = {
        leaf: min(tape.makes.get(key, math.inf) for key in keys)
        for leaf, keys in places.items()
        if leaf in closed or (leaf in made and leaf in read)
    }

    whole: dict[str, str] = {}
    within: dict[str, str] = {}
    groups: dict[Space, str] = {}
    inside: set[str] = set()
    obstacles = {leaf: _obstacle(tape, leaf, places[leaf], residual) for leaf in first}
    free = {leaf for leaf, why in obstacles.items() if not why}
    for leaf in sorted(first, key=first.__getitem__):
        makers = [key for key in sorted(tape.makes, key=tape.makes.__getitem__) if key in places[leaf]]
        readers = [key for key in places[leaf] if key in tape.reads]
        name = _module((makers or readers)[0][0])
        units = {block.shape[1] for key in readers for block in _layout(tape, key, {leaf: name}, made).blocks(name)}
        why = obstacles[leaf] or _around_it(tape, leaf, places[leaf], free)
        if not why and len(units) > 1:
            why = "its readers see units of different sizes"
        if why and _lies_within(tape, leaf, places[leaf], free):
            within.setdefault(f"within {name}", WITHIN)
        elif why:
            whole.setdefault(name, why)
        if why:
            continue
        if name in groups.values():  # one module that makes several groups
            name = makers[0][0]
            taken = sum(each.partition("[")[0] == name for each in groups.values())
            name = f"{name}[{taken}]" if taken else name
        groups[leaf] = name
        if units != {1}:
            inside.update(_module(key[0]) for key in makers)
    couplings = [_coupling(tape, leaf, name, places[leaf], groups, made) for leaf, name in groups.items()]
    whole = {name: why for name, why in whole.items() if name not in inside and name not in groups.values()} | within

    parameters: Counter[tuple[str, ...]] = Counter()
    for parameter in tape.model.parameters():
        axes = tuple(zip(tape.axes(parameter), parameter.shape, strict=True))
        parameters.update(cost_terms(parameter.numel(), axes, groups))
    flops: Counter[tuple[str, ...]] = Counter()
    for count, axes in tape.products:
        flops.update(cost_terms(count / samples, axes, groups))
    return Structure(
        {coupling.name: coupling for coupling in couplings},
        as_terms(parameters),
        as_terms(flops),
        whole,
        _unknown(tape, made),
    )


def _space(tape: Tape, key: Key) -> Space:
    return tape.spaces[key[0]][key[1]]


def _layout(tape: Tape, key: Key, groups: Mapping[Space, str], made: Collection[Space]) -> Layout:
    return Layout.of(_space(tape, key), groups, made)


def _module(name: str) -> str:
    """The module that a parameter belongs to; of the model itself, the parameter."""
    return name.rpartition(".")[0] or name


def _coupling(
    tape: Tape, leaf: Space, name: str, keys: Sequence[Key], groups: Mapping[Space, str], made: Collection[Space]
) -> Coupling:
    """Every axis that holds the space, by what it does."""
    makers, followers, readers = [], [], []
    for key in keys:
        member = Member(*key, _layout(tape, key, groups, made), name)
        if key in tape.reads:
            biases = (bias for bias in tape.reads[key].biases if bias is not None)
            readers.append(Reader(member, tuple(sorted(biases))))
        elif key in tape.makes:
            makers.append(member)
        else:
            followers.append(member)
    makers.sort(key=lambda member: tape.makes[member[:2]])
    reads = [tape.reads[reader.member[:2]] for reader in readers]
    uses = Counter(bias for each in tape.reads.values() for bias in each.biases)
    affine = all(each.exact and len(each.biases) == 1 and uses[next(iter(each.biases))] == 1 for each in reads)
    lengths = [
        (module, attribute, length_terms(axis, length, groups)) for module, attribute, axis, length in tape.sized
    ]
    return Coupling(
        name,
        leaf.size,
        readers[0].member.blocks[0].shape[1],
        tuple(makers),
        tuple(followers),
        tuple(readers),
        affine and all(None not in each.biases for each in reads),
        tuple(
            (module, attribute, as_terms(terms))
            for module, attribute, terms in lengths
            if any(name in names for names in terms)
        ),
        leaf.summed,
    )


def _obstacle(tape: Tape, leaf: Space, keys: Sequence[Key], residual: bool) -> str | None:
    """Why a space that weights make and read is no group, whatever lies around it; None if it may be one."""
    if leaf.fixed:
        return leaf.fixed
    if leaf.size < 2:
        return "there is only one"
    if leaf.summed and not residual:
        if not leaf.stacked:
            return "it is a residual stream (residual=True makes it a group)"
        if sum(key in tape.reads for key in keys) > 1:
            return "several attentions add one bias to the scores of their heads (residual=True makes them a group)"
    if any(key in tape.makes and key in tape.reads for key in keys):
        return "one weight both makes and reads it along the same axis"
    return None


def _around_it(tape: Tape, leaf: Space, keys: Sequence[Key], free: Collection[Space]) -> str | None:
    """Why a space is no group beside those that may be groups too."""
    if any(leaf in outer for key in keys for outer in _around(_space(tape, key), leaf)):
        return "a weight has it twice along one axis"
    return WITHIN if _lies_within(tape, leaf, keys, free) else None


def _lies_within(tape: Tape, leaf: Space, keys: Sequence[Key], free: Collection[Space]) -> bool:
    """Whether a space lies within a larger unit: the columns of one of several heads, the channels of a group."""
    around = (each for key in keys for outer in _around(_space(tape, key), leaf) for each in outer)
    return any(each in free or each.stacked for each in around)


def _around(space: Space, leaf: Space) -> list[list[Space]]:
    """For each time that a space lies on an axis the spaces outside of it, in products with it."""
    if space.factors:
        major, minor = space.factors
        return _around(major, leaf) + [major.leaves() + outer for outer in _around(minor, leaf)]
    if space.segments:
        return [outer for segment in space.segments for outer in _around(segment, leaf)]
    return [[]] if space.root is leaf else []


def _unknown(tape: Tape, made: set[Space]) -> dict[str, str]:
    """The operations without a rule that kept weights from being a group, and the weights that did not run."""
    parameters = {
        id(space.root) for name, p in tape.model.named_parameters() if p.ndim > 1 for space in tape.spaces[name]
    }
    idle = {
        _module(name): "it does not run on the first samples, and where it does may not fit the cuts"
        for name, parameter in tape.model.named_parameters()
        if parameter.ndim > 1 and name not in tape.met
    }
    return idle | {
        module: f"{operation} has no rule"
        for module, operation, spaces in tape.unknown
        if any(space.root in made or id(space.root) in parameters for space in spaces)
    }
