"""Singular value decomposition of a matrix in blocks: of its triangle where that is small, or in a sampled range."""

from dataclasses import dataclass
from typing import Any, get_args

import dask.array as da
import numpy as np
import scipy.linalg
from dask import delayed

from .._common.arrays import check_choice
from .._common.error import PROBES, Error, exact, remaining
from .._common.norms import frobenius
from .._common.rule import Rule, check_rule
from .._common.types import Array, Matrix, Seed
from .._qr.tall import TallQR
from .._randomized.sampler import fewest
from ._chunks import again, as_matrix, beside, dtype_of, in_dtype, panels, starts, to_host
from ._gaussian import gaussian_rows
from ._layers import blocks_of, grid_of, merged, tasks
from ._lazy import Lazy, an_object, pieces
from ._orthonormal import basis, corrected
from ._products import adjoint_times, dense_kind
from ._range import left
from ._sampled_range import Iterator, Sample, check_sampling, done, estimate, has_few_columns, sample
from ._stand_in import By, added
from ._triangle import triangle


@dataclass(frozen=True, repr=False)
class RandomizedSVD(Lazy):
    """``A ~= U diag(s) Vh``; made by `randomized_svd`.

    Attributes
    ----------
    U : (M, k) array
        Left singular vectors, in blocks of rows as those of A. This and all others are lazy until they are computed.
    s : (k,) array
        Singular values, not increasing.
    Vh : (k, N) array
        Right singular vectors.
    error, error_bound : float
        ``||A - U diag(s) Vh||_F``, and what it does not exceed, with probability 0.9999 where it is an estimate.
    error_kind : {'exact', 'estimate'}
        What `error` is, which depends on its size: lazy too.
    norm : float
        ``||A||_F``.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import randomized_svd
    >>> found = randomized_svd(da.ones((100, 80), chunks=30), rank=2, rng=0)
    >>> found.U.shape, found.s.shape, found.Vh.shape
    ((100, 2), (2,), (2, 80))
    """

    U: Any
    s: Any
    Vh: Any
    error: Any
    error_bound: Any
    error_kind: Any
    norm: Any


def randomized_svd(
    x: Any,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    oversample: int = 10,
    n_power_iter: int = 2,
    iterator: Iterator = "QR",
    by: By = "auto",
    rng: Seed = None,
) -> RandomizedSVD:
    """Truncated SVD of a matrix in blocks, ``A ~= U diag(s) Vh``, of its triangle or within a randomized range.

    Parameters
    ----------
    x : (M, N) dask.array
        As for `range_finder`.
    rank : int, optional
        Number of singular values, or the most with a tolerance; 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        As few singular values as ``||A - U diag(s) Vh||_F <= max(atol, rtol ||A||_F)`` takes, as far as `rank` of them
        reach: `error_bound` says whether they do. k is then unknown before it is computed.
    oversample, n_power_iter, iterator : optional
        As for `range_finder`, where a sketch is taken.
    by : {'auto', 'triangle', 'sketch'}, optional
        'triangle' takes the SVD of the triangle of all rows: exact, in one pass for s and Vh and a second one for U.
        'auto' does so where that takes no more operations, ``N <= (2 n_power_iter + 2) (rank + oversample)``.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator. The sketch does not depend on the chunking.

    Returns
    -------
    RandomizedSVD
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph. The error is exact where it is above
        about ``1e-6 ||A||_F`` (single precision: ``1e-2``).

    Raises
    ------
    TypeError, ValueError
        As `range_finder`.

    See Also
    --------
    dask.array.linalg.svd_compressed : without a tolerance and an error.

    Notes
    -----
    By a sketch ``2 n_power_iter + 2`` passes of 2 M N l flops each, l = rank + oversample; by the triangle 2 M N^2
    flops, and 4 M N k for U. Where A has a lower rank than k, singular values are zero and so are their vectors. Memory
    and communication as for `range_finder`, or for `tall_qr`.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 5.1.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from rrqr_lapack.dask import randomized_svd
    >>> rng = da.random.default_rng(0)
    >>> x = rng.standard_normal((400, 5), chunks=100) @ rng.standard_normal((5, 300), chunks=100)
    >>> found = randomized_svd(x, rank=5, rng=0).compute()
    >>> bool(np.allclose(found.U * found.s @ found.Vh, x))
    True
    """
    x, by = as_matrix(x), check_choice("by", by, get_args(By))
    check_sampling(oversample, n_power_iter, iterator)
    if by == "triangle" or (by == "auto" and has_few_columns(x, rank, oversample, n_power_iter)):
        return exact_svd(x, check_rule(_least(x.shape), rank, rtol, atol, random=False))
    found = sample(x, rank, oversample, n_power_iter, iterator, rng)
    rule = check_rule((found.columns, found.columns), found.rank, rtol, atol, random=False)
    return within(found, rule)


def _least(shape: tuple[float, float]) -> tuple[int, int]:
    """The shape, with as many rows as columns where they are unknown."""
    return int(shape[1] if np.isnan(shape[0]) else shape[0]), int(shape[1])


def exact_svd(x: Any, rule: Rule) -> RandomizedSVD:
    """By the triangle R: that of R, and ``U = A V diag(s)^{-1}`` from a second pass."""
    n, reals = x.shape[1], np.finfo(dtype_of(x)).dtype
    whole = triangle(panels(x))
    small = delayed(_of_triangle, pure=True)(whole, rule)
    k = np.nan if rule.by_tolerance else rule.rank
    rows = panels(again(x, whole))
    chunks = rows.chunks[0], (k,)
    u = rows.map_blocks(_left_vectors, small["to_u"], dtype=dtype_of(x), chunks=chunks, meta=dense_kind(x))
    return RandomizedSVD(
        U=corrected(u, small["sizes"]),
        **pieces(small, reals, {"s": (k,), "error": (), "error_bound": ()}),
        Vh=da.from_delayed(small["vh"], (k, n), dtype=dtype_of(x)),
        error_kind=an_object(small["error_kind"]),
        norm=da.from_delayed(small["norm"], (), dtype=np.float64),
    )


def _of_triangle(tall: TallQR, rule: Rule) -> dict[str, Any]:
    R = tall.R
    _, s, vh = scipy.linalg.svd(R, full_matrices=False, check_finite=False)
    norm, rank = frobenius(s), rule.rank
    if rule.by_tolerance:
        rank = min(rank, fewest(s, 0.0, max(rule.rtol * norm, rule.atol)))
    left, s, vh = frobenius(s[rank:]), s[:rank], vh[:rank]
    independent = int((s > max(tall.shape) * np.finfo(s.dtype).eps * s.max(initial=0)).sum())
    to_u = np.zeros(vh.T.shape, vh.dtype)
    to_u[:, :independent] = vh[:independent].conj().T / s[:independent]
    found = {"s": s, "vh": vh, "to_u": to_u, "sizes": np.diag(s[:independent])}
    return found | {"norm": norm, "error": left, "error_bound": left, "error_kind": "exact"}


def _left_vectors(block: Any, small: Array) -> Any:
    block = in_dtype(block)
    return block @ beside(small, block)


def within(found: Sample, rule: Rule) -> RandomizedSVD:
    """The SVD within a `Sample`: of ``Q Z^H`` with ``Z = A^H Q``, by a basis P of Z and the small ``P^H Z``."""
    x, q = found.x, found.q
    z = adjoint_times(again(x, done(q)), q)
    p = basis(z)
    core = blocks_of(adjoint_times(p, z)).ravel()[0]
    first = grid_of(starts(x.chunks[1]))
    w = tasks(_probes_of, blocks_of(p).ravel(), found.seed, grid_of(range(len(first))), first, found.columns)
    small = delayed(_small, pure=True)(core, merged(w, added), found.norm, rule)
    error = delayed(_error, pure=True)(small, left(found.probes, q, small["product"]), dtype_of(x))
    k = np.nan if rule.by_tolerance else rule.rank
    reals = np.finfo(dtype_of(x)).dtype
    return RandomizedSVD(
        U=_rotated(q, small["u"], k),
        **pieces(small, reals, {"s": (k,)}),
        Vh=_rotated(p, small["v"], k).conj().T,
        **pieces(error, reals, {"error": (), "error_bound": ()}),
        error_kind=an_object(error["error_kind"]),
        norm=da.from_delayed(found.norm, (), dtype=np.float64),
    )


def _rotated(q: Any, small: Any, k: float) -> Any:
    chunks = (q.chunks[0], (k,))
    return q.map_blocks(_product, small, dtype=q.dtype, chunks=chunks)


def _product(block: Any, small: Matrix) -> Any:
    return block @ beside(small, block)


def _probes_of(p: Any, seed: int, j: int, start: int, columns: int) -> Matrix:
    """What a block of rows has of P^H W, for the columns W beyond those that made the basis."""
    w = gaussian_rows(seed, j, start, p.shape[0], columns + PROBES, p.dtype)
    return to_host(in_dtype(p)).conj().T @ w[:, columns:]


def _small(core: Any, pw: Matrix, norm: float, rule: Rule) -> dict[str, Any]:
    u, s, wh = scipy.linalg.svd(to_host(core).conj().T, full_matrices=False, check_finite=False)
    rule = rule._replace(rank=min(rule.rank, len(s)))
    rank = rule.rank
    if rule.by_tolerance:
        known = remaining(norm, frobenius(s), core.dtype)
        rank = min(rank, fewest(s, known.value if known else 0.0, max(rule.rtol * norm, rule.atol)))
    u, s, wh = u[:, :rank], s[:rank], wh[:rank]
    return {"u": u, "s": s, "v": wh.conj().T, "product": u * s @ (wh @ pw), "norm": norm}


def _error(small: dict[str, Any], left: float, dtype: Any) -> dict[str, Any]:
    error: Error = remaining(small["norm"], frobenius(small["s"]), dtype) or estimate(left, dtype)
    if not small["norm"]:
        error = exact(0.0)
    return {"error": error.value, "error_bound": error.bound, "error_kind": error.kind}
