"""Orthonormal bases of tall arrays in blocks: ``Q = Y R^{-1}``, twice, with R from a tree of triangles.

The second time columns are nearly orthonormal, whatever they were before: P. G. Constantine, D. F. Gleich, "Tall and
skinny QR factorizations in MapReduce architectures", MapReduce '11 (2011), doi:10.1145/1996092.1996103, and A. Benson,
D. F. Gleich, J. Demmel, "Direct QR factorizations for tall-and-skinny matrices in MapReduce architectures" (2013),
arXiv:1301.1071, section II.
"""

from typing import Any

import numpy as np
from dask import delayed
from scipy.linalg import solve_triangular

from .._common.arrays import lapack_dtype
from .._common.types import Array
from .._qr.tall import TallQR
from ._chunks import beside, is_sparse, kind
from ._triangle import triangle

FAR = 10  # times rounding an R may be off I; one of a matrix that has changed is farther off


def basis(y: Any) -> Any:
    """An orthonormal basis of the range of Y; as many columns as are numerically dependent are zero."""
    for _ in range(2):
        y = times_small(y, delayed(_to_orthonormal, pure=True)(triangle(y)))
    return y


def basis_of_chosen(c: Any, upper: Any) -> Any:
    """Q with ``C = Q R11``, for chosen columns C and their triangle, an array or a delayed one."""
    q = times_small(c, delayed(_solved, pure=True)(upper))
    return corrected(q, upper)


def corrected(q: Any, upper: Any) -> Any:
    """Nearly orthonormal columns made orthonormal; `upper` is what they were divided by, those beyond it are zero."""
    return times_small(q, delayed(_correction, pure=True)(triangle(q), upper))


def times_small(y: Any, small: Any) -> Any:
    """``Y B`` for a small delayed B."""
    like = kind(y)
    like = np.empty((0, 0), like.dtype) if is_sparse(like) else like
    return y.map_blocks(_product, small, dtype=like.dtype, meta=like, chunks=y.chunks)


def _product(block: Any, small: Array) -> Any:
    return block @ beside(small, block)


def _to_orthonormal(tall: TallQR) -> Array:
    """B with ``(Y B)^H (Y B) = I`` but for columns of zeros in the place of those that depend on others."""
    n = tall.shape[1]
    factor = tall.pivoted(rtol=max(tall.shape) * float(np.finfo(lapack_dtype(tall.R.dtype)).eps))
    k, small = factor.rank, np.zeros((n, n), tall.R.dtype)
    small[factor.P[:k], :k] = _solved(factor.R[:, :k])
    return small


def _correction(tall: TallQR, first: Array) -> Array:
    """The inverse of their triangle, of positive diagonal."""
    k, upper = len(first), tall.R[: len(first), : len(first)]
    upper = upper / (np.diagonal(upper) / np.abs(np.diagonal(upper)))[:, None]
    rounding = float(np.finfo(lapack_dtype(upper.dtype)).eps)
    off = float(np.linalg.norm(upper - np.eye(k), 2)) if k else 0.0
    if off > FAR * rounding**0.5 and not off < FAR * k * rounding * np.linalg.cond(first):
        raise ValueError(
            "x must hold the same numbers each time it is computed, but its columns changed between two passes; "
            "persist it, or seed what makes it"
        )
    small = np.zeros((tall.shape[1], tall.shape[1]), upper.dtype)
    small[:k, :k] = _solved(upper)
    return small


def _solved(upper: Array) -> Array:
    """R^{-1}."""
    return solve_triangular(upper, np.eye(len(upper), dtype=upper.dtype), check_finite=False) if upper.size else upper
