"""Forward selection: the columns of Z that say most about what the next layers make of Z.

S. Chen, S. A. Billings, W. Luo, "Orthogonal least squares methods and their application to non-linear system
identification", Int. J. Control 50(5) (1989), doi:10.1080/00207178908953472.
"""

from __future__ import annotations

import numpy as np

from rrqr_lapack import TruncatedQR

LEAST = 1e-14  # of a squared norm: what downdating leaves of it is rounding error
BLOCK = 64  # columns chosen between two updates by matrix products
FALL = 1e-6  # of the gain within a block: squares that fell further are formed afresh
PENALTY = 1e-3  # of a column's mean square: samples tell no more of a column


def forward_order(A: np.ndarray, W: np.ndarray, unit: int, tiny: float) -> np.ndarray:
    """Units in the order that lowers ``||(A - A_C T) W||_F`` fastest, T by least squares, one unit at a time.

    Let A' and Y' be what is left of A and ``Y = A W`` after projection on the columns chosen so far. Unit b lowers
    ``||Y'||_F^2`` by the squared norm of the projection of Y' on its columns A'_b, which for one column a' is
    ``||a'^T Y'||^2 / ||a'||^2``. Pivoted QR takes the largest ``||a'||`` instead, whether or not W reads it.

    Parameters
    ----------
    A : (m, n) ndarray
    W : (n, p) ndarray
    unit : int
        Columns of a unit.
    tiny : float
        Norm below which a column is zero.

    Returns
    -------
    (k,) ndarray of int
        Until Y or A is exhausted.

    Notes
    -----
    All that counts are ``G = A^T A`` and ``A^T Y = G W``. They take 2 n^2 (m + p) flops, and each column chosen 2 n
    (n + p) more, as matrix products, beside reading n p numbers. Squares suffice to choose by, until a column's
    residual is 1e-7 of it; whether anything was left of a column that was chosen is seen by QR, in 2 m k^2 flops.

    Examples
    --------
    The first column is the longest, but W reads the second only:

    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.forward import forward_order
    >>> forward_order(np.diag([9.0, 1.0]), np.array([[0.0], [1.0]]), 1, 0.0)
    array([1])
    """
    gram = A.T @ A
    products = gram @ W
    least = LEAST * float((W * products).sum())
    floor = np.maximum(tiny**2, LEAST * np.diagonal(gram))
    choose = _columns if unit == 1 else _blocks
    most = A.shape[1] // unit
    return _independent(A, np.array(choose(gram, products, floor, least, unit, most), dtype=np.intp), unit, tiny)


def forward_choice(gram: np.ndarray, products: np.ndarray, unit: int, count: int) -> np.ndarray:
    """The first units that lower ``min_X ||Y - A_C X||_F^2 + penalty ||X||_F^2`` fastest, whatever Y is.

    Parameters
    ----------
    gram : (n, n) ndarray
        ``A^T A``.
    products : (n, p) ndarray
        ``A^T Y``.
    unit : int
        Columns of a unit.
    count : int
        The most units.

    Returns
    -------
    (k,) ndarray of int
        Fewer than `count` where the others say nothing of Y.

    Notes
    -----
    The penalty, relative to the mean of ``||a_j||^2``, adds to the diagonal of ``A^T A``: it is `forward_order` for
    columns of which none depends on others.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._units.forward import forward_choice
    >>> forward_choice(np.diag([9.0, 1.0]), np.array([[0.5], [1.0]]), 1, 1)
    array([1])
    """
    n = len(gram)
    gram = gram + PENALTY * np.trace(gram) / n * np.eye(n)
    choose = _columns if unit == 1 else _blocks
    return np.array(choose(gram, products.copy(), np.zeros(n), 0.0, unit, count)[:count], dtype=np.intp)


def _independent(A: np.ndarray, units: np.ndarray, unit: int, tiny: float) -> np.ndarray:
    """The units that are not dependent on those before them: what squares leave of a column may be rounding error.

    So may what QR leaves behind columns that are nearly dependent, but there are no more than the rank.
    """
    chosen = A[:, (units[:, None] * unit + np.arange(unit)).ravel()]
    left = np.zeros(chosen.shape[1])
    diagonal = np.diagonal(np.linalg.qr(chosen, mode="r"))
    left[: len(diagonal)] = np.abs(diagonal)
    units = units[left.reshape(-1, unit).max(axis=1, initial=0) > tiny]
    return units[: TruncatedQR(chosen, atol=tiny).rank]


def _columns(gram: np.ndarray, products: np.ndarray, floor: np.ndarray, least: float, _: int, most: int) -> list[int]:
    """Single columns: a left-looking Cholesky factorization of the Gram matrix in blocks, pivoted by the gains."""
    n, p = products.shape
    left, chosen = np.ones(n, bool), []
    while True:
        norms, squares = np.diagonal(gram).copy(), (products**2).sum(axis=1)  # ||a'_j||^2, ||a'_j^T Y'||^2
        L, Q = np.zeros((n, BLOCK)), np.zeros((BLOCK, p))
        first = 0.0
        for k in range(BLOCK):
            alive = left & (norms > floor)
            gains = np.where(alive, squares / np.where(alive, norms, 1), 0)
            best = int(np.argmax(gains))
            first = float(gains[best]) if k == 0 else first
            if gains[best] <= max(least, FALL * first):
                break
            root = np.sqrt(norms[best])
            row = (gram[best] - L[:, :k] @ L[best, :k]) / root
            y = (products[best] - L[best, :k] @ Q[:k]) / root
            squares -= 2 * row * (products @ y - L[:, :k] @ (Q[:k] @ y)) - row * row * (y @ y)
            norms -= row * row
            L[:, k], Q[k] = row, y
            left[best] = False
            chosen.append(best)
        if first <= least or len(chosen) >= most:
            return chosen
        gram -= L @ L.T
        products -= L @ Q


def _blocks(gram: np.ndarray, products: np.ndarray, floor: np.ndarray, least: float, unit: int, most: int) -> list[int]:
    """Units of several columns, each orthogonalized by the eigenvectors of its Gram matrix."""
    n, p = products.shape
    units = n // unit
    floor = floor.reshape(units, unit).max(axis=1)
    left, chosen = np.ones(units, bool), list[int]()
    while left.any() and len(chosen) < most:
        own = np.einsum("bibj->bij", gram.reshape(units, unit, units, unit))
        values, vectors = np.linalg.eigh(own)
        alive = values > floor[:, None]
        whitening = vectors * (alive / np.sqrt(np.where(alive, values, 1)))[:, None, :]
        Q = whitening.transpose(0, 2, 1) @ products.reshape(units, unit, p)
        gains = np.where(left, (Q**2).sum(axis=(1, 2)), 0)
        best = int(np.argmax(gains))
        if gains[best] <= least:
            break
        left[best] = False
        chosen.append(best)
        L = gram[:, best * unit : (best + 1) * unit] @ whitening[best]
        gram -= L @ L.T
        products -= L @ Q[best]
    return chosen
