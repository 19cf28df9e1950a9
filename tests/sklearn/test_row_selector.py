"""RowSelector: which samples are exemplars, the weights of the others, and how far off they are."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rrqr_lapack import row_interpolative_decomposition
from rrqr_lapack.sklearn import RowSelector

METHODS = ["greedy", "strong", "gks", "arp", "osinsky", "leverage"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_the_weights_are_those_of_least_squares_and_the_errors_theirs(method, dtype, rng):
    X = rng.standard_normal((50, 12)).astype(dtype)
    selector = RowSelector(6, method=method, random_state=0).fit(X)
    W, R = selector.transform(X), selector.rows_
    assert W.dtype == dtype
    assert len(set(R.tolist())) == 6
    assert np.array_equal(selector.exemplars_, X[R])
    assert np.allclose(W, np.linalg.lstsq(X[R].T, X.T, rcond=None)[0].T, atol=1e-4)
    assert np.allclose(W[R], np.eye(6), atol=1e-5)
    left = X - selector.inverse_transform(W)
    assert np.allclose(selector.row_errors_, np.linalg.norm(left, axis=1), atol=1e-4)
    assert selector.reconstruction_error_ == pytest.approx(np.linalg.norm(left), rel=1e-4)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "leverage"])
def test_exactly_the_rank_is_kept_and_gives_new_samples_of_the_same_span(method, rng):
    basis = rng.standard_normal((5, 9))
    X, fresh = rng.standard_normal((40, 5)) @ basis, rng.standard_normal((7, 5)) @ basis
    selector = RowSelector(method=method, random_state=0).fit(X)
    assert len(selector.rows_) == 5
    assert selector.reconstruction_error_ < 1e-10 * np.linalg.norm(X)
    assert np.allclose(selector.inverse_transform(selector.transform(fresh)), fresh)


def test_the_exemplars_are_the_rows_of_the_row_decomposition(rng):
    X = rng.standard_normal((30, 10))
    assert np.array_equal(RowSelector(4).fit(X).rows_, row_interpolative_decomposition(X, rank=4).rows)


@pytest.mark.parametrize("tol", [0.5, 1e-2])
def test_no_sample_is_farther_off_than_the_tolerance(tol, rng):
    X = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 20)) + 0.01 * rng.standard_normal((60, 20))
    selector = RowSelector(tol=tol).fit(X)
    assert 0 < len(selector.rows_) < 20
    assert selector.row_errors_.max() <= 1.0001 * tol * np.linalg.norm(X, axis=1).max()


@pytest.mark.parametrize("method", ["greedy", "gks", "osinsky"])
def test_sparse_samples_give_sparse_exemplars_and_dense_weights(method, rng):
    X = sparse.random_array((60, 10), density=0.3, rng=rng, format="csr")
    selector = RowSelector(method=method, random_state=0).fit(X)
    assert sparse.issparse(selector.exemplars_)
    assert np.allclose(selector.inverse_transform(selector.transform(X)), X.toarray())


def test_weights_have_names_and_go_through_a_search(rng):
    X = rng.standard_normal((60, 4)) @ rng.standard_normal((4, 20))
    model = make_pipeline(RowSelector(), LinearRegression())
    search = GridSearchCV(model, {"rowselector__n_rows": [1, 4]}, cv=3).fit(X, X @ np.ones(20))
    assert search.best_params_ == {"rowselector__n_rows": 4}
    assert RowSelector(2).fit(X).get_feature_names_out().tolist() == ["rowselector0", "rowselector1"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_rows": 4}, "n_rows must be at most the number of rows, 3, got 4"),
        ({"n_rows": 0}, "n_rows must be at least 1, got 0"),
        ({"tol": -1.0}, "tol must be finite and at least 0, got -1.0"),
        ({"method": "cur"}, "method must be one of 'greedy', .*, got 'cur'"),
    ],
)
def test_what_a_parameter_must_be_is_said(parameters, message):
    with pytest.raises(ValueError, match=message):
        RowSelector(**parameters).fit(np.eye(3))


def test_the_inverse_takes_no_weights_where_no_sample_was_kept():
    X = np.zeros((5, 3))
    selector = RowSelector().fit(X)
    weights = selector.transform(X)
    assert weights.shape == (5, 0)
    assert np.array_equal(selector.inverse_transform(weights), X)
