"""What is needed of PyTorch that it has no public name for; a test says when any of it goes."""

from __future__ import annotations

from typing import Any

import torch
from torch._ops import OpOverload, OpOverloadPacket

untraced = torch._C.DisableTorchFunction  # a context in which no mode sees the calls


def changes(tensor: torch.Tensor) -> int | None:
    """A number that grows with each change in place; None of tensors made for inference, which have none."""
    return None if tensor.is_inference() else tensor._version


def before_forward(module: torch.nn.Module) -> list[Any]:
    """What is called before each forward pass of a module."""
    return list(module._forward_pre_hooks.values())


def compiled_from(model: torch.nn.Module) -> torch.nn.Module | None:
    """The module that `torch.compile` was given; None for any other."""
    return getattr(model, "_orig_mod", None)


def library_name(operator: Any) -> str | None:
    """``"namespace::name"`` of an operator of `torch.library`, whichever overload; None for any other function.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch._private import library_name
    >>> library_name(torch.ops.aten.add.Tensor), library_name(torch.add)
    ('aten::add', None)
    """
    if isinstance(operator, OpOverload | OpOverloadPacket):
        return "::".join(str(operator).split(".")[:2])
    return getattr(operator, "_qualname", None) if hasattr(operator, "register_fake") else None
