"""Spectral embedding from a Nystrom approximation."""

import numpy as np
import psd
import pytest
from measures import eps
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from rrqr_lapack import KernelMatrix, rbf, spectral_embedding


def clusters(seed=0):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(centre, 0.5, (60, 2)) for centre in ((0, 0), (6, 0), (0, 6))])


def test_with_a_full_rank_it_is_the_dense_eigenproblem(dtype):
    a = psd.gram(40, 40, dtype)
    a = (np.abs(a) ** 2).astype(dtype)  # Hadamard products keep the definiteness, and these affinities are positive
    embedding, eigenvalues = spectral_embedding(a, 5, rank=40, rng=0)
    degrees = a.real.sum(axis=1)
    normalized = a / np.sqrt(np.outer(degrees, degrees))
    expected = np.linalg.eigvalsh(normalized)[::-1][:5]
    tolerance = 300 * eps(dtype)
    np.testing.assert_allclose(eigenvalues, expected, rtol=0, atol=tolerance)
    assert (embedding.shape, embedding.dtype, eigenvalues.dtype) == ((40, 5), dtype, np.finfo(dtype).dtype)
    walk = a / degrees[:, None]
    np.testing.assert_allclose(walk @ embedding, embedding * eigenvalues, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        embedding.conj().T @ (degrees[:, None] * embedding), np.eye(5), rtol=0, atol=10 * tolerance
    )
    np.testing.assert_allclose(embedding[:, 0] / embedding[0, 0], 1, rtol=0, atol=100 * tolerance)


def test_well_separated_clusters_become_points():
    embedding, eigenvalues = spectral_embedding(KernelMatrix(rbf, clusters()), 4, rank=30, rng=0)
    assert eigenvalues[2] > 0.98
    assert eigenvalues[3] < 0.8
    groups = embedding[:, :3].reshape(3, 60, 3)
    centres = groups.mean(axis=1)
    spread = np.linalg.norm(groups - centres[:, None], axis=2).max()
    apart = min(np.linalg.norm(centres[i] - centres[j]) for i in range(3) for j in range(i))
    assert spread < 0.05 * apart


def test_a_point_far_from_all_landmarks_is_placed_near_zero():
    x = np.concatenate([clusters(), [[1e3, 1e3]]])
    embedding, _ = spectral_embedding(KernelMatrix(rbf, x), 3, landmarks=np.arange(0, 180, 6))
    np.testing.assert_allclose(embedding[-1], 0, atol=1e-12)


def graph(n, dtype):
    """A random graph without loops, all of it within reach of its first point."""
    a = np.triu(np.random.default_rng(0).random((n, n)) < 0.3, 1)
    a[0, 1:] = True
    return (a + a.T).astype(dtype)


@pytest.mark.parametrize("unit", ["small", "one", "large"])
def test_a_graph_without_loops_is_the_dense_eigenproblem(unit, dtype):
    single = eps(dtype) > 1e-10
    unit = {"one": 1.0, "small": 1e-37 if single else 1e-300, "large": 1e36 if single else 1e300}[unit]
    a = graph(25, dtype)
    degrees = a.real.sum(axis=1)
    expected = np.linalg.eigvalsh(a / np.sqrt(np.outer(degrees, degrees)))[::-1][:4]
    stored = a * a.real.dtype.type(unit)
    operator = LinearOperator(stored.shape, matvec=lambda v: stored @ v, rmatvec=lambda v: stored @ v, dtype=dtype)
    operator.diagonal = stored.diagonal
    for given in (stored, sparse.csr_array(stored), operator):
        embedding, eigenvalues = spectral_embedding(given, 4, rng=0)
        assert (embedding.dtype, eigenvalues.dtype) == (dtype, np.finfo(dtype).dtype)
        np.testing.assert_allclose(eigenvalues, expected, rtol=0, atol=300 * eps(dtype))
        embedding = embedding * np.sqrt(np.float64(unit))
        walk = (a / degrees[:, None]) @ embedding
        np.testing.assert_allclose(walk, embedding * eigenvalues, rtol=0, atol=100 * eps(dtype))


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_affinities_have_no_unit(unit):
    expected = spectral_embedding(KernelMatrix(rbf, clusters()), 3, rank=20, rng=0)
    found = spectral_embedding(KernelMatrix(lambda x, y: rbf(x, y) * unit, clusters()), 3, rank=20, rng=0)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.abs(found[0]) * np.sqrt(unit), np.abs(expected[0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("landmarks", ["rpcholesky", "greedy", "uniform", [2, 1]])
def test_a_negative_affinity_is_refused_with_its_place(landmarks, dtype):
    a = np.eye(4, dtype=dtype) + 0.1
    a[1, 3] = a[3, 1] = -0.2
    rank = None if isinstance(landmarks, list) else 4
    for given in (a, sparse.csr_array(a), KernelMatrix(lambda i, j: a[np.ix_(i, j)], np.arange(4))):
        with pytest.raises(ValueError, match=r"its entry \((1, 3|3, 1)\) is .*-0\.2"):
            spectral_embedding(given, 1, rank=rank, landmarks=landmarks, rng=0)


@pytest.mark.parametrize(
    ("components", "options", "error", "message"),
    [
        (3, {"rank": 2}, ValueError, "components must be at most the rank of the approximation, 2, got 3; raise rank"),
        (0, {"rank": 2}, ValueError, "components must be at least 1, got 0"),
        (1.5, {"rank": 2}, TypeError, r"components must be an integer, got 1\.5"),
        (
            2,
            {"a": np.ones((4, 4)), "rank": 3},
            ValueError,
            "components must be at most the rank of the approximation, 1",
        ),
        (1, {"a": np.diag([1.0, 0, 1, 1]), "rank": 3}, ValueError, "the degree of point 1 must be positive, got 0"),
    ],
)
def test_what_is_wrong_is_named(components, options, error, message):
    with pytest.raises(error, match=message):
        spectral_embedding(**{"a": np.eye(4), "components": components} | options)


@pytest.mark.parametrize("seed", range(10))
def test_a_negative_affinity_of_a_stored_matrix_is_named_whatever_is_drawn(seed):
    rng = np.random.default_rng(0)
    a = rng.uniform(0.1, 1, (30, 30))
    a = a + a.T
    np.fill_diagonal(a, 0)
    a[11, 23] = a[23, 11] = -0.01
    with pytest.raises(ValueError, match=r"affinities, .* its entry \(23, 11\) is -0.01"):
        spectral_embedding(a, 2, rank=5, rng=seed)
