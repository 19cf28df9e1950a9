"""Least squares with a penalty that held-out rows choose: how the units that stay make up for the others.

A. E. Hoerl, R. W. Kennard, "Ridge regression: biased estimation for nonorthogonal problems", Technometrics 12(1)
(1970), doi:10.1080/00401706.1970.10488634.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .._residence import Activations, namespace, on_host

STEPS = 0.1  # from one relative penalty to the next, from 1 down
PATIENCE = 4  # penalties in a row that better nothing
ROUNDING = 8  # eps of the rows' dtype below which a relative penalty is none


@dataclass(frozen=True)
class Moments:
    """What least squares needs of rows ``[A B]``: their number, sums and products, in double precision.

    Rows are taken about a centre near their mean, so that the products do not cancel where the mean is large.
    """

    centre: tuple[np.ndarray, np.ndarray]
    rows: int
    sums: tuple[np.ndarray, np.ndarray]
    products: tuple[np.ndarray, np.ndarray, np.ndarray]  # A^T A, A^T B, diag(B^T B)

    @classmethod
    def of(cls, A: Activations, B: Activations, centre: tuple[np.ndarray, np.ndarray]) -> Self:
        """Of these rows, the products in their own dtype and where the rows lie."""
        xp = namespace(A)
        A, B = (X - xp.asarray(c, dtype=X.dtype, device=X.device) for X, c in zip((A, B), centre, strict=True))
        products = A.T @ A, A.T @ B, xp.sum(B * B, axis=0, dtype=xp.float64)
        one, two, three = (on_host(each).astype(np.float64, copy=False) for each in products)
        sums = tuple(on_host(xp.sum(X, axis=0, dtype=xp.float64)) for X in (A, B))
        return cls(centre, len(A), (sums[0], sums[1]), (one, two, three))

    def __add__(self, other: Self) -> Self:
        sums, products = (
            tuple(a + b for a, b in zip(one, two, strict=True))
            for one, two in ((self.sums, other.sums), (self.products, other.products))
        )
        return type(self)(self.centre, self.rows + other.rows, sums, products)

    def mean(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the rows about the centre."""
        return self.sums[0] / max(self.rows, 1), self.sums[1] / max(self.rows, 1)

    def about(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The products of the rows less ``[a b]``, which is about the centre too."""
        (AA, AB, BB), (one, two), m = self.products, self.sums, self.rows
        first = AA - np.outer(one, a) - np.outer(a, one) + m * np.outer(a, a)
        return first, AB - np.outer(one, b) - np.outer(a, two) + m * np.outer(a, b), BB - 2 * two * b + m * b * b


class Ridge:
    """``min ||A D + shift - B||_F^2 + penalty ||D||_F^2``, the penalty relative to the mean of ``||a_j||^2``.

    Of the penalties 1, 1/10, 1/100, ... the one with the least error on the held-out rows is taken, ``sum_j weights_j
    ||A d_j + shift_j - b_j||^2``; four in a row that do not better it are the last that are tried, before the two
    half-way to its neighbours.

    Parameters
    ----------
    fit, held : Moments
        Of the rows to fit, and of those to choose the penalty by, about the same centre.
    weights : (columns of B,) ndarray
    affine : bool
        With a shift, which is not penalized.
    eps : float
        Of the dtype of the rows.

    Attributes
    ----------
    penalty : float
        The one chosen.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.ridge import Moments, Ridge
    >>> A = np.random.default_rng(0).standard_normal((100, 3))
    >>> rows = Moments.of(A, A[:, :1] + 2, (np.zeros(3), np.zeros(1)))
    >>> D, shift = Ridge(rows, rows, np.ones(1), affine=True, eps=2.0**-52).solve(rows)
    >>> D.round(8).T + 0.0, shift.round(8)
    (array([[1., 0., 0.]]), array([2.]))
    """

    def __init__(self, fit: Moments, held: Moments, weights: np.ndarray, *, affine: bool, eps: float) -> None:
        self._affine = affine
        a, b = self._about(fit)
        AA, AB, _ = fit.about(a, b)
        HH, HB, BB = held.about(a, b)

        def error(penalty: float) -> float | None:
            D = _solved(AA, AB, penalty)
            return None if D is None else float(weights @ (BB + ((HH @ D - 2 * HB) * D).sum(axis=0)))

        self.penalty, least, penalty, worse = 1.0, np.inf, 1.0, 0
        while penalty > ROUNDING * eps and worse < PATIENCE:
            found = error(penalty)
            if found is None:
                break
            worse = 0 if found < least else worse + 1
            if found < least:
                self.penalty, least = penalty, found
            penalty *= STEPS
        for penalty in (self.penalty / STEPS**0.5, self.penalty * STEPS**0.5):
            found = error(penalty)
            if found is not None and found < least:
                self.penalty, least = penalty, found

    def _about(self, rows: Moments) -> tuple[np.ndarray, np.ndarray]:
        return rows.mean() if self._affine else (-rows.centre[0], -rows.centre[1])

    def solve(self, rows: Moments) -> tuple[np.ndarray, np.ndarray | None]:
        """D and the shift for these rows with the penalty chosen."""
        a, b = self._about(rows)
        AA, AB, _ = rows.about(a, b)
        D = _solved(AA, AB, self.penalty)
        assert D is not None
        shift = rows.centre[1] + b - (rows.centre[0] + a) @ D if self._affine else None
        return D, shift


def _solved(AA: np.ndarray, AB: np.ndarray, penalty: float) -> np.ndarray | None:
    """``(A^T A + penalty mean diag(A^T A))^{-1} A^T B``, None where that is singular to working precision."""
    size = float(np.trace(AA)) / len(AA)
    if size <= 0:  # nothing fires
        return np.zeros_like(AB)
    M: Any = AA + penalty * size * np.eye(len(AA))
    try:
        return np.asarray(cho_solve(cho_factor(M, lower=True, overwrite_a=True, check_finite=False), AB))
    except LinAlgError:
        return None
