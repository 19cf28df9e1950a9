"""Randomized singular value decomposition of a matrix in blocks: the SVD within a sampled range."""

from dataclasses import dataclass
from typing import Any

import dask.array as da
import numpy as np
import scipy.linalg
from dask import delayed

from .._common.error import PROBES, Error, exact, remaining
from .._common.norms import frobenius
from .._common.rule import Rule, check_rule
from .._common.types import Matrix, Seed
from .._randomized.sampler import fewest
from ._chunks import again, beside, blocks_of, dtype_of, in_dtype, merged, starts, to_host
from ._gaussian import gaussian_rows
from ._lazy import Lazy, an_object, pieces
from ._orthonormal import basis
from ._products import adjoint_times
from ._range import left
from ._sampled_range import Iterator, Sample, done, estimate, sample
from ._stand_in import added


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
    rng: Seed = None,
) -> RandomizedSVD:
    """Truncated SVD of a matrix in blocks within a randomized range, ``A ~= U diag(s) Vh``.

    Parameters
    ----------
    x : (M, N) dask.array
        As for `range_finder`.
    rank : int, optional
        Number of singular values, or the most with a tolerance; 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        As few singular values as ``||A - U diag(s) Vh||_F <= max(atol, rtol ||A||_F)`` takes, as far as `rank` of them
        reach: `error_bound` says whether they do. k is then unknown before it is computed.
    oversample, n_power_iter, iterator, rng : optional
        As for `range_finder`.

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
    ``2 n_power_iter + 2`` passes of 2 M N l flops each. Where A has a lower rank than k, singular values are zero and
    so are their vectors. Memory and communication as for `range_finder`.

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
    found = sample(x, rank, oversample, n_power_iter, iterator, rng)
    rule = check_rule((found.columns, found.columns), found.rank, rtol, atol, random=False)
    return within(found, rule)


def within(found: Sample, rule: Rule) -> RandomizedSVD:
    """The SVD within a `Sample`: of ``Q Z^H`` with ``Z = A^H Q``, by a basis P of Z and the small ``P^H Z``."""
    x, q = found.x, found.q
    z = adjoint_times(again(x, done(q)), q)
    p = basis(z)
    core = blocks_of(adjoint_times(p, z)).ravel()[0]
    w = [
        delayed(_probes_of, pure=True)(block, found.seed, j, start, found.columns)
        for j, (block, start) in enumerate(zip(blocks_of(p).ravel(), starts(x.chunks[1]), strict=True))
    ]
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
