"""Dask arrays that come in, their blocks one by one, and blocks of every kind: NumPy's, sparse, on a GPU."""

from collections.abc import Iterator, Sequence
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.array.utils import meta_from_array
from dask.graph_manipulation import bind
from dask.utils import parse_bytes

from .._common.arrays import as_numeric, lapack_dtype
from .._common.types import Array, DType
from ._layers import blocks_of

PIECE = 1 << 20  # entries of a sparse block that are filled in at a time


def as_matrix(x: Any, name: str = "x") -> Any:
    """`x`, a 2-D Dask array of numbers whose number of columns is known; its empty blocks go, if not all are."""
    if not isinstance(x, da.Array):
        raise TypeError(
            f"{name} must be a dask.array, got {type(x).__name__}; take dask.array.from_array, or rrqr_lapack itself"
        )
    as_numeric(np.empty(0, x.dtype), name)
    if x.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {x.ndim}")
    if np.isnan(x.shape[1]):
        raise ValueError(
            f"{name} must have a known number of columns, got the chunks {x.chunks[1]}; "
            f"call {name}.compute_chunk_sizes()"
        )
    return x if np.isnan(x.shape[0]) or 0 in x.shape else x.rechunk(tuple(tuple(filter(None, c)) for c in x.chunks))


def dtype_of(x: Any) -> DType:
    """The LAPACK dtype of a Dask array."""
    return lapack_dtype(x.dtype)


def panels(x: Any) -> Any:
    """The array in blocks of whole rows, none larger than Dask's chunk size if it has to cut them anew."""
    if x.numblocks[1] <= 1:
        return x
    if np.isnan(x.shape[0]):
        return x.rechunk({1: -1})
    rows = max(1, chunk_size() // max(1, x.shape[1] * x.dtype.itemsize))
    tallest = max(x.chunks[0], default=0)
    return x.rechunk({0: min(rows, tallest), 1: -1} if tallest > rows else {1: -1})


def chunk_size() -> int:
    """Bytes that Dask takes for a good block."""
    return int(parse_bytes(dask.config.get("array.chunk-size")))


def starts(chunks: Sequence[float]) -> list[Any]:
    """Where each chunk begins, None where that is not known."""
    ends = np.cumsum((0, *chunks))
    return [None if np.isnan(end) else int(end) for end in ends[:-1]]


def kind(x: Any, ndim: int = 2) -> Any:
    """An empty array of the kind of the blocks, in their LAPACK dtype, as Dask's `meta`."""
    return meta_from_array(x, ndim=ndim, dtype=dtype_of(x))


def again(x: Any, after: Any) -> Any:
    """The array to be computed anew once `after` is there: so no scheduler keeps the blocks of a pass for the next."""
    return bind(x, after, seed=dask.base.tokenize(x.name, after.key))


def only_block(a: Any) -> Any:
    """What a task takes of a small array: the NumPy array itself, or the one block of a lazy one.

    A Dask array in the place would be computed for that task alone, all that it depends on once more.
    """
    return a if isinstance(a, np.ndarray) else blocks_of(a).ravel()[0]


def is_numpy(block: Any) -> bool:
    """Whether a block is in this machine's memory and dense."""
    return isinstance(block, np.ndarray)


def is_sparse(block: Any) -> bool:
    """Whether a block is sparse, SciPy's or one of the package `sparse`."""
    return hasattr(block, "nnz")


def dense(block: Any) -> Any:
    """The block with its zeros."""
    if not is_sparse(block):
        return block
    return block.toarray() if hasattr(block, "toarray") else block.todense()


def dense_pieces(block: Any) -> Iterator[Any]:
    """The block, a sparse one some rows at a time."""
    if not is_sparse(block):
        yield block
        return
    block = block.tocsr() if hasattr(block, "tocsr") else block
    rows = max(1, PIECE // max(1, block.shape[1]))
    for start in range(0, block.shape[0], rows):
        yield dense(block[start : start + rows])


def to_host(a: Any) -> Array:
    """An array of any kind as NumPy's, from a GPU by its own method `get`, as CuPy has it."""
    return a.get() if hasattr(a, "get") and not is_numpy(a) else np.asarray(dense(a))


def beside(a: Array, block: Any) -> Any:
    """A NumPy array where it can be multiplied with the block: on the block's device."""
    if is_numpy(block) or is_sparse(block):
        return a
    return np.asarray(a, like=block)


def in_dtype(block: Any) -> Any:
    """The block in its LAPACK dtype."""
    return block.astype(lapack_dtype(block.dtype), copy=False)
