"""The numbers of ``rrqr demo``: accuracy against size of a network, and errors beside the SVD's optimum."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rrqr_lapack import TruncatedQR

from ..._common.atomic import FilePath
from .._apply import Refit, apply
from .._compress import analyze
from .._network.files import load
from .._network.network import Network
from .._planning.plan import plan
from .._planning.plans import Plan
from . import fashion_mnist

NETWORK = Path(__file__).parent / "data" / "fashion_mnist_network.npz"

# Each with what `plan` and `apply` are given. 'Corrected' is by least squares; 'alone', the other columns are dropped.
SCHEMES: dict[str, tuple[dict[str, Any], Refit]] = {
    "ID, corrected": ({"method": "id"}, None),
    "forward, affine, refitted": ({"method": "forward", "affine": True}, "asymmetric"),
    "magnitude, corrected": ({"method": "magnitude", "correction": "lstsq"}, None),
    "magnitude alone": ({"method": "magnitude", "correction": "none"}, None),
    "ID alone": ({"method": "id", "correction": "none"}, None),
}


@dataclass(frozen=True)
class Point:
    """One size of the network and what each scheme makes of it.

    Attributes
    ----------
    eps, keep : float or None
        The budget: a tolerance of the pivoted QR, or the fraction of each layer's columns.
    kept : tuple of int
        Columns kept in each compressed layer, by every scheme.
    fraction : float
        Of the columns of the compressed layers together.
    parameters : int
        Of the whole network.
    accuracy : dict of str to float
        On the test images, of each of the `SCHEMES`.
    """

    eps: float | None
    keep: float | None
    kept: tuple[int, ...]
    fraction: float
    parameters: int
    accuracy: dict[str, float]


@dataclass(frozen=True)
class ErrorCurve:
    """Relative Frobenius errors of the rank-k approximations of one matrix, entry k - 1 for rank k."""

    pivoted_qr: np.ndarray
    svd: np.ndarray


def accuracy(network: Network, x: ArrayLike, labels: np.ndarray) -> float:
    """Fraction of the samples whose largest logit is that of their label."""
    return float(np.mean(network.logits(x).argmax(axis=1) == labels))


class Trial:
    """The shipped network, its calibration samples and the test images, compressed over and over."""

    def __init__(self, data_dir: FilePath | None = None) -> None:
        self.network = load(NETWORK)
        self.X = fashion_mnist.inputs(fashion_mnist.calibration_images())
        self.analysis = analyze(self.network, self.X)
        images, self.labels = fashion_mnist.test_set(data_dir)
        self.test = fashion_mnist.inputs(images)
        self.accuracy = accuracy(self.network, self.test, self.labels)

    def study(
        self,
        layers: Collection[int] | None,
        budgets: Sequence[Mapping[str, Any]],
        progress: Callable[[int, int], object] | None = None,
    ) -> list[Point]:
        """Compress `layers` (None: all) to each of the budgets, mappings such as ``{"eps": 0.1}``, and measure.

        The pivoted QR decides on the sizes. A scheme takes all of them in turn, so that it orders the columns once.
        ``progress(done, total)`` is called in between.
        """
        names = list(self.analysis.groups)
        skip = [] if layers is None else [name for i, name in enumerate(names) if i not in layers]
        plans = [plan(self.analysis, **budget, skip=skip) for budget in budgets]
        found: list[dict[str, float]] = [{} for _ in plans]
        for number, (scheme, (options, refit)) in enumerate(SCHEMES.items()):
            for i, (size, accuracies) in enumerate(zip(plans, found, strict=True)):
                chosen = plan(self.analysis, ranks=size.ranks, skip=skip, **options)
                accuracies[scheme] = accuracy(apply(self.analysis, chosen, refit=refit), self.test, self.labels)
                if progress:
                    progress(number * len(plans) + i + 1, len(SCHEMES) * len(plans))
        return [_point(*each) for each in zip(budgets, plans, found, strict=True)]

    def first_activations(self) -> np.ndarray:
        """Activations of the first layer on the calibration samples."""
        return self.network.layers[0](self.X)


def _point(budget: Mapping[str, Any], chosen: Plan, accuracies: dict[str, float]) -> Point:
    kept = tuple(chosen.ranks.values())
    fraction = sum(kept) / sum(group.width for group in chosen.groups)
    return Point(budget.get("eps"), budget.get("keep"), kept, fraction, chosen.parameters_after, accuracies)


def error_curve(A: ArrayLike, ranks: int) -> ErrorCurve:
    """``||A - A_k||_F / ||A||_F`` for k = 1 ... ranks, from one pivoted QR and one SVD.

    The QR's error at rank k is ``||R22||_F``, the norm of all that stands in R from row k + 1 on, so one
    factorization gives the curve for every k. The SVD's is the norm of the singular values after the k-th,
    the least possible (Eckart, Young, 1936, doi:10.1007/BF02288367).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._command.trial import error_curve
    >>> curve = error_curve(np.diag([3.0, 0.0, 4.0]), 2)
    >>> curve.pivoted_qr.round(2), curve.svd.round(2)
    (array([0.6, 0. ]), array([0.6, 0. ]))
    """
    A = np.asarray(A, dtype=np.float64)

    def tails(squares: np.ndarray) -> np.ndarray:  # sums of the squares after the k-th, smallest first
        after = np.cumsum(squares[::-1])[::-1]
        return np.sqrt(np.append(after, np.zeros(ranks + 1))[1 : ranks + 1] / after[0])

    R = TruncatedQR(A).R
    return ErrorCurve(tails(np.sum(R**2, axis=1)), tails(np.linalg.svd(A, compute_uv=False) ** 2))


def gaussian_kernel(points: int = 200, seed: int = 0) -> np.ndarray:
    """``G_ij = exp(-2 ||x_i - x_j||^2)`` of random points in the unit square."""
    x = np.random.default_rng(seed).random((points, 2))
    return np.exp(-2 * np.sum((x[:, None] - x[None]) ** 2, axis=2))
