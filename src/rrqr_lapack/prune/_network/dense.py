"""The face of a `Network`: a chain of dense layers, each hidden one a group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from .. import _calibration
from .._face import Cut, Fold, Group, Outputs, Term
from .network import Dense, Network

Batch: TypeAlias = tuple[np.ndarray, np.ndarray]  # the numbers of the samples, and their rows

MOST, LEAST = 512, 16  # samples in a batch
PARTS = 8  # batches that a piece is dealt into if it is large enough, so that some can be held out


class NetworkFace:
    """A `Network` as the core sees it: group ``layers[i]`` is the neurons of hidden layer i.

    Parameters
    ----------
    network : Network

    Raises
    ------
    TypeError
        No Network.
    ValueError
        A network without hidden layers.
    """

    alike: tuple[tuple[str, ...], ...] = ()

    def __init__(self, network: Network) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, got {type(network).__name__}")
        widths = network.widths
        if len(widths) < 3:
            raise ValueError("network must have a hidden layer, got a single layer, which gives the outputs")
        self.model = network
        names = [name_of(i) for i in range(len(network.layers) - 1)]
        self.groups = tuple(Group(name, width) for name, width in zip(names, widths[1:-1], strict=True))
        weights = [
            Term(widths[0], (names[0],)),
            *(Term(1, pair) for pair in pairwise(names)),
            Term(widths[-1], (names[-1],)),
        ]
        self.parameters = (*weights, *(Term(1, (name,)) for name in names), Term(widths[-1]))
        self.flops = tuple(weights)
        self.left_alone: Mapping[str, str] = {}

    def batches(self, calibration: _calibration.Samples) -> Iterable[Batch]:
        """Checked samples in batches ``(indices, rows)``; the rows are dealt out like cards.

        So a batch that is held out is a fair sample, also where the samples are sorted by class.
        """
        return self._batches(calibration) if isinstance(calibration, Iterator) else _Again(self, calibration)

    def _batches(self, X: _calibration.Samples) -> Iterator[Batch]:
        first = 0
        for piece in _calibration.batches(X, self.model.widths[0], self.model.dtype):
            parts = max(-(-len(piece) // MOST), min(PARTS, len(piece) // LEAST), 1)
            for part in range(parts):
                yield first + np.arange(part, len(piece), parts), piece[part::parts]
            first += len(piece)

    def fingerprints(self, batch: Batch) -> Iterable[bytes]:
        """As `Face.fingerprints`."""
        return (row.tobytes() for row in batch[1] + 0.0)  # -0.0 is 0.0

    def activations(
        self, batches: Iterable[Batch], names: Iterable[str] | None = None
    ) -> Iterator[Mapping[str, np.ndarray]]:
        """As `Face.activations`."""
        names = [group.name for group in self.groups] if names is None else list(names)
        last = max(map(index_of, names), default=-1)
        for batch in batches:
            kept = {}
            for i, Z in enumerate(self._forward(batch, last)):
                if name_of(i) in names:
                    kept[name_of(i)] = Z
            yield kept

    def outputs(self, batches: Iterable[Batch]) -> Iterator[tuple[np.ndarray]]:
        """The logits of each batch."""
        for batch in batches:
            for Z in self._forward(batch, len(self.model.layers) - 1):
                logits = Z
            yield (logits,)

    def _forward(self, batch: Batch, last: int) -> Iterator[np.ndarray]:
        """The activations of layers 0 ... last, which must be finite."""
        indices, x = batch
        for i, layer in enumerate(self.model.layers[: last + 1]):
            x = _finite(layer, i, x, indices)
            yield x

    def producers(self, name: str) -> list[np.ndarray]:
        """The weights of the layer."""
        return [self.model.layers[index_of(name)].weight]

    def consumers(self, name: str) -> list[np.ndarray]:
        """The weights of the next layer."""
        return [self.model.layers[index_of(name) + 1].weight]

    def sweep(self, batches: Sequence[Batch], names: Iterable[str], fold: Fold) -> tuple[dict[str, Cut], list[Outputs]]:
        """As `Face.sweep`."""
        cuts: dict[str, Cut] = {}
        names, numbers = set(names), [numbers for numbers, _ in batches]
        small, whole = [rows for _, rows in batches], [rows for _, rows in batches]
        before: Cut | None = None
        for i, layer in enumerate(self.model.layers):
            read = _reading(layer, before)
            small = [_finite(read, i, x, which) for x, which in zip(small, numbers, strict=True)]
            whole = [_finite(layer, i, x, which) for x, which in zip(whole, numbers, strict=True)]
            before = None
            if name_of(i) in names:
                pairs = dict(enumerate(zip(small, whole, strict=True)))
                before = cuts[name_of(i)] = fold(name_of(i), pairs, True)
                small = [Z[:, before.units] for Z in small]
        return cuts, [((Y,), (Y_small,)) for Y, Y_small in zip(whole, small, strict=True)]

    def cut(self, cuts: Mapping[str, Cut]) -> NetworkFace:
        """As `Face.cut`."""
        layers: list[Dense] = []
        before: Cut | None = None
        for i, layer in enumerate(self.model.layers):
            read = _reading(layer, before)
            weight, bias = read.weight, read.bias
            before = cuts.get(name_of(i))
            if before is not None:
                weight, bias = weight[:, before.units], bias[before.units]
            layers.append(Dense(_own(weight, layer.weight), _own(bias, layer.bias), layer.activation))
        return NetworkFace(Network(layers, self.model.head))


def _reading(layer: Dense, cut: Cut | None) -> Dense:
    """The layer as it reads what a cut has left."""
    if cut is None:
        return layer
    weight, bias = layer.weight, layer.bias
    if cut.shift is not None:
        bias = bias + cut.shift @ weight
    return Dense(_own(cut.coefficients @ weight, weight), _own(bias, layer.bias), layer.activation)


def _finite(layer: Dense, i: int, x: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """What layer i makes of these calibration samples."""
    with np.errstate(over="ignore", invalid="ignore"):  # said below, with the layer's name
        x = layer(x)
    bad = ~np.isfinite(x).all(axis=1)
    if bad.any():
        raise ValueError(
            f"activations of {name_of(i)} must be finite, got NaN or Inf for calibration sample {samples[bad].min()}"
        )
    return x


class _Again:
    """The batches of samples that can be read more than once."""

    def __init__(self, face: NetworkFace, X: _calibration.Samples) -> None:
        self.face, self.X = face, X

    def __iter__(self) -> Iterator[Batch]:
        return self.face._batches(self.X)


def _own(array: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A copy of its own in the dtype of the old array."""
    return np.array(array, dtype=like.dtype, order="C")


def name_of(i: int) -> str:
    """The group of hidden layer i."""
    return f"layers[{i}]"


def index_of(name: str) -> int:
    """The inverse of `name_of`."""
    return int(name[len("layers[") : -1])
