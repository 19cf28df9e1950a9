"""What the pruning core asks of a model, whatever framework it comes from: groups, costs, activations, cuts.

A *face* presents a model to the core as groups of removable units. A group is one set of neurons, channels or
attention heads, with the layers that produce it and all layers that read it. Its activations Z, one row a sample
(and position), one column a neuron, are all the core looks at, and ``Z ~= Z[:, C] @ T + shift`` all it answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias, TypeVar

import numpy as np

from ._residence import Activations

Model = TypeVar("Model")
Batch: TypeAlias = Any  # some calibration samples, as a face hands them out and takes them back


@dataclass(frozen=True)
class Group:
    """A set of units that can be removed one by one.

    Attributes
    ----------
    name : str
        Unique in its model, and the same in every model that was cut from it.
    width : int
        Number of units.
    unit : int, default 1
        Columns of Z that a unit has, side by side: 1 for a neuron or channel, d_h for an attention head.
    affine : bool, default True
        Whether a constant added to Z can be folded into the consumers: all have a bias, none pads with zeros.
    """

    name: str
    width: int
    unit: int = 1
    affine: bool = True

    @property
    def columns(self) -> int:
        """Columns of Z."""
        return self.width * self.unit


@dataclass(frozen=True)
class Term:
    """One term of a cost that is multilinear in the widths, ``coefficient * prod(k_g for g in groups)``.

    The weights between the groups a and b are ``Term(1, ("a", "b"))``, the bias of b is ``Term(1, ("b",))``, the
    weights from 784 inputs to b are ``Term(784, ("b",))``, and what no group changes is ``Term(c)``.

    Examples
    --------
    >>> from rrqr_lapack.prune._face import Term, total
    >>> total([Term(1, ("a", "b")), Term(784, ("a",)), Term(10)], {"a": 3, "b": 2})
    2368
    """

    coefficient: int
    groups: tuple[str, ...] = ()

    def __call__(self, widths: Mapping[str, int]) -> int:
        return self.coefficient * math.prod(widths[name] for name in self.groups)


def total(terms: Iterable[Term], widths: Mapping[str, int]) -> int:
    """The cost at these widths of the groups."""
    return sum(term(widths) for term in terms)


@dataclass(frozen=True)
class Cut:
    """What becomes of one group: ``Z ~= Z[:, columns of the units] @ coefficients + shift``.

    Attributes
    ----------
    units : (k,) ndarray of int
        The units that stay, in the order in which the new model holds them.
    coefficients : (k unit, width unit) ndarray
        T, all columns of Z in terms of those that stay: each consumer's weights W (width unit, outputs) become T @ W.
    shift : (width unit,) ndarray or None
        What is added to every row: each consumer's bias grows by ``shift @ W``. None: nothing.
    readers : mapping of str to Cut
        Consumers that see other activations than the rest, by name: they take a T and a shift of their own.
    """

    units: np.ndarray
    coefficients: np.ndarray
    shift: np.ndarray | None = None
    readers: Mapping[str, Cut] = field(default_factory=dict)

    def of(self, reader: str) -> Cut:
        """What one consumer takes."""
        return self.readers.get(reader, self)


Pairs: TypeAlias = Mapping[int, tuple[Activations, Activations]]  # number of a batch -> (Z', Z)
Fold: TypeAlias = Callable[[str, Pairs, bool], Cut]  # the last: nothing reads other activations of the group
Outputs: TypeAlias = tuple[Sequence[np.ndarray], Sequence[np.ndarray]]  # of the original and of the cut model


class Face(Protocol[Model]):
    """A model as the core sees it.

    Attributes
    ----------
    model
        The model itself; never modified.
    groups : tuple of Group
        In forward order: a group depends on groups before it only.
    parameters, flops : tuple of Term
        Number of weights and biases, and of multiply-adds for one sample, as functions of the groups' widths,
        everything that no group changes included.
    left_alone : mapping of str to str
        What keeps its size though it might be thought to be a group, and why.
    alike : tuple of tuple of str
        The groups whose widths the model's configuration can say, those together that it says by one number; no others
        can be cut if the configuration is to describe the smaller model. Empty where there is none.
    """

    model: Model
    groups: tuple[Group, ...]
    parameters: tuple[Term, ...]
    flops: tuple[Term, ...]
    left_alone: Mapping[str, str]

    @property
    def alike(self) -> tuple[tuple[str, ...], ...]: ...

    def batches(self, calibration: Any) -> Iterable[Batch]:
        """The calibration samples, checked, in batches that `activations` and `outputs` take.

        Batches are small (about 256 samples), so that some can be held out. The result can be iterated over more
        than once if `calibration` can.
        """

    def fingerprints(self, batch: Batch) -> Iterable[bytes]:
        """The bytes of each sample of a batch, by which repeated ones are known; -0.0 is 0.0."""

    def activations(
        self, batches: Iterable[Batch], names: Iterable[str] | None = None
    ) -> Iterator[Mapping[str, Activations]]:
        """For each batch the activations Z of the named groups (default: all), float32 or float64, (rows, columns).

        Arrays of a device that is not the CPU stay there: they are worked on by the array API standard.

        As the consumers read them; rows are samples times positions without masked ones, the same rows in the same
        order in this model and in every model cut from it.
        """

    def outputs(self, batches: Iterable[Batch]) -> Iterator[Sequence[np.ndarray]]:
        """For each batch the model's outputs that should stay as they are, each (rows, columns)."""

    def producers(self, name: str) -> list[np.ndarray]:
        """The weights that make the group, each (inputs, columns)."""

    def consumers(self, name: str) -> list[np.ndarray]:
        """The weights that read the group, each (columns, outputs)."""

    def cut(self, cuts: Mapping[str, Cut]) -> Self:
        """A face of a new model with these groups cut, the same group names, and nothing shared with this model.

        Slices the producers to C, folds T into every consumer's weights and shift into its bias.
        """

    def sweep(self, batches: Sequence[Batch], names: Iterable[str], fold: Fold) -> tuple[dict[str, Cut], list[Outputs]]:
        """Run the model, and beside it one that is cut as it goes, over all batches from front to back.

        Where both come to weights that read one of the named groups, ``fold(name, pairs, alone)`` is given, for the
        number of each batch that comes there, the activations (Z', Z) of the cut model, whole, and of the original, and
        whether no weights read other activations of the group; what it returns is folded into these weights before the
        cut model goes on. Returns the cuts, and for each batch the outputs of the original and of the cut model.
        """
