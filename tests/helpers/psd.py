"""Positive semidefinite matrices for the tests of Cholesky and Nystrom."""

import numpy as np
from matrices import extreme, gaussian, with_singular_values


def gram(n, rank, dtype, seed=0):
    """X X^H for a Gaussian X with so many columns: exactly Hermitian."""
    x = gaussian(n, rank, np.result_type(dtype, np.float64), seed)
    return hermitian(x @ x.conj().T, dtype)


def with_eigenvalues(n, values, dtype, seed=0):
    """Q diag(values) Q^H with random orthonormal Q."""
    root = with_singular_values(n, n, np.sqrt(values), np.result_type(dtype, np.float64), seed)
    return hermitian(root @ root.conj().T, dtype)


def smooth(n, dtype, seed=0):
    """A Gaussian kernel matrix of n points on a line, complex by a diagonal unitary similarity."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 4, n))
    a = np.exp(-(np.subtract.outer(x, x) ** 2))
    if np.dtype(dtype).kind == "c":
        phase = np.exp(2j * np.pi * rng.random(n))
        a = a * np.outer(phase, phase.conj())
    return hermitian(a, dtype)


def outlying(n, dtype):
    """n - 5 points close together and five that are far from everything, a diagonal entry each."""
    a = smooth(n, dtype)
    a[:5], a[:, :5] = 0, 0
    a[np.arange(5), np.arange(5)] = 2
    return a


def graded(n, dtype, seed=0):
    """A Gram matrix whose diagonal falls over half of the digits of the dtype."""
    scale = np.logspace(0, np.log10(np.finfo(dtype).eps) / 4, n)
    return hermitian(gram(n, n, np.result_type(dtype, np.float64), seed) * np.outer(scale, scale), dtype)


def hermitian(a, dtype):
    return ((a + a.conj().T) / 2).astype(dtype)


def scaled(a, factor):
    return a * a.real.dtype.type(factor)


# name: (function of the dtype, numerical rank or None where it is not clear)
PSD = {
    "gram": (lambda t: gram(60, 60, t), None),
    "rank-deficient": (lambda t: gram(120, 9, t), 9),
    "one": (lambda t: np.ones((8, 8), t), 1),
    "zero": (lambda t: np.zeros((7, 7), t), 0),
    "empty": (lambda t: np.zeros((0, 0), t), 0),
    "one element": (lambda t: np.full((1, 1), 4, t), 1),
    "identity": (lambda t: np.eye(130, dtype=t), 130),
    "diagonal with zeros": (lambda t: np.diag(np.arange(40) % 4).astype(t), 30),
    "copies": (lambda t: gram(20, 12, t)[np.ix_(np.arange(60) % 20, np.arange(60) % 20)], 12),
    "smooth": (lambda t: smooth(150, t), None),
    "outlying": (lambda t: outlying(100, t), None),
    "graded": (lambda t: graded(60, t), None),
    "tiny": (lambda t: scaled(gram(50, 9, t), extreme(t)[0]), 9),
    "huge": (lambda t: scaled(gram(50, 9, t), extreme(t)[1] / 1e4), 9),
}
