"""Products of a matrix in blocks with tall thin arrays, each a pass: partial products are added up by trees."""

from operator import getitem
from typing import Any

import numpy as np

from .._common.norms import frobenius
from ._chunks import beside, dtype_of, in_dtype, is_numpy, is_sparse, kind, starts, to_host
from ._gaussian import gaussian_rows
from ._layers import blocks_of, grid_of, merged, stacked, tasks
from ._stand_in import added


def sampled(x: Any, columns: int, seed: int) -> tuple[Any, Any]:
    """``A W`` for ``columns`` Gaussian columns W, and the delayed ||A||_F, in one pass."""
    first = grid_of(starts(x.chunks[1]))
    pairs = tasks(_sample, blocks_of(x), seed, grid_of(range(len(first))), first, columns, dtype_of(x))
    rows, norms = merged(tasks(getitem, pairs, 0).T, added), tasks(getitem, pairs, 1)
    return stacked(rows, x.chunks[0], columns, dense_kind(x)), merged(norms.ravel(), _together)


def times(x: Any, w: Any) -> Any:
    """``A W`` for an array W in as many blocks of rows as A has blocks of columns."""
    return _multiplied(blocks_of(x), w, x.chunks[0], dense_kind(x), _product)


def adjoint_times(x: Any, q: Any) -> Any:
    """``A^H Q`` for an array Q in as many blocks of rows as A has."""
    return _multiplied(blocks_of(x).T, q, x.chunks[1], dense_kind(x), _adjoint_product)


def dense_kind(x: Any) -> Any:
    """An empty array of the kind of a product with the blocks."""
    like = kind(x)
    return np.empty((0, 0), like.dtype) if is_sparse(like) else like


def _multiplied(blocks: Any, w: Any, heights: Any, like: Any, product: Any) -> Any:
    rows = merged(tasks(product, blocks, blocks_of(w)[:, 0]).T, added)
    return stacked(rows, heights, w.shape[1], like)


def _product(block: Any, w: Any) -> Any:
    return in_dtype(block) @ w


def _adjoint_product(block: Any, q: Any) -> Any:
    return in_dtype(block).conj().T @ q


def _sample(block: Any, seed: int, j: int, start: int, columns: int, dtype: Any) -> tuple[Any, float]:
    block = in_dtype(block)
    omega = gaussian_rows(seed, j, start, block.shape[1], columns, dtype)
    if is_numpy(block) or hasattr(block, "tocsr"):
        norm = frobenius(block)
    else:
        norm = float(to_host(abs(block) ** 2).sum() ** 0.5) if is_sparse(block) else float(np.linalg.norm(block))
    if not np.isfinite(norm):
        raise ValueError("x must be finite, but a block is not; clean the data")
    return block @ beside(omega, block), norm


def _together(*norms: float) -> float:
    return float(np.hypot.reduce(norms))
