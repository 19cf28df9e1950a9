"""Activations where the weights that read them see them, one row a sample and position, one column a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from weakref import ref

import torch
from torch.overrides import TorchFunctionMode

from .._residence import Activations
from ._calls import Args, Function, Kwargs, Product, operation, product, tensors
from ._cut import columns
from ._products import multiply
from ._registry import Equivalent, rule_of
from ._samples import at_least_single, resident, rows
from ._structure import Coupling, Reader
from ._tape import Key, Weights

VIEWS = frozenset(["T", "mT", "t", "transpose", "permute", "swapaxes", "chunk", "split", "getitem", "narrow", "unbind"])


class Capture(Weights, TorchFunctionMode):
    """Collects what the readers of some groups see: ``with Capture(model, couplings) as seen: model(x)``.

    Readers that see the same tensor (the three projections of an attention, gate and up) count once; readers that
    see different ones, and a module that is used twice, give rows one below the other, in the order of the calls. Where
    the model takes another path there are no rows.

    Parameters
    ----------
    model : Module
    couplings : iterable of Coupling
    mask : tensor of bool, optional
        (samples, positions).
    """

    def __init__(self, model: torch.nn.Module, couplings: Iterable[Coupling], mask: torch.Tensor | None = None) -> None:
        super().__init__(model)
        self._readers: dict[Key, list[tuple[str, Reader]]] = {}
        for coupling in couplings:
            for reader in coupling.readers:
                self._readers.setdefault(reader.member[:2], []).append((coupling.name, reader))
        self._mask = mask
        self._met: list[tuple[str, ref[torch.Tensor]]] = []  # which are not kept for this
        tensors_of = dict(self._held)
        self._parts: dict[str, list[torch.Tensor]] = {  # the first is for groups that nothing reads
            coupling.name: [tensors_of[coupling.members[-1].name].new_empty(0, coupling.width * coupling.unit)]
            for coupling in couplings
        }

    def __torch_function__(self, func: Function, types: Any, args: Args = (), kwargs: Kwargs | None = None) -> Any:
        kwargs = kwargs or {}
        rule = rule_of(func)
        if isinstance(rule, Equivalent):
            if any(map(self.weight, tensors((args, kwargs)))):
                rule.seen_by(self, args, kwargs)
            return func(*args, **kwargs)
        name = operation(func)
        if rule is multiply:
            self._look(product(name, args, kwargs))
        result = func(*args, **kwargs)
        if name in VIEWS and args:
            for tensor in tensors(result):
                self.note_view(tensor, args[0])
        return result

    def _look(self, call: Product) -> None:
        weight = self.weight(call.weight)
        if weight is None:
            return
        parameter, transposed = weight
        axis = call.weight_axis % call.weight.ndim
        for group, reader in self._readers.get((parameter, 1 - axis if transposed else axis), ()):
            met = next((i for i, (name, x) in enumerate(self._met) if group == name and call.x is x()), None)
            if met is not None:
                self.reached(group, reader, met, new=False)
                continue
            self._met.append((group, ref(call.x)))
            x = rows(call.x.detach().movedim(call.x_axis, -1), self._mask)
            flat = x.reshape(-1, x.shape[-1])
            self._parts[group].append(torch.cat([columns(flat, 1, block).T for block in reader.member.blocks]))
            self.reached(group, reader, len(self._met) - 1, new=True)

    def reached(self, group: str, reader: Reader, met: int, new: bool) -> None:
        """A reader is about to read the met-th tensor, which is new or was read before; for those who watch."""

    def last(self, group: str) -> Activations:
        """The activations of a group met last, which are forgotten."""
        return resident(at_least_single(self._parts[group].pop()))

    def activations(self) -> Mapping[str, Activations]:
        """Name -> Z where the model has it, float64 for a model in float64, otherwise float32."""
        result = {}
        for name, parts in self._parts.items():
            parts = [at_least_single(part).to(parts[-1].device) for part in parts[1:] or parts]
            result[name] = resident(torch.cat(parts) if len(parts) > 1 else parts[0])
        return result
