"""Kernel ridge regression on landmarks, and with all of the kernel matrix by preconditioned conjugate gradients."""

import functools

import numpy as np
import pytest
from measures import eps
from scipy import sparse

from rrqr_lapack import kernel_ridge, rbf


def sample(n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (n, 2))
    y = np.stack([np.cos(x[:, 0]) * x[:, 1], x[:, 0] ** 2], axis=1)
    return x, (y * (1 - 2j) if np.dtype(dtype).kind == "c" else y).astype(dtype)


def kernel_of(dtype):
    """A kernel of this dtype, complex by phases that the points determine."""

    def kernel(x, y):
        phase = np.exp(1j * np.outer(x[:, 0], np.ones(len(y))) - 1j * y[:, 0]) if np.dtype(dtype).kind == "c" else 1
        return (rbf(x, y) * phase).astype(dtype)

    return kernel


def test_both_methods_give_what_the_dense_system_gives(dtype):
    x, y = sample(120, dtype)
    kernel, shift, new = kernel_of(dtype), 0.1, sample(7, dtype, seed=9)[0]
    dense = kernel(x, x).astype(complex) + shift * np.eye(120)
    expected = kernel(new, x) @ np.linalg.solve(dense, y)
    accuracy = 300 * eps(dtype) * np.linalg.cond(dense)
    options = {"shift": shift, "rank": 120, "rng": 0, "rtol": 10 * eps(dtype)}
    for method in ("nystrom", "cg"):
        model = kernel_ridge(kernel, x, y, method=method, **options)
        found = model.predict(new)
        assert (found.shape, found.dtype) == ((7, 2), dtype)
        np.testing.assert_allclose(found, expected, rtol=0, atol=accuracy * np.abs(expected).max())
        single = kernel_ridge(kernel, x, y[:, 1], method=method, **options).predict(new)
        np.testing.assert_allclose(single, found[:, 1], rtol=0, atol=accuracy * np.abs(expected).max())


def test_on_landmarks_it_minimizes_over_their_span():
    x, y = sample(100, np.float64)
    chosen, shift = np.arange(0, 100, 12), 1e-2
    model = kernel_ridge(rbf, x, y, shift=shift, rank=None, landmarks=chosen)
    C, W = rbf(x, x[chosen]), rbf(x[chosen], x[chosen])
    expected = np.linalg.solve(C.T @ C + shift * W, C.T @ y)
    np.testing.assert_allclose(model.coefficients, expected, rtol=1e-7)
    assert model.points.shape == (len(chosen), 2)


def test_the_preconditioner_saves_iterations_and_the_residual_keeps_its_bound():
    x, y = sample(300, np.float64)
    shift, K = 1e-4, rbf(x, x)
    iterations = []
    for rank in (0, 100):
        model = kernel_ridge(rbf, x, y[:, 0], shift=shift, rank=rank, method="cg", rtol=1e-6, rng=0)
        residual = y[:, 0] - K @ model.coefficients - shift * model.coefficients
        assert np.linalg.norm(residual) <= 1.01e-6 * np.linalg.norm(y[:, 0])
        iterations.append(model.iterations)
    assert iterations[1] < iterations[0] / 5


@pytest.mark.parametrize("share", [-0.9, -0.5, 0.5, 0.9])
@pytest.mark.parametrize("method", ["nystrom", "cg"])
def test_the_solution_is_linear_in_y(method, share, dtype):
    """The share is that of the largest exponent; each column has its own scale, and a column of zeros none."""
    x, y = sample(60, dtype)
    y = np.column_stack([y, 0 * y[:, 0]])
    scales = 2.0 ** np.array([round(share * np.finfo(dtype).maxexp), 0, 0])
    options = {"shift": 0.1, "rank": 20, "method": method, "rtol": 100 * eps(dtype), "rng": 0}
    one = kernel_ridge(kernel_of(dtype), x, y, **options).coefficients
    other = kernel_ridge(kernel_of(dtype), x, y * scales.astype(y.real.dtype), **options).coefficients
    np.testing.assert_allclose(other / scales, one, rtol=0, atol=100 * eps(dtype) * np.abs(one).max())


@pytest.mark.parametrize("method", ["nystrom", "cg"])
def test_sparse_points_go_with_a_kernel_that_takes_them(method):
    x, y = sample(40, np.float64)
    options = {"shift": 0.1, "rank": 2, "method": method, "rng": 0}
    expected = kernel_ridge(lambda x, y: x @ y.T, x, y, **options).predict(x)
    model = kernel_ridge(lambda x, y: (x @ y.T).toarray(), sparse.coo_array(x), y, **options)
    np.testing.assert_allclose(model.predict(sparse.coo_array(x)), expected, atol=1e-7)
    with pytest.raises(TypeError, match="x must be dense, got a sparse csr_array"):
        kernel_ridge(rbf, sparse.csr_array(x), y, **options)


def test_predictions_are_evaluated_in_blocks(monkeypatch):
    monkeypatch.setattr("rrqr_lapack._common.products.BUFFER", 50)
    x, y = sample(60, np.float64)
    shapes = []

    def kernel(x, y):
        shapes.append((len(x), len(y)))
        return rbf(x, y)

    model = kernel_ridge(kernel, x, y[:, 0], shift=0.1, rank=20, rng=0)
    shapes.clear()
    assert model.predict(x).shape == (60,)
    assert shapes == [(2, 20)] * 30
    assert model.predict(x[:0]).shape == (0,)


@pytest.mark.parametrize("rank", [10, 60])
@pytest.mark.parametrize("shift", [1e-2, 1e-5])
def test_conjugate_gradients_keep_the_default_bound_on_the_true_residual_in_every_dtype(shift, rank, dtype):
    """In single precision 1e-8 is beyond what rounding of the coefficients would leave."""
    x, y = sample(80, dtype)
    kernel, x = kernel_of(dtype), x.astype(np.finfo(dtype).dtype)
    model = kernel_ridge(kernel, x, y, shift=shift, rank=rank, method="cg", rng=0)
    shifted = kernel(x, x).astype(np.clongdouble) + shift * np.eye(80)
    residual = np.linalg.norm((y - shifted @ model.coefficients).astype(complex), axis=0)
    assert (residual <= 1e-8 * np.linalg.norm(y, axis=0)).all()
    assert model.predict(x).dtype == dtype


def test_what_single_precision_cannot_solve_is_an_error_that_says_so():
    x, y = sample(200, np.float32)
    with pytest.raises(np.linalg.LinAlgError, match=r"not positive definite; .* or give points in double precision"):
        kernel_ridge(rbf, x.astype("f"), y[:, 0], shift=1e-9, rank=60, method="cg", maxiter=100, rng=0)


@pytest.mark.parametrize("method", ["nystrom", "cg"])
def test_the_unit_of_kernel_and_shift_does_not_matter(method, dtype):
    x, y = sample(40, dtype)
    kernel, single = kernel_of(dtype), eps(dtype) > 1e-10
    options = {"rank": 20, "method": method, "rng": 0, "rtol": 1e-5}
    expected = kernel_ridge(kernel, x, y, shift=0.1, **options).predict(x)
    for exponent in (-120, 110) if single else (-1000, 1000):
        unit = 2.0**exponent

        def scaled(x, y, unit=unit):
            return kernel(x, y) * np.finfo(dtype).dtype.type(unit)

        model = kernel_ridge(scaled, x, y, shift=0.1 * unit, **options)
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_shift_beyond_single_precision_shrinks_to_zero():
    x, y = sample(20, np.float32)
    for method in ("nystrom", "cg"):
        model = kernel_ridge(rbf, x.astype("f"), y, shift=1e39, method=method, rank=5, rng=0)
        np.testing.assert_allclose(model.predict(x.astype("f")), 0, atol=1e-35)


def test_noise_of_a_gaussian_process_belongs_to_the_shift():
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 6, (80, 1))
    y = np.sin(x[:, 0]) + 0.5 * rng.standard_normal(80)
    for method in ("nystrom", "cg"):
        with pytest.raises(ValueError, match="leave out what belongs to the diagonal alone, such as a WhiteKernel"):
            kernel_ridge(kernels.RBF() + kernels.WhiteKernel(0.25), x, y, shift=1e-10, method=method, rng=0)
    model = kernel_ridge(kernels.RBF(), x, y, shift=0.25, rng=0)
    K = kernels.RBF()(x) + 0.25 * np.eye(80)
    np.testing.assert_allclose(model.predict([[1.0]]), kernels.RBF()([[1.0]], x) @ np.linalg.solve(K, y), rtol=1e-6)


def test_coefficients_that_overflow_are_said():
    x, y = sample(10, np.float64)
    for method in ("nystrom", "cg"):
        with pytest.raises(OverflowError, match="the coefficients overflow; scale y down"):
            kernel_ridge(lambda x, y: rbf(x, y) * 1e-200, x, y * 1e200, shift=1e-201, method=method)


def test_new_points_of_another_shape_are_refused():
    x, y = sample(10, np.float64)
    model = kernel_ridge(rbf, x, y, shift=0.1)
    for wrong in (x[:, :1], x[0], x[None]):
        with pytest.raises(ValueError, match=r"x must have the shape \(M, 2\), as the points that were fitted, got"):
            model.predict(wrong)
    with pytest.raises(ValueError, match="x must hold a point in each row, got a scalar"):
        model.predict(1.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shift": 0}, ValueError, "shift must be greater than 0, got 0"),
        ({"y": np.ones(4)}, ValueError, r"y must have the shape \(5,\) or \(5, p\), got \(4,\)"),
        ({"y": np.full(5, np.inf)}, ValueError, "y must be finite .* holds inf"),
        ({"y": np.full(5, 1e200), "x": np.arange(5, dtype="f")[:, None]}, ValueError, "y must be finite .* float32"),
        ({"y": np.full(5, 1j)}, TypeError, "y must be real as the kernel is, got complex128; fit y.real"),
        ({"method": "lu"}, ValueError, "method must be one of 'nystrom', 'cg', got 'lu'"),
        ({"landmarks": "gaussian"}, ValueError, "landmarks must be columns of K for method='nystrom', got 'gaussian'"),
        ({"rank": 6}, ValueError, "rank must be between 0 and 5"),
        ({"method": "cg", "maxiter": 1, "shift": 1e-9}, np.linalg.LinAlgError, "raise the rank, the shift or rtol"),
        ({"method": "cg", "rtol": None}, ValueError, "rtol must be a number"),
        ({"method": "cg", "maxiter": 0}, ValueError, "maxiter must be at least 1, got 0"),
    ],
)
def test_what_is_wrong_is_named(options, error, message):
    defaults = {"kernel": functools.partial(rbf, length_scale=0.5), "x": np.arange(5.0)[:, None], "y": np.arange(5.0)}
    with pytest.raises(error, match=message):
        kernel_ridge(**defaults | {"shift": 0.1, "rank": 1} | options)


@pytest.mark.parametrize("method", ["nystrom", "cg"])
def test_a_kernel_of_zeros_predicts_zeros_and_is_not_called_without_points(method):
    def kernel(x, y):
        assert len(x) and len(y)
        return x @ y.T

    model = kernel_ridge(kernel, np.zeros((4, 2)), np.ones(4), shift=1.0, method=method)
    assert np.array_equal(model.predict(np.ones((3, 2))), np.zeros(3))
