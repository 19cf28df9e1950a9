"""Exemplars: a few samples of which the others are combinations, by row subset selection."""

from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import select_columns
from .._common.arrays import check_choice, check_count, check_tolerance
from .._common.norms import difference_norms, frobenius
from .._common.types import Matrix
from ._random import generator
from ._sparse_real import KINDS, SparseReal

Method: TypeAlias = Literal["greedy", "strong", "gks", "arp", "osinsky", "leverage"]


class RowSelector(SparseReal, ClassNamePrefixFeaturesOutMixin, BaseEstimator):
    """Rows R from which the others follow, ``X ~= W @ X[R]``: samples as weights W of a few exemplars among them.

    This is the row interpolative decomposition, or with 'leverage' the choice of rows of a CUR decomposition. Unlike a
    principal component an exemplar is a sample, as sparse or as positive as the data.

    Parameters
    ----------
    n_rows : int, optional
        Largest number of exemplars; by default as many as `tol` asks for.
    tol : float, optional
        Take no more rows than this tolerance asks for. With 'greedy' and 'strong' no row of X is farther from the span
        of the exemplars than `tol` times the largest norm of a row, where `n_rows` does not end the choice before; with
        the other methods it is `rtol` of `select_columns`.
    method : {'greedy', 'strong', 'gks', 'arp', 'osinsky', 'leverage'}, optional
        How to choose, as for `select_columns`; all but 'strong' take sparse data.
    random_state : None, int or numpy.random.RandomState, optional
        Seed of the methods that draw, and of the randomized basis for sparse data.

    Attributes
    ----------
    rows_ : (k,) ndarray
        R, in the order in which the rows were chosen.
    exemplars_ : (k, N) ndarray or sparse array
        ``X[R]``.
    projection_ : (N, k) ndarray
        ``X[R]^+``: the weights of rows X are ``X @ projection_``.
    row_errors_ : (M,) ndarray
        Distance of each row from the span of the exemplars.
    reconstruction_error_ : float
        ``||X - W X[R]||_F``.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.row_interpolative_decomposition : the choice with bounded weights, and for operators.
    rrqr_lapack.cur : rows and columns at once.

    Notes
    -----
    4 M N k flops for the choice of k rows of dense data by 'greedy', and 4 M N k for W and the errors.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, 2005, doi:10.1137/030602678. M. W. Mahoney, P. Drineas, 2009,
    doi:10.1073/pnas.0803205106.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import RowSelector
    >>> X = np.array([[4.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 3.0, 0.0]])
    >>> selector = RowSelector().fit(X)
    >>> selector.rows_
    array([0, 2], dtype=int32)
    >>> weights = selector.transform([[4.0, 6.0, 0.0]])
    >>> weights.round(6)
    array([[1., 2.]])
    >>> selector.inverse_transform(weights).round(6)
    array([[4., 6., 0.]])
    """

    def __init__(
        self,
        n_rows: int | None = None,
        *,
        tol: float | None = 1e-7,
        method: Method = "greedy",
        random_state: Any = None,
    ) -> None:
        self.n_rows, self.tol, self.method, self.random_state = n_rows, tol, method, random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Choose the exemplars.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row.
        y : None
            Not used.

        Returns
        -------
        RowSelector
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix; a parameter is out of its range; the method does not take sparse data.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=KINDS)
        check_choice("method", self.method, get_args(Method))
        check_tolerance("tol", self.tol)
        rank = min(X.shape)
        if self.n_rows is not None:
            if check_count("n_rows", self.n_rows, 1) > X.shape[0]:
                raise ValueError(f"n_rows must be at most the number of rows, {X.shape[0]}, got {self.n_rows}")
            rank = min(rank, self.n_rows)
        rng = generator(self.random_state)
        self.rows_ = select_columns(X.T, rank, rtol=self.tol, method=self.method, rng=rng).columns
        self.exemplars_ = X[self.rows_]
        dense = self.exemplars_.toarray() if sparse.issparse(X) else self.exemplars_
        self.projection_ = np.linalg.pinv(dense)
        self.row_errors_ = difference_norms(X.T, dense.T, (X @ self.projection_).T)
        self.reconstruction_error_ = frobenius(self.row_errors_)
        self._n_features_out = len(self.rows_)
        return self

    def transform(self, X: Any) -> Matrix:
        """Weights W of the exemplars, ``argmin ||X - W exemplars_||_F``.

        Parameters
        ----------
        X : (m, N) array_like or sparse array
            Samples, one a row.

        Returns
        -------
        (m, k) ndarray
            W; of an exemplar a unit vector.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=KINDS, reset=False)
        weights: Matrix = X @ self.projection_
        return weights

    def inverse_transform(self, X: Any) -> Matrix:
        """The samples that have the given weights, ``W @ exemplars_``.

        Parameters
        ----------
        X : (m, k) array_like
            W, as `transform` gives it.

        Returns
        -------
        (m, N) ndarray
            What samples with these weights are approximated by.
        """
        check_is_fitted(self)
        samples: Matrix = check_array(X, dtype=KINDS, ensure_min_features=0) @ self.exemplars_
        return samples
