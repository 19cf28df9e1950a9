"""Missing values filled in by matrix completion: biases of rows and columns, and a matrix of low rank beside them."""

from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import complete
from .._common.arrays import check_count, check_flag
from .._common.types import Array, Matrix
from .._completion.complete import Method
from ._additive import biases, row_biases
from ._random import generator
from ._sparse_real import KINDS

NOISE = 1000  # eps of the largest entry, below which what the biases leave is rounding error


class MatrixCompletion(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Imputer that fills in ``x_ij ~= r_i + c_j + z_ij``, Z of low rank, where X is NaN; all else stays as it is.

    The biases r and c of rows and columns are the least squares fit of their sum. What they leave is completed with a
    penalty on the nuclear norm that predicts held-out entries best. A new row gets its own r and its own combination of
    the components of Z, from what is seen of it.

    Parameters
    ----------
    n_components : int, optional
        Largest rank of Z; 'als' needs it. By default as many as the entries could determine.
    method : {'soft_impute', 'als'}, optional
        How Z is found, as for `rrqr_lapack.complete`.
    with_biases : bool, optional
        Whether there are r and c.
    penalties : array_like of float, optional
        Among which to choose; by default a path from large to small.
    fraction : float, optional
        Share of the entries that are held out to choose the penalty.
    tol, max_iter : optional
        Relative change of Z at which to stop, and largest number of iterations.
    random_state : None, int or numpy.random.RandomState, optional
        Seed of the entries held out, and of the singular value decomposition.

    Attributes
    ----------
    components_ : (k, N) ndarray
        Orthonormal directions of the rows of Z.
    singular_values_ : (k,) ndarray
        Of Z.
    column_biases_ : (N,) ndarray
        c, of mean 0.
    row_bias_ : float
        The mean of r, which a row gets of which nothing is seen.
    penalty_ : float
        The factor of the nuclear norm.
    held_out_error_ : float
        Root mean square error on the entries held out, of the Z that was found without them; the biases know them.
    n_iter_ : int
        Iterations of the last completion.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.complete : of sparse matrices, whose stored entries are those seen.

    Notes
    -----
    `fit` as `complete`, and faster with `n_components`. `transform` solves for each pattern of missing values a k x k
    system, whose condition is at most ``1 + s_1 / penalty_``, or least squares where a penalty of 0 was given. A column
    of which nothing is seen is filled in by the biases of rows alone, and stays.

    References
    ----------
    R. Mazumder, T. Hastie, R. Tibshirani, JMLR 11 (2010), 2287-2322. Y. Koren, R. Bell, C. Volinsky, "Matrix
    factorization techniques for recommender systems", Computer 42(8) (2009), doi:10.1109/MC.2009.263.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import MatrixCompletion
    >>> X = np.add.outer([1.0, 2.0, 3.0, 4.0], [0.0, 10.0, 20.0, 50.0])
    >>> X[0, 1] = X[2, 3] = X[3, 0] = np.nan
    >>> imputer = MatrixCompletion(random_state=0).fit(X)
    >>> imputer.transform(X)[[0, 2, 3], [1, 3, 0]].round(6)
    array([11., 53.,  4.])
    >>> imputer.transform([[np.nan, 100.0, np.nan, np.nan]]).round(6)
    array([[ 90., 100., 110., 140.]])
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        method: Method = "soft_impute",
        with_biases: bool = True,
        penalties: Any = None,
        fraction: float = 0.1,
        tol: float = 1e-3,
        max_iter: int = 1000,
        random_state: Any = None,
    ) -> None:
        self.n_components, self.method, self.with_biases = n_components, method, with_biases
        self.penalties, self.fraction, self.tol = penalties, fraction, tol
        self.max_iter, self.random_state = max_iter, random_state

    def fit(self, X: Any, y: None = None) -> Self:
        """Find the biases of columns and the components.

        Parameters
        ----------
        X : (M, N) array_like
            One sample a row, NaN where a value is missing.
        y : None
            Not used.

        Returns
        -------
        MatrixCompletion
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no real matrix, infinite somewhere, or has too few values to hold some out; a parameter is out of its
            range.

        Warns
        -----
        ConvergenceWarning
            `max_iter` iterations were not enough.
        """
        X = validate_data(self, X, dtype=KINDS, ensure_all_finite="allow-nan")
        check_flag("with_biases", self.with_biases)
        seen = ~np.isnan(X)
        self.row_bias_, self.column_biases_ = 0.0, np.zeros(X.shape[1], X.dtype)
        if self.with_biases:
            self.row_bias_, self.column_biases_ = biases(X, seen)
        left = (X - self._biases(X, seen))[seen]
        left[np.abs(left) <= NOISE * np.finfo(X.dtype).eps * np.abs(X[seen]).max(initial=0)] = 0
        rank = None
        if self.n_components is not None:
            rank = min(check_count("n_components", self.n_components, 1), *X.shape)
        elif self.method == "als":
            raise ValueError("n_components must be an integer for method='als', got None")
        Z = complete(
            sparse.coo_array((left, seen.nonzero()), shape=X.shape),
            rank=rank,
            penalties=self.penalties,
            fraction=self.fraction,
            rtol=self.tol,
            maxiter=self.max_iter,
            method=self.method,
            rng=generator(self.random_state),
        )
        self.components_, self.singular_values_ = Z.Vh, Z.s
        self.penalty_, self.held_out_error_, self.n_iter_ = Z.penalty, Z.held_out_error, max(Z.iterations, 1)
        return self

    def transform(self, X: Any) -> Matrix:
        """Fill in what is missing.

        Parameters
        ----------
        X : (m, N) array_like
            One sample a row, NaN where a value is missing.

        Returns
        -------
        (m, N) ndarray
            X without NaN; values that are there are not changed.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=KINDS, ensure_all_finite="allow-nan", reset=False, copy=True)
        seen = ~np.isnan(X)
        guess = self._biases(X, seen)
        basis = self.components_.T * np.sqrt(self.singular_values_)
        incomplete = np.flatnonzero(~seen.all(axis=1))
        patterns, which = np.unique(seen[incomplete], axis=0, return_inverse=True)
        for number, pattern in enumerate(patterns):
            rows = incomplete[which.ravel() == number]
            known, missing = np.ix_(rows, pattern), np.ix_(rows, ~pattern)
            weights = _ridge(basis[pattern], (X[known] - guess[known]).T, self.penalty_)
            X[missing] = guess[missing] + (basis[~pattern] @ weights).T
        return X

    def _biases(self, X: Matrix, seen: Array) -> Matrix:
        """``r_i + c_j``, r from what is seen of each row."""
        columns = self.column_biases_.astype(X.dtype, copy=False)
        rows = row_biases(X, seen, columns, self.row_bias_) if self.with_biases else np.zeros(len(X), X.dtype)
        return np.add.outer(rows, columns)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _ridge(B: Matrix, right: Matrix, penalty: float) -> Matrix:
    """``argmin ||right - B w||_F^2 + penalty ||w||_F^2``, the smallest w without a penalty."""
    if penalty == 0:
        return np.linalg.lstsq(B, right)[0]
    return np.linalg.solve(B.T @ B + B.dtype.type(penalty) * np.eye(B.shape[1], dtype=B.dtype), B.T @ right)
