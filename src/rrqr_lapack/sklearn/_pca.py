"""Principal components of dense, sparse and streamed data, as an estimator of scikit-learn."""

import numbers
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import PCA as Components
from .._common.arrays import check_count, check_flag
from .._common.types import Array, Matrix
from .._common.warn import warn
from ._random import generator
from ._share import rank_and_rtol
from ._sparse_real import KINDS, SparseReal


class PCA(SparseReal, ClassNamePrefixFeaturesOutMixin, BaseEstimator):
    """Principal components C of the rows of X, ``X ~= 1 mu + Z C`` with the scores ``Z = (X - 1 mu) C^T``.

    Data may be sparse, and stays so; it may come at once (`fit`) or in blocks of rows of any size (`partial_fit`), of
    which with all components nothing is lost. Components are signed so that the entry of largest modulus of each is
    positive.

    Parameters
    ----------
    n_components : int or float, optional
        Number of components; between 0 and 1, as few as keep that share of the variance; by default all.
    whiten : bool, optional
        Divide scores by the standard deviations of the components, so that those of the training data have variance 1.
    n_oversamples, iterated_power : int, optional
        Columns beyond the number of components, and power iterations, of the randomized SVD. A stream keeps at least as
        many columns beyond the components as there are of these.
    random_state : None, int or numpy.random.RandomState, optional
        Seed.

    Attributes
    ----------
    components_ : (k, N) ndarray
        C, with orthonormal rows, in the order of their variance.
    singular_values_ : (k,) ndarray
        Of the centred data.
    explained_variance_, explained_variance_ratio_ : (k,) ndarray
        ``s^2 / (M - 1)``, and its share of the variance of all columns.
    noise_variance_ : float
        The mean of the variances that are left out.
    mean_ : (N,) ndarray
        mu, in double precision.
    reconstruction_error_ : float
        ``||X - 1 mu - Z C||_F``: exact, a bound or an estimate, as `rrqr_lapack.PCA` says.
    n_components_, n_samples_seen_ : int
        k, and the number M of rows.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.PCA : with tolerances, for operators too, and with the kind of its error.

    Notes
    -----
    As `rrqr_lapack.PCA`. A stream keeps 2 N^2 numbers where a share or all of the components are asked for, or where
    ``l = n_components + max(n_components, n_oversamples)`` reaches N, and 2 N l numbers below: the variance left out
    is then in the mean at most twice the least.

    References
    ----------
    N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139.
    J. A. Tropp, A. Yurtsever, M. Udell, V. Cevher, arXiv:1706.05736 (2017), Theorem 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import PCA
    >>> rng = np.random.default_rng(0)
    >>> X = 5 + rng.standard_normal((300, 2)) @ rng.standard_normal((2, 40))
    >>> pca = PCA(0.999).fit(X)
    >>> pca.n_components_
    2
    >>> bool(np.allclose(X, pca.inverse_transform(pca.transform(X))))
    True
    >>> stream = PCA(2, whiten=True)
    >>> for block in np.split(X, 6):
    ...     stream = stream.partial_fit(block)
    >>> stream.transform(X).std(axis=0, ddof=1).round(6)
    array([1., 1.])
    """

    def __init__(
        self,
        n_components: float | None = None,
        *,
        whiten: bool = False,
        n_oversamples: int = 10,
        iterated_power: int = 4,
        random_state: Any = None,
    ) -> None:
        self.n_components, self.whiten = n_components, whiten
        self.n_oversamples, self.iterated_power, self.random_state = n_oversamples, iterated_power, random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Find the components of all rows at once.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
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
            `X` is no finite real matrix; a parameter is out of its range.
        """
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=KINDS)
        self._pca, self._streams = self._begun(X.shape[0], X.shape[1], self.n_oversamples).fit(X), False
        return self

    def partial_fit(self, X: Any, y: None = None) -> Self:
        """Take in a block of rows. Each is seen once and not kept; the components are computed when asked for.

        Parameters
        ----------
        X : (m, N) array_like or sparse array
            Any number of samples, one a row. The first block decides the dtype.
        y : None
            Not used.

        Returns
        -------
        PCA
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix, or has another number of columns than the blocks before; a parameter is out of
            its range.

        Warns
        -----
        UserWarning
            `fit` was given rows before, of which too little is left to go on from: a new stream begins.
        """
        streams = getattr(self, "_streams", False)
        if not streams and hasattr(self, "_pca"):
            warn("fit was given all rows, which are forgotten now; give every block to partial_fit", UserWarning)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=KINDS, reset=not streams)
        pca = self._pca if streams else self._begun(X.shape[1], X.shape[1], self._spare())
        self._pca, self._streams = pca.partial_fit(X), True
        return self

    def transform(self, X: Any) -> Matrix:
        """Scores ``Z = (X - 1 mu) C^T``, with `whiten` divided by standard deviations.

        Parameters
        ----------
        X : (m, N) array_like or sparse array
            Samples, one a row.

        Returns
        -------
        (m, k) ndarray
            Z.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=KINDS, reset=False)
        scores: Matrix = self._pca.transform(X)
        return (scores / self._deviations()).astype(X.dtype, copy=False) if self.whiten else scores

    def inverse_transform(self, X: Any) -> Matrix:
        """The rows ``1 mu + Z C`` that have the given scores.

        Parameters
        ----------
        X : (m, k) array_like
            Z, as `transform` gives it.

        Returns
        -------
        (m, N) ndarray
            What samples with these scores are approximated by.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=KINDS, ensure_min_features=0)
        rows = self._pca.inverse_transform(X * self._deviations() if self.whiten else X)
        return rows.astype(X.dtype, copy=False)

    def _spare(self) -> int:
        """Columns that a stream keeps beyond the components: with as many, about twice the least variance is lost."""
        least = self.n_components if isinstance(self.n_components, numbers.Integral) else 0
        return max(check_count("n_oversamples", self.n_oversamples), int(least))

    def _begun(self, samples: int, features: int, oversample: int) -> Components:
        """What does the work, before it has seen data."""
        check_flag("whiten", self.whiten)
        rank, rtol = rank_and_rtol(self.n_components, samples, features)
        rng = generator(self.random_state)
        return Components(rank, rtol=rtol, oversample=oversample, power=self.iterated_power, rng=rng)

    def _deviations(self) -> Array:
        """Of the components; what is rounding error of the largest is not divided by."""
        deviations = np.sqrt(self.explained_variance_)
        floor = np.finfo(deviations.dtype).eps * deviations.max(initial=0)
        return np.where(deviations > floor, deviations, 1)

    @property
    def components_(self) -> Matrix:
        return self._learned("components_")

    @property
    def singular_values_(self) -> Array:
        return self._learned("singular_values_")

    @property
    def explained_variance_(self) -> Array:
        return self._learned("explained_variance_")

    @property
    def explained_variance_ratio_(self) -> Array:
        return self._learned("explained_variance_ratio_")

    @property
    def noise_variance_(self) -> float:
        return self._learned("noise_variance_")

    @property
    def mean_(self) -> Array:
        return self._learned("mean_")

    @property
    def reconstruction_error_(self) -> float:
        return self._learned("error")

    @property
    def n_components_(self) -> int:
        return self._learned("n_components_")

    @property
    def n_samples_seen_(self) -> int:
        return self._learned("n_samples_seen_")

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def _learned(self, name: str) -> Any:
        if "_pca" not in vars(self):
            raise AttributeError("this PCA has seen no data; call fit or partial_fit first")
        return getattr(self._pca, name)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_pca")
