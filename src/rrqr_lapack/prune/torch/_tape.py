"""One run of a model, recorded: which index spaces its tensors have, and where weights read and make them.

The tape sees each torch function that the model calls, whatever the modules are called and however the forward is
written; `Recording` in ``_rules.py`` says what each function means for the spaces. Functions without a rule fix the
spaces they meet, so that what is not understood is left alone, and are remembered by the module that called them.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.weak import WeakIdKeyDictionary

from ._calls import Product, tensors
from ._spaces import Axis, Space, fix, leaf_places, whole

OUTPUT = "it is an output of the model"

Key: TypeAlias = tuple[str, int]  # a parameter or buffer, by name, and one of its axes


@dataclass
class Read:
    """How one weight's axis is summed over.

    Attributes
    ----------
    biases : set of str or None
        Names of the parameters that are added to the products; None where there is none.
    exact : bool
        Whether a constant added to the activations is one added to the products: no zero padding in between.
    """

    biases: set[str | None] = field(default_factory=set)
    exact: bool = True


class Weights:
    """Recognizes parameters, and transposes and rows of them, among the arguments of functions."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        # Held, since a tensor that the model frees would leave its id to another.
        self._held = [*model.named_parameters(), *model.named_buffers()]
        self.names: dict[int, str] = {id(tensor): name for name, tensor in reversed(self._held)}
        self._views = WeakIdKeyDictionary()

    def weight(self, tensor: torch.Tensor) -> tuple[str, bool] | None:
        """(name, whether transposed) of a parameter, or the transpose or some rows of one; None for other tensors."""
        name = self.names.get(id(tensor))
        return (name, False) if name is not None else self._views.get(tensor)

    def note_view(self, tensor: torch.Tensor, of: torch.Tensor) -> None:
        """Note that a tensor is the transpose of a parameter, or some rows of it, if it is."""
        name = self.names.get(id(of))
        if name is None or not of.ndim == tensor.ndim == 2 or not _shares_memory(tensor, of):
            return
        if tensor.shape == of.shape[::-1] and tensor.stride() == of.stride()[::-1]:
            self._views[tensor] = (name, True)
        elif tensor.shape[1] == of.shape[1] and tensor.stride() == of.stride():
            self._views[tensor] = (name, False)


def _shares_memory(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


class Tape(Weights, TorchFunctionMode):
    """What is noted of one forward pass, by a `Recording`.

    Attributes
    ----------
    spaces : dict
        Name of a parameter or buffer -> one `Space` an axis.
    reads : dict
        (name, axis) -> `Read`, for axes that are summed over in a product with activations.
    makes : dict
        (name, axis) -> the step at which it made an axis of activations.
    products : list of (int, tuple of (Axis, int))
        Multiply-adds of each product, and the axes, with their lengths, that they are proportional to.
    unknown : list of (str, str, list of Space)
        Operations that have no rule: module, operation, and the spaces that it fixed.
    sized : list of (str, str, Axis, int)
        Modules that know the length of an axis beside their weights: module, attribute, axis, length.
    met : set of str
        Names of the parameters and buffers that functions were called with.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__(model)
        self.model = model
        self.spaces: dict[str, tuple[Space, ...]] = {
            name: tuple(map(Space, tensor.shape)) for name, tensor in self._held
        }
        self.reads: dict[Key, Read] = {}
        self.makes: dict[Key, int] = {}
        self.products: list[tuple[int, tuple[tuple[Axis, int], ...]]] = []
        self.unknown: list[tuple[str, str, list[Space]]] = []
        self.sized: list[tuple[str, str, Axis, int]] = []
        self.met: set[str] = set()
        for name, tensor in self._held:
            if tensor.is_complex():
                for space in self.spaces[name]:
                    space.fix(f"{name} is complex")
        self._modules: dict[torch.nn.Module, str] = {module: name for name, module in model.named_modules()}
        self._calls: list[str] = []
        self._axes = WeakIdKeyDictionary()
        self._constants = WeakIdKeyDictionary()

    def __enter__(self) -> Self:
        self._hooks = ExitStack()
        for module in self._modules:
            self._hooks.enter_context(module.register_forward_pre_hook(self._enter_module))
            self._hooks.enter_context(module.register_forward_hook(self._leave_module, always_call=True))
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self._hooks.close()
        super().__exit__(*error)

    def _enter_module(self, module: torch.nn.Module, _: Any) -> None:
        self._calls.append(self._modules[module])

    def _leave_module(self, *_: Any) -> None:
        self._calls.pop()

    @property
    def module(self) -> str:
        """The module that is running."""
        return self._calls[-1] if self._calls else ""

    def axes(self, tensor: torch.Tensor) -> tuple[Axis, ...]:
        """The places of spaces on each axis of a tensor; empty where it has none."""
        name = self.names.get(id(tensor))
        if name is not None:
            return tuple(map(whole, self.spaces[name]))
        return self._axes.get(tensor) or ((),) * tensor.ndim

    def set_axes(self, tensor: torch.Tensor, axes: Iterable[Axis]) -> None:
        """Say where the spaces are on a tensor that an operation made."""
        if id(tensor) not in self.names:
            self._axes[tensor] = tuple(axes)

    def constant(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is made from parameters and buffers alone: no activation."""
        return id(tensor) in self.names or tensor in self._constants

    def set_constant(self, tensor: torch.Tensor) -> None:
        """Note that an operation made the tensor from constants."""
        self._constants[tensor] = True

    def known(self, tensor: torch.Tensor) -> bool:
        """Whether any axis of the tensor has a space."""
        return any(self.axes(tensor))

    def read(self, key: Key, call: Product) -> None:
        """Note that a weight's axis is summed over with an axis of activations."""
        read = self.reads.setdefault(key, Read())
        read.biases.add(None if call.bias is None else self.names.get(id(call.bias)))
        read.exact &= not call.padded

    def made(self, key: Key) -> None:
        """Note that a weight's axis makes an axis of activations."""
        self.makes.setdefault(key, len(self.makes))

    def has_size(self, attribute: str, axis: Axis, length: int) -> None:
        """Note that the running module repeats the length of an axis, if it has this attribute."""
        if type(getattr(self.model.get_submodule(self.module), attribute, None)) is int:
            self.sized.append((self.module, attribute, axis, length))

    def leave(self, operation: str, axes: Iterable[Axis]) -> None:
        """Fix the spaces that an operation without a rule meets, and remember it."""
        open_ = [place.space for axis in axes for place in leaf_places(axis) if not place.space.fixed]
        for space in open_:
            space.fix(self.why(operation))
        self.unknown.append((self.module, operation, open_))

    def why(self, operation: str) -> str:
        """A reason in words: the operation and the module it is in."""
        return f"{operation} in {self.module or 'the model itself'}"

    def close(self, outputs: Any) -> None:
        """The end of the forward pass: what the model returns keeps its size."""
        for tensor in tensors(outputs):
            for axis in self.axes(tensor):
                fix(axis, OUTPUT)
