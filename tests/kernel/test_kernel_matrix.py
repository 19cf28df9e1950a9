"""Kernel matrices that are never formed."""

import functools

import numpy as np
import psd
import pytest
from matrices import gaussian
from measures import eps
from scipy import sparse

from rrqr_lapack import KernelMatrix, nystrom, rbf, rpcholesky


class Counting:
    """A kernel that counts the entries it is asked for, and the largest block of them."""

    def __init__(self, kernel):
        self.kernel, self.entries, self.largest = kernel, 0, 0

    def __call__(self, x, y):
        result = self.kernel(x, y)
        self.entries += result.size
        self.largest = max(self.largest, result.size)
        return result


def linear(x, y):
    return x @ y.conj().T


def points(n, dtype, seed=0):
    return gaussian(n, 3, dtype, seed)


def test_diagonal_columns_submatrices_and_products_are_those_of_the_matrix(dtype, monkeypatch):
    monkeypatch.setattr("rrqr_lapack._common.products.BUFFER", 70)
    x, v = points(40, dtype), gaussian(40, 2, dtype, seed=1)
    K, full = KernelMatrix(linear, x), linear(x, x)
    tolerance = 100 * eps(dtype)
    assert (K.shape, K.dtype) == ((40, 40), dtype)
    np.testing.assert_allclose(K.diagonal(), full.diagonal(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(K.columns([3, 3, 0]), full[:, [3, 3, 0]], rtol=0, atol=tolerance)
    np.testing.assert_allclose(K.submatrix([1, 2], [5]), full[[1, 2]][:, [5]], rtol=0, atol=tolerance)
    for found, expected in ((K @ v, full @ v), (K @ v[:, 0], full @ v[:, 0]), (K.H @ v, full @ v)):
        assert (found.shape, found.dtype) == (expected.shape, dtype)
        np.testing.assert_allclose(found, expected, rtol=0, atol=100 * tolerance)


def test_an_approximation_evaluates_only_the_columns_it_needs():
    n, k = 3000, 10
    kernel = Counting(functools.partial(rbf, length_scale=2.0))
    f = nystrom(KernelMatrix(kernel, points(n, np.float64)), rank=k, rng=0)
    diagonals, proposals = 2 * 32 * n, 3 * 100**2
    assert f.rank == k
    assert kernel.entries <= n * k + diagonals + proposals
    assert kernel.largest <= n * k


class Noisy:
    """A kernel whose `diag` has noise that k(X, X) has not, as that of scikit-learn's WhiteKernel."""

    def __init__(self, level):
        self.level = level

    def __call__(self, x, y=None):
        return rbf(x, x) + self.level * np.eye(len(x)) if y is None else rbf(x, y)

    def diag(self, x):
        return np.full(len(x), 1 + self.level)


@pytest.mark.parametrize("landmarks", ["rpcholesky", "greedy", "uniform", "gaussian", [0, 3]])
def test_a_kernel_with_noise_on_its_diagonal_alone_is_refused_with_the_cure(landmarks):
    x, rank = points(20, np.float64), None if isinstance(landmarks, list) else 5
    with pytest.raises(ValueError, match=r"its diag\(X\) is 1\.1 for point 0 where k\(x, x\) is 1; .* to the shift"):
        nystrom(KernelMatrix(Noisy(0.1), x), rank=rank, landmarks=landmarks, rng=0)
    assert nystrom(KernelMatrix(Noisy(0), x), rank=rank, landmarks=landmarks, rng=0).error >= 0


def test_kernels_of_gaussian_processes_work_but_for_their_white_noise():
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    x = points(20, np.float64)
    for kernel in (kernels.RBF(), kernels.RationalQuadratic(), kernels.DotProduct() + kernels.Matern()):
        np.testing.assert_allclose(KernelMatrix(kernel, x).diagonal(), kernel.diag(x), rtol=1e-12)
    with pytest.raises(ValueError, match="such as a WhiteKernel, and add that noise to the shift"):
        KernelMatrix(kernels.RBF() + kernels.WhiteKernel(1e-3), x).diagonal()


def test_a_kernel_that_is_not_hermitian_is_refused(dtype):
    x = points(9, dtype)
    K = KernelMatrix(lambda x, y: linear(x, y) + 0.1 * x[:, :1], x)
    with pytest.raises(ValueError, match=r"kernel must be Hermitian, .* but for the points 0 and [01]"):
        K.diagonal()


@pytest.mark.parametrize("landmarks", ["rpcholesky", "greedy", "uniform"])
def test_a_kernel_that_adds_noise_where_both_arguments_are_equal_is_refused(landmarks):
    def kernel(x, y):
        return rbf(x, y) + 0.1 * (np.eye(len(x)) if np.array_equal(x, y) else 0)

    with pytest.raises(ValueError, match=r"differs by 0\.1 from"):
        nystrom(KernelMatrix(kernel, points(40, np.float64)), rank=5, landmarks=landmarks, rng=0)


def test_pivots_of_a_kernel_matrix_are_those_of_the_matrix(dtype):
    x = points(60, dtype)
    for pivoting in ("random", "greedy"):
        f = rpcholesky(KernelMatrix(linear, x), rank=3, pivoting=pivoting, rng=0)
        g = rpcholesky(psd.hermitian(linear(x, x), dtype), rank=3, pivoting=pivoting, rng=0)
        np.testing.assert_array_equal(f.columns, g.columns)


def test_points_may_be_sparse_or_have_any_shape():
    x = sparse.random_array((30, 50), density=0.2, rng=0)
    K = KernelMatrix(lambda x, y: (x @ y.T).toarray(), x)
    np.testing.assert_allclose(K @ np.ones(30), (x @ x.T) @ np.ones(30))
    words = np.array(["a", "ab", "abc"])
    lengths = KernelMatrix(lambda x, y: np.minimum.outer(np.char.str_len(x), np.char.str_len(y)), words)
    np.testing.assert_array_equal(lengths.diagonal(), [1, 2, 3])
    assert KernelMatrix(linear, np.zeros((0, 3))).shape == (0, 0)


@pytest.mark.parametrize("type_", [np.float32, np.float64])
def test_the_gaussian_kernel_has_its_formula_and_keeps_close_points_apart(type_):
    x, y = points(20, type_) + type_(1e3), points(30, type_, 1) + type_(1e3)
    squares = ((x[:, None].astype(float) - y) ** 2).sum(axis=2)
    found = rbf(x, y, length_scale=0.7)
    assert found.dtype == type_
    np.testing.assert_allclose(found, np.exp(-squares / (2 * 0.7**2)), rtol=100 * eps(type_), atol=1e-300)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: KernelMatrix("rbf", np.ones((2, 1))), TypeError, "kernel must be callable"),
        (lambda: KernelMatrix(linear, 3.0), ValueError, "x must hold a point in each row, got a scalar"),
        (
            lambda: KernelMatrix(lambda x, y: "no", np.ones((2, 1))),
            TypeError,
            r"kernel\(X, Y\) must be boolean, .*, got the dtype",
        ),
        (
            lambda: KernelMatrix(lambda x, y: np.ones(len(x)), np.ones((2, 1))).diagonal(),
            ValueError,
            r"kernel\(X, Y\) must return a 2 x 2 matrix for as many points, but returned the shape \(2,\)",
        ),
        (
            lambda: nystrom(KernelMatrix(lambda x, y: np.full((len(x), len(y)), np.nan), np.ones((2, 1)))),
            ValueError,
            "a must be finite, but its diagonal entry 0 is nan",
        ),
        (lambda: rbf(np.ones((2, 1)), np.ones((2, 1)), length_scale=0), ValueError, "length_scale must be greater"),
        (lambda: rbf(np.ones((2, 1)), np.ones((2, 2))), ValueError, "points of the same dimension, got 1 and 2"),
        (lambda: rbf(np.ones(2), np.ones((2, 1))), ValueError, r"x must have 2 dimensions, .* got 1; .* x\[:, None\]"),
        (lambda: rbf(np.ones((2, 1)), np.ones((2, 1, 1))), ValueError, "y must have 2 dimensions, .* got 3"),
        (lambda: rbf(np.ones((2, 1)) * 1j, np.ones((2, 1))), TypeError, "x must be real, got complex128"),
        (lambda: rbf(np.array([[1.0], [np.nan]]), np.ones((2, 1))), ValueError, r"x must be finite, but point 1"),
        (lambda: rbf([[1e300]], [[1]], length_scale=1e-30), ValueError, "x must be finite in units of length_scale"),
        (
            lambda: rbf(sparse.eye_array(2), np.ones((2, 2))),
            TypeError,
            r"x must be dense, got a sparse .* pass x\.toarray\(\)",
        ),
        (lambda: KernelMatrix(rbf, np.ones(3)), ValueError, r"x must have 2 dimensions, .* pass x\[:, None\]"),
        (
            lambda: KernelMatrix(linear, sparse.coo_array(np.ones(3))),
            ValueError,
            "x must have 2 dimensions where it is",
        ),
        (lambda: KernelMatrix(linear, np.ma.masked_less([[1.0], [2.0]], 1.5)), TypeError, "masked entries"),
    ],
)
def test_what_is_wrong_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_gaussian_kernel_has_no_unit():
    x = np.array([[0.0], [1.0], [-1.0]])
    expected = rbf(x, x)
    for unit in (1e-308, 1e-300, 1e300, 1e308):
        np.testing.assert_allclose(rbf(x * unit, x * unit, length_scale=unit), expected, rtol=1e-14)
