"""In which order the units of a group are worth keeping: pivoted QR, its relatives, and the usual baselines.

J. Chee, M. Renz, A. Damle, C. De Sa, NeurIPS 2022, arXiv:2108.00065 (pivoted QR of activations); M. Flynn, A. Wang,
D. E. Alvarez, C. De Sa, A. Damle, "STAT: Shrinking transformers after training", 2024, arXiv:2406.00061 (heads).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from rrqr_lapack import TruncatedQR
from rrqr_lapack._common.arrays import check_rng

from ..._common.types import Seed
from .forward import forward_order
from .statistics import Statistics

Method: TypeAlias = Literal["id", "weighted", "forward", "magnitude", "random", "activation", "variance"]

PIVOTED = ("id", "weighted")  # their diagonals |r_jj| are what `eps` compares
CORRECTED = (*PIVOTED, "forward")  # defined by the least-squares correction
METHODS: tuple[Method, ...] = get_args(Method)


class Order(NamedTuple):
    """Units of a group, most important first.

    Attributes
    ----------
    units : (k,) ndarray of int
    diagonal : (k,) ndarray
        |r_jj|, where pivoting chose; else empty.
    qr : tuple or None
        ``(R, P)`` of all columns in this order, where pivoting has computed it.
    """

    units: np.ndarray
    diagonal: np.ndarray = np.zeros(0)
    qr: tuple[np.ndarray, np.ndarray] | None = None


def order(
    method: Method,
    statistics: Statistics,
    unit: int,
    *,
    affine: bool = False,
    consumers: Sequence[np.ndarray] = (),
    producers: Sequence[np.ndarray] = (),
    rng: Seed = None,
) -> Order:
    """The units of a group, most important first.

    =========== ===============================================================================================
    method      the next unit is the one
    =========== ===============================================================================================
    id          with the largest residual, ``max_j ||z_j - Z_C t_j||``: pivoted QR of Z
    weighted    the same, each residual times the norm of the weights that read it
    forward     that lowers ``||(Z - Z_C T) W||_F`` most, W all weights that read Z
    magnitude   with the largest norm of the weights that make it
    random      that chance takes
    activation  with the largest ``||z_j||``
    variance    with the largest ``||z_j - mean||``
    =========== ===============================================================================================

    The first three end at the numerical rank of Z; a unit of several columns counts by their Frobenius norm.

    Parameters
    ----------
    method : str
    statistics : Statistics
    unit : int
        Columns of a unit.
    affine : bool
        Whether the first three look at Z without its mean.
    consumers, producers : sequences of ndarray
        The weights that read Z, (columns, outputs), and that make it, (inputs, columns).
    rng : None, int or Generator
        For 'random'.

    Returns
    -------
    Order
    """
    A, generator = statistics.matrix(affine), check_rng(rng)
    if method == "id":
        return _pivots(A, statistics.tiny) if unit == 1 else _block_pivots(A, unit, statistics.tiny)
    if method == "weighted":
        weights = np.linalg.norm(np.hstack(consumers).astype(np.float64), axis=1)
        scaled, tiny = A * weights, statistics.tiny * np.max(weights)
        return _pivots(scaled, tiny)._replace(qr=None) if unit == 1 else _block_pivots(scaled, unit, tiny)
    if method == "forward":
        units = forward_order(A, np.hstack(consumers).astype(np.float64), unit, statistics.tiny)
    elif method == "random":
        units = generator.permutation(A.shape[1] // unit)
    else:
        columns = {
            "magnitude": lambda: np.vstack(producers),
            "activation": lambda: statistics.matrix(affine=False),
            "variance": lambda: statistics.matrix(affine=True),
        }[method]()
        units = np.argsort(-_unit_norms(columns, unit), kind="stable")
    return Order(units.astype(np.intp))


def columns_of(units: np.ndarray | Sequence[int], unit: int) -> np.ndarray:
    """The columns of Z that the units have."""
    return (np.asarray(units, np.intp)[:, None] * unit + np.arange(unit)).ravel()


def _unit_norms(A: np.ndarray, unit: int) -> np.ndarray:
    return np.linalg.norm(np.linalg.norm(A.astype(np.float64), axis=0).reshape(-1, unit), axis=1)


def _pivots(A: np.ndarray, tiny: float) -> Order:
    qr = TruncatedQR(A)
    R, P = qr.R, qr.P.astype(np.intp)
    diagonal = np.abs(np.diagonal(R))
    rank = int(np.argmax(np.append(diagonal <= tiny, True)))
    return Order(P[:rank], diagonal[:rank], (R, P))


def _block_pivots(A: np.ndarray, unit: int, tiny: float) -> Order:
    """Greedy pivoting of blocks of columns by the Frobenius norms of their residuals."""
    A, Q = A.copy(), np.zeros((len(A), 0))
    units: list[int] = []
    diagonal: list[float] = []
    while len(units) < A.shape[1] // unit:
        norms = _unit_norms(A, unit)
        best = int(np.argmax(norms))
        if norms[best] <= tiny:
            break
        units.append(best)
        diagonal.append(norms[best])
        block = A[:, best * unit : (best + 1) * unit]
        U, s, _ = np.linalg.svd(block, full_matrices=False)
        U = U[:, s > tiny]
        U = np.linalg.qr(U - Q @ (Q.T @ U))[0]  # small singular values let the rounding of earlier steps in
        Q = np.hstack([Q, U])
        A -= U @ (U.T @ A)
        block[:] = 0
    return Order(np.array(units, np.intp), np.array(diagonal))
