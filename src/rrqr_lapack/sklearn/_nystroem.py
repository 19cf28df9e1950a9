"""Features whose products are those of a Nystrom approximation of a kernel, with landmarks by random pivots."""

from typing import Any, Literal, Self, TypeAlias, cast, get_args

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import nystrom
from .._common.arrays import check_choice, check_count
from .._common.types import Indices, Matrix
from ._gram import PRECOMPUTED, Pairwise
from ._random import generator
from ._sparse_real import SparseReal

Landmarks: TypeAlias = Literal["rpcholesky", "greedy", "uniform"]  # columns of K; 'gaussian' has none


class Nystroem(SparseReal, ClassNamePrefixFeaturesOutMixin, BaseEstimator):
    """Kernel features Z with ``Z Z^T = K[:, S] K[S, S]^+ K[S, :]``, the Nystrom approximation of the kernel matrix K.

    It takes the parameters of `sklearn.kernel_approximation.Nystroem`. The landmarks S are drawn by randomly pivoted
    Cholesky, each with probability proportional to what the others leave of it, and the error is stated.

    Parameters
    ----------
    kernel : str or callable, optional
        As for `sklearn.metrics.pairwise.pairwise_kernels`, positive semidefinite; 'precomputed' where X is K.
    gamma, coef0, degree : float, optional
        Parameters of the kernel; not for one that is callable or precomputed.
    kernel_params : dict, optional
        Further parameters of the kernel.
    n_components : int, optional
        Largest number of landmarks; there are fewer where there are fewer samples or where K has a smaller rank.
    random_state : None, int or numpy.random.RandomState, optional
        Seed of the landmarks.
    n_jobs : int, optional
        As for `pairwise_kernels`.
    landmarks : {'rpcholesky', 'greedy', 'uniform'}, optional
        How they are chosen, as for `rrqr_lapack.nystrom`. 'uniform' is scikit-learn's way.
    tol : float, optional
        Stop with fewer landmarks where the error is at most `tol` times the trace of K; not for 'uniform'.

    Attributes
    ----------
    components_ : (l, N) ndarray or sparse array
        The landmarks, rows of X.
    component_indices_ : (l,) ndarray
        S.
    normalization_ : (k, l) ndarray
        ``Z = k(X, components_) @ normalization_.T``; k is l unless the landmarks are numerically dependent. The columns
        of the Z of the training data are orthogonal, of descending norms.
    reconstruction_error_ : float
        ``tr(K - Z Z^T)``, which is the trace norm of the error.
    n_features_in_ : int
        N.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.nystrom : the approximation itself, of matrices and operators.

    Notes
    -----
    For M samples M (l + 32) kernel values, 6 M l^2 flops and memory for M l numbers, where scikit-learn's takes l^2
    values and l^3 flops: l features cost more, and fewer are needed.

    References
    ----------
    Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, 2025, arXiv:2207.06503. C. K. I. Williams, M. Seeger, NeurIPS
    2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics.pairwise import rbf_kernel
    >>> from rrqr_lapack.sklearn import Nystroem
    >>> X = np.random.default_rng(0).uniform(size=(500, 2))
    >>> features = Nystroem(gamma=1.0, n_components=30, random_state=0)
    >>> Z = features.fit(X).transform(X)
    >>> bool(abs(np.trace(rbf_kernel(X, gamma=1.0) - Z @ Z.T) - features.reconstruction_error_) < 1e-9)
    True
    >>> features.reconstruction_error_ < 1e-3 * len(X)
    True
    """

    def __init__(
        self,
        kernel: Any = "rbf",
        *,
        gamma: float | None = None,
        coef0: float | None = None,
        degree: float | None = None,
        kernel_params: dict[str, Any] | None = None,
        n_components: int = 100,
        random_state: Any = None,
        n_jobs: int | None = None,
        landmarks: Landmarks = "rpcholesky",
        tol: float | None = None,
    ) -> None:
        self.kernel, self.gamma, self.coef0, self.degree = kernel, gamma, coef0, degree
        self.kernel_params, self.n_components, self.random_state = kernel_params, n_components, random_state
        self.n_jobs, self.landmarks, self.tol = n_jobs, landmarks, tol

    def fit(self, X: Any, y: None = None) -> Self:
        """Choose the landmarks.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row, or K.
        y : None
            Not used.

        Returns
        -------
        Nystroem
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix; the kernel is seen not to be positive semidefinite; a parameter is out of its
            range or does not go with the others.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32))
        check_choice("landmarks", self.landmarks, get_args(Landmarks))
        given = (self.gamma, self.coef0, self.degree)
        if (callable(self.kernel) or self.kernel == PRECOMPUTED) and given != (None,) * 3:
            raise ValueError(
                f"gamma, coef0 and degree must be None for the kernel {self.kernel!r}, got {given}; parameters of a "
                "callable go into kernel_params"
            )
        rank = min(check_count("n_components", self.n_components, 1), X.shape[0])
        K, rng = Pairwise(self).gram(X).matrix(), generator(self.random_state)
        approximation = nystrom(K, rank=rank, rtol=self.tol, landmarks=self.landmarks, rng=rng)
        self.component_indices_ = cast(Indices, approximation.columns)
        self.components_ = X[self.component_indices_]
        self.normalization_ = (approximation.extension * np.sqrt(approximation.eigenvalues)).T
        self.reconstruction_error_ = approximation.error
        self._n_features_out = len(self.normalization_)
        return self

    def transform(self, X: Any) -> Matrix:
        """The features of samples, ``k(X, components_) @ normalization_.T``.

        Parameters
        ----------
        X : (m, N) array_like or sparse array
            One sample a row; of a precomputed kernel its values between these samples and all of the training data.

        Returns
        -------
        (m, k) ndarray
            Z.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        return Pairwise(self).beside(X, self.components_, self.component_indices_) @ self.normalization_.T

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == PRECOMPUTED
        return tags
