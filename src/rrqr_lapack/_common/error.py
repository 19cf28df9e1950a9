"""What an approximation leaves of a matrix, ``||A - B||_F``: exact where known, otherwise an estimate with a bound.

For independent standard normal w_1..w_r the mean of ``||(A - B) w_i||^2`` has the expectation ``||A - B||_F^2``. It is
a weighted sum of chi-squares, and as ``prod(1 + x_i) >= 1 + sum x_i`` Chernoff's bound for its lower tail is that of a
single chi-square: the mean is below t times its expectation with probability at most ``(t e^(1 - t))^(r / 2)``.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import lambertw

from .norms import frobenius
from .types import Array, DType

PROBES = 10  # random vectors of an estimate, by which its bound is 4.0 times it, 2.4 where they are complex
DOUBT = 1e-4  # probability with which the bound of an estimate fails
ROUNDING = 100  # eps ||A||_F^2, by which such a difference may be off; of singular and eigenvalues it is below 20
CANCELLED = 1e3  # a difference of squares is exact while it is above CANCELLED eps of them


class Error(NamedTuple):
    """``||A - B||_F``: its value, what kind of a value that is, and what it does not exceed."""

    value: float
    kind: str  # 'exact', 'bound' or 'estimate'
    bound: float

    def plus(self, other: float) -> "Error":
        """The error with an orthogonal part added, of which the norm is known."""
        return Error(math.hypot(self.value, other), self.kind, math.hypot(self.bound, other))


def exact(value: float) -> Error:
    """An error that is known."""
    return Error(value, "exact", value)


def estimated(residuals: Array) -> Error:
    """The error from ``(A - B) W`` for standard normal vectors W (complex: real and imaginary part each so)."""
    degrees = residuals.shape[1] * (2 if residuals.dtype.kind == "c" else 1)
    value = frobenius(residuals) / np.sqrt(degrees)
    t = -lambertw(-(DOUBT ** (2 / degrees)) / np.e).real  # t e^(1 - t) = DOUBT^(2 / r)
    return Error(value, "estimate", value / np.sqrt(t))


def as_bound(error: Error, norm: float, dtype: DType) -> Error:
    """An exact difference of squares of ||A||_F and others as a bound: with what rounding may have taken from it."""
    return error.plus(norm * math.sqrt(ROUNDING * np.finfo(dtype).eps))._replace(kind="bound")


def remaining(norm: float, captured: float, dtype: DType) -> Error | None:
    """The error from ``||A - B||_F^2 = ||A||_F^2 - captured^2``, or None where rounding hides it."""
    share = (1 - captured / norm) * (1 + captured / norm) if norm else 0.0
    if norm and not share > CANCELLED * np.finfo(dtype).eps:
        return None
    return exact(norm * np.sqrt(share))
