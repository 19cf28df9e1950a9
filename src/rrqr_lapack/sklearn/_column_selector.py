"""Redundant columns removed without looking at a target, with a stated error: column subset selection."""

from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import select_columns
from .._common.arrays import check_choice, check_count, check_flag, check_tolerance
from .._common.norms import difference_norms, frobenius
from .._common.types import Array, Matrix
from ._centred import centred
from ._earlier import earlier
from ._random import generator
from ._sparse_real import KINDS, SparseReal
from ._unit_columns import unit_columns

Method: TypeAlias = Literal["greedy", "strong", "gks", "arp", "osinsky", "earlier"]


class ColumnSelector(SparseReal, SelectorMixin, BaseEstimator):
    """Feature selector that keeps columns C from which the others follow, ``X ~= 1 b + X[:, C] @ T``, with the error.

    It knows no target: what goes is what the columns that stay say already, collinear columns above all.

    Parameters
    ----------
    n_features : int, optional
        Largest number of columns to keep; by default as many as `tol` asks for.
    tol : float, optional
        Take no more columns than this tolerance asks for. With 'greedy', 'strong' and 'earlier' what the columns that
        stay leave of any other is at most `tol` times the largest norm of a column, with `scale` times its own norm,
        where `n_features` does not end the choice before. With the other methods it is `rtol` of `select_columns`.
    method : str, optional
        How to choose:

        - 'greedy': pivoted QR, always the column farthest from those chosen
        - 'earlier': from left to right each column that does not depend on those before it, so that of several
          dependent columns the last one goes, as in R's ``lm``
        - 'strong', 'gks', 'arp', 'osinsky': as for `select_columns`

        Sparse data stays so, and goes with all but 'strong'.
    scale : bool, optional
        Divide each column by its norm before the choice, so that units do not decide. 'earlier' always does.
    fit_intercept : bool, optional
        Take a constant for given, as the model that follows may have it: then a column that is constant goes, and the
        last of a full set of indicators. Not for sparse data. Without it b is 0.
    random_state : None, int or numpy.random.RandomState, optional
        Seed of 'arp', and of the randomized basis that 'gks', 'arp' and 'osinsky' take for sparse data.

    Attributes
    ----------
    columns_ : (k,) ndarray
        C in the order in which the columns were chosen.
    coefficients_ : (k, N) ndarray
        T, whose rows are in the order of the columns of `transform`; ``T[:, C]`` holds unit vectors.
    intercept_ : (N,) ndarray
        b.
    column_errors_ : (N,) ndarray
        ``||X[:, j] - b_j - X[:, C] T[:, j]||_2``, in the units of X.
    reconstruction_error_ : float
        ``||X - 1 b - X[:, C] T||_F``.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.select_columns : the choice itself, with columns that must be in or out.

    Notes
    -----
    4 M N k flops for the choice of k columns of dense data by 'greedy', 2 M N^2 by 'earlier', and 6 M N k for T and the
    errors. The tolerance of 'earlier' is that of ``lm``, 1e-7, unless another is given: a column stays where what the
    kept ones leave of it is at least `tol` times its norm. It is never taken below rounding error, N eps and M^(1/2)
    of double precision's. A column of zeros goes with every method, and beside an intercept so does one that is
    constant to N eps of its norm.

    References
    ----------
    P. A. Businger, G. H. Golub, 1965, doi:10.1007/BF01436084. J. M. Chambers, "Linear models", in J. M. Chambers, T. J.
    Hastie (eds.), Statistical Models in S, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import ColumnSelector
    >>> rng = np.random.default_rng(0)
    >>> metres, age = rng.uniform(1, 2, 50), rng.uniform(20, 60, 50)
    >>> X = np.column_stack([metres, 100 * metres, age, age - 18 * metres])
    >>> selector = ColumnSelector(method="earlier").fit(X)
    >>> selector.get_support()
    array([ True, False,  True, False])
    >>> selector.coefficients_.round(6) + 0.0
    array([[  1., 100.,   0., -18.],
           [  0.,   0.,   1.,   1.]])
    >>> bool(np.allclose(X, selector.inverse_transform(selector.transform(X))))
    True
    """

    def __init__(
        self,
        n_features: int | None = None,
        *,
        tol: float | None = 1e-7,
        method: Method = "greedy",
        scale: bool = True,
        fit_intercept: bool = False,
        random_state: Any = None,
    ) -> None:
        self.n_features, self.tol, self.method = n_features, tol, method
        self.scale, self.fit_intercept, self.random_state = scale, fit_intercept, random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Choose the columns.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row.
        y : None
            Not used.

        Returns
        -------
        ColumnSelector
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix; a parameter is out of its range, or does not go with sparse data.
        OverflowError
            The coefficients overflow.
        """
        X = validate_data(self, X, accept_sparse="csc", dtype=KINDS)
        check_choice("method", self.method, get_args(Method))
        check_flag("scale", self.scale)
        if check_flag("fit_intercept", self.fit_intercept) and sparse.issparse(X):
            raise TypeError(
                "X must be an array where fit_intercept=True, got a sparse matrix; give it a column of ones"
            )
        rank, tol = self._rank(X.shape), check_tolerance("tol", self.tol)
        norms, a = np.ones(X.shape[1]), X
        if self.scale or self.method == "earlier":
            norms, a = unit_columns(X)
        if self.fit_intercept:
            a = centred(a)
        if self.method == "earlier":
            columns = earlier(a, rank, tol)
            selection = select_columns(a, len(columns), include=columns)
        else:
            absolute = self.scale and self.method in ("greedy", "strong")
            rtol, atol = (None, self.tol) if absolute else (self.tol, None)
            rng = generator(self.random_state)
            selection = select_columns(a, rank, rtol=rtol, atol=atol, method=self.method, rng=rng)
        self.columns_ = selection.columns
        order = np.argsort(self.columns_)
        kept = self.columns_[order]
        with np.errstate(over="ignore", invalid="ignore"):
            T = selection.coefficients[order] * (norms / norms[kept][:, None])
            self.coefficients_ = T.astype(X.dtype, copy=False)
        if not np.isfinite(self.coefficients_).all():
            raise OverflowError("the coefficients overflow: the units of the columns are too far apart; scale X")
        self.intercept_ = np.zeros(X.shape[1], X.dtype)
        if self.fit_intercept:
            means = X.mean(axis=0, dtype=np.float64)
            self.intercept_ = (means - means[kept] @ T).astype(X.dtype, copy=False)
            X = X - means.astype(X.dtype, copy=False)
        self.column_errors_ = difference_norms(X, X[:, kept], self.coefficients_)
        self.reconstruction_error_ = frobenius(self.column_errors_)
        return self

    def inverse_transform(self, X: Any) -> Matrix:
        """All columns from those that were kept, ``1 b + X @ T``.

        Parameters
        ----------
        X : (m, k) array_like or sparse array
            Columns as `transform` gives them.

        Returns
        -------
        (m, N) ndarray
            Those columns themselves, and what they say of the others.

        Raises
        ------
        ValueError
            `X` has another number of columns.
        """
        check_is_fitted(self)
        X = check_array(X, accept_sparse="csr", dtype=KINDS, ensure_min_features=0)
        if X.shape[1] != len(self.coefficients_):
            raise ValueError(f"X must have {len(self.coefficients_)} columns, those kept, got the shape {X.shape}")
        columns: Matrix = X @ self.coefficients_ + self.intercept_
        return columns

    def _get_support_mask(self) -> Array:
        check_is_fitted(self)
        mask = np.zeros(self.n_features_in_, bool)
        mask[self.columns_] = True
        return mask

    def _rank(self, shape: tuple[int, int]) -> int:
        if self.n_features is None:
            return min(shape)
        if check_count("n_features", self.n_features, 1) > shape[1]:
            raise ValueError(f"n_features must be at most the number of columns, {shape[1]}, got {self.n_features}")
        return min(self.n_features, *shape)
