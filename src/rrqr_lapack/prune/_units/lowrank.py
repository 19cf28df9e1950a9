"""Low-rank weights ``W ~= A B``: the other way to make a layer smaller, for the activations that it reads.

Without data the SVD of W (C. Eckart, G. Young, 1936, doi:10.1007/BF02288367). With the activations X that W reads, the
SVD of X W, whose best rank-r approximation X W V_r V_r^T is reached by A = W V_r, B = V_r^T without an inverse
(P. Chen, H. Yu, I. Dhillon, C. Hsieh, "DRONE: data-aware low-rank compression for large NLP models", NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from rrqr_lapack import TallQR, randomized_svd
from rrqr_lapack._common.arrays import check_choice, check_rank, check_rng

from ..._common.types import Seed
from ..._randomized.lora import Driver
from .._reals import real_array
from .._residence import on_host


class LowRankLayer:
    """The best approximations ``W ~= A B`` of every rank, in ``||X (W - A B)||_F`` or ``||W - A B||_F``.

    Parameters
    ----------
    weight : (inputs, outputs) array_like
        Real.
    activations : (rows, inputs) array_like or TallQR, optional
        What the weights read. The error is then that of their products.
    largest : int, optional
        The largest rank of interest, 1 to min(inputs, outputs), which is the default.
    driver : {'exact', 'randomized'}, default 'exact'
        The singular vectors of LAPACK's SVD, or those of `randomized_svd`: for a `largest` much smaller than the
        weights a fraction of the time, and nearly the best.
    rng : None, int or Generator, optional
        Of the 'randomized' driver.

    Attributes
    ----------
    shape : tuple of int
        (inputs, outputs).
    values : (largest,) ndarray
        Singular values of X W, or of W.
    norm : float
        ``||X W||_F``, or ``||W||_F``.
    errors : (largest + 1,) ndarray
        The error at each rank, from the singular values: ``errors[r] = (sum_{j>r} s_j^2)^(1/2)``.

    Raises
    ------
    ValueError, TypeError
        Weights or activations that are not finite real matrices, or do not fit; `largest` or `driver` out of range.

    See Also
    --------
    rrqr_lapack.low_rank_factors : the factors of one matrix at one rank, without activations.

    Notes
    -----
    One SVD of an inputs x outputs matrix. `TallQR` takes activations of any number of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.lowrank import LowRankLayer
    >>> rng = np.random.default_rng(0)
    >>> W, X = rng.standard_normal((6, 5)), rng.standard_normal((100, 2)) @ rng.standard_normal((2, 6))
    >>> A, B = LowRankLayer(W, X).factors(2)
    >>> A.shape, B.shape, bool(np.allclose(X @ A @ B, X @ W)), bool(np.allclose(A @ B, W))
    ((6, 2), (2, 5), True, False)
    """

    def __init__(
        self,
        weight: ArrayLike,
        activations: ArrayLike | TallQR | None = None,
        *,
        largest: int | None = None,
        driver: Driver = "exact",
        rng: Seed = None,
    ) -> None:
        self._weight = _real("weight", weight)
        self.shape = self._weight.shape
        product = self._weight
        if activations is not None:
            tall = activations if isinstance(activations, TallQR) else TallQR(_real("activations", activations))
            R = on_host(tall.R)
            if R.shape[1] != self.shape[0]:
                raise ValueError(f"activations must have {self.shape[0]} columns, as weight inputs, got {R.shape[1]}")
            product = np.zeros(self.shape)  # zero rows where there are fewer activations than inputs
            product[: len(R)] = R.astype(np.float64) @ self._weight
        product = product.astype(np.float64, copy=False)
        largest, rng = check_rank(largest, min(self.shape), 1), check_rng(rng)
        if check_choice("driver", driver, get_args(Driver)) == "exact":
            _, s, Vh = scipy.linalg.svd(product, full_matrices=False)
        else:
            _, s, Vh = randomized_svd(product, largest, rng=rng)
        # What the singular values do not have of ||X W||^2: nothing but rounding where they are all.
        rest = max(np.linalg.norm(product) ** 2 - np.sum(s**2), 0.0) if len(s) < min(self.shape) else 0.0
        self.errors = np.sqrt(np.append(rest + np.cumsum(s[::-1] ** 2)[::-1], rest))[: largest + 1]
        self.norm = float(self.errors[0])
        self.values, self._Vh = s[:largest], Vh[:largest]

    def size(self, rank: int) -> int:
        """Numbers in A and B."""
        return rank * sum(self.shape)

    @property
    def most(self) -> int:
        """The largest rank whose factors have no more numbers than the weights."""
        return max(1, min(len(self.values), self.shape[0] * self.shape[1] // sum(self.shape)))

    def factors(self, rank: int) -> tuple[np.ndarray, np.ndarray]:
        """A (inputs, rank) and B (rank, outputs), in the dtype of the weights; the rows of B are orthonormal.

        Raises
        ------
        ValueError
            `rank` is not between 0 and `largest`.
        TypeError
            It is not an integer.
        """
        Vh = self._Vh[: check_rank(rank, len(self._Vh))]
        return (self._weight @ Vh.T).astype(self._weight.dtype), Vh.astype(self._weight.dtype)


def allocate_ranks(layers: Mapping[str, LowRankLayer], budget: int) -> dict[str, int | None]:
    """Ranks for several layers that share a budget of numbers; None for a layer that stays as it is.

    Each singular value of a layer lowers its squared relative error by ``(s_j / ||s||)^2`` and costs inputs +
    outputs numbers. The worth of a layer's singular values falls, so that taking them in the order of worth is the best
    choice until a layer's factors would be as large as its weights; then it keeps its weights.

    Parameters
    ----------
    layers : mapping of str to LowRankLayer
    budget : int
        Numbers that all layers together may have.

    Raises
    ------
    ValueError
        `budget` has no room for one rank of each layer.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.lowrank import LowRankLayer, allocate_ranks
    >>> layers = {"steep": LowRankLayer(np.diag([8.0, 1, 0, 0, 0, 0])), "flat": LowRankLayer(np.eye(6))}
    >>> allocate_ranks(layers, 60)
    {'steep': 2, 'flat': None}
    """
    least = sum(each.size(1) for each in layers.values())
    if budget < least:
        raise ValueError(f"budget must have room for one rank of each layer, {least} numbers, got {budget}")
    steps = []
    for name, each in layers.items():
        worth = (each.values / (each.norm or 1.0)) ** 2 / sum(each.shape)
        steps += [(-worth[r], r, name) for r in range(1, len(worth))]
    ranks: dict[str, int | None] = dict.fromkeys(layers, 1)
    left = budget - least
    for worth, r, name in sorted(steps):
        each, dense = layers[name], layers[name].shape[0] * layers[name].shape[1]
        if ranks[name] != r or worth == 0:
            continue
        if each.size(r + 1) >= dense:
            if left >= dense - each.size(r):
                left -= dense - each.size(r)
                ranks[name] = None
        elif left >= sum(each.shape):
            left -= sum(each.shape)
            ranks[name] = r + 1
    return ranks


def uniform_ranks(layers: Mapping[str, LowRankLayer], budget: int) -> dict[str, int | None]:
    """The same fraction of the numbers of each layer, the largest that the budget allows; at least rank 1.

    Parameters
    ----------
    layers : mapping of str to LowRankLayer
    budget : int
        Numbers that all layers together may have.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.lowrank import LowRankLayer, uniform_ranks
    >>> uniform_ranks({"a": LowRankLayer(np.eye(8)), "b": LowRankLayer(np.eye(16))}, 160)
    {'a': 2, 'b': 4}
    """
    low, high = 0.0, 1.0
    whole = {name: each.shape[0] * each.shape[1] for name, each in layers.items()}
    if budget >= sum(whole.values()):
        return dict.fromkeys(layers)

    def ranks(fraction: float) -> dict[str, int | None]:
        return {name: min(each.most, max(1, int(fraction * each.most))) for name, each in layers.items()}

    def cost(fraction: float) -> int:
        return sum(layers[name].size(rank or 0) for name, rank in ranks(fraction).items())

    if cost(high) <= budget:
        return ranks(high)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) <= budget else (low, middle)
    return ranks(low)


def _real(name: str, value: Any) -> np.ndarray:
    array = real_array(value, name)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a matrix that is not empty, got shape {array.shape}")
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got NaN or Inf")
    return array
