"""Ranks for all layers under one budget: several ways to spread it, each tried on samples that were not fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import torch

from .._analyze import output_error
from .._face import Batch
from .._units.lowrank import LowRankLayer, allocate_ranks, uniform_ranks
from ._samples import Caller, preserved

Ranks: TypeAlias = dict[str, int | None]
Layers: TypeAlias = Mapping[str, LowRankLayer]


def candidates(layers: Layers, budget: int) -> dict[str, Ranks]:
    """The least sum of squared relative errors, the same fraction of each layer, and halfway between the two.

    Parameters
    ----------
    layers : mapping of str to LowRankLayer
    budget : int
        Numbers that all layers together may have.
    """
    least, same = allocate_ranks(layers, budget), uniform_ranks(layers, budget)
    halfway: Ranks = {}
    for name, each in layers.items():
        one, two = (each.most if ranks[name] is None else ranks[name] or 0 for ranks in (least, same))
        halfway[name] = None if least[name] is same[name] is None else (one + two) // 2
    return {"global": least, "uniform": same, "halfway": halfway}


def best_ranks(
    model: torch.nn.Module,
    caller: Caller,
    batches: Sequence[Batch],
    fitted: Layers,
    budget: int,
    factored: Callable[[torch.nn.Module, Layers, Ranks], torch.nn.Module],
) -> tuple[Ranks, dict[str, float]]:
    """The candidate whose outputs on these batches are nearest to the model's, and the error of each.

    Parameters
    ----------
    fitted : mapping of str to LowRankLayer
        Of other samples.
    factored : callable
        ``factored(model, layers, ranks)`` makes the smaller model.
    """
    expected = [preserved(caller, caller(model, batch), batch) for batch in batches]
    tried = candidates(fitted, budget)
    errors: dict[str, float] = {}
    for name, ranks in tried.items():
        small = factored(model, fitted, ranks)
        found = (preserved(caller, caller(small, batch), batch) for batch in batches)
        errors[name] = output_error(zip(expected, found, strict=True))
    return tried[min(errors, key=errors.__getitem__)], errors
