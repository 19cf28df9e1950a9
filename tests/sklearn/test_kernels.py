"""Nystroem and KernelRidge: the approximation and its error, and the solution of the system that defines it."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn import config_context, kernel_approximation, kernel_ridge
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import pairwise_kernels, rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rrqr_lapack.sklearn import KernelRidge, Nystroem

KERNELS = {
    "linear": {},
    "rbf": {"gamma": 0.5},
    "laplacian": {"gamma": 0.3},
    "polynomial": {"degree": 2, "coef0": 1.0},
    "cosine": {},
    "chi2": {"gamma": 0.2},
}
every_kernel = pytest.mark.parametrize(("kernel", "parameters"), KERNELS.items(), ids=KERNELS)


def minimum(x, y):
    """A callable kernel of two samples, that of Brownian motion."""
    return float(np.minimum(x, y).sum())


@pytest.fixture
def X(rng):
    return rng.random((80, 3))


@every_kernel
def test_the_error_is_the_trace_of_what_the_features_leave(kernel, parameters, X):
    features = Nystroem(kernel, **parameters, n_components=15, random_state=0).fit(X)
    K, Z = pairwise_kernels(X, metric=kernel, **parameters), features.transform(X)
    left = K - Z @ Z.T
    assert np.trace(left) == pytest.approx(features.reconstruction_error_, abs=1e-8)
    assert np.linalg.eigvalsh(left).min() > -1e-8
    assert np.allclose(left[features.component_indices_], 0, atol=1e-6)
    assert np.array_equal(features.components_, X[features.component_indices_])
    gram = Z.T @ Z
    assert np.allclose(gram, np.diag(np.diag(gram)), atol=1e-8 * gram.max())


@every_kernel
def test_on_the_same_landmarks_the_products_are_scikit_learns(kernel, parameters, X):
    theirs = kernel_approximation.Nystroem(kernel, **parameters, n_components=len(X), random_state=0)
    ours = Nystroem(kernel, **parameters, n_components=len(X), random_state=0)
    Z, theirs = ours.fit_transform(X), theirs.fit_transform(X)
    assert np.allclose(Z @ Z.T, theirs @ theirs.T, atol=1e-5)


def test_random_pivots_leave_less_than_uniform_landmarks(rng):
    X = np.concatenate([rng.standard_normal((950, 2)) * 0.01, 6 + 3 * rng.standard_normal((50, 2))])
    errors = {
        landmarks: [
            Nystroem(gamma=1.0, n_components=25, landmarks=landmarks, random_state=s).fit(X).reconstruction_error_
            for s in range(3)
        ]
        for landmarks in ("rpcholesky", "uniform")
    }
    assert np.median(errors["rpcholesky"]) < 0.5 * np.median(errors["uniform"])


def test_a_tolerance_takes_as_few_landmarks_as_it_needs(X):
    features = Nystroem(gamma=0.5, n_components=80, tol=1e-2, random_state=0).fit(X)
    assert 1 < len(features.component_indices_) < 40
    assert features.reconstruction_error_ <= 1e-2 * len(X)
    assert features.get_feature_names_out()[0] == "nystroem0"


@pytest.mark.parametrize("estimator", [Nystroem, KernelRidge])
def test_a_precomputed_kernel_is_what_it_was_computed_from(estimator, X, rng):
    fresh, K = rng.random((5, 3)), rbf_kernel(X, gamma=0.5)
    options = {"n_components": 20, "random_state": 0}
    one = estimator(kernel="rbf", gamma=0.5, **options).fit(X, X[:, 0])
    other = estimator(kernel="precomputed", **options).fit(K, X[:, 0])
    apply = "transform" if estimator is Nystroem else "predict"
    expected = getattr(one, apply)(fresh)
    assert np.allclose(getattr(other, apply)(rbf_kernel(fresh, X, gamma=0.5)), expected)
    with pytest.raises(ValueError, match=r"X must be square where kernel='precomputed', got the shape \(80, 3\)"):
        estimator(kernel="precomputed").fit(X, X[:, 0])


@pytest.mark.parametrize("estimator", [Nystroem, KernelRidge])
def test_sparse_points_are_what_the_dense_ones_are(estimator, X):
    X = np.where(X < 0.5, 0, X)
    apply = "transform" if estimator is Nystroem else "predict"
    for kernel in ("rbf", "linear"):
        results = [
            getattr(estimator(kernel=kernel, n_components=20, random_state=0).fit(A, X[:, 0]), apply)(A)
            for A in (X, sparse.csr_array(X))
        ]
        assert np.allclose(*results)


@pytest.mark.parametrize("estimator", [Nystroem, KernelRidge])
def test_a_callable_is_a_kernel_with_its_parameters(estimator, X):
    fitted = estimator(kernel=minimum, n_components=20, random_state=0).fit(X, X[:, 0])
    apply = "transform" if estimator is Nystroem else "predict"
    assert np.isfinite(getattr(fitted, apply)(X)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("landmarks", ["rpcholesky", "greedy", "uniform"])
def test_a_kernel_of_zeros_has_no_features_and_predicts_zeros(landmarks, dtype):
    X = np.zeros((4, 2), dtype)
    Z = Nystroem("linear", landmarks=landmarks).fit(X).transform(np.ones((3, 2), dtype))
    assert (Z.shape, Z.dtype) == ((3, 0), dtype)
    for y in (np.ones(4), np.ones((4, 2))):
        predicted = KernelRidge(landmarks=landmarks).fit(X, y).predict(np.ones((3, 2), dtype))
        assert np.array_equal(predicted, np.zeros((3, *y.shape[1:])))


@pytest.mark.parametrize("estimator", [Nystroem("precomputed"), KernelRidge(kernel="precomputed")])
def test_a_precomputed_kernel_with_entries_beside_zeros_on_its_diagonal_is_refused(estimator):
    with pytest.raises(ValueError, match="positive semidefinite"):
        estimator.fit(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2))


def test_gamma_does_not_go_with_a_callable(X):
    with pytest.raises(ValueError, match="gamma, coef0 and degree must be None for the kernel <function minimum"):
        Nystroem(minimum, gamma=1.0).fit(X)


@pytest.mark.parametrize("method", ["nystrom", "cg"])
@every_kernel
def test_with_enough_landmarks_it_is_scikit_learns_kernel_ridge(kernel, parameters, method, X, rng):
    Y = np.column_stack([np.sin(3 * X[:, 0]), X[:, 1] * X[:, 2]])
    ours = KernelRidge(0.1, kernel=kernel, **parameters, method=method, tol=1e-12, random_state=0).fit(X, Y)
    theirs = kernel_ridge.KernelRidge(alpha=0.1, kernel=kernel, **parameters).fit(X, Y)
    fresh = rng.random((10, 3))
    assert np.allclose(ours.predict(fresh), theirs.predict(fresh), atol=1e-7)
    assert np.allclose(ours.fit(X, Y[:, 0]).predict(fresh), theirs.predict(fresh)[:, 0], atol=1e-7)


@pytest.mark.parametrize("method", ["nystrom", "cg"])
def test_the_coefficients_solve_the_normal_equations_on_the_landmarks(method, X, rng):
    """The least of ``sum w_i |f(x_i) - y_i|^2 + alpha c^T K_SS c``: ``(K_SM W K_MS + alpha K_SS) c = K_SM W y``."""
    y, w = np.sin(4 * X[:, 0]), rng.random(80)
    model = KernelRidge(0.01, kernel="rbf", gamma=1.0, n_components=12, method=method, tol=1e-12, random_state=0)
    model.fit(X, y, sample_weight=w)
    assert len(model.X_fit_) == (12 if method == "nystrom" else 80)
    K_MS, K_SS = rbf_kernel(X, model.X_fit_, gamma=1.0), rbf_kernel(model.X_fit_, gamma=1.0)
    residual = K_MS.T @ (w * (K_MS @ model.dual_coef_ - y)) + 0.01 * K_SS @ model.dual_coef_
    assert np.abs(residual).max() < 1e-9 * np.abs(K_MS.T @ (w * y)).max()


def test_weights_are_repetitions(X, rng):
    y, w = np.sin(4 * X[:, 0]), rng.integers(0, 4, 80)
    options = {"kernel": "rbf", "gamma": 1.0, "n_components": 300, "random_state": 0}
    weighted = KernelRidge(0.1, **options).fit(X, y, sample_weight=w)
    repeated = KernelRidge(0.1, **options).fit(np.repeat(X, w, axis=0), np.repeat(y, w))
    assert np.allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)
    theirs = kernel_ridge.KernelRidge(alpha=0.1, kernel="rbf", gamma=1.0).fit(X, y, sample_weight=w + 1e-12)
    assert np.allclose(weighted.predict(X), theirs.predict(X), atol=1e-6)
    halved = KernelRidge(0.1, **options).fit(X, y, sample_weight=0.5)
    assert np.allclose(halved.predict(X), KernelRidge(0.2, **options).fit(X, y).predict(X), atol=1e-6)


def test_weights_are_routed_through_a_search(X, rng):
    y, w = X[:, 0] > 0.5, rng.random(80)
    with config_context(enable_metadata_routing=True):
        model = KernelRidge(kernel="rbf").set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        search = GridSearchCV(model, {"gamma": [1e-3, 3.0], "alpha": [0.1]}, cv=3).fit(X, y, sample_weight=w)
    assert search.best_params_["gamma"] == 3.0


@pytest.mark.parametrize("weights", [[1.0, 2.0], -np.ones(80), np.full(80, np.nan), np.zeros(80)])
def test_weights_that_are_none_are_refused(weights, X):
    with pytest.raises(ValueError, match="sample_weight"):
        KernelRidge().fit(X, X[:, 0], sample_weight=weights)


def test_a_search_over_a_pipeline_cuts_a_precomputed_kernel_as_it_must(X):
    K, y = rbf_kernel(X, gamma=1.0), np.sin(5 * X[:, 0])
    model = make_pipeline(Nystroem("precomputed", random_state=0), Ridge(1e-6))
    search = GridSearchCV(model, {"nystroem__n_components": [2, 40]}, cv=3).fit(K, y)
    assert search.best_params_["nystroem__n_components"] == 40
    assert search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (Nystroem(n_components=0), "n_components must be at least 1, got 0"),
        (Nystroem(landmarks="gaussian"), "landmarks must be one of 'rpcholesky', 'greedy', 'uniform', got 'gaussian'"),
        (Nystroem("sigmoid", coef0=-3.0), "positive semidefinite"),
        (KernelRidge(0), "alpha must be greater than 0, got 0"),
        (KernelRidge(alpha=-1.0), "alpha must be finite and at least 0, got -1.0"),
        (KernelRidge(method="lu"), "method must be one of 'nystrom', 'cg', got 'lu'"),
    ],
)
def test_what_a_parameter_must_be_is_said(estimator, message, X):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, X[:, 0])
