"""Weights that a model computes from others before each use, weight and spectral norms among them, written out."""

from __future__ import annotations

import copy
import warnings

import torch
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def plain(model: torch.nn.Module) -> torch.nn.Module:
    """The model where it computes no weights, otherwise a copy in which they are parameters as they are now.

    Raises
    ------
    TypeError
        The model cannot be copied.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch._plain import plain
    >>> layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    >>> [name for name, _ in plain(layer).named_parameters()], plain(torch.nn.Identity())
    (['bias', 'weight'], Identity())
    """
    if not any(parametrize.is_parametrized(module) or _hooks(module) for module in model.modules()):
        return model
    memo: dict[int, torch.Tensor] = {}
    for module in model.modules():  # what hooks computed is part of a graph, which nothing can copy
        for hook in _hooks(module):
            computed = getattr(module, hook.name)
            memo[id(computed)] = computed.detach().clone()
    try:
        result = copy.deepcopy(model, memo)
    except RuntimeError as error:
        raise TypeError(f"model must be such that it can be copied, got {type(model).__name__}: {error}") from error
    for module in list(result.modules()):
        training = module.training
        module.eval()  # spectral norms go on estimating otherwise
        if parametrize.is_parametrized(module):
            _write_out(module)
        for hook in _hooks(module):
            with warnings.catch_warnings(action="ignore"):  # of their age
                remove = remove_weight_norm if isinstance(hook, WeightNorm) else remove_spectral_norm
                remove(module, hook.name)
        module.training = training
    return result


def _write_out(module: torch.nn.Module) -> None:
    """Parameters in place of parametrizations; PyTorch's own way changes the class, which the original has too."""
    found = {}
    for name, each in module.parametrizations.items():
        trained = any(parameter.requires_grad for parameter in each.parameters())
        found[name] = torch.nn.Parameter(getattr(module, name).detach().clone(), trained)
    module.__class__ = type(module).__bases__[0]
    del module.parametrizations
    for name, parameter in found.items():
        module.register_parameter(name, parameter)


def _hooks(module: torch.nn.Module) -> list[WeightNorm | SpectralNorm]:
    """The norms of PyTorch's older kind."""
    return [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, WeightNorm | SpectralNorm)]
