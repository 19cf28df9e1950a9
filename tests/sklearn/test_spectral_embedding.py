"""SpectralEmbedding: eigenvectors of walks on graphs and kernels, beside dense ones and scikit-learn's."""

import numpy as np
import pytest
import scipy.linalg
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn import manifold
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import kneighbors_graph

from rrqr_lapack import ConvergenceWarning
from rrqr_lapack.sklearn import SpectralEmbedding


@pytest.fixture
def X(rng):
    """Samples along a curve."""
    angle = np.sort(rng.uniform(0, 4, 150))
    return np.column_stack([np.cos(angle), np.sin(angle), angle]) + 0.01 * rng.standard_normal((150, 3))


def walk(A):
    """Eigenvalues and vectors of D^{-1} A for A without its diagonal, the trivial ones left out."""
    A = A - np.diag(np.diag(A))
    values, vectors = scipy.linalg.eigh(A, np.diag(A.sum(axis=1)))
    return values[-2::-1], vectors[:, -2::-1]


@pytest.mark.parametrize("affinity", ["nearest_neighbors", "precomputed", "callable", "dense"])
def test_of_a_graph_they_are_the_eigenvectors_of_the_walk(affinity, X):
    graph = kneighbors_graph(X, 8, include_self=True)
    graph = (graph + graph.T) / 2
    given = {"nearest_neighbors": X, "precomputed": graph, "callable": X, "dense": graph.toarray()}[affinity]
    kind = {"callable": lambda _: graph, "dense": "precomputed"}.get(affinity, affinity)
    model = SpectralEmbedding(3, affinity=kind, n_neighbors=8, tol=1e-9, random_state=0).fit(given)
    values, vectors = walk(graph.toarray())
    assert np.allclose(model.eigenvalues_, values[:3], atol=1e-12)
    expected = vectors[:, :3] * np.sign(np.take_along_axis(vectors, abs(vectors).argmax(axis=0)[None], 0)[:, :3])
    assert np.allclose(model.embedding_, expected, atol=1e-6)
    assert model.affinity_matrix_.diagonal().max() == 0


def test_it_is_scikit_learns(X):
    theirs = manifold.SpectralEmbedding(2, n_neighbors=10, random_state=0).fit_transform(X)
    ours = SpectralEmbedding(2, n_neighbors=10, random_state=0)
    assert np.allclose(ours.fit_transform(X), theirs, atol=1e-6)
    assert ours.n_neighbors_ == 10


def test_a_sparse_graph_of_distances_has_the_same_neighbours(X):
    distances = kneighbors_graph(X, 20, mode="distance", include_self=True)
    one = SpectralEmbedding(2, n_neighbors=9, random_state=0).fit(X)
    other = SpectralEmbedding(2, affinity="precomputed_nearest_neighbors", n_neighbors=9, random_state=0).fit(distances)
    assert abs(one.affinity_matrix_ - other.affinity_matrix_).max() == 0
    assert np.array_equal(one.embedding_, other.embedding_)


def test_parts_of_a_graph_are_told_apart_and_a_lone_vertex_stays():
    block = np.ones((10, 10))
    A = scipy.linalg.block_diag(block, block, 0.0)
    model = SpectralEmbedding(2, affinity="precomputed", random_state=0).fit(sparse.csr_array(A))
    assert np.allclose(model.eigenvalues_, 1)
    parts = [model.embedding_[:10], model.embedding_[10:20], model.embedding_[20:]]
    assert all(np.allclose(part, part[0], atol=1e-4) for part in parts)
    assert min(np.linalg.norm(parts[i][0] - parts[j][0]) for i, j in [(0, 1), (0, 2), (1, 2)]) > 0.05


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_of_a_kernel_they_are_those_of_the_matrix_that_is_never_formed(kind, X):
    model = SpectralEmbedding(2, affinity="rbf", gamma=1.0, n_landmarks=60, random_state=0).fit(kind(X))
    K = rbf_kernel(X, gamma=1.0)
    values, vectors = scipy.linalg.eigh(K, np.diag(K.sum(axis=1)))
    assert np.allclose(model.eigenvalues_, values[-2:-4:-1], atol=1e-6)
    assert np.allclose(np.abs(model.embedding_), np.abs(vectors[:, -2:-4:-1]), atol=1e-5)
    assert model.affinity_matrix_ is None


def test_too_few_iterations_are_told(X):
    model = SpectralEmbedding(2, n_neighbors=4, max_iter=2, tol=1e-10, random_state=0)
    with pytest.warns(ConvergenceWarning, match="the embedding stopped after 2 power iterations"):
        model.fit(X)
    assert model.n_iter_ == 2


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 150}, "n_components must be less than n_samples=150, got 150"),
        ({"affinity": "cosine"}, "affinity must be one of 'nearest_neighbors', .*, got 'cosine'"),
        ({"affinity": "precomputed"}, "square"),
        ({"affinity": lambda x: x @ x.T - 100}, "the affinities must be at least 0, got -"),
        ({"affinity": lambda x: np.triu(np.ones((150, 150)))}, "symmetric"),
        ({"affinity": "rbf", "n_landmarks": 2}, "n_landmarks must be at least 3, got 2"),
    ],
)
def test_what_a_parameter_must_be_is_said(parameters, message, X):
    with pytest.raises(ValueError, match=message):
        SpectralEmbedding(**parameters).fit(X)
