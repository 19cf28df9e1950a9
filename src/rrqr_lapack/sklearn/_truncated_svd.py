"""Truncated singular value decomposition of dense and sparse data, as an estimator of scikit-learn."""

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import randomized_svd
from .._common.scaling import near_one
from .._common.types import Matrix
from ._random import generator
from ._share import rank_and_rtol
from ._sparse_real import KINDS, SparseReal


class TruncatedSVD(SparseReal, ClassNamePrefixFeaturesOutMixin, BaseEstimator):
    """Leading right singular vectors C of X, ``X ~= Z C`` with the scores ``Z = X C^T``; nothing is centred.

    Sparse data stays sparse. On counts of words this is latent semantic analysis. Components are signed so that the
    entry of largest modulus of each is positive.

    Parameters
    ----------
    n_components : int or float, optional
        Number of components; between 0 and 1, as few as keep that share of ``||X||_F^2``.
    n_iter, n_oversamples : int, optional
        Power iterations, and columns beyond the number of components, of the randomized SVD.
    random_state : None, int or numpy.random.RandomState, optional
        Seed.

    Attributes
    ----------
    components_ : (k, N) ndarray
        C, with orthonormal rows.
    singular_values_ : (k,) ndarray
        Of X, descending; none exceeds the exact one.
    explained_variance_, explained_variance_ratio_ : (k,) ndarray
        Variances of the scores, infinite or 0 where these are out of range, and their shares of the variance of all
        columns.
    reconstruction_error_ : float
        ``||X - Z C||_F`` at most: that of the factors from which C comes, exact or an estimate as `randomized_svd`
        says.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.randomized_svd : with tolerances, and for operators.
    PCA : of centred data.

    Notes
    -----
    ``2 n_iter + 3`` products of X or its transpose with k + n_oversamples columns.

    References
    ----------
    N. Halko, P. G. Martinsson, J. A. Tropp, SIAM Review 53(2) (2011), doi:10.1137/090771806, Algorithm 5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack.sklearn import TruncatedSVD
    >>> X = sparse.diags_array([1.0, 3.0, 2.0, 0.1]).tocsr()
    >>> svd = TruncatedSVD(2, random_state=0).fit(X)
    >>> svd.singular_values_.round(6)
    array([3., 2.])
    >>> svd.transform(X).round(6) + 0.0
    array([[0., 0.],
           [3., 0.],
           [0., 2.],
           [0., 0.]])
    >>> bool(np.isclose(np.linalg.norm(X - svd.inverse_transform(svd.transform(X))), svd.reconstruction_error_))
    True
    """

    def __init__(
        self,
        n_components: float = 2,
        *,
        n_iter: int = 5,
        n_oversamples: int = 10,
        random_state: Any = None,
    ) -> None:
        self.n_components, self.n_iter = n_components, n_iter
        self.n_oversamples, self.random_state = n_oversamples, random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Find the components.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row.
        y : None
            Not used.

        Returns
        -------
        TruncatedSVD
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix; a parameter is out of its range.
        """
        X = validate_data(self, X, accept_sparse=("csr", "csc"), dtype=KINDS)
        rank, rtol = rank_and_rtol(self.n_components, *X.shape)
        rng = generator(self.random_state)
        svd = randomized_svd(X, rank, rtol=rtol, oversample=self.n_oversamples, power=self.n_iter, rng=rng)
        peaks = np.take_along_axis(svd.Vh, np.abs(svd.Vh).argmax(axis=1, keepdims=True), axis=1)
        self.components_ = np.where(peaks < 0, -svd.Vh, svd.Vh)
        self.singular_values_, self.reconstruction_error_ = svd.s, svd.error
        a, unit = near_one(X)  # of squares the ratios are in range, whatever the variances are
        variances = np.var(a @ self.components_.T, axis=0)
        total = (mean_variance_axis(a, axis=0)[1] if sparse.issparse(a) else np.var(a, axis=0)).sum()
        self.explained_variance_ratio_ = variances / total if total else variances
        with np.errstate(over="ignore", under="ignore"):
            self.explained_variance_ = variances * variances.dtype.type(unit) * variances.dtype.type(unit)
        self._n_features_out = len(self.components_)
        return self

    def transform(self, X: Any) -> Matrix:
        """Scores ``Z = X C^T``.

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
        scores: Matrix = X @ self.components_.T
        return scores

    def inverse_transform(self, X: Any) -> Matrix:
        """The rows ``Z C`` that have the given scores.

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
        rows: Matrix = check_array(X, dtype=KINDS, ensure_min_features=0) @ self.components_
        return rows
