"""A sequential network of dense layers.

Samples are rows: a layer maps a batch ``x`` of shape (samples, inputs) to ``f(x @ W + b)``, with the weights
``W`` (inputs x neurons) and the bias ``b`` (neurons). Column j of ``W`` is what neuron j reads; row j of the
next layer's weights is what reads neuron j.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from .._reals import real_array
from .activations import Activation, resolve

Head: TypeAlias = Literal["softmax", "linear"]
HEADS: tuple[Head, ...] = get_args(Head)


def _real_array(name: str, value: Any) -> np.ndarray:
    """A finite array in float32 or float64: float16 is computed in float32, integers in float64."""
    array = real_array(value, name)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32 if array.dtype == np.float16 else np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or Inf")
    return array


class Dense:
    """A dense layer, ``x -> f(x @ weight + bias)`` on a batch of rows.

    Parameters
    ----------
    weight : (inputs, neurons) array_like
        Real. float32 and float64 are kept (and not copied), float16 becomes float32, other types float64.
    bias : (neurons,) array_like, optional
        Default zero.
    activation : str or callable, default 'identity'
        ``identity``, ``relu``, ``leaky_relu``, ``gelu``, ``gelu_tanh``, ``silu``, ``tanh``, ``sigmoid``, a
        `LeakyReLU` of another slope, or any callable that acts on each entry by itself and keeps the shape.

    Raises
    ------
    ValueError
        A shape that does not fit, NaN or Inf, or an unknown activation.
    TypeError
        Weights that are not real, or an activation that is neither a name nor callable.

    Examples
    --------
    >>> from rrqr_lapack.prune import Dense
    >>> Dense([[1.0, -1.0]], [0.0, 1.0], "relu")([[2.0], [3.0]])
    array([[2., 0.],
           [3., 0.]])
    """

    def __init__(
        self, weight: ArrayLike, bias: ArrayLike | None = None, activation: str | Activation = "identity"
    ) -> None:
        self.weight = _real_array("weight", weight)
        if self.weight.ndim != 2 or 0 in self.weight.shape:
            raise ValueError(f"weight must be 2-D (inputs x neurons) and not empty, got shape {self.weight.shape}")
        neurons = self.weight.shape[1]
        self.bias = np.zeros(neurons, self.weight.dtype) if bias is None else _real_array("bias", bias)
        if self.bias.shape != (neurons,):
            raise ValueError(f"bias must have shape ({neurons},), one entry a neuron, got {self.bias.shape}")
        self.activation = resolve(activation)

    def __call__(self, x: ArrayLike) -> np.ndarray:
        preactivation = real_array(x, "x") @ self.weight + self.bias
        result = np.asarray(self.activation(preactivation))
        if result.shape != preactivation.shape:
            raise ValueError(
                f"activation must act on each entry by itself, got {self.activation!r}, "
                f"which turned shape {preactivation.shape} into {result.shape}"
            )
        return result.astype(preactivation.dtype, copy=False)

    def __repr__(self) -> str:
        inputs, neurons = self.weight.shape
        name = getattr(self.activation, "__name__", repr(self.activation))
        return f"Dense({inputs} -> {neurons}, {name}, {np.result_type(self.weight, self.bias)})"


class Network:
    """Dense layers one after another, each ``x -> f_i(x @ W_i + b_i)``, and a head on what the last one gives.

    Parameters
    ----------
    layers : sequence of Dense
        Each layer takes as many inputs as the one before has neurons.
    head : {'linear', 'softmax'}, default 'linear'
        What is applied to the last layer's output (the logits), row by row.

    Attributes
    ----------
    layers : tuple of Dense
    head : str
    dtype : dtype
        float32 or float64: what the network computes in. Inputs are converted to it.
    widths : tuple of int
        Inputs, neurons of each layer, outputs.
    parameters : int
        Number of weights and biases.
    multiply_adds : int
        Of the matrix products, for one sample.

    Raises
    ------
    ValueError
        No layers, sizes that do not fit, or an unknown head.
    TypeError
        A layer that is not a `Dense`.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Dense(rng.standard_normal((4, 16)), activation="relu"),
    ...                    Dense(rng.standard_normal((16, 3)))], head="softmax")
    >>> network.widths, network.parameters, network.multiply_adds
    ((4, 16, 3), 131, 112)
    >>> network(np.ones((2, 4))).sum(axis=1)
    array([1., 1.])
    """

    def __init__(self, layers: Sequence[Dense], head: Head = "linear") -> None:
        self.layers = tuple(layers)
        if not self.layers:
            raise ValueError("layers must hold at least one layer, got none")
        for i, layer in enumerate(self.layers):
            if not isinstance(layer, Dense):
                raise TypeError(f"layers[{i}] must be a Dense, got {type(layer).__name__}")
        for i, (one, two) in enumerate(pairwise(self.layers)):
            if one.weight.shape[1] != two.weight.shape[0]:
                raise ValueError(
                    f"layers[{i + 1}] must take {one.weight.shape[1]} inputs, the neurons of layers[{i}], "
                    f"got {two.weight.shape[0]}"
                )
        if head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(map(repr, HEADS))}, got {head!r}")
        self.head = head
        self.dtype = np.result_type(*(a for layer in self.layers for a in (layer.weight, layer.bias)))

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, neurons of each layer, outputs."""
        return (self.layers[0].weight.shape[0], *(layer.weight.shape[1] for layer in self.layers))

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(layer.weight.size + layer.bias.size for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of the matrix products, for one sample."""
        return sum(layer.weight.size for layer in self.layers)

    def logits(self, x: ArrayLike) -> np.ndarray:
        """The last layer's output, before the head.

        Parameters
        ----------
        x : (samples, inputs) array_like
            Inputs.

        Returns
        -------
        (samples, outputs) ndarray
            In the network's dtype.

        Raises
        ------
        TypeError, ValueError
            `x` is not real, or of another shape.

        Examples
        --------
        >>> from rrqr_lapack.prune import Dense, Network
        >>> Network([Dense([[1.0, 2.0]])], head="softmax").logits([[3.0]])
        array([[3., 6.]])
        """
        x = real_array(x, "x")
        if x.ndim != 2 or x.shape[1] != self.widths[0]:
            raise ValueError(f"x must have shape (samples, {self.widths[0]}), got {x.shape}")
        x = x.astype(self.dtype, copy=False)
        for layer in self.layers:
            x = layer(x)
        return x

    def __call__(self, x: ArrayLike) -> np.ndarray:
        """The network's output, (samples, inputs) -> (samples, outputs)."""
        logits = self.logits(x)
        return softmax(logits, axis=1) if self.head == "softmax" else logits

    def __repr__(self) -> str:
        return f"Network({' -> '.join(map(str, self.widths))}, {self.head} head, {self.parameters:,} parameters)"
