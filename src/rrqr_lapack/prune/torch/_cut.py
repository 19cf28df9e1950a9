"""Cuts of tensors, and copies of models with some tensors replaced."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike

from .._face import Cut
from ._attention import NarrowAttention
from ._recurrent import GATES
from ._structure import Coupling, Member

CONVOLUTIONS = tuple(getattr(torch.nn, f"Conv{transposed}{d}d") for transposed in ("", "Transpose") for d in (1, 2, 3))


def kept(tensor: torch.Tensor, member: Member, C: ArrayLike) -> torch.Tensor:
    """The entries of one axis that belong to the units C, in the order of C, and those that belong to none."""
    return tensor.index_select(member.axis, _index(member.kept(C), tensor)).contiguous()


def scaled(tensor: torch.Tensor, member: Member, scale: ArrayLike) -> torch.Tensor:
    """The tensor with each unit's entries along one axis times a number."""
    line = np.ones(member.layout.size)
    for block in member.blocks:
        line[block] = np.asarray(scale)[:, None, None]
    shape = [-1 if a == member.axis else 1 for a in range(tensor.ndim)]
    return tensor * torch.as_tensor(line).to(tensor).reshape(shape)


def columns(tensor: torch.Tensor, axis: int, block: np.ndarray) -> torch.Tensor:
    """A block of an axis that a group runs along, brought to the front: (units times their columns, all else)."""
    units, unit, _ = block.shape
    return tensor.movedim(axis, 0)[_index(block.ravel(), tensor)].reshape(units * unit, -1)


def folded(tensor: torch.Tensor, member: Member, T: torch.Tensor) -> torch.Tensor:
    """T times the weights that read a group: ``W_new[:, ...] = T W``, contiguous, in double precision."""
    old = member.blocks
    smaller = member.resized({member.group: T.shape[0] * len(old[0]) // T.shape[1]})
    moved = tensor.movedim(member.axis, 0)
    result = moved.new_empty((smaller.layout.size, *moved.shape[1:]), dtype=torch.float64)
    others = [_others(each, tensor) for each in (smaller, member)]
    result[others[0]] = moved[others[1]].double()
    for one, two in zip(smaller.blocks, old, strict=True):
        product = _times(T, columns(tensor, member.axis, two))
        result[_index(one.ravel(), tensor)] = product.reshape(one.size, *moved.shape[1:])
    return result.movedim(0, member.axis).contiguous()


def _others(member: Member, like: torch.Tensor) -> torch.Tensor:
    """The entries of an axis that are not the group's."""
    free = np.ones(member.layout.size, dtype=bool)
    for block in member.blocks:
        free[block] = False
    return _index(np.flatnonzero(free), like)


def _index(entries: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    return torch.as_tensor(entries, device=like.device)


def _times(T: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """T times a matrix, row by row where T only selects and scales rows."""
    nonzero = T != 0
    if bool((nonzero.sum(1) == 1).all()):
        return T.sum(1)[:, None] * matrix[nonzero.int().argmax(1)].double()
    return T @ matrix.double()


def cut_tensors(state: Mapping[str, torch.Tensor], coupling: Coupling, cut: Cut) -> dict[str, torch.Tensor]:
    """The tensors of one group after a cut.

    Parameters
    ----------
    state : mapping
        Name -> tensor, at least those that the group touches.
    coupling : Coupling
    cut : Cut

    Returns
    -------
    dict
        Name -> tensor, in double precision where T was folded into it.

    Raises
    ------
    ValueError
        `cut` has a shift that this group cannot take.
    """
    new: dict[str, torch.Tensor] = {}

    def current(name: str) -> torch.Tensor:
        return new[name] if name in new else state[name].detach()

    T = torch.as_tensor(
        np.ascontiguousarray(cut.coefficients, dtype=np.float64), device=current(coupling.readers[0].member.name).device
    )
    for reader in coupling.readers:
        name = reader.member.name
        if cut.shift is not None:
            if not coupling.affine:
                raise ValueError(
                    f"shift must be None for group {coupling.name!r}, whose readers pad with zeros or have no bias, "
                    "got one"
                )
            shift = torch.as_tensor(np.asarray(cut.shift, dtype=np.float64), device=T.device)
            new[reader.biases[0]] = current(reader.biases[0]).double() + _constant(current(name), reader.member, shift)
        new[name] = folded(current(name), reader.member, T)
    for member in (*coupling.makers, *coupling.followers):
        new[member.name] = kept(current(member.name), member, cut.units)
    return new


def _constant(weight: torch.Tensor, member: Member, shift: torch.Tensor) -> torch.Tensor:
    """What the products gain when `shift` is added to every row of Z: one number for each output."""
    out = 0 if member.axis else 1
    moved = weight.double().movedim(out, -1)
    axis = member.axis - (member.axis > out)
    blocks = [columns(moved, axis, block).reshape(len(shift), -1, weight.shape[out]) for block in member.blocks]
    return torch.einsum("c,crn->n", shift, torch.cat(blocks, 1))


def stored(tensors: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in the dtypes of those that they replace.

    Raises
    ------
    ValueError
        NaN or Inf, or entries too large for the dtype.
    """
    result = {name: tensor.to(state[name].dtype) for name, tensor in tensors.items()}
    for name, tensor in result.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ValueError(
                f"{name} must fit into {tensor.dtype} when it is cut, got NaN, Inf or entries too large for it; "
                "cut the model in a wider dtype"
            )
    return result


def rebuilt(model: torch.nn.Module, tensors: Mapping[str, torch.Tensor]) -> torch.nn.Module:
    """A copy of a model with some parameters and buffers replaced, wherever they are used.

    The new tensors are made contiguous, and torch's own modules know their new sizes.

    Raises
    ------
    TypeError
        The model cannot be copied.
    """
    memo: dict[int, torch.Tensor] = {}
    for name, old in (*model.named_parameters(), *model.named_buffers()):
        if name in tensors:
            new = tensors[name].detach().clone(memory_format=torch.contiguous_format)
            memo[id(old)] = torch.nn.Parameter(new, old.requires_grad) if isinstance(old, torch.nn.Parameter) else new
    try:
        result = copy.deepcopy(model, memo)
    except RuntimeError as error:
        raise TypeError(f"model must be such that it can be copied, got {type(model).__name__}: {error}") from error
    for module in {name.rpartition(".")[0] for name in tensors}:
        _say_sizes(result.get_submodule(module))
    return result


def _say_sizes(module: torch.nn.Module) -> None:
    """The attributes of torch's own modules that repeat the shapes of their weights."""
    nn = torch.nn
    weight: Any = getattr(module, "weight", None)
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = weight.shape
    elif isinstance(module, CONVOLUTIONS):
        if module.groups > 1:
            old = module.in_channels if module.transposed else module.out_channels
            module.groups = module.groups * weight.shape[0] // old
        one, two = weight.shape[0], weight.shape[1] * module.groups
        module.out_channels, module.in_channels = (two, one) if module.transposed else (one, two)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(weight)
    elif isinstance(module, nn.RNNBase):
        ahead = module.weight_ih_l0
        module.input_size, module.hidden_size = ahead.shape[1], len(ahead) // GATES[module.mode.lower()]
        module.proj_size = len(module.weight_hr_l0) if module.proj_size else 0
    elif isinstance(module, nn.MultiheadAttention):
        NarrowAttention.of(module)
    elif isinstance(module, nn.RNNCellBase):
        module.hidden_size, module.input_size = module.weight_hh.shape[1], module.weight_ih.shape[1]
    elif isinstance(module, nn.Embedding):
        module.embedding_dim = weight.shape[1]
