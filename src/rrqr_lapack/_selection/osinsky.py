"""Adaptive randomized pivoting with its conditional expectations minimized: a deterministic choice.

A. I. Osinsky, "Close to optimal column approximation using a single SVD", Linear Algebra Appl. 725 (2025),
doi:10.1016/j.laa.2025.07.016, arXiv:2308.09068; as a derandomization: A. Cortinovis, D. Kressner, 2024,
arXiv:2412.13992.

Guarantee, for any V with k orthonormal columns: ||A - A_C T||_F^2 <= (k + 1) ||A - A V V^H||_F^2.

With E = A - A V V^H, so that E V = 0, the oblique error is E - E_C V[C]^{-H} V^H and its square ||E||^2 + ||W||^2
with W = E_C V[C]^{-H}. Let V^H P = Q R. W has a column for each pivot j, w = e_j / r_j, with the row r of R that the
pivot adds, and E becomes E - w r. The pivot of the least ||e_j||^2 / |r_j|^2 lets the expectation grow least. E is not
formed: its column norms are updated by w^H E, a product with A.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._common.norms import column_norms, difference_norms
from .._common.operand import columns
from .._common.rule import Rule
from .._common.scaling import near_one
from .._common.types import Array, Indices, Matrix, Operand
from .._qr.truncated import numerical_rtol
from .arp import eliminate
from .basis import BasisDriver, right_singular_vectors


def osinsky(a: Operand, rule: Rule, *, driver: BasisDriver = "auto", oversample: int = 10, power: int = 2) -> Indices:
    if isinstance(a, LinearOperator):
        raise TypeError(
            "a must be an array or a sparse matrix for method='osinsky', got a LinearOperator; "
            "choose by products, with method='arp'"
        )
    a, scale = near_one(a)
    vh = right_singular_vectors(a, rule._replace(atol=rule.atol / scale), driver, oversample, power)
    return eliminate(vh, _LeastGrowth(a, vh))


class _LeastGrowth:
    """The pivot whose column of E - W R is least for its score."""

    def __init__(self, a: Operand, vh: Matrix) -> None:
        (k, n), m = vh.shape, a.shape[0]
        self.a, self.vh, self.av = a, vh, a @ vh.conj().T
        self.w, self.r = np.empty((m, k), vh.dtype, order="F"), np.empty((k, n), vh.dtype)
        self.squares = difference_norms(a, self.av, vh).astype(np.float64) ** 2
        # below this E is rounding error, and the scores alone decide
        self.floor = (numerical_rtol(a) * float(column_norms(a).max(initial=0))) ** 2
        self.chosen: list[int] = []

    def __call__(self, scores: Array, row: Matrix | None) -> int:
        if row is not None:
            self._downdate(row)
        growth = np.full(len(scores), np.inf)
        np.divide(np.maximum(self.squares, 0) + self.floor, scores, out=growth, where=scores > 0)
        self.chosen.append(int(np.argmin(growth)))
        return self.chosen[-1]

    def _downdate(self, row: Matrix) -> None:
        """E becomes E - w row, which is zero in the column of the last pivot."""
        t, j = len(self.chosen) - 1, self.chosen[-1]
        column = columns(self.a, [j])
        column = column.toarray() if hasattr(column, "toarray") else column
        w = (column[:, 0] - self.av @ self.vh[:, j] - self.w[:, :t] @ self.r[:t, j]) / row[j]
        product = w.conj() @ self.a - (w.conj() @ self.av) @ self.vh - (w.conj() @ self.w[:, :t]) @ self.r[:t]
        self.squares += np.abs(row) ** 2 * np.linalg.norm(w) ** 2 - 2 * (row * product.conj()).real
        self.w[:, t], self.r[t] = w, row
