"""Reading the calls of torch functions: names, arguments, tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, TypeAlias

import torch

from ._private import library_name

Function: TypeAlias = Callable[..., Any]  # of torch, as a mode sees it called
Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]


def tensors(tree: Any) -> list[torch.Tensor]:
    """All tensors in nested tuples, lists, mappings and dataclasses."""
    if isinstance(tree, torch.Tensor):
        return [tree]
    if isinstance(tree, list | tuple):
        return [tensor for item in tree for tensor in tensors(item)]
    if isinstance(tree, Mapping):
        return [tensor for item in tree.values() for tensor in tensors(item)]
    if is_dataclass(tree) and not isinstance(tree, type):
        return [tensor for field in fields(tree) for tensor in tensors(getattr(tree, field.name))]
    return []


def argument(args: Args, kwargs: Kwargs, index: int, *names: str, default: Any = None) -> Any:
    """The argument at this index, or under one of these names."""
    if len(args) > index:
        return args[index]
    return next((kwargs[name] for name in names if name in kwargs), default)


def operation(func: Any) -> str:
    """``x.add_(y)``, ``x += y``, ``x + y`` and ``torch.add(x, y)`` are all 'add'; a property is its own name.

    An operator of a library is 'namespace::name', those of PyTorch's own without the namespace.
    """
    if (name := library_name(func)) is not None and not name.startswith("aten::"):
        return name
    name = func.__name__ if name is None else name.removeprefix("aten::")
    if name == "__get__":
        return getattr(func.__self__, "__name__", name)
    if name.startswith("__") and name[2:3] in ("i", "r") and name[3:-2] in _OPERATORS:
        return name[3:-2]
    return name.strip("_")


_OPERATORS = {"add", "sub", "mul", "truediv", "div", "pow", "matmul", "floordiv", "mod"}


class Product(NamedTuple):
    """A sum over one axis of activations and one axis of weights.

    Attributes
    ----------
    x, weight : tensor
    x_axis : int
        The axis of `x` that is summed over, from the end.
    weight_axis, out_axis : int
        The axis of `weight` that is summed over, and the one that takes its place in the result.
    bias : tensor or None
    groups : int
        Of a convolution.
    padded : bool
        Whether it reads zeros beyond the edge.
    """

    x: torch.Tensor
    weight: torch.Tensor
    x_axis: int
    weight_axis: int
    out_axis: int
    bias: torch.Tensor | None = None
    groups: int = 1
    padded: bool = False


def product(name: str, args: Args, kwargs: Kwargs) -> Product:
    """The operands of a linear layer, convolution or matrix product, by its name."""
    if name == "linear":
        x, weight, bias = (argument(args, kwargs, i, key) for i, key in enumerate(("input", "weight", "bias")))
        return Product(x, weight, -1, 1, 0, bias)
    if name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"):
        x, weight, bias = (argument(args, kwargs, i, key) for i, key in enumerate(("input", "weight", "bias")))
        padding = argument(args, kwargs, 4, "padding", default=0)
        groups = argument(args, kwargs, 6, "groups", default=1)
        if "transpose" in name:
            return Product(x, weight, 1 - weight.ndim, 0, 1, bias, groups, padded=True)
        padded = padding != "valid" if isinstance(padding, str) else bool(torch.tensor(padding).any())
        return Product(x, weight, 1 - weight.ndim, 1, 0, bias, groups, padded)
    if name in ("matmul", "mm", "bmm"):
        return Product(
            argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "other", "mat2", "tensor2"), -1, -2, -1
        )
    # addmm, baddbmm
    x, weight = argument(args, kwargs, 1, "mat1", "batch1"), argument(args, kwargs, 2, "mat2", "batch2")
    return Product(x, weight, -1, -2, -1, argument(args, kwargs, 0, "input"))
