"""Randomized range finder of a matrix in blocks: an orthonormal basis of most of its range."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from dask import delayed

from .._common.types import DType, Matrix, Seed
from ._chunks import beside, dtype_of, to_host
from ._layers import blocks_of, merged, tasks
from ._lazy import Lazy, pieces
from ._products import adjoint_times
from ._sampled_range import Iterator, estimate, sample
from ._stand_in import added


@dataclass(frozen=True, repr=False)
class Range(Lazy):
    """``A ~= Q Q^H A`` with orthonormal Q; made by `range_finder`.

    Attributes
    ----------
    Q : (M, l) array
        The basis, in blocks of rows as those of A; lazy until it is computed. Where A has a lower rank than l, columns
        of Q are zero.
    error, error_bound : float
        The estimate of ``||A - Q Q^H A||_F`` from ten random products, and what it does not exceed with probability
        0.9999.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import range_finder
    >>> range_finder(da.ones((100, 80), chunks=30), rank=1, rng=0).Q.shape
    (100, 11)
    """

    Q: Any
    error: Any
    error_bound: Any


def range_finder(
    x: Any,
    rank: int | None = None,
    *,
    oversample: int = 10,
    n_power_iter: int = 2,
    iterator: Iterator = "QR",
    rng: Seed = None,
) -> Range:
    """Orthonormal basis of an approximate range of a matrix in blocks, ``A ~= Q Q^H A``.

    Parameters
    ----------
    x : (M, N) dask.array
        Of any chunking; blocks are NumPy's, sparse, or on a GPU.
    rank : int, optional
        Rank whose singular vectors the range should hold, 0 to min(M, N), which is the default.
    oversample : int, optional
        Columns beyond the rank.
    n_power_iter : int, optional
        Power iterations, as in `dask.array.linalg.svd_compressed`: two passes each.
    iterator : {'QR', 'power'}, optional
        Whether products are orthonormalized after each iteration, or not: the latter takes no trees, and loses what is
        below ``eps^(1 / (2 n_power_iter + 1))`` of the largest singular value.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator. The sketch does not depend on the chunking.

    Returns
    -------
    Range
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph.

    Raises
    ------
    TypeError, ValueError
        `x` is no 2-D Dask array of numbers with a known number of columns, or an argument is out of its range. In a
        task: a block is not finite.

    See Also
    --------
    randomized_svd : singular values and vectors from it.

    Notes
    -----
    ``2 n_power_iter + 1`` passes of 2 M N l flops each for l = rank + oversample. A task holds a block and
    ``(M_block + N_block) (l + 10)`` numbers; l^2 numbers on each edge of the trees, and of the products as many as they
    have. All workers together hold up to three arrays of M (l + 10) numbers between the passes.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 4.4.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import range_finder
    >>> rng = da.random.default_rng(0)
    >>> x = rng.standard_normal((400, 5), chunks=100) @ rng.standard_normal((5, 300), chunks=100)
    >>> found = range_finder(x, rank=5, rng=0).compute()
    >>> bool(np.allclose(found.Q @ (found.Q.T @ x), x))
    True
    """
    found = sample(x, rank, oversample, n_power_iter, iterator, rng)
    q, probes = found.q, found.probes
    small = blocks_of(adjoint_times(q, probes)).ravel()[0]
    norm = left(probes, q, small)
    numbers = delayed(_numbers, pure=True)(norm, dtype_of(x))
    return Range(Q=q, **pieces(numbers, dtype_of(x), {"error": (), "error_bound": ()}))


def left(probes: Any, q: Any, small: Any) -> Any:
    """The delayed ``||A W - Q B||_F`` for a small delayed B."""
    parts = tasks(_left, blocks_of(probes).ravel(), blocks_of(q).ravel(), small)
    return delayed(np.sqrt, pure=True)(merged(parts, added))


def _left(probes: Any, q: Any, small: Matrix) -> float:
    return float(np.linalg.norm(to_host(probes - q @ beside(to_host(small), q)))) ** 2


def _numbers(norm: float, dtype: DType) -> dict[str, float]:
    error = estimate(norm, dtype)
    return {"error": error.value, "error_bound": error.bound}
