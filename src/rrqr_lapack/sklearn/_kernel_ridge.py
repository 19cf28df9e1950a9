"""Kernel ridge regression on landmarks, or with all of the kernel matrix by preconditioned conjugate gradients."""

import numbers
from typing import Any, Self, get_args

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .. import kernel_ridge
from .._common.arrays import check_choice, check_count, check_tolerance
from .._common.products import row_blocks
from .._common.types import Array, Matrix
from .._kernel.ridge import Method
from ._gram import PRECOMPUTED, Pairwise
from ._nystroem import Landmarks
from ._random import generator


class KernelRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """``f(x) = k(x, S) c``, the least of ``sum_i w_i |f(x_i) - y_i|^2 + alpha ||f||_H^2`` over such f.

    It takes the parameters of `sklearn.kernel_ridge.KernelRidge`, which solves a dense M x M system. The kernel matrix
    is never formed here: S are landmarks by randomly pivoted Cholesky ('nystrom'), or all training points by
    conjugate gradients ('cg'), which the landmarks precondition.

    Parameters
    ----------
    alpha : float, optional
        Greater than 0.
    kernel : str or callable, optional
        As for `sklearn.metrics.pairwise.pairwise_kernels`, positive semidefinite; 'precomputed' where X is the matrix.
    gamma, degree, coef0 : float, optional
        Parameters of a kernel that is given by its name.
    kernel_params : dict, optional
        Further parameters of the kernel.
    n_components : int, optional
        Largest number of landmarks; there are fewer where there are fewer samples or where K has a smaller rank.
    method : {'nystrom', 'cg'}, optional
        'nystrom' is exact where there are as many landmarks as K has numerical rank, 'cg' in any case to `tol`.
    tol, max_iter : optional
        For 'cg': relative residual, and largest number of iterations for each target.
    landmarks : {'rpcholesky', 'greedy', 'uniform'}, optional
        How they are chosen, as for `rrqr_lapack.nystrom`.
    random_state : None, int or numpy.random.RandomState, optional
        Seed of the landmarks.

    Attributes
    ----------
    dual_coef_ : (l,) or (l, p) ndarray
        c, one column for each target.
    X_fit_ : (l, N) ndarray or sparse array
        S, rows of X.
    component_indices_ : (l,) ndarray
        Which rows.
    reconstruction_error_ : float
        The trace of what the landmarks leave of the kernel matrix, with `sample_weight` of ``W^(1/2) K W^(1/2)``.
    n_iter_ : int
        Iterations of 'cg', over all targets; 1 for 'nystrom', which is direct.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.kernel_ridge : the same for any callable and any points.

    Notes
    -----
    'nystrom': M l kernel values, 6 M l^2 flops and memory for M l numbers. 'cg': M^2 kernel values an iteration beside
    that, in blocks.

    References
    ----------
    A. Rudi, R. Camoriano, L. Rosasco, 2015, arXiv:1507.04717. M. Diaz, E. N. Epperly, Z. Frangella, J. A. Tropp, R. J.
    Webber, 2023, arXiv:2304.12465.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import KernelRidge
    >>> X = np.random.default_rng(0).uniform(-2, 2, (300, 2))
    >>> y = np.cos(X[:, 0]) * X[:, 1]
    >>> model = KernelRidge(1e-3, kernel="rbf", n_components=80, random_state=0).fit(X, y)
    >>> model.predict([[0.0, 1.0]]).round(2)
    array([1.])
    >>> model.score(X, y) > 0.999
    True
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        kernel: Any = "linear",
        gamma: float | None = None,
        degree: float = 3,
        coef0: float = 1,
        kernel_params: dict[str, Any] | None = None,
        n_components: int = 100,
        method: Method = "nystrom",
        tol: float = 1e-8,
        max_iter: int | None = None,
        landmarks: Landmarks = "rpcholesky",
        random_state: Any = None,
    ) -> None:
        self.alpha, self.kernel, self.gamma, self.degree, self.coef0 = alpha, kernel, gamma, degree, coef0
        self.kernel_params, self.n_components, self.method = kernel_params, n_components, method
        self.tol, self.max_iter, self.landmarks, self.random_state = tol, max_iter, landmarks, random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the coefficients.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row, or the kernel matrix.
        y : (M,) or (M, p) array_like
            Targets.
        sample_weight : float or (M,) array_like, optional
            The weights w, at least 0.

        Returns
        -------
        KernelRidge
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` or `y` is not finite and real; a weight is negative; the kernel is seen not to be positive semidefinite;
            a parameter is out of its range.
        numpy.linalg.LinAlgError
            Conjugate gradients did not reach `tol`.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=(np.float64, np.float32), multi_output=True, y_numeric=True
        )
        check_choice("landmarks", self.landmarks, get_args(Landmarks))
        if not check_tolerance("alpha", self.alpha) > 0:
            raise ValueError(f"alpha must be greater than 0, got {self.alpha!r}")
        roots = None if sample_weight is None else np.sqrt(_weights(sample_weight, X)).astype(X.dtype)
        gram = Pairwise(self).gram(X, roots)
        model = kernel_ridge(
            gram,
            gram.indices,
            y if roots is None else (roots * y.T).T,
            shift=self.alpha,
            rank=min(check_count("n_components", self.n_components, 1), X.shape[0]),
            rtol=self.tol,
            maxiter=self.max_iter,
            landmarks=self.landmarks,
            method=self.method,
            rng=generator(self.random_state),
        )
        self.component_indices_ = model.points[:, 0]
        self.X_fit_ = X[self.component_indices_]
        weights = 1 if roots is None else roots[self.component_indices_]
        self.dual_coef_ = (weights * model.coefficients.T).T
        self.reconstruction_error_, self.n_iter_ = model.approximation.error, max(model.iterations, 1)
        return self

    def predict(self, X: Any) -> Matrix:
        """``f(x)`` for each row of X, in blocks of rows.

        Parameters
        ----------
        X : (m, N) array_like or sparse array
            One sample a row; of a precomputed kernel its values between these samples and all of the training data.

        Returns
        -------
        (m,) or (m, p) ndarray
            As many columns as there were targets.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        pairwise, indices = Pairwise(self), self.component_indices_
        values = np.empty((X.shape[0], *self.dual_coef_.shape[1:]), self.dual_coef_.dtype)
        for rows in row_blocks((X.shape[0], len(indices))):
            values[rows] = pairwise.beside(X[rows], self.X_fit_, indices) @ self.dual_coef_
        return values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse, tags.input_tags.pairwise = True, self.kernel == PRECOMPUTED
        return tags


def _weights(sample_weight: Any, X: Any) -> Array:
    """The weights as a vector, each at least 0."""
    given = np.full(X.shape[0], sample_weight) if isinstance(sample_weight, numbers.Real) else sample_weight
    weights: Array = check_array(given, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.shape != (X.shape[0],):
        raise ValueError(f"sample_weight must have the shape ({X.shape[0]},), got {weights.shape}")
    if (weights < 0).any():
        raise ValueError(f"sample_weight must be at least 0, got {weights.min()}")
    if not weights.any():
        raise ValueError("sample_weight must be greater than 0 for at least one sample, got zeros alone")
    return weights
