"""Spectral embedding from a Nystrom approximation."""

import numpy as np
import psd
import pytest
from measures import eps

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


@pytest.mark.parametrize(
    ("components", "options", "error", "message"),
    [
        (3, {"rank": 2}, ValueError, "components must be at most the rank of the approximation, 2, got 3"),
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
