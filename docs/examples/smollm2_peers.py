"""Other schemes for feed-forward blocks and linear layers of language models, a few lines each, for `smollm2.py`."""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from rrqr_lapack import TruncatedQR

SVD_LLM = "low rank, whitened (SVD-LLM)"
ROUNDING = 1e-5  # of Gram matrices in single precision
RIDGE = 1e-3  # relative to the mean square of an activation
READS = {  # the first of the linear layers that read the same, and all of them
    "self_attn.q_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.o_proj": ("self_attn.o_proj",),
    "mlp.gate_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "mlp.down_proj": ("mlp.down_proj",),
}


@dataclass(frozen=True)
class Layer:
    """What a scheme looks at of one layer.

    Attributes
    ----------
    inputs : dict of str to (n, n) ndarray
        ``X^T X`` of what the linear layers of `READS` read.
    rows : int
        Of each X.
    mean : (neurons,) ndarray
        Of the rows of the feed-forward activations Z.
    down : (neurons, features) ndarray
        The weights W that read Z.
    """

    inputs: dict[str, np.ndarray]
    rows: int
    mean: np.ndarray
    down: np.ndarray

    @property
    def gram(self) -> np.ndarray:
        """``Z^T Z``."""
        return self.inputs["mlp.down_proj"]


def fitted(layer: Layer, units: np.ndarray, ridge: float = RIDGE) -> np.ndarray:
    """``min ||Z_C W' - Z W||_F^2 + ridge ||W'||_F^2``, the ridge relative."""
    inside = layer.gram[np.ix_(units, units)]
    damped = inside + ridge * np.trace(inside) / len(units) * np.eye(len(units))
    return np.linalg.solve(damped, layer.gram[units] @ layer.down)


def weighted_pivots(gram: np.ndarray, down: np.ndarray, k: int) -> np.ndarray:
    """The neurons that pivoted QR of ``Z diag(||w_j||)`` takes first, by its Gram matrix."""
    norms = np.sqrt(np.diag(gram))
    alike = gram / np.outer(norms, norms) + ROUNDING * np.eye(len(norms))  # columns of Z of norm 1
    weights = norms * np.linalg.norm(down, axis=1)
    return TruncatedQR(np.linalg.cholesky(alike).T * weights, rank=k).P[:k]


def pivots(layer: Layer, k: int):
    """Weighted pivots; least squares with a ridge."""
    units = weighted_pivots(layer.gram, layer.down, k)
    return units, fitted(layer, units)


def wanda(layer: Layer, k: int):
    """Weight times activation norm (M. Sun et al., 2024, arXiv:2306.11695), by neuron; the same least squares."""
    units = _largest(np.sqrt(np.diag(layer.gram)) * np.linalg.norm(layer.down, axis=1), k)
    return units, fitted(layer, units)


def nystrom(layer: Layer, k: int):
    """Ridge leverage scores and the Nystrom fit (C.-H. Lin et al., MoDeGPT, 2025, arXiv:2408.09632)."""
    n = len(layer.gram)
    scale = np.trace(layer.gram) / n
    scores = np.diag(np.linalg.solve(layer.gram + scale * np.eye(n), layer.gram))
    units = _largest(scores, k)
    return units, fitted(layer, units, ridge=1e-6)


def flap(layer: Layer, k: int):
    """Fluctuation of the activation times weight norm; the mean of the others as a bias (Y. An et al., FLAP, 2024,
    arXiv:2312.11983)."""
    variance = np.diag(layer.gram) / layer.rows - layer.mean.astype(np.float64) ** 2
    units = _largest(variance * np.linalg.norm(layer.down, axis=1) ** 2, k)
    others = np.setdiff1d(np.arange(len(layer.mean)), units)
    return units, layer.down[units], layer.mean[others] @ layer.down[others]


def _largest(scores: np.ndarray, k: int) -> np.ndarray:
    return np.sort(np.argsort(-scores, kind="stable")[:k])


PEERS = {
    "weighted pivots + ridge": pivots,
    "Wanda score + ridge": wanda,
    "Nystrom, leverage (MoDeGPT)": nystrom,
    "fluctuation, bias only (FLAP)": flap,
}


@torch.no_grad()
def low_rank(model, layers: list[Layer], fraction: float):
    """Every linear layer of the blocks at rank ``fraction m n / (m + n)``, ``W -> U U^T W``.

    U are the first left singular vectors of ``W L``, ``L L^T = X^T X``, X are its inputs in the original
    model (X. Wang et al., SVD-LLM, 2025, arXiv:2403.07378).
    """
    small = copy.deepcopy(model)
    for layer, known in zip(small.model.layers, layers, strict=True):
        for reads, names in READS.items():
            squares, Q = np.linalg.eigh(known.inputs[reads])
            L = Q * np.sqrt(np.maximum(squares, 0))
            for name in names:
                linear = layer.get_submodule(name)
                W = linear.weight.double().numpy()
                U = _left(W @ L, int(fraction * W.size / sum(W.shape)))
                layer.set_submodule(name, _product(U, U.T @ W, linear.weight))
    return small


def _left(M: np.ndarray, rank: int) -> np.ndarray:
    """The first left singular vectors of a matrix, by the eigenvectors of its smaller square."""
    if M.shape[0] <= M.shape[1]:
        return np.linalg.eigh(M @ M.T)[1][:, -rank:]
    U = M @ np.linalg.eigh(M.T @ M)[1][:, -rank:]
    return U / np.linalg.norm(U, axis=0)


def _product(up: np.ndarray, down: np.ndarray, like: torch.Tensor) -> torch.nn.Sequential:
    pair = torch.nn.Sequential(*(torch.nn.Linear(*W.shape[::-1], bias=False) for W in (down, up)))
    for linear, W in zip(pair, (down, up), strict=True):
        linear.weight = torch.nn.Parameter(torch.tensor(W).to(like).contiguous(), requires_grad=False)
    return pair
