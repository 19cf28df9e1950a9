"""Adaptive randomized pivoting: each column drawn by its leverage score in what the earlier ones left of V.

A. Cortinovis, D. Kressner, "Adaptive randomized pivoting for column subset selection, DEIM, and low-rank
approximation", 2024, arXiv:2412.13992.

Guarantee, for any V with k orthonormal columns: E ||A - A_C V[C]^{-H} V^H||_F^2 = (k + 1) ||A - A V V^H||_F^2 (less
where rows of V vanish), and the error with the best T is no larger. No smaller factor holds for the best k columns of
every matrix (A. Deshpande, L. Rademacher, S. Vempala, G. Wang, Theory Comput. 2 (2006), doi:10.4086/toc.2006.v002a012).
"""

from collections.abc import Callable

import numpy as np

from .._common.rule import Rule
from .._common.types import Array, Indices, Matrix, Operand
from .basis import BasisDriver, right_singular_vectors


def arp(a: Operand, rule: Rule, *, driver: BasisDriver = "auto", oversample: int = 10, power: int = 2) -> Indices:
    vh = right_singular_vectors(a, rule, driver, oversample, power)

    def draw(scores: Array, row: Matrix | None) -> int:
        return rule.rng.choice(len(scores), p=scores / scores.sum())

    return eliminate(vh, draw)


def eliminate(vh: Array, choose: Callable[[Array, Matrix | None], int]) -> Indices:
    """Pivots of V^H, each chosen by choose(scores, row): `scores` are the squared norms of the columns of V^H after
    projection orthogonally to the pivots so far, and `row` is the last row of its R, None at first.

    Only the k-vectors q of Q R = V^H are stored: a row of R is q^H V^H.
    """
    k = len(vh)
    scores = (np.abs(vh) ** 2).sum(axis=0, dtype=np.float64)
    cancelled = 10 * k * np.finfo(vh.dtype).eps * scores  # what is below is rounding error
    q = np.empty((k, k), vh.dtype, order="F")
    pivots, row = np.empty(k, np.intp), None
    for t in range(k):
        pivots[t] = j = choose(scores, row)
        column = vh[:, j].copy()
        for _ in range(2):  # twice is enough for orthogonality
            column -= q[:, :t] @ (q[:, :t].conj().T @ column)
        q[:, t] = column / np.linalg.norm(column)
        row = q[:, t].conj() @ vh
        scores -= np.abs(row) ** 2
        scores[scores <= cancelled] = 0
        scores[j] = 0
    return pivots
