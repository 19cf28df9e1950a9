"""A model and one that is cut as it goes, side by side over all batches, from front to back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from .._face import Batch, Cut, Fold, Outputs
from .._residence import Activations
from .._units.select import columns_of
from ._capture import Capture
from ._cut import constant, folded, rebuilt
from ._pausing import Pausing
from ._samples import Caller, evaluation, mask_of
from ._structure import Coupling, Reader

Event = tuple[str, int]  # a group, and which of its tensors in the order of a forward pass
Pause = Callable[["Stop"], None]


class Stop(NamedTuple):
    """Where a run waits: before activations of a group are read for the first time."""

    event: Event
    activations: Activations


class Watch(Capture):
    """Stops a run where a group is read, and has what reads it folded before it goes on."""

    def __init__(
        self,
        model: torch.nn.Module,
        couplings: Iterable[Coupling],
        mask: torch.Tensor | None,
        reached: Callable[[Event, Reader, Activations | None], None],
    ) -> None:
        super().__init__(model, couplings, mask)
        self._tell = reached
        self._count: dict[str, int] = {}
        self._events: dict[tuple[str, int], Event] = {}

    def reached(self, group: str, reader: Reader, met: int, new: bool) -> None:
        """Name the tensor by its number, and pass its activations on."""
        seen = None
        if new:
            number = self._count[group] = self._count.get(group, -1) + 1
            self._events[group, met] = (group, number)
            seen = self.last(group)
        self._tell(self._events[group, met], reader, seen)


class Folding:
    """The weights of the model that is cut as it goes: full in shape, with zeros where nothing is left to read.

    Parameters
    ----------
    model : Module
        Changed in place.
    couplings : mapping of str to Coupling
    """

    def __init__(self, model: torch.nn.Module, couplings: Mapping[str, Coupling]) -> None:
        self._tensors = dict(model.named_parameters()) | dict(model.named_buffers())
        self._couplings = couplings
        self.cuts: dict[Event, Cut] = {}
        self._read_by: dict[str, dict[str, Event]] = {}

    def fold(self, event: Event, reader: Reader) -> None:
        """Let the reader read what the event's cut leaves, unless it does already."""
        group, name = event[0], reader.member.name
        readers = self._read_by.setdefault(group, {})
        if event not in self.cuts or name in readers:
            return
        readers[name] = event
        cut, coupling = self.cuts[event], self._couplings[group]
        weight = self._tensors[name]
        T = np.zeros((coupling.width * coupling.unit, cut.coefficients.shape[1]))
        T[columns_of(cut.units, coupling.unit)] = cut.coefficients
        if cut.shift is not None:
            bias = self._tensors[reader.biases[0]]
            shift = torch.as_tensor(cut.shift, dtype=torch.float64, device=weight.device)
            bias.data.copy_(bias.data.double() + constant(weight.data, reader.member, shift))
        weight.data.copy_(folded(weight.data, reader.member, torch.as_tensor(T, device=weight.device)))

    def together(self) -> dict[str, Cut]:
        """One cut for each group, with those of the readers that saw other tensors than the first."""
        found: dict[str, Cut] = {}
        for event, cut in sorted(self.cuts.items(), key=lambda item: item[0][1]):
            readers = {
                name: cut for name, of in self._read_by.get(event[0], {}).items() if of == event and event[1] > 0
            }
            first = found.setdefault(event[0], cut)
            found[event[0]] = replace(first, readers={**first.readers, **readers})
        return found


def sweep(
    model: torch.nn.Module,
    caller: Caller,
    couplings: Mapping[str, Coupling],
    batches: Sequence[Batch],
    fold: Fold,
    outputs: Callable[[Any, Batch], Sequence[np.ndarray]],
) -> tuple[dict[str, Cut], list[Outputs]]:
    """As `Face.sweep`: each run waits in a thread of its own where a group is read, until all have come there.

    A group that one weight reads several times in a forward pass, or that is read where it cannot be seen (within a
    recurrent layer), must do with one T: it is cut before the runs begin, as ``fold`` does without activations.
    """
    small = rebuilt(model, {})
    folding = Folding(small, couplings)
    seen = _seen(model, caller, couplings, batches[0])
    for name, coupling in couplings.items():
        if name not in seen:
            folding.cuts[name, 0] = fold(name, {}, False)
            for reader in coupling.readers:
                folding.fold((name, 0), reader)

    def run(which: torch.nn.Module, batch: Batch, pause: Pause) -> Sequence[np.ndarray]:
        def reached(event: Event, reader: Reader, Z: Activations | None) -> None:
            if event[0] not in seen:
                return
            if event not in folding.cuts and Z is not None:
                pause(Stop(event, Z))
            if which is small:
                folding.fold(event, reader)

        with torch.no_grad(), Watch(which, couplings.values(), mask_of(batch), reached):
            result = caller.bare(which, batch)
        return outputs(result, batch)

    with evaluation(model), evaluation(small), ExitStack() as stack:
        runs: dict[tuple[int, bool], Pausing[Stop]] = {}
        for number, batch in enumerate(batches):
            for cut, which in ((False, model), (True, small)):
                runs[number, cut] = stack.enter_context(Pausing[Stop](partial(run, which, batch)))
        for each in runs.values():
            each.go_on()
        while waiting := {key: each.value for key, each in runs.items() if not each.done}:
            event = min((stop.event for stop in waiting.values()), key=lambda e: list(couplings).index(e[0]))
            here = {key: stop.activations for key, stop in waiting.items() if stop.event == event}
            pairs = {n: (here[n, True], Z) for (n, cut), Z in here.items() if not cut and (n, True) in here}
            folding.cuts[event] = fold(event[0], pairs, seen[event[0]])
            for key in here:
                runs[key].go_on()
        found = [(runs[number, False].value, runs[number, True].value) for number in range(len(batches))]
    return folding.together(), found


def _seen(model: torch.nn.Module, caller: Caller, couplings: Mapping[str, Coupling], batch: Batch) -> dict[str, bool]:
    """The groups that each of their readers reads once, where it can be seen: whether all read the same tensor."""
    met: dict[tuple[str, str], set[Event]] = {}

    def reached(event: Event, reader: Reader, Z: Activations | None) -> None:
        met.setdefault((event[0], reader.member.name), set()).add(event)

    with evaluation(model), torch.no_grad(), Watch(model, couplings.values(), mask_of(batch), reached):
        caller.bare(model, batch)
    events = {
        name: [met.get((name, reader.member.name), set()) for reader in coupling.readers]
        for name, coupling in couplings.items()
    }
    return {
        name: len(set[Event]().union(*each)) == 1
        for name, each in events.items()
        if all(len(read) == 1 for read in each)
    }
