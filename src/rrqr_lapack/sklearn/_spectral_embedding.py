"""Spectral embedding of neighbour graphs and of kernels, as an estimator of scikit-learn."""

import functools
from typing import Any, Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors, kneighbors_graph
from sklearn.utils.validation import check_symmetric, validate_data

from .. import ConvergenceWarning, KernelMatrix, spectral_embedding
from .._common.arrays import check_choice, check_count, check_tolerance
from .._common.types import Matrix
from .._common.warn import warn
from ._random import generator
from ._walk import walk

GRAPHS = ("nearest_neighbors", "precomputed", "precomputed_nearest_neighbors")


class SpectralEmbedding(BaseEstimator):
    """Coordinates from eigenvectors of the random walk ``D^{-1} A`` on affinities A, beside the constant one.

    It takes the parameters of `sklearn.manifold.SpectralEmbedding`. Graphs are embedded by products with their edges.
    The matrix of 'rbf' is never formed: it is approximated from landmarks by randomly pivoted Cholesky, so that a
    hundred thousand samples need no 80 GB.

    Parameters
    ----------
    n_components : int, optional
        Number of coordinates.
    affinity : str or callable, optional
        What A is:

        - 'nearest_neighbors': the graph of the nearest neighbours of each sample, the mean of both directions
        - 'precomputed_nearest_neighbors': the same from X as a sparse graph of distances
        - 'precomputed': X itself
        - 'rbf': the Gaussian kernel, from landmarks
        - a callable that makes A of X
    gamma : float, optional
        Of 'rbf'; by default one over the number of columns of X.
    random_state : None, int or numpy.random.RandomState, optional
        Seed.
    n_neighbors : int, optional
        Of the neighbour graphs, a sample itself counted among them; by default a tenth of the samples.
    n_jobs : int, optional
        For the search of neighbours.
    n_landmarks : int, optional
        Largest number of landmarks of 'rbf'.
    tol : float, optional
        Of graphs: the iteration ends where ``||S v - lambda v|| <= tol`` for each unit eigenvector v of
        ``S = D^{-1/2} A D^{-1/2}``.
    max_iter : int, optional
        Largest number of its power iterations.

    Attributes
    ----------
    embedding_ : (M, n_components) ndarray
        ``D^{-1/2} V``, V orthonormal; the entry of largest modulus of each coordinate is positive.
    eigenvalues_ : (n_components,) ndarray
        Of the walk, descending.
    affinity_matrix_ : (M, M) sparse array, ndarray or None
        A of graphs, with zeros on the diagonal: loops do not count. None for 'rbf'.
    n_neighbors_ : int
        Neighbours in use; of neighbour graphs alone.
    n_iter_ : int
        Power iterations of the last run; 1 for 'rbf'.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : (N,) ndarray
        Names of the columns of X, where it has them.

    See Also
    --------
    rrqr_lapack.spectral_embedding : of any positive semidefinite matrix, kernel or operator.

    Notes
    -----
    A power iteration multiplies twice by A, with n_components + 40 columns. scikit-learn's ARPACK takes fewer products,
    and is the faster for most graphs. Where the graph falls into parts, the first coordinates tell these apart.
    For 'rbf' M (l + 1) values of the kernel and 10 M l^2 flops for l landmarks.

    References
    ----------
    C. Fowlkes, S. Belongie, F. Chung, J. Malik, 2004, doi:10.1109/TPAMI.2004.1262185. N. Halko, P. G. Martinsson, J. A.
    Tropp, 2011, doi:10.1137/090771806.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.sklearn import SpectralEmbedding
    >>> angle = np.linspace(0, 2, 200)
    >>> X = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> model = SpectralEmbedding(1, n_neighbors=10, random_state=0).fit(X)
    >>> line = model.embedding_[:, 0]
    >>> bool(abs(np.corrcoef(line, angle)[0, 1]) > 0.97)
    True
    >>> bool(np.array_equal(model.fit_transform(X)[:, 0], line))
    True
    """

    def __init__(
        self,
        n_components: int = 2,
        *,
        affinity: Any = "nearest_neighbors",
        gamma: float | None = None,
        random_state: Any = None,
        n_neighbors: int | None = None,
        n_jobs: int | None = None,
        n_landmarks: int = 200,
        tol: float = 1e-5,
        max_iter: int = 1600,
    ) -> None:
        self.n_components, self.affinity, self.gamma, self.random_state = n_components, affinity, gamma, random_state
        self.n_neighbors, self.n_jobs, self.n_landmarks = n_neighbors, n_jobs, n_landmarks
        self.tol, self.max_iter = tol, max_iter

    def fit(self, X: Any, y: None = None) -> Self:
        """Find the coordinates of the samples.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            One sample a row, or what `affinity` says.
        y : None
            Not used.

        Returns
        -------
        SpectralEmbedding
            The object itself.

        Raises
        ------
        TypeError, ValueError
            `X` is no finite real matrix; affinities are negative or not symmetric; a parameter is out of its range.

        Warns
        -----
        ConvergenceWarning
            `max_iter` iterations were not enough for `tol`.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), ensure_min_samples=2)
        if not callable(self.affinity):
            check_choice("affinity", self.affinity, (*GRAPHS, "rbf"))
        tol, maxiter = check_tolerance("tol", self.tol), check_count("max_iter", self.max_iter, 1)
        components, rng = check_count("n_components", self.n_components, 1), generator(self.random_state)
        if components >= X.shape[0]:
            raise ValueError(f"n_components must be less than n_samples={X.shape[0]}, got {components}")
        if self.affinity == "rbf":
            self.affinity_matrix_, self.n_iter_ = None, 1
            gamma = 1 / X.shape[1] if self.gamma is None else self.gamma
            K = KernelMatrix(functools.partial(rbf_kernel, gamma=gamma), X)
            rank = min(check_count("n_landmarks", self.n_landmarks, components + 1), X.shape[0])
            coordinates, eigenvalues = spectral_embedding(K, components + 1, rank=rank, rng=rng)
            coordinates, self.eigenvalues_ = coordinates[:, 1:], eigenvalues[1:]
        else:
            self.affinity_matrix_ = _without_loops(self._graph(X))
            coordinates, self.eigenvalues_, self.n_iter_, residual = walk(
                self.affinity_matrix_, components, tol, maxiter, rng
            )
            if residual > tol:
                warn(
                    f"the embedding stopped after {maxiter} power iterations, with a residual of {residual:.1e} above "
                    f"tol={self.tol:g}; raise max_iter or tol, or take more neighbours",
                    ConvergenceWarning,
                )
        peaks = np.take_along_axis(coordinates, np.abs(coordinates).argmax(axis=0)[None], axis=0)
        self.embedding_ = np.where(peaks < 0, -coordinates, coordinates)
        return self

    def fit_transform(self, X: Any, y: None = None) -> Matrix:
        """Find and return the coordinates of the samples.

        Parameters
        ----------
        X : (M, N) array_like or sparse array
            As for `fit`.
        y : None
            Not used.

        Returns
        -------
        (M, n_components) ndarray
            The attribute `embedding_`.

        Raises
        ------
        TypeError, ValueError
            As `fit`.
        """
        return self.fit(X).embedding_

    def _graph(self, X: Any) -> Any:
        """Symmetric affinities between samples."""
        if callable(self.affinity):
            return _checked(self.affinity(X))
        if self.affinity == "precomputed":
            return _checked(X)
        neighbors = max(X.shape[0] // 10, 1) if self.n_neighbors is None else self.n_neighbors
        self.n_neighbors_ = min(check_count("n_neighbors", neighbors, 1), X.shape[0])
        if self.affinity == "nearest_neighbors":
            graph = kneighbors_graph(X, self.n_neighbors_, include_self=True, n_jobs=self.n_jobs)
        else:
            search = NearestNeighbors(n_neighbors=self.n_neighbors_, n_jobs=self.n_jobs, metric="precomputed")
            graph = search.fit(X).kneighbors_graph(X, mode="connectivity")
        return (graph + graph.T) / 2

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse, tags.input_tags.pairwise = True, str(self.affinity).startswith("precomputed")
        return tags


def _checked(affinities: Any) -> Any:
    """Affinities that somebody else has made."""
    if affinities.ndim != 2 or affinities.shape[0] != affinities.shape[1]:
        raise ValueError(f"the affinities must be a square matrix, got the shape {affinities.shape}")
    if affinities.min() < 0:
        raise ValueError(f"the affinities must be at least 0, got {affinities.min()}")
    return check_symmetric(affinities, raise_exception=True)


def _without_loops(graph: Any) -> Any:
    """The graph in double precision with zeros on its diagonal, a copy."""
    if not sparse.issparse(graph):
        graph = np.array(graph, np.float64)
        np.fill_diagonal(graph, 0)
        return graph
    graph = sparse.csr_array(graph, dtype=np.float64, copy=True)
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph
