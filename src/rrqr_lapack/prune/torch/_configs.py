"""Configuration objects that repeat sizes, as Hugging Face models carry them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from ._structure import Coupling

FEEDFORWARD = ("intermediate_size", "ffn_dim", "hidden_dim", "n_inner", "d_ff")
HEADS = ("num_attention_heads", "num_key_value_heads")

Setting = tuple[str, tuple[str, ...], int]  # attribute, the groups that share it, its value for each unit


def settings(model: torch.nn.Module, couplings: Iterable[Coupling]) -> tuple[Setting, ...]:
    """The attributes of the model's configuration that repeat the width of groups.

    Numbers of heads only where the configuration has a `head_dim` of its own: elsewhere the code divides the hidden
    size by them.
    """
    config = getattr(model, "config", None)
    found = []
    for name in FEEDFORWARD:
        groups = tuple(c.name for c in couplings if c.unit == 1 and c.width == getattr(config, name, None))
        found += [(name, groups, 1)] if groups else []
    for name in HEADS if getattr(config, "head_dim", None) else ():
        value = getattr(config, name, None) or 0
        heads = [c for c in couplings if c.unit > 1 and value % c.width == 0]
        found += [(name, tuple(c.name for c in heads), value // heads[0].width)] if heads and value else []
    return tuple(found)


def configure(model: torch.nn.Module, known: Iterable[Setting], widths: Mapping[str, int]) -> None:
    """Write the new sizes into the model's configuration, where all groups that share one agree."""
    for name, groups, each in known:
        sizes = {widths[group] for group in groups if group in widths}
        if len(sizes) == 1:
            setattr(model.config, name, each * sizes.pop())
