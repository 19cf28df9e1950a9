"""Principal components of a matrix in blocks: by the triangle of its centred rows, or a randomized SVD of them."""

from typing import Any, Self

import dask
import numpy as np
import scipy.linalg

from .._common.arrays import check_choice
from .._common.error import Error, as_bound, exact
from .._common.rule import Rule, check_rule
from .._common.types import Array, Matrix, Seed
from .._qr.tall import TallQR
from .._randomized.components import truncated
from .._randomized.pca import PCA as Components
from ._chunks import as_matrix, beside, dense, dtype_of, in_dtype, panels, starts, to_host
from ._layers import blocks_of, gathered, merged, tasks
from ._products import dense_kind
from ._sampled_range import Iterator, check_sampling, has_few_columns, sample
from ._stand_in import By, added
from ._svd import within
from ._triangle import triangle

WAYS = ("auto", "triangle", "sketch")


class PCA(Components):
    """Principal components C of the rows of a matrix in blocks, ``X ~= 1 mu + Z C`` with ``Z = (X - 1 mu) C^H``.

    `fit` computes; `transform` is lazy and keeps the kind of the blocks. Attributes are those of `rrqr_lapack.PCA`.

    Parameters
    ----------
    rank : int, optional
        Number of components, or the most with a tolerance; by default as many as there are.
    rtol, atol : float, optional
        As few components as ``||X - 1 mu - Z C||_F <= max(atol, rtol ||X - 1 mu||_F)`` takes; off by default.
    oversample, n_power_iter, iterator : optional
        As for `range_finder`, where a sketch decides.
    by : {'auto', 'triangle', 'sketch'}, optional
        The triangle of ``[1 X]`` in one pass, exact; or ``2 n_power_iter + 3`` passes, the first for the mean. 'auto'
        as for `randomized_svd`.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator.

    Raises
    ------
    TypeError, ValueError
        From the methods, as `range_finder`.

    See Also
    --------
    randomized_svd : without centring.

    Notes
    -----
    Cost and memory are those of `tall_qr` for N + 1 columns, or of `randomized_svd`.

    References
    ----------
    N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import PCA
    >>> x = da.random.default_rng(0).standard_normal((1000, 6), chunks=(130, 4))
    >>> pca = PCA(rank=2).fit(x)
    >>> pca.components_.shape, pca.transform(x).shape, pca.fit_transform(x).shape
    ((2, 6), (1000, 2), (1000, 2))
    """

    def __init__(
        self,
        rank: int | None = None,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        oversample: int = 10,
        n_power_iter: int = 2,
        iterator: Iterator = "QR",
        by: By = "auto",
        rng: Seed = None,
    ) -> None:
        super().__init__(rank, rtol=rtol, atol=atol, oversample=oversample, rng=rng)
        self.n_power_iter, self.iterator, self.by = n_power_iter, iterator, by

    def fit(self, X: Any, y: Any = None) -> Self:
        """Find the components of all rows; this computes.

        Parameters
        ----------
        X : (M, N) dask.array
            One sample a row.
        y : None
            Not used.

        Returns
        -------
        PCA
            The object itself.

        Raises
        ------
        TypeError, ValueError
            As `range_finder`, and where a parameter of the constructor is out of its range.
        """
        X = as_matrix(X, "X")
        by, n = check_choice("by", self.by, WAYS), X.shape[1]
        check_sampling(self.oversample, self.n_power_iter, self.iterator)
        if by == "auto":
            few = has_few_columns(X, self.rank, self.oversample, self.n_power_iter)
            by = "triangle" if few else "sketch"
        find = self._by_triangle if by == "triangle" else self._by_products
        self.mean_, self.n_samples_seen_, self._found = find(X)
        self._stream, self.n_features_in_ = None, n
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Not for an array in blocks: `fit` reads these one by one.

        Parameters
        ----------
        X : object
            Not used.
        y : None
            Not used.

        Returns
        -------
        PCA
            Never.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(f"X must be given to fit, which reads blocks one by one, got {type(X).__name__} in partial_fit")

    def transform(self, X: Any) -> Any:
        """Scores ``Z = (X - 1 mu) C^H``, lazily.

        Parameters
        ----------
        X : (m, N) dask.array
            Samples, one a row.

        Returns
        -------
        (m, k) dask.array
            Z, in blocks of whole rows.

        Raises
        ------
        TypeError, ValueError
            `X` is no Dask array of as many columns as were fitted.
        """
        components = self.components_
        X = panels(as_matrix(X, "X"))
        self._check_columns(X)
        chunks = X.chunks[0], (len(components),)
        return X.map_blocks(_scores, self.mean_, components, dtype=dtype_of(X), chunks=chunks, meta=dense_kind(X))

    def _by_triangle(self, X: Any) -> tuple[Array, int, Any]:
        (tall,) = dask.compute(triangle(panels(X), centred=True))
        m, n = tall.shape[0], X.shape[1]
        self._check_samples(m)
        rule = self._rule((m, n))
        mean, s, vh = _centred_svd(tall)
        return mean, m, truncated(s[: min(m, n)], vh[: min(m, n)], exact(0.0), rule)

    def _by_products(self, X: Any) -> tuple[Array, int, Any]:
        mean, m = dask.compute(*_mean(X))
        self._check_samples(m)
        rule = self._rule((m, X.shape[1]))
        means = [mean[start : start + size] for start, size in zip(starts(X.chunks[1]), X.chunks[1], strict=True)]
        centred = X.map_blocks(_centred, means, dtype=dtype_of(X), meta=dense_kind(X))
        found = sample(centred, rule.rank, self.oversample, self.n_power_iter, self.iterator, self.rng)
        found = within(found, check_rule((found.columns, found.columns), rule.rank, self.rtol, self.atol, random=False))
        s, vh, value, bound, kind, norm = dask.compute(
            found.s, found.Vh, found.error, found.error_bound, found.error_kind, found.norm
        )
        error = Error(float(value), kind, float(bound))
        if kind == "exact":  # for U diag(s) Vh, than which X V V^H is closer to X
            error = as_bound(error, float(norm), s.dtype)._replace(value=error.value)
        return mean, m, truncated(s, to_host(vh), error, Rule(len(s)))

    def _check_samples(self, m: int) -> None:
        if not m:
            raise ValueError("X must hold samples, got none; give at least one")


def _centred_svd(tall: TallQR) -> tuple[Array, Array, Matrix]:
    """Mean, singular values and right singular vectors from the triangle of ``[1 X]``."""
    R = tall.R
    mean = (R[0, 1:] / R[0, 0]).astype(np.promote_types(R.dtype, np.float64))
    _, s, vh = scipy.linalg.svd(R[1:, 1:], full_matrices=False, check_finite=False)
    return mean, s, vh


def _mean(X: Any) -> tuple[Any, Any]:
    """The delayed means of the columns, and the number of rows."""
    mean = gathered(_means, merged(tasks(_sums, blocks_of(X)), _add_sums))
    return mean[0], mean[1]


def _sums(block: Any) -> tuple[Array, int]:
    wide = np.promote_types(in_dtype(block[:0]).dtype, np.float64)
    ones = beside(np.ones(block.shape[0], wide), block)
    return to_host(block.T @ ones), block.shape[0]


def _add_sums(*parts: tuple[Array, int]) -> tuple[Array, int]:
    sums, counts = zip(*parts, strict=True)
    return added(*sums), sum(counts)


def _means(columns: list[tuple[Array, int]]) -> tuple[Array, int]:
    count = columns[0][1]
    return np.concatenate([sums for sums, _ in columns]) / max(count, 1), count


def _centred(block: Any, means: list[Array], block_info: Any = None) -> Any:
    block = in_dtype(block)
    mean = means[block_info[0]["chunk-location"][1]] if block_info else means[0]
    return (dense(block) - beside(mean, dense(block[:0]))).astype(block.dtype, copy=False)


def _scores(block: Any, mean: Array, components: Matrix) -> Any:
    block = in_dtype(block)
    near = dense(block[:0])
    return ((dense(block) - beside(mean, near)) @ beside(components.conj().T, near)).astype(block.dtype, copy=False)
