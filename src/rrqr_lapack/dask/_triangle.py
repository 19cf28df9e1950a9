"""The triangle of a matrix whose blocks of rows are anywhere: a tree of triangles, N^2 numbers from node to node.

J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU factorizations",
SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992.
"""

from typing import Any

import numpy as np
from dask import delayed

from .._common.arrays import check_count
from .._common.types import Matrix
from .._qr.tall import TallQR
from ._chunks import as_matrix, dense_pieces, in_dtype, is_numpy, is_sparse, panels, to_host
from ._layers import SPLIT_EVERY, blocks_of, merged, tasks


def tall_qr(x: Any, *, split_every: int = SPLIT_EVERY) -> Any:
    """The triangle R of a tall matrix, ``R^H R = A^H A``, as a lazy `TallQR`.

    Parameters
    ----------
    x : (M, N) dask.array
        Of any chunking, also with unknown numbers of rows. Blocks may be NumPy's, sparse, or on a GPU, where each is
        factored by its own library's QR.
    split_every : int, optional
        Triangles that a node of the tree merges, at least 2.

    Returns
    -------
    dask.delayed.Delayed
        Of a `TallQR` of all rows: ``tall_qr(x).compute().pivoted()`` has the pivots, T and the errors of `x`.

    Raises
    ------
    TypeError
        `x` is no Dask array of numbers.
    ValueError
        `x` has not two dimensions, or columns of unknown number; in a task, a block is not finite.

    Notes
    -----
    2 M N^2 flops at the leaves and 2 N^3 for a triangle at a node. A task holds a block of rows, an eighth of it where
    it is checked, and ``4 max(N, 256) N`` numbers; a node ``(split_every + 3) max(N, 256) N`` numbers. Each edge of
    the tree carries at most N^2 numbers, of which there are as many as there are blocks of rows.

    The result does not depend on the chunking but for rounding.

    References
    ----------
    J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU
    factorizations", SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import tall_qr
    >>> x = da.random.default_rng(0).standard_normal((1000, 4), chunks=(130, 3))
    >>> tall = tall_qr(x).compute()
    >>> tall.shape, tall.pivoted(rank=2).interpolation().shape
    ((1000, 4), (2, 4))
    """
    x, split_every = as_matrix(x), check_count("split_every", split_every, 2)
    return triangle(panels(x), split_every)


def triangle(x: Any, split_every: int = SPLIT_EVERY, *, centred: bool = False) -> Any:
    """A delayed `TallQR` of an array in blocks of whole rows; centred that of ``[1 A]``, which knows the mean."""
    if not x.npartitions or 0 in x.numblocks:
        return delayed(leaf, pure=True)(np.zeros((0, x.shape[1]), x.dtype), centred)
    return merged(tasks(leaf, blocks_of(x).ravel(), centred), merge, split_every)


def leaf(block: Any, centred: bool = False) -> TallQR:
    """The `TallQR` of a block."""
    tall = TallQR()
    block = in_dtype(block)
    if not (is_numpy(block) or is_sparse(block)):
        return _of_device(block, centred)
    for rows in dense_pieces(block):
        tall.update(np.hstack([np.ones((len(rows), 1), rows.dtype), rows]) if centred else rows)
    if tall.dtype is None:  # a sparse block without rows
        tall.update(np.zeros((0, block.shape[1] + centred), block.dtype))
    return tall


def merge(*parts: TallQR) -> TallQR:
    """The rows of all parts; none of them changes, since another task may read it."""
    whole = parts[0].copy()
    for part in parts[1:]:
        whole.merge(part)
    return whole


def _of_device(block: Any, centred: bool) -> TallQR:
    """By the QR of the block's own library: N^2 numbers leave the device."""
    m = block.shape[0]
    if centred:
        block = np.concatenate([np.ones_like(block[:, :1]), block], axis=1)
    upper: Matrix = to_host(np.linalg.qr(block, mode="r"))
    tall = TallQR(upper)
    more = m - len(upper)  # rows that the triangle stands for
    tall._sum.rows += more
    tall.shape = (m, upper.shape[1])
    return tall
