"""Layers of two factors: ``W ~= A B`` as two linear layers or two convolutions, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from ._samples import at_least_single

TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, *TRANSPOSED)


class Factored(nn.Sequential):
    """A layer with weights ``W ~= A B``: first A, without bias, then B.

    Of a convolution A has the kernel, stride and padding and B is a convolution of kernel size 1, of a transposed one
    the other way round; of an embedding A is one and B a linear layer. Made by `rrqr_lapack.prune.torch.factorize`.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from rrqr_lapack.prune.torch import Factored
    >>> layer = torch.nn.Linear(3, 2)
    >>> factored = Factored.of(layer, np.ones((3, 1), "f4"), np.ones((1, 2), "f4"))
    >>> factored
    Factored(
      (0): Linear(in_features=3, out_features=1, bias=False)
      (1): Linear(in_features=1, out_features=2, bias=True)
    )
    >>> tensors = {f"layer.{name}": tensor for name, tensor in factored.state_dict().items()}
    >>> torch.equal(Factored.from_state(layer, tensors, "layer")(torch.ones(3)), factored(torch.ones(3)))
    True
    """

    @classmethod
    def of(cls, layer: nn.Module, A: np.ndarray, B: np.ndarray) -> Factored:
        """In place of `layer`, whose weights as a matrix (`matrix`) are about ``A @ B``.

        Parameters
        ----------
        layer : torch.nn.Module
            A linear layer, an embedding, or a convolution in one group. Not modified.
        A : (inputs, rank) ndarray
            What reads the inputs; of a convolution these are channels times kernel.
        B : (rank, outputs) ndarray
            What makes the outputs.

        Returns
        -------
        Factored
            With the dtype, the device and the bias of `layer`.
        """
        rank, like = A.shape[1], layer.weight
        first, second = (torch.as_tensor(np.ascontiguousarray(each.T)) for each in (A, B))
        if isinstance(layer, nn.Embedding):
            first = first.T.contiguous()
        elif isinstance(layer, TRANSPOSED):
            first = first.reshape(rank, -1, *[1] * (like.ndim - 2))
            second = second.T.reshape(rank, *like.shape[1:])
        elif like.ndim > 2:
            first = first.reshape(rank, *like.shape[1:])
            second = second.reshape(like.shape[0], rank, *[1] * (like.ndim - 2))
        bias = getattr(layer, "bias", None)
        bias = None if bias is None else bias.detach().clone()
        return cls(*_pair(layer, first.to(like.dtype), second.to(like.dtype), bias)).to(like.device)

    @classmethod
    def from_state(cls, layer: nn.Module, tensors: Mapping[str, torch.Tensor], name: str) -> Factored:
        """In place of `layer`, from the tensors of a file under its name.

        Parameters
        ----------
        layer : torch.nn.Module
            The layer that was factored.
        tensors : mapping of str to tensor
            The file's.
        name : str
            The name of the layer in its model.

        Returns
        -------
        Factored
            With the tensors as its weights.

        Raises
        ------
        ValueError
            The factors are missing, or of another layer.
        """
        first, second, bias = (tensors.get(f"{name}.{part}") for part in ("0.weight", "1.weight", "1.bias"))
        if first is None or second is None or first.ndim != layer.weight.ndim:
            raise ValueError(f"tensors must hold the factors of {name}, got none, or those of another layer")
        return cls(*_pair(layer, first, second, bias))


def can_be_factored(layer: nn.Module) -> bool:
    """Whether a layer's weights are one matrix: linear layers, embeddings, and convolutions in one group."""
    if type(layer) in CONVOLUTIONS:
        return int(layer.groups) == 1
    if type(layer) is nn.Embedding:
        return layer.max_norm is None
    return type(layer) is nn.Linear or is_transposed(layer)


def is_transposed(layer: nn.Module) -> bool:
    """Whether it is a linear layer with weights (inputs, outputs), as GPT-2 of transformers has."""
    weight = getattr(layer, "weight", None)
    return type(layer).__name__ == "Conv1D" and isinstance(weight, torch.Tensor) and weight.ndim == 2


def matrix(layer: nn.Module) -> np.ndarray:
    """The weights as (inputs, outputs).

    The inputs of a convolution are channels times kernel, the outputs of a transposed one too, and the inputs of an
    embedding its entries.
    """
    weight = at_least_single(layer.weight.detach().cpu())
    weight = weight.reshape(len(weight), -1)
    straight = is_transposed(layer) or isinstance(layer, (nn.Embedding, *TRANSPOSED))
    return weight.numpy() if straight else weight.numpy().T


def read_by(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """X: what the weights of a layer are multiplied with, (..., inputs), in single or double precision."""
    if isinstance(layer, nn.Embedding):
        return nn.functional.one_hot(x.flatten(), layer.num_embeddings).to(layer.weight.dtype)
    x = at_least_single(x)
    if layer.weight.ndim == 2:
        return x
    x = x if x.ndim == layer.weight.ndim else x[None]
    if isinstance(layer, TRANSPOSED):
        return x.flatten(2).transpose(1, 2)
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    x = nn.functional.pad(x, _padding(layer), mode)
    kernel, dilation, stride = layer.kernel_size, layer.dilation, layer.stride
    if isinstance(layer, nn.Conv1d):  # as a picture of one line
        x, kernel, dilation, stride = x[:, :, None], (1, *kernel), (1, *dilation), (1, *stride)
    return nn.functional.unfold(x, kernel, dilation, 0, stride).transpose(1, 2)


def _padding(layer: nn.Module) -> list[int]:
    """What a convolution puts before and after each axis, the last axis first, as `nn.functional.pad` takes it."""
    if layer.padding == "valid":
        return [0, 0] * len(layer.kernel_size)
    if layer.padding == "same":
        spans = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        return [amount for span in reversed(spans) for amount in (span // 2, span - span // 2)]
    return [amount for each in reversed(layer.padding) for amount in (each, each)]


def _pair(
    layer: nn.Module, first: torch.Tensor, second: torch.Tensor, bias: torch.Tensor | None
) -> tuple[nn.Module, nn.Module]:
    rank, inputs = first.shape[:2]
    one: nn.Module
    two: nn.Module
    if isinstance(layer, nn.Embedding):
        rank = first.shape[1]
        one = nn.Embedding(len(first), rank, layer.padding_idx, scale_grad_by_freq=layer.scale_grad_by_freq)
        two = nn.Linear(rank, len(second), bias=False)
    elif layer.weight.ndim == 2:
        one, two = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, len(second), bias=bias is not None)
    elif isinstance(layer, TRANSPOSED):
        kind, plain = type(layer), CONVOLUTIONS[TRANSPOSED.index(type(layer))]
        named = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        options = {key: getattr(layer, key) for key in named}
        one, two = plain(inputs, rank, 1, bias=False), kind(rank, second.shape[1], **options, bias=bias is not None)
    else:
        kind = type(layer)
        options = {key: getattr(layer, key) for key in ("kernel_size", "stride", "padding", "dilation", "padding_mode")}
        one, two = kind(inputs, rank, **options, bias=False), kind(rank, len(second), 1, bias=bias is not None)
    trained = layer.weight.requires_grad
    for part, weight in ((one, first), (two, second)):
        part.weight = nn.Parameter(weight.contiguous(), trained)
    if bias is not None:
        two.bias = nn.Parameter(bias, trained)
    return one.train(layer.training), two.train(layer.training)


def replace_layer(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where the model has another."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, layer.train(model.get_submodule(name).training))
