"""One factorization of a group's activations: every k, its exact error and its cut.

With the columns in the order of choice, ``Z P = Q R``, the best approximation of Z from the first k columns is
``T = R11^{-1} [R11 R12]``, and its error is ``||R22||_F``, the norm of all rows of R after the k-th: one factorization
gives the errors and the interpolation matrices of all k.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from rrqr_lapack._common.norms import frobenius

from .._face import Cut
from .select import Order, columns_of
from .statistics import Statistics


class GroupFactor:
    """``Z ~= Z[:, C] @ T + shift`` for the first k units C of an order, k = 1, 2, ...

    Parameters
    ----------
    statistics : Statistics
    order : Order
        At least one unit.
    unit : int, default 1
        Columns of a unit.
    affine : bool, default False
        Fit Z without its mean; the mean comes back as the shift.
    correct : bool, default True
        T by least squares. Otherwise the other units are dropped: T is the selection ``T[:, C] = I`` and zero
        elsewhere, so that affine replaces them by their means.

    Attributes
    ----------
    units : (K,) ndarray of int
        The order.
    diagonal : (K,) ndarray
        |r_jj|, where pivoting has chosen the order; else empty.
    norm : float
        ``||Z||_F``.
    errors : (K + 1,) ndarray
        ``||Z - Z[:, C] T - shift||_F`` for the first k units, entry k.

    Notes
    -----
    2 n^3 flops for n columns, and k^2 n for each cut.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.factor import GroupFactor
    >>> from rrqr_lapack.prune._units.select import Order
    >>> from rrqr_lapack.prune._units.statistics import Statistics, gather
    >>> Z = np.random.default_rng(0).standard_normal((100, 5))
    >>> factor = GroupFactor(Statistics.of(gather([Z])), Order([3, 0, 4, 1, 2]))
    >>> cut = factor.cut(2)
    >>> bool(np.isclose(np.linalg.norm(Z - Z[:, cut.units] @ cut.coefficients), factor.errors[2]))
    True
    """

    def __init__(
        self, statistics: Statistics, order: Order, *, unit: int = 1, affine: bool = False, correct: bool = True
    ) -> None:
        self.units = np.asarray(order.units, np.intp)
        self.diagonal = order.diagonal * statistics.scale
        self.norm = frobenius(statistics.matrix(affine=False)) * statistics.scale
        self._unit, self._affine, self._correct = unit, affine, correct
        self._mean = statistics.mean
        A = statistics.matrix(affine)
        ends = unit * np.arange(len(self.units) + 1)
        if order.qr is not None:
            self._upper, self._columns = order.qr
            self._basis = np.arange(len(self.units))
        else:
            chosen = columns_of(self.units, unit)
            self._columns = np.append(chosen, np.setdiff1d(np.arange(A.shape[1]), chosen))
            if correct:
                self._basis, self._upper = _eliminate(A[:, self._columns], len(chosen), statistics.tiny)
        if correct:
            self._ends = np.searchsorted(self._basis, ends)
            self.errors = _tails(self._upper, self._ends) * statistics.scale
        else:
            self.errors = _tails(A[:, self._columns].T, ends) * statistics.scale

    def cut(self, k: int) -> Cut:
        """The cut that keeps the first k units."""
        n, kept = len(self._columns), self._unit * k
        T = np.zeros((kept, n))
        if self._correct:
            rank = self._ends[k]
            rows = self._basis[:rank]
            R = self._upper[:rank]
            T[np.ix_(rows, self._columns[kept:])] = solve_triangular(R[:, rows], R[:, kept:]) if rank else 0
        T[np.arange(kept), self._columns[:kept]] = 1
        shift = self._mean - self._mean[self._columns[:kept]] @ T if self._affine else None
        return Cut(self.units[:k].copy(), T, shift)


def _eliminate(A: np.ndarray, count: int, tiny: float) -> tuple[np.ndarray, np.ndarray]:
    """Which of the first `count` columns do not depend on those before, and R of A when these are eliminated first.

    A dependent column must not be eliminated: it would take an arbitrary direction out of all residuals. R's columns
    are in A's order.
    """
    basis = np.flatnonzero(np.linalg.norm(A[:, :count], axis=0) > tiny)
    while True:
        order = np.append(basis, np.setdiff1d(np.arange(A.shape[1]), basis))
        R = np.linalg.qr(A[:, order], mode="r")
        pivots = np.zeros(len(basis))
        pivots[: len(R)] = np.abs(np.diagonal(R))[: len(basis)]
        if (pivots > tiny).all():
            break
        basis = basis[pivots > tiny]
    upper = np.empty_like(R)
    upper[:, order] = R
    return basis, upper


def _tails(rows: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Frobenius norms of ``rows[end:]``, summed from the smallest: from the last row on."""
    squares = np.append((rows**2).sum(axis=1)[::-1].cumsum()[::-1], 0)
    return np.sqrt(squares[np.minimum(ends, len(squares) - 1)])
