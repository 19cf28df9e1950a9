"""`torch.nn.MultiheadAttention` in torch functions that have rules, and one with fewer heads than its class has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from ._calls import Args, Function, Kwargs, tensors
from ._private import untraced
from ._registry import Equivalent, rules_for
from ._tape import Tape


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _size: int,
    heads: int,
    in_weight: Tensor | None,
    in_bias: Tensor | None,
    _bias_k: Tensor | None,
    _bias_v: Tensor | None,
    _zero: bool,
    _dropout: float,
    out_weight: Tensor,
    out_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    average_attn_weights: bool = True,
    **_others: Any,
) -> tuple[Tensor, Tensor | None]:
    """As `torch.nn.functional.multi_head_attention_forward` in evaluation; the heads may have any size."""
    batched = query.ndim == 3
    if not batched:
        query, key, value = (each[:, None] for each in (query, key, value))
    if not use_separate_proj_weight and query is key and key is value:
        projected = linear(query, in_weight, in_bias).chunk(3, -1)
    else:
        packed = None if use_separate_proj_weight or in_weight is None else in_weight.chunk(3)
        weights = packed or (q_proj_weight, k_proj_weight, v_proj_weight)
        biases = (None,) * 3 if in_bias is None else in_bias.chunk(3)
        triples = zip((query, key, value), weights, biases, strict=True)
        projected = tuple(linear(*each) for each in triples)
    q, k, v = (each.unflatten(-1, (heads, -1)).permute(1, 2, 0, 3) for each in projected)
    mask = _mask(attn_mask, key_padding_mask, q)
    y = scaled_dot_product_attention(q, k, v, mask).permute(2, 0, 1, 3).flatten(2)
    y = linear(y, out_weight, out_bias)
    weights_too = None
    if need_weights and average_attn_weights:
        with untraced():  # nobody's units: a mean over heads
            weights_too = _weights(q, k, mask).mean(1)
    elif need_weights:
        weights_too = _weights(q, k, mask)
    if batched:
        return y, weights_too
    return y[:, 0], None if weights_too is None else weights_too[0]


def _weights(q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
    scores = (q @ k.mT) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores + mask).softmax(-1)


def _mask(attn_mask: Tensor | None, key_padding_mask: Tensor | None, q: Tensor) -> Tensor | None:
    """What is added to the scores, (samples or 1, heads or 1, positions or 1, positions)."""
    found = None
    if attn_mask is not None:
        found = attn_mask[None, None] if attn_mask.ndim == 2 else attn_mask.unflatten(0, (len(q), -1))
        found = _added(found, q)
    if key_padding_mask is not None:
        hidden = _added(torch.atleast_2d(key_padding_mask)[:, None, None], q)
        found = hidden if found is None else found + hidden
    return found


def _added(mask: Tensor, q: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(q.dtype)
    return torch.zeros(mask.shape, dtype=q.dtype, device=q.device).masked_fill(mask, -torch.inf)


@dataclass(frozen=True)
class _Heads(Equivalent):
    """The rule, but for keys and values that are added to those of the samples."""

    def __call__(self, tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
        if args[7] is not None or args[9] or any(kwargs.get(f"static_{name}") is not None for name in "kv"):
            axes = [axis for tensor in tensors((args, kwargs)) for axis in tape.axes(tensor)]
            tape.leave("multi_head_attention_forward with keys of its own", axes)
            return func(*args, **kwargs)
        return super().__call__(tape, func, args, kwargs)


rules_for("multi_head_attention_forward")(_Heads(_attention))


class NarrowAttention(nn.MultiheadAttention):
    """A `torch.nn.MultiheadAttention` whose heads together are narrower than what it reads; made by a cut.

    PyTorch's own divides the features it reads by the number of heads. Weights, biases and options are the same.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import find_groups
    >>> from rrqr_lapack.prune._face import Cut
    >>> import numpy as np
    >>> face, _ = find_groups(torch.nn.TransformerEncoderLayer(12, 4, 16), torch.randn(5, 3, 12))
    >>> small = face.cut({"self_attn": Cut(np.array([1, 2]), np.eye(12)[3:9])}).model
    >>> small.self_attn.num_heads, small.self_attn.in_proj_weight.shape, small(torch.randn(5, 3, 12)).shape
    (2, torch.Size([18, 12]), torch.Size([5, 3, 12]))
    """

    @classmethod
    def of(cls, module: nn.MultiheadAttention) -> None:
        """Make one of a module whose weights have been cut."""
        packed = module.in_proj_weight
        if packed is None:
            width, module.embed_dim = module.q_proj_weight.shape
            module.kdim, module.vdim = module.k_proj_weight.shape[1], module.v_proj_weight.shape[1]
        else:
            width, module.embed_dim = len(packed) // 3, packed.shape[1]
            module.kdim = module.vdim = module.embed_dim
        module.num_heads = width // module.head_dim
        if width != module.embed_dim:
            module.__class__ = cls
            module._qkv_same_embed_dim = False  # PyTorch's fast paths cannot run it

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        turned = self.batch_first and query.ndim == 3
        if turned:
            same = query is key and key is value
            query = query.transpose(0, 1)
            key, value = (query, query) if same else (key.transpose(0, 1), value.transpose(0, 1))
        y, weights = _attention(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, None, None,
            False, 0.0, self.out_proj.weight, self.out_proj.bias, self.training, key_padding_mask, need_weights,
            attn_mask, self.in_proj_weight is None, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight,
            average_attn_weights,
        )  # fmt: skip
        return (y.transpose(0, 1) if turned else y), weights
