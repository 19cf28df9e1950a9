"""Forward selection: the columns of Z that say most about what the next layers make of Z.

S. Chen, S. A. Billings, W. Luo, "Orthogonal least squares methods and their application to non-linear system
identification", Int. J. Control 50(5) (1989), doi:10.1080/00207178908953472.
"""

from __future__ import annotations

import numpy as np

LEAST = 1e-14  # of a squared norm: what downdating leaves of it is rounding error


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
    2 n (m + 2 p) flops a column beside the orthogonalization, at the speed of memory.

    Examples
    --------
    The first column is the longest, but W reads the second only:

    >>> import numpy as np
    >>> from rrqr_lapack.prune.forward import forward_order
    >>> forward_order(np.diag([9.0, 1.0]), np.array([[0.0], [1.0]]), 1, 0.0)
    array([1])
    """
    m = len(A)
    Q = np.zeros((m, 0))
    Y = A @ W
    products = A.T @ Y  # A'^T Y', downdated
    grams = np.einsum("mbi,mbj->bij", *[A.reshape(m, -1, unit)] * 2)  # A'_b^T A'_b, downdated
    floor = np.maximum(tiny**2, LEAST * np.einsum("bii->b", grams))
    total = float((Y**2).sum())
    left, chosen = np.ones(len(grams), bool), []
    while left.any() and Q.shape[1] < m and total > 0:
        gains = np.where(left, _gains(grams, products.reshape(-1, unit, W.shape[1]), floor), -1)
        best = int(gains.argmax())
        if gains[best] <= LEAST * total:
            break
        left[best] = False
        block = _remainder(A[:, best * unit : (best + 1) * unit], Q, tiny)
        if not block.shape[1]:
            continue
        chosen.append(best)
        Q = np.hstack([Q, block])
        rows = block.T @ A
        products -= rows.T @ (block.T @ Y)
        blocks = rows.reshape(len(rows), -1, unit)
        grams -= np.einsum("mbi,mbj->bij", blocks, blocks)
    return np.array(chosen, dtype=np.intp)


def _gains(grams, products, floor):
    """By how much each unit would lower ``||Y'||_F^2``; 0 where nothing is left of it."""
    if grams.shape[1] == 1:
        norms = grams[:, 0, 0]
        return np.where(norms > floor, (products[:, 0] ** 2).sum(axis=1) / np.maximum(norms, floor + 1e-300), 0)
    values, vectors = np.linalg.eigh(grams)
    along = np.einsum("bij,bip->bjp", vectors, products)
    inverse = np.where(values > floor[:, None], 1 / np.maximum(values, floor[:, None] + 1e-300), 0)
    return np.einsum("bj,bjp->b", inverse, along**2)


def _remainder(block, Q, tiny):
    """An orthonormal basis of what the columns have beyond the orthonormal Q (projected twice is enough)."""
    rest = block
    for _ in range(2):
        rest = rest - Q @ (Q.T @ rest)
    U, s, _ = np.linalg.svd(rest, full_matrices=False)
    return U[:, s > max(tiny, np.sqrt(LEAST) * np.linalg.norm(block))]
