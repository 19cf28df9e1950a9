"""The groups of a model, as data: which axes of which tensors a cut must slice, and which it must fold T into."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from .._face import Term
from ._spaces import Space, leaf_places
from ._tape import OUTPUT, Key, Tape

Attribute: TypeAlias = tuple[str, str, int]  # module, attribute, the attribute's value for each unit


class Member(NamedTuple):
    """One axis of one parameter or buffer that a group runs along.

    Attributes
    ----------
    name : str
    axis : int
    sizes : tuple of int
        The axis is a product of index spaces, outermost first, the group's own among them.
    at : int
        Which of `sizes` is the group's.
    unit : tuple of int
        Which of `sizes` belong to a unit: the d_h of an attention head. The others are positions.
    """

    name: str
    axis: int
    sizes: tuple[int, ...]
    at: int
    unit: tuple[int, ...]

    def resized(self, width: int) -> Member:
        """The same for another number of units."""
        return self._replace(sizes=(*self.sizes[: self.at], width, *self.sizes[self.at + 1 :]))


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
    attributes : tuple of (str, str, int)
        Module, attribute, and the attribute's value for each unit: numbers in the model's code that follow the width.
    """

    name: str
    width: int
    unit: int
    makers: tuple[Member, ...]
    followers: tuple[Member, ...]
    readers: tuple[Reader, ...]
    affine: bool
    attributes: tuple[Attribute, ...] = ()

    def resized(self, width: int) -> Coupling:
        """The same for another number of units."""
        return replace(
            self,
            width=width,
            makers=tuple(member.resized(width) for member in self.makers),
            followers=tuple(member.resized(width) for member in self.followers),
            readers=tuple(reader._replace(member=reader.member.resized(width)) for reader in self.readers),
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
        Name -> why these units cannot be removed, of all that weights make except the model's outputs.
    unknown : dict
        Module -> operation in it that is not understood and that weights depend on, or that its weights did not run.
    """

    couplings: Mapping[str, Coupling]
    parameters: tuple[Term, ...]
    flops: tuple[Term, ...]
    whole: Mapping[str, str]
    unknown: Mapping[str, str]

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

        return replace(
            self,
            couplings=kept,
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
    made = {leaf for key in tape.makes for leaf in _leaves(tape, key)}
    read = {leaf for key in tape.reads for leaf in _leaves(tape, key)}
    places: dict[Space, list[tuple[Key, int]]] = {}
    for name, spaces in tape.spaces.items():
        for axis, space in enumerate(spaces):
            for at, leaf in enumerate(space.leaves()):
                places.setdefault(leaf, []).append(((name, axis), at))

    couplings: list[Coupling] = []
    whole: dict[str, str] = {}
    groups: dict[Space, str] = {}
    closed = {leaf for leaf in made - read if leaf.fixed and leaf.fixed != OUTPUT}
    first = {leaf: min(tape.makes.get(key, math.inf) for key, _ in places[leaf]) for leaf in made & read | closed}
    for leaf in sorted(first, key=first.__getitem__):
        coupling = _coupling(tape, leaf, places[leaf], made)
        why = _obstacle(tape, leaf, places[leaf], coupling, made, residual)
        if why:
            whole.setdefault(coupling.name, why)
            continue
        if coupling.name in groups.values():  # one module that makes two groups
            coupling = replace(coupling, name=coupling.makers[0].name)
        groups[leaf] = coupling.name
        couplings.append(coupling)
    inside = {_module(member.name) for coupling in couplings for member in coupling.makers if member.unit}
    whole = {name: why for name, why in whole.items() if name not in inside and name not in groups.values()}

    parameters: dict[tuple[str, ...], float] = {}
    for name, parameter in tape.model.named_parameters():
        leaves = [leaf for space in tape.spaces[name] for leaf in space.leaves()]
        _add(parameters, parameter.numel(), leaves, groups)
    flops: dict[tuple[str, ...], float] = {}
    for count, axes in tape.products:
        _add(flops, count / samples, [place.space for axis in axes for place in leaf_places(axis)], groups)
    return Structure(
        {coupling.name: coupling for coupling in couplings},
        tuple(Term(round(count), names) for names, count in parameters.items()),
        tuple(Term(round(count), names) for names, count in flops.items()),
        whole,
        _unknown(tape, made),
    )


def _leaves(tape: Tape, key: Key) -> list[Space]:
    return tape.spaces[key[0]][key[1]].leaves()


def _module(name: str) -> str:
    """The module that a parameter belongs to; of the model itself, the parameter."""
    return name.rpartition(".")[0] or name


def _coupling(tape: Tape, leaf: Space, places: Sequence[tuple[Key, int]], made: set[Space]) -> Coupling:
    """Every axis that holds the space, by what it does."""
    makers, followers, readers = [], [], []
    for key, at in places:
        leaves = _leaves(tape, key)
        unit = tuple(i for i in range(at + 1, len(leaves)) if leaves[i] in made)
        name, axis = key
        member = Member(name, axis, tuple(each.size for each in leaves), at, unit)
        if key in tape.reads:
            biases = (bias for bias in tape.reads[key].biases if bias is not None)
            readers.append(Reader(member, tuple(sorted(biases))))
        elif key in tape.makes:
            makers.append(member)
        else:
            followers.append(member)
    makers.sort(key=lambda member: tape.makes[member[:2]])
    columns = [math.prod(reader.member.sizes[i] for i in reader.member.unit) for reader in readers]
    reads = [tape.reads[key] for key, _ in places if key in tape.reads]
    uses = Counter(name for each in tape.reads.values() for name in each.biases)
    affine = all(each.exact and len(each.biases) == 1 and uses[next(iter(each.biases))] == 1 for each in reads)
    first = (*makers, *(reader.member for reader in readers))[0].name
    return Coupling(
        _module(first),
        leaf.size,
        columns[0] if columns else 1,
        tuple(makers),
        tuple(followers),
        tuple(readers),
        affine and all(None not in each.biases for each in reads),
        tuple(
            (module, attribute, math.prod(place.space.size for place in inner) // leaf.size)
            for module, attribute, axis in tape.sized
            for inner in (leaf_places(axis),)
            if any(place.space is leaf for place in inner)
        ),
    )


def _obstacle(
    tape: Tape,
    leaf: Space,
    places: Sequence[tuple[Key, int]],
    coupling: Coupling,
    made: set[Space],
    residual: bool,
) -> str | None:
    """Why a space that weights make and read is no group; None if it is one."""
    keys = [key for key, _ in places]
    if leaf.fixed:
        return leaf.fixed
    if leaf.size < 2:
        return "there is only one"
    if leaf.summed and not residual:
        if not leaf.stacked:
            return "it is a residual stream (residual=True makes it a group)"
        if len(coupling.readers) > 1:
            return "several attentions add one bias to the scores of their heads (residual=True makes them a group)"
    if len(set(keys)) < len(keys):
        return "a weight has it twice along one axis"
    if any(key in tape.makes and key in tape.reads for key in keys):
        return "one weight both makes and reads it along the same axis"
    if len({math.prod(r.member.sizes[i] for i in r.member.unit) for r in coupling.readers}) > 1:
        return "its readers see units of different sizes"
    for key, at in places:
        if any(not outer.fixed and outer in made for outer in _leaves(tape, key)[:at]):
            return "it lies within a larger unit"
    return None


def _add(
    costs: dict[tuple[str, ...], float], count: float, leaves: Sequence[Space], groups: Mapping[Space, str]
) -> None:
    names = tuple(sorted(groups[leaf] for leaf in leaves if leaf in groups))
    each = count / math.prod(leaf.size for leaf in leaves if leaf in groups)
    costs[names] = costs.get(names, 0) + each


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
