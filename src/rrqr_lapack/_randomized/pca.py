"""Principal component analysis of dense, sparse and streamed data.

The randomized SVD of centred data: N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, "An algorithm for the
principal component analysis of large data sets", SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139. Streams of
rows keep a triangular factor of all rows (exact) or a sketch of their covariance (J. A. Tropp, A. Yurtsever, M. Udell,
V. Cevher, "Fixed-rank approximation of a positive-semidefinite matrix from streaming data", NIPS 2017,
arXiv:1706.05736).

``||X - 1 mu - Z C||_F <= error_bound`` for the scores ``Z = (X - 1 mu) C^H`` and the components C.
"""

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from .._common.error import Error
from .._common.estimator import Estimator
from .._common.low_rank import Approximate
from .._common.norms import frobenius
from .._common.operand import dtype_of
from .._common.products import times
from .._common.rule import Rule, check_rule
from .._common.types import Matrix, MatrixLike, Operand, Reals, Seed, Shape, Sparse
from .components import components, truncated
from .row_stream import Centred, RowStream, Sketch, Triangle
from .sampler import basis_columns, measured
from .sketch import SketchName


class PCA(Approximate, Estimator):
    """Principal components C of the rows of X, ``X ~= 1 mu + Z C`` with the scores ``Z = (X - 1 mu) C^H``.

    Data may be sparse, and stays so; it may come at once (`fit`) or in blocks of rows (`partial_fit`). Components are
    signed so that the entry of largest modulus of each is positive.

    Parameters
    ----------
    rank : int, optional
        Number of components, or the most with a tolerance; by default as many as there are.
    rtol, atol : float, optional
        As few components as ``||X - 1 mu - Z C||_F <= max(atol, rtol ||X - 1 mu||_F)`` takes; off by default.
        ``rtol=0.1`` keeps 99 % of the variance.
    oversample, power, sketch : optional
        As for `range_finder`; `power` and `sketch` are for `fit`.
    check_finite : bool, optional
        Refuse NaN and infinity in an array.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator.

    Attributes
    ----------
    components_ : (k, N) ndarray
        C, with orthonormal rows, in the order of their variance.
    singular_values_ : (k,) ndarray
        Of the centred data; none exceeds the exact one.
    explained_variance_, explained_variance_ratio_ : (k,) ndarray
        ``s^2 / (M - 1)``, and its share of the variance of all columns.
    noise_variance_ : float
        The mean of the variances that are left out.
    mean_ : (N,) ndarray
        mu, in double precision: single does not hold a mean to less than a spread that is far below it.
    n_components_, n_features_in_, n_samples_seen_ : int
        k, N, and the number M of rows.
    error : float
        ``||X - 1 mu - Z C||_F``.
    error_kind : {'exact', 'bound', 'estimate'}
        What `error` is: exact where all rows were factored, a bound otherwise, and an estimate for a LinearOperator or
        where a bound would be rounding.
    error_bound : float
        The error is at most this, where it is an estimate with probability 0.9999. A bound has room for rounding,
        ``100 eps ||X - 1 mu||_F^2`` in the square.

    Raises
    ------
    TypeError, ValueError
        From the methods, as `range_finder`; also where sums of entries overflow.
    OverflowError
        From the variances, where they do.

    See Also
    --------
    randomized_svd : without centring.

    Notes
    -----
    An array is centred some rows at a time, before it is multiplied, and a sparse matrix in its columns without a zero:
    where the mean is far above the spread, a difference of products would have lost the spread. The other columns of a
    sparse matrix spread as far as their mean, which is subtracted from products, as it is of a LinearOperator.

    `fit` takes ``2 power + 2`` products with rank + oversample columns. For an array with few columns one QR
    factorization of 2 M N^2 flops takes less, or half of that for the covariance, which serves where singular values
    and error are above 1e-4 of the largest singular value; these leave the exact error.

    A stream keeps 2 N^2 numbers without a rank: all components are then exact to rounding, for 4 M N^2 flops (sparse
    blocks become dense, some rows at a time). With a rank it keeps 2 N l numbers, l = rank + oversample, for 4 M N l
    flops: before truncation the variance left out is then on average at most ``1 + k / (l - k - 1)`` times the optimum
    for k components, for any k < l - 1, and singular values below ``eps^(1/2)`` of the largest are lost.

    References
    ----------
    N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139.
    J. A. Tropp, A. Yurtsever, M. Udell, V. Cevher, arXiv:1706.05736 (2017), Theorem 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import PCA
    >>> rng = np.random.default_rng(0)
    >>> X = 5 + rng.standard_normal((300, 2)) @ rng.standard_normal((2, 40))
    >>> pca = PCA(rank=2, rng=0).fit(X)
    >>> bool(np.allclose(X, pca.inverse_transform(pca.transform(X))))
    True
    >>> stream = PCA(rank=2, rng=0)
    >>> for block in np.split(X, 6):
    ...     stream = stream.partial_fit(block)
    >>> bool(np.allclose(stream.components_, pca.components_))
    True
    """

    def __init__(
        self,
        rank: int | None = None,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        oversample: int = 10,
        power: int = 2,
        sketch: SketchName = "gaussian",
        check_finite: bool = True,
        rng: Seed = None,
    ) -> None:
        self.rank, self.rtol, self.atol = rank, rtol, atol
        self.oversample, self.power, self.sketch = oversample, power, sketch
        self.rng, self.check_finite = rng, check_finite
        self._stream: RowStream | None = None
        self._found: tuple[Reals, Matrix, Error] | None = None

    def fit(self, X: MatrixLike, y: Any = None) -> Self:
        """Find the components of all rows at once.

        Parameters
        ----------
        X : (M, N) array_like, sparse array or matrix, or LinearOperator
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
            As `range_finder` for `X`, and where a parameter of the constructor is out of its range.
        """
        a, _ = measured(X, self.check_finite, "X", with_adjoint=True)
        rule = self._rule(a.shape)
        columns = basis_columns(a.shape, rule, self.oversample)
        found = components(Centred(a), rule, columns, self.power, self.sketch)
        self.mean_, self._found, self._stream = found[0], found[1:], None
        self.n_samples_seen_, self.n_features_in_ = a.shape
        return self

    def partial_fit(self, X: ArrayLike | Sparse, y: Any = None) -> Self:
        """Take in a block of rows. Each is seen once and not kept; the components are computed when asked for.

        Parameters
        ----------
        X : (m, N) array_like, sparse array or matrix
            Any number of samples, one a row. The first block decides the dtype.
        y : None
            Not used.

        Returns
        -------
        PCA
            The object itself.

        Raises
        ------
        TypeError
            `X` is a LinearOperator, masked or not numeric.
        ValueError
            `X` has another number of columns than the blocks before, is complex where they were real, or is not finite;
            `fit` was given all rows; a parameter of the constructor is out of its range.
        """
        if isinstance(X, LinearOperator):
            raise TypeError("X must be an array or sparse array for partial_fit, got a LinearOperator; give it to fit")
        if self._found is not None and self._stream is None:
            raise ValueError(
                "partial_fit must see every block, but fit was given all rows; take a new PCA for partial_fit alone"
            )
        a, _ = measured(X, self.check_finite, "X")
        if self._stream is None:
            n, dtype = a.shape[1], dtype_of(a)
            rule = self._rule((n, n))
            kept = basis_columns((n, n), rule, self.oversample)
            sketched = Sketch(n, dtype, kept, rule.rng) if kept < n else Triangle(n, dtype)
            self.n_features_in_, self._stream = n, RowStream(n, dtype, sketched)
        self._check_columns(a)
        if dtype_of(a).kind == "c" != self._stream.dtype.kind:
            raise ValueError(f"X must be real, as the first block was, got {a.dtype}")
        self._stream.add(Centred(a.astype(self._stream.dtype, copy=False)))
        self.n_samples_seen_ = self._stream.count
        self.mean_ = self._stream.mean
        self._found = None
        return self

    def transform(self, X: MatrixLike) -> Matrix:
        """Scores ``Z = (X - 1 mu) C^H``.

        Parameters
        ----------
        X : (m, N) array_like, sparse array or matrix, or LinearOperator
            Samples, one a row.

        Returns
        -------
        (m, k) ndarray
            Z.

        Raises
        ------
        TypeError, ValueError
            `X` is masked or not numeric, not finite, or has another number of columns than the rows that were fitted.
        """
        basis = self.components_.conj().T
        a, _ = measured(X, self.check_finite, "X")
        self._check_columns(a)
        return times(Centred(a, self.mean_), basis)

    def fit_transform(self, X: MatrixLike, y: Any = None) -> Matrix:
        """``fit(X).transform(X)``.

        Parameters
        ----------
        X : (M, N) array_like, sparse array or matrix, or LinearOperator
            One sample a row.
        y : None
            Not used.

        Returns
        -------
        (M, k) ndarray
            The scores.

        Raises
        ------
        TypeError, ValueError
            As `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import PCA
        >>> PCA(rank=1).fit_transform(np.diag([6.0, 0.0, 0.0])).shape
        (3, 1)
        """
        return self.fit(X).transform(X)

    def inverse_transform(self, scores: ArrayLike) -> Matrix:
        """The rows ``1 mu + Z C`` that have the given scores.

        Parameters
        ----------
        scores : (m, k) array_like
            Z.

        Returns
        -------
        (m, N) ndarray
            What `X` is approximated by, in double precision as the mean.
        """
        return np.asarray(scores) @ self.components_ + self.mean_

    @property
    def singular_values_(self) -> Reals:
        return self._solution()[0]

    @property
    def components_(self) -> Matrix:
        return self._solution()[1]

    @property
    def _error(self) -> Error:  # type: ignore[override]  # as late as the components
        return self._solution()[2]

    @property
    def n_components_(self) -> int:
        return len(self.singular_values_)

    @property
    def explained_variance_(self) -> Reals:
        return self._mean_square(self.singular_values_, 1)

    @property
    def explained_variance_ratio_(self) -> Reals:
        total = math.hypot(frobenius(self.singular_values_), self.error)
        return (self.singular_values_ / total) ** 2 if total else self.singular_values_

    @property
    def noise_variance_(self) -> float:
        others = min(self.n_samples_seen_, self.n_features_in_) - self.n_components_
        return float(self._mean_square(self.error, others)) if others else 0.0

    def __repr__(self) -> str:
        parameters = super().__repr__()
        if self._stream is None and self._found is None:
            return parameters
        size = f"{self.n_samples_seen_} x {self.n_features_in_}"
        return f"<{parameters} of {size}: rank {self.n_components_}, {self.error_kind} error {self.error:.3g}>"

    def _mean_square(self, values: Any, columns: int) -> Any:
        """Squares over (M - 1) columns, which may be representable where the square of X's norm is not."""
        with np.errstate(over="ignore"):
            squares = np.square(values / math.sqrt(max(self.n_samples_seen_ - 1, 1) * columns))
        if not np.isfinite(squares).all():
            raise OverflowError("the variance of X overflows; scale X down")
        return squares

    def _rule(self, shape: Shape) -> Rule:
        return check_rule(shape, self.rank, self.rtol, self.atol, rng=self.rng)

    def _check_columns(self, a: Operand) -> None:
        if a.shape[1] != self.n_features_in_:
            raise ValueError(f"X must have {self.n_features_in_} columns, as before, got the shape {a.shape}")

    def _solution(self) -> tuple[Reals, Matrix, Error]:
        """Singular values, components and error."""
        if self._found is None:
            if self._stream is None:
                raise AttributeError("this PCA has seen no data; call fit or partial_fit first")
            columns = self.n_features_in_
            rule = self._rule((columns, columns))
            rule = rule._replace(rank=min(rule.rank, self.n_samples_seen_))
            self._found = truncated(*self._stream.kept.svd(), rule)
        return self._found
