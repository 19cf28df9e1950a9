"""Entrywise activations, by name or as any callable.

An activation acts on each entry by itself, so it commutes with choosing columns,
``f(H)[:, C] = f(H[:, C])``. That is what lets a neuron be removed without touching the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.special import erf, expit

Activation: TypeAlias = Callable[[np.ndarray], Any]  # what it gives becomes an array


def identity(x: np.ndarray) -> np.ndarray:
    """f(x) = x."""
    return x


def relu(x: np.ndarray) -> np.ndarray:
    """f(x) = max(x, 0)."""
    return np.maximum(x, 0)


@dataclass(frozen=True)
class LeakyReLU:
    """The activation f(x) = x for x >= 0, slope * x for x < 0.

    Parameters
    ----------
    slope : float, default 0.01
        The derivative for negative x.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import LeakyReLU
    >>> LeakyReLU(0.5)(np.array([-2.0, 4.0]))
    array([-1.,  4.])
    """

    slope: float = 0.01

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.where(x < 0, self.slope * x, x)


def gelu(x: np.ndarray) -> np.ndarray:
    """f(x) = x Phi(x), Phi the standard normal distribution (Hendrycks, Gimpel, 2016, arXiv:1606.08415)."""
    return 0.5 * x * (1 + erf(x * np.sqrt(0.5).astype(x.dtype)))


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """f(x) = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the usual approximation of `gelu`."""
    return 0.5 * x * (1 + np.tanh(float(np.sqrt(2 / np.pi)) * (x + 0.044715 * x * x * x)))


def silu(x: np.ndarray) -> np.ndarray:
    """f(x) = x / (1 + exp(-x)), also called swish."""
    return x * expit(x)


def tanh(x: np.ndarray) -> np.ndarray:
    """f(x) = tanh(x)."""
    return np.tanh(x)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """f(x) = 1 / (1 + exp(-x))."""
    return expit(x)


NAMED: dict[str, Activation] = {
    "identity": identity,
    "relu": relu,
    "leaky_relu": LeakyReLU(),
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "tanh": tanh,
    "sigmoid": sigmoid,
}


def resolve(activation: str | Activation) -> Activation:
    """The function that a name stands for; a callable stands for itself.

    Raises
    ------
    ValueError
        An unknown name.
    TypeError
        Neither a name nor callable.
    """
    if isinstance(activation, str):
        if activation not in NAMED:
            raise ValueError(f"activation must be one of {', '.join(NAMED)} or a callable, got {activation!r}")
        return NAMED[activation]
    if not callable(activation):
        raise TypeError(f"activation must be a name or a callable, got {type(activation).__name__}")
    return activation


def describe(activation: Activation) -> dict[str, str | float]:
    """What a file says about an activation: its name, and the slope of a leaky ReLU.

    Raises
    ------
    ValueError
        The activation is the caller's own callable: code cannot be written to a data file.
    """
    if isinstance(activation, LeakyReLU):
        return {"name": "leaky_relu", "slope": activation.slope}
    for name, function in NAMED.items():
        if activation is function:
            return {"name": name}
    raise ValueError(f"activation must be one of {', '.join(NAMED)} in a file, which holds no code, got {activation!r}")


def from_description(description: Mapping[str, Any]) -> Activation:
    """The inverse of `describe`."""
    name, slope = description["name"], description.get("slope")
    return resolve(name) if slope is None else LeakyReLU(float(slope))
