"""What is kept of a group's activations Z: the triangle of ``[1 Z]``, which knows them and their mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rrqr_lapack import TallQR
from rrqr_lapack._common.norms import column_norms
from rrqr_lapack._common.scaling import power_of_two

from .._residence import Activations, namespace, on_host


@dataclass(frozen=True)
class Statistics:
    """The rows of Z, as far as least squares sees them: R of ``[1 Z] = Q R``.

    Eliminating the column of ones first subtracts the mean from all others. So ``R[:, 1:]`` stands for Z, and
    ``R[1:, 1:]`` for Z without its mean, without the cancellation of a sum of squares minus a squared sum.

    Attributes
    ----------
    triangle : (min(rows, n + 1), n + 1) ndarray
        R, in double precision, the columns of Z divided by `scale`.
    rows : int
        Rows of Z.
    tiny : float
        What is rounding error in a column, ``n eps max_j ||z_j|| / scale`` with the eps of Z's dtype.
    scale : float
        A power of two that brings Z near 1, so that no square overflows or underflows.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.statistics import Statistics, gather
    >>> statistics = Statistics.of(gather([np.array([[1.0, 2.0], [3.0, 2.0]])]))
    >>> statistics.mean.round(12), statistics.scale
    (array([2., 2.]), 4.0)
    >>> statistics.scale * np.linalg.norm(statistics.matrix(affine=True), axis=0).round(12)
    array([1.41421356, 0.        ])
    """

    triangle: np.ndarray
    rows: int
    tiny: float
    scale: float

    @classmethod
    def of(cls, tall: TallQR) -> Statistics:
        """From the rows that `gather` has seen."""
        R = tall.R
        triangle = on_host(R).astype(np.float64)
        scale = power_of_two(triangle[:, 1:])
        triangle[:, 1:] /= scale
        norms = column_norms(triangle[:, 1:])
        eps = float(namespace(R).finfo(R.dtype).eps)
        return cls(triangle, tall.shape[0], float(len(norms) * eps * np.max(norms)), scale)

    @property
    def mean(self) -> np.ndarray:
        """Mean of the rows of Z."""
        return self.triangle[0, 1:] / self.triangle[0, 0] * self.scale

    def matrix(self, affine: bool) -> np.ndarray:
        """A with ``A^T A = Z^T Z / scale^2``, or that of Z without its mean."""
        return self.triangle[1:, 1:] if affine else self.triangle[:, 1:]


def gather(pieces: Iterable[Activations], tall: TallQR | None = None) -> TallQR:
    """Add the rows ``[1 Z]`` of each piece of Z, where these lie."""
    tall = TallQR() if tall is None else tall
    for Z in pieces:
        xp = namespace(Z)
        tall.update(xp.concat([xp.ones((len(Z), 1), dtype=Z.dtype, device=Z.device), Z], axis=1))
    return tall
