"""Adapters that begin with the principal part of a layer.

E. J. Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022, arXiv:2106.09685; F. Meng, Z. Wang,
M. Zhang, "PiSSA: principal singular values and singular vectors adaptation of large language models", NeurIPS 2024,
arXiv:2404.02948.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from rrqr_lapack import TallQR
from rrqr_lapack._common.norms import frobenius

from ..._common.types import Seed
from ..._randomized.lora import Driver
from .._units.lowrank import LowRankLayer
from ._factored import matrix
from ._samples import at_least_single, resident


def lora_init(
    layer: torch.nn.Linear,
    rank: int,
    activations: ArrayLike | torch.Tensor | TallQR | None = None,
    *,
    driver: Driver = "exact",
    rng: Seed = None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``W = rest + B A``: adapters A and B that hold the best approximation of a layer, and what is left to freeze.

    The layer computes the same as before, and training A and B moves what matters most of it: to its weights, or to
    its outputs on the activations that are given.

    Parameters
    ----------
    layer : torch.nn.Linear
        Not modified.
    rank : int
        1 to min(inputs, outputs).
    activations : (rows, inputs) array, tensor or TallQR, optional
        What the layer reads.
    driver : {'exact', 'randomized'}, default 'exact'
        Singular vectors of LAPACK's SVD, or of `rrqr_lapack.randomized_svd`, a fraction of the time for low ranks.
    rng : None, int or Generator, optional
        Of the 'randomized' driver.

    Returns
    -------
    A : (rank, inputs) tensor
        What reads the layer's inputs.
    B : (outputs, rank) tensor
        Of the same Frobenius norm as A; both are of the layer's dtype if that is floating-point, otherwise
        single. An adapter that scales B A by a number starts here if B is divided by it.
    rest : (outputs, inputs) tensor
        ``W - B A``.

    Raises
    ------
    TypeError
        `layer` is no linear layer; `rank` no integer.
    ValueError
        `rank` is out of range, `activations` do not fit.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import lora_init
    >>> layer = torch.nn.Linear(8, 5)
    >>> A, B, rest = lora_init(layer, rank=2)
    >>> bool(torch.allclose(rest + B @ A, layer.weight)), bool(rest.norm() < layer.weight.norm())
    (True, True)
    """
    if not isinstance(layer, torch.nn.Linear):
        raise TypeError(f"layer must be a torch.nn.Linear, got {type(layer).__name__}")
    if isinstance(activations, torch.Tensor):
        read = resident(at_least_single(activations.detach()))
        activations = read if isinstance(read, np.ndarray) else TallQR(read)
    found = LowRankLayer(matrix(layer), activations, largest=rank, driver=driver, rng=rng)
    down, up = found.factors(rank)
    one, two = frobenius(down), frobenius(up)
    balance = np.sqrt(two / one) if one and two else 1.0
    weight = layer.weight.detach()
    weight = weight if weight.is_floating_point() else at_least_single(weight)  # factors of integers are none
    A, B = (torch.as_tensor(np.ascontiguousarray(part.T)).to(weight) for part in (down * balance, up / balance))
    return A, B, weight - B @ A
