"""Nystrom approximation: eigenvalues and eigenvectors from few columns, its trace-norm error, and what it solves."""

import numpy as np
import psd
import pytest
from matrices import gaussian
from measures import eps
from psd import PSD
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, aslinearoperator, cg

from rrqr_lapack import KernelMatrix, Nystrom, nystrom


@pytest.fixture(params=["rpcholesky", "greedy", "uniform", "gaussian"])
def landmarks(request):
    """Each way to choose landmarks."""
    return request.param


def largest_entry(a):
    return float(a.diagonal().real.max(initial=0)) or 1.0


def stored_kernel(a):
    """A kernel matrix whose points are the indices of a."""
    return KernelMatrix(lambda i, j: a[np.ix_(i, j)], np.arange(len(a)))


@pytest.mark.parametrize("name", PSD)
def test_the_error_is_the_trace_of_what_is_left_and_u_is_orthonormal(name, dtype, landmarks):
    make, numerical_rank = PSD[name]
    a = make(dtype)
    before, n = a.copy(), len(a)
    for rank in [k for k in (0, 1, 7, n) if k <= n]:
        f = nystrom(a, rank=rank, landmarks=landmarks, rng=2)
        U, k = f.eigenvectors, f.rank
        assert isinstance(f, Nystrom)
        assert k <= rank if numerical_rank is None else k <= min(rank, numerical_rank)
        assert (U.shape, U.dtype, f.shape, f.dtype) == ((n, k), dtype, (n, n), dtype)
        assert f.eigenvalues.dtype == np.finfo(dtype).dtype
        assert (np.diff(f.eigenvalues) <= 0).all() and (f.eigenvalues > 0).all()
        np.testing.assert_allclose(U.conj().T @ U, np.eye(k), rtol=0, atol=20 * eps(dtype))
        left = (a.astype(np.clongdouble) - f.reconstruct()) / largest_entry(a)
        rounding = 20 * n * eps(dtype)
        assert f.error_kind == "exact"
        assert f.error / largest_entry(a) == pytest.approx(np.trace(left).real, abs=rounding * max(k, 1))
        assert np.linalg.eigvalsh(left.astype(complex)).min(initial=0) >= -rounding
        if f.columns is None:
            assert (landmarks, f.extension) == ("gaussian", None)
    np.testing.assert_array_equal(a, before)


def test_given_landmarks_reproduce_their_columns(dtype):
    a = psd.gram(60, 60, dtype)
    chosen = [5, 59, 0, 17]
    f = nystrom(a, landmarks=chosen)
    np.testing.assert_array_equal(f.columns, chosen)
    np.testing.assert_allclose(
        f.reconstruct()[:, chosen], a[:, chosen], rtol=0, atol=100 * eps(dtype) * np.linalg.norm(a)
    )
    exact = a[:, chosen] @ np.linalg.solve(a[np.ix_(chosen, chosen)], a[chosen])
    np.testing.assert_allclose(f.reconstruct(), exact, rtol=0, atol=300 * eps(dtype) * np.linalg.norm(a))


def test_all_columns_reproduce_a_well_conditioned_matrix_and_its_eigenvalues(dtype, landmarks):
    values = np.linspace(2, 1, 40)
    a = psd.with_eigenvalues(40, values, dtype)
    f = nystrom(a, landmarks=landmarks, rng=0)
    np.testing.assert_allclose(f.reconstruct(), a, rtol=0, atol=200 * eps(dtype))
    np.testing.assert_allclose(f.eigenvalues, values, rtol=200 * eps(dtype))


def test_it_is_stable_where_the_landmarks_are_numerically_dependent(dtype, landmarks):
    a = psd.smooth(150, dtype)
    f = nystrom(a, rank=100, landmarks=landmarks, rng=0)
    assert f.rank < 60
    assert np.linalg.norm(a - f.reconstruct(), 2) <= 150 * eps(dtype) * np.linalg.norm(a, 2)


def test_eigenvalues_grow_towards_those_of_the_matrix(landmarks):
    a = psd.smooth(150, np.float64)
    exact = np.linalg.eigvalsh(a)[::-1]
    f = nystrom(a, rank=12, landmarks=landmarks, rng=0)
    assert (f.eigenvalues <= exact[:12] * (1 + 1e-10)).all()
    assert f.eigenvalues[0] >= exact[0] * 0.99


def test_random_landmarks_by_pivots_beat_uniform_ones_where_a_few_points_are_far_away():
    a = psd.outlying(100, np.float64)
    pivoted, uniform = (
        np.mean([nystrom(a, rank=12, landmarks=how, rng=seed).error for seed in range(20)])
        for how in ("rpcholesky", "uniform")
    )
    assert pivoted < 0.3 * uniform


def test_the_extension_gives_the_eigenvectors_from_the_columns(dtype):
    a = psd.gram(60, 60, dtype)
    for how in ("rpcholesky", "greedy", "uniform", [3, 4, 5]):
        f = nystrom(a, rank=None if isinstance(how, list) else 9, landmarks=how, rng=0)
        np.testing.assert_allclose(a[:, f.columns] @ f.extension, f.eigenvectors, rtol=0, atol=1000 * eps(dtype))


def test_it_multiplies_as_the_matrix_it_stands_for(dtype):
    a, x = psd.gram(30, 30, dtype), gaussian(30, 3, dtype, seed=5)
    f = nystrom(a, rank=6, rng=0)
    b, tolerance = f.reconstruct(), 100 * eps(dtype) * np.linalg.norm(a)
    np.testing.assert_allclose(f @ x, b @ x, rtol=0, atol=tolerance)
    np.testing.assert_allclose(f @ x[:, 0], b @ x[:, 0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(x.T @ f, x.T @ b, rtol=0, atol=tolerance)
    np.testing.assert_allclose(x[:, 0] @ f, x[:, 0] @ b, rtol=0, atol=tolerance)
    assert (f @ x).dtype == dtype


def test_solve_inverts_the_shifted_approximation(dtype):
    a, b = psd.gram(30, 30, dtype), gaussian(30, 3, dtype, seed=5)
    f = nystrom(a, rank=6, rng=0)
    for shift in (0.5, 100.0):
        shifted = f.reconstruct() + shift * np.eye(30, dtype=dtype)
        tolerance = 100 * eps(dtype) * np.linalg.cond(shifted)
        for right in (b, b[:, 0]):
            x = f.solve(right, shift)
            assert (x.shape, x.dtype) == (right.shape, dtype)
            np.testing.assert_allclose(x, np.linalg.solve(shifted, right), rtol=0, atol=tolerance)
    np.testing.assert_allclose(nystrom(a, rank=0).solve(b, 2.0), b / 2, rtol=10 * eps(dtype))


def test_the_preconditioner_brings_the_condition_number_down_to_what_is_left(dtype):
    values, shift = np.r_[np.geomspace(1e4, 10, 20), np.full(60, 0.5)], 0.5
    a = psd.with_eigenvalues(80, values, dtype)
    P = nystrom(a, rank=30, landmarks="gaussian", rng=0).preconditioner(shift)
    dense = P @ np.eye(80, dtype=dtype)
    np.testing.assert_allclose(dense, dense.conj().T, rtol=0, atol=100 * eps(dtype))
    preconditioned = np.linalg.eigvals(dense.astype(complex) @ (a + shift * np.eye(80))).real
    assert preconditioned.max() / preconditioned.min() < 3
    assert (values[0] + shift) / (values[-1] + shift) > 1e3


def test_at_twice_the_effective_dimension_the_condition_number_keeps_its_bound():
    values, shift = np.geomspace(1, 1e-8, 100), 1e-2
    a = psd.with_eigenvalues(100, values, np.float64)
    rank = 2 * int(np.ceil(1.5 * (values / (values + shift)).sum())) + 1
    conditions = []
    for seed in range(20):
        P = nystrom(a, rank=rank, landmarks="gaussian", rng=seed).preconditioner(shift)
        spectrum = np.linalg.eigvals(P @ (a + shift * np.eye(100))).real
        conditions.append(spectrum.max() / spectrum.min())
    assert np.mean(conditions) < 28


def test_conjugate_gradients_take_fewer_iterations_with_the_preconditioner(dtype):
    a = psd.with_eigenvalues(100, np.geomspace(1, 1e-4, 100), dtype)
    shifted, b = a + 1e-3 * np.eye(100, dtype=dtype), gaussian(100, 1, dtype)[:, 0]
    iterations = []
    for M in (None, nystrom(a, rank=60, rng=0).preconditioner(1e-3)):
        steps = []
        x, info = cg(shifted, b, M=M, rtol=1e-4, callback=steps.append)
        assert info == 0
        np.testing.assert_allclose(shifted @ x, b, rtol=0, atol=1e-3 * np.linalg.norm(b))
        iterations.append(len(steps))
    assert iterations[1] < iterations[0] / 3


def test_an_operator_of_products_alone_gets_an_estimate_of_the_error(dtype):
    a = psd.with_eigenvalues(60, 1 / np.arange(1, 61), dtype)
    f = nystrom(aslinearoperator(a), rank=8, landmarks="gaussian", rng=0)
    g = nystrom(a, rank=8, landmarks="gaussian", rng=0)
    np.testing.assert_allclose(f.eigenvalues, g.eigenvalues, rtol=100 * eps(dtype))
    assert f.error_kind == "estimate"
    assert g.error / 2 <= f.error <= 2 * g.error
    assert g.error <= f.error_bound <= 20 * g.error
    assert g.error_bound == g.error
    assert "estimate error" in repr(f) and "exact error" in repr(g)
    h = nystrom(aslinearoperator(a), landmarks=[0, 1, 2], rng=0)
    assert h.error_kind == "estimate"


def test_sparse_arrays_are_not_densified():
    n = 20000
    a = sparse.diags_array([np.full(n - 1, -1.0), np.linspace(2, 3, n), np.full(n - 1, -1.0)], offsets=[-1, 0, 1])
    f = nystrom(a, rank=5, rng=0)
    assert f.error == pytest.approx(a.trace() - f.eigenvalues.sum())


@pytest.mark.parametrize(
    ("a", "options", "error", "message"),
    [
        (np.ones((3, 4)), {}, ValueError, r"a must be square, got the shape \(3, 4\)"),
        (np.diag([1.0, np.nan]), {}, ValueError, "a must be finite, but column 1"),
        (
            np.diag([1.0, np.nan]),
            {"check_finite": False, "landmarks": [1]},
            ValueError,
            "a must be finite, but column 1",
        ),
        (np.diag([1.0, -2.0]), {"landmarks": "uniform"}, ValueError, "a must be positive semidefinite"),
        (np.diag([1.0, -2.0]), {"landmarks": "gaussian"}, ValueError, "a must be positive semidefinite"),
        (np.array([[0.0, 1], [1, 0]]), {"landmarks": [0, 1]}, ValueError, "a must be positive semidefinite"),
        (aslinearoperator(np.eye(3)), {}, TypeError, "a must have a diagonal, got a LinearOperator without"),
        (np.eye(3), {"landmarks": "random"}, ValueError, "landmarks must be one of 'rpcholesky', 'greedy', 'uniform'"),
        (np.eye(3), {"landmarks": [0, 0]}, ValueError, "landmarks must hold each index once, got 0 more than once"),
        (np.eye(3), {"landmarks": [0, 3]}, ValueError, "landmarks must be between 0 and 2, got 3"),
        (np.eye(3), {"landmarks": [-1]}, ValueError, "landmarks must be between 0 and 2, got -1"),
        (np.eye(3), {"landmarks": [0.5]}, TypeError, "or a vector of integers"),
        (np.eye(3), {"landmarks": [True]}, TypeError, "or a vector of integers"),
        (np.eye(3), {"landmarks": None}, TypeError, "or a vector of integers"),
        (
            np.eye(3),
            {"landmarks": [0], "rank": 1},
            ValueError,
            "rank must be None for given landmarks, whose number it is, got 1",
        ),
        (
            np.eye(3),
            {"landmarks": "uniform", "rtol": 0.1},
            ValueError,
            "landmarks must be 'rpcholesky' or 'greedy' for rtol and atol, got 'uniform'",
        ),
        (np.eye(3), {"rank": 4}, ValueError, "rank must be between 0 and 3 for this matrix, got 4"),
        (np.eye(3), {"rank": 4, "landmarks": "gaussian"}, ValueError, "rank must be between 0 and 3"),
    ],
)
def test_what_is_wrong_is_named(a, options, error, message):
    with pytest.raises(error, match=message):
        nystrom(a, **options)


@pytest.mark.parametrize("how", [np.asarray, sparse.csr_array, stored_kernel])
@pytest.mark.parametrize("own", [0.0, 1.0])
def test_an_entry_beside_a_zero_on_the_diagonal_is_refused(own, how, landmarks, dtype):
    """Where all of the diagonal is zero, A would else be taken for the zero matrix."""
    a = np.zeros((5, 5), dtype)
    a[0, 0], a[3, 4], a[4, 3] = own, 1, 1
    with pytest.raises(ValueError, match="a must be positive semidefinite"):
        nystrom(how(a), rank=1, landmarks=landmarks, rng=0)


def test_an_operator_whose_products_are_not_finite_is_refused():
    broken = LinearOperator((3, 3), matvec=lambda x: np.full(3, np.nan), dtype=float)
    with pytest.raises(ValueError, match="its products with finite vectors are not"):
        nystrom(broken, rank=2, landmarks="gaussian")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((np.ones(3), 0), ValueError, "shift must be greater than 0, got 0"),
        ((np.ones(3), None), ValueError, "shift must be greater than 0, got None"),
        ((np.ones(3), np.inf), ValueError, "shift must be finite"),
        ((np.ones(3), "1"), TypeError, "shift must be a real number"),
        ((np.ones(4), 1.0), ValueError, r"b must have the shape \(3,\) or \(3, p\), got \(4,\)"),
        ((np.array([1, 2, np.nan]), 1.0), ValueError, "b must be finite, but holds nan"),
    ],
)
def test_what_is_wrong_with_a_system_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        nystrom(np.eye(3), rank=2).solve(*arguments)


@pytest.mark.parametrize("exponent", [-0.9, 0.9])
def test_eigenvalues_solutions_and_preconditioner_have_no_unit(exponent, dtype, landmarks):
    a, b = psd.gram(30, 30, dtype), gaussian(30, 2, dtype)
    unit = 2.0 ** round(exponent * np.finfo(dtype).maxexp)
    one, other = (nystrom(a * a.real.dtype.type(scale), rank=8, landmarks=landmarks, rng=0) for scale in (1.0, unit))
    tolerance = 1000 * eps(dtype)
    np.testing.assert_allclose(other.eigenvalues / unit, one.eigenvalues, rtol=tolerance)
    assert other.error / unit == pytest.approx(one.error, rel=tolerance)
    expected = one.solve(b, 0.5)
    np.testing.assert_allclose(other.solve(b, 0.5 * unit) * unit, expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(
        other.preconditioner(0.5 * unit) @ b, one.preconditioner(0.5) @ b, rtol=0, atol=tolerance
    )


def test_what_overflows_is_said(landmarks):
    a = np.full((30, 30), 3e37, np.float32)
    with pytest.raises(OverflowError, match="eigenvalues of a overflow in float32; scale a down"):
        nystrom(a, rank=3, landmarks=landmarks, rng=0)
    with pytest.raises(OverflowError, match="the solution overflows; scale b down or raise the shift"):
        nystrom(np.eye(3), rank=2, landmarks=landmarks, rng=0).solve(np.full(3, 1e300), 1e-300)


def test_a_shift_beyond_single_precision_is_one_of_double():
    approximation, b = nystrom(np.eye(3, dtype=np.float32), rank=2, rng=0), np.ones(3, np.float32)
    np.testing.assert_allclose(approximation.solve(b, 1e39), 1e-39, rtol=1e-5)
    np.testing.assert_allclose(approximation.preconditioner(1e39) @ b, 1, rtol=1e-5)
    with pytest.raises(OverflowError, match="the solution overflows"):
        approximation.solve(b, 1e-60)


@pytest.mark.parametrize("how", ["rpcholesky", "greedy", "uniform", "gaussian", [1, 5, 7]])
def test_what_is_not_hermitian_is_refused(how, dtype):
    a = psd.gram(20, 20, dtype) + np.triu(np.ones((20, 20), dtype), 1)
    with pytest.raises(ValueError, match="a must be Hermitian"):
        nystrom(a, rank=None if isinstance(how, list) else 10, landmarks=how, rng=0)
