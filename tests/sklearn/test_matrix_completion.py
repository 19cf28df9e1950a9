"""MatrixCompletion: what is filled in, by biases and by a matrix of low rank, for rows old and new."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rrqr_lapack import complete
from rrqr_lapack.sklearn import MatrixCompletion
from rrqr_lapack.sklearn._random import generator

METHODS = pytest.mark.parametrize("method", ["soft_impute", "als"])


def missing(X, rng, share=0.3):
    """X without a random share of its entries, and where they are."""
    holes = rng.random(X.shape) < share
    return np.where(holes, np.nan, X), holes


@pytest.fixture
def table(rng):
    """Biases that are large, and a matrix of rank 2 and noise beside them."""
    low = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 30))
    return 50 + 10 * np.add.outer(rng.standard_normal(80), rng.standard_normal(30)) + low


@METHODS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_of_ones_is_filled_with_ones(method, dtype, rng):
    X, holes = missing(np.ones((20, 9), dtype), rng)
    filled = MatrixCompletion(2, method=method, random_state=0).fit_transform(X)
    assert filled.dtype == dtype
    assert np.allclose(filled, 1, atol=100 * np.finfo(dtype).eps)
    assert holes.any()


@METHODS
def test_sums_of_rows_and_columns_are_found_and_hold_for_new_rows(method, rng):
    r, c = rng.standard_normal(40), 100 * rng.standard_normal(12)
    X, _ = missing(np.add.outer(r, c), rng)
    imputer = MatrixCompletion(3, method=method, random_state=0).fit(X)
    assert np.allclose(imputer.transform(X), np.add.outer(r, c), atol=1e-8)
    assert np.allclose(imputer.column_biases_, c - c.mean(), atol=1e-8)
    assert len(imputer.singular_values_) == 0
    fresh, _ = missing(np.add.outer([5.0, -8.0], c), rng)
    assert np.allclose(imputer.transform(fresh), np.add.outer([5.0, -8.0], c), atol=1e-8)


@METHODS
def test_a_matrix_of_low_rank_beside_them_is_found_too(method, table, rng):
    X, holes = missing(table + 0.05 * rng.standard_normal(table.shape), rng)
    filled = MatrixCompletion(4, method=method, random_state=0).fit_transform(X)
    assert np.array_equal(filled[~holes], X[~holes])
    errors = [
        np.sqrt(np.mean((each - table)[holes] ** 2))
        for each in (filled, SimpleImputer().fit_transform(X), KNNImputer().fit_transform(X))
    ]
    assert errors[0] < 0.3
    assert errors[0] < 0.2 * min(errors[1:])


@METHODS
def test_what_transform_fills_in_is_what_fit_found(method, table, rng):
    """At the minimum each row of Z is the ridge regression of its entries on the components."""
    X, holes = missing(table - table.mean(), rng)
    options = {"method": method, "rank": 6, "penalties": [3.0]}
    seen = sparse.coo_array((X[~holes], (~holes).nonzero()), shape=X.shape)
    Z = complete(seen, rtol=1e-9, maxiter=5000, rng=generator(0), **options).reconstruct()
    imputer = MatrixCompletion(
        6, method=method, penalties=[3.0], with_biases=False, tol=1e-9, max_iter=5000, random_state=0
    )
    assert np.allclose(imputer.fit_transform(X)[holes], Z[holes], atol=1e-4)


def test_the_biases_are_the_least_squares_fit_of_their_sum(table, rng):
    X, holes = missing(table, rng, 0.5)
    rows, columns = (~holes).nonzero()
    design = np.zeros((len(rows), 110))
    design[np.arange(len(rows)), rows] = design[np.arange(len(rows)), 80 + columns] = 1
    best = np.linalg.lstsq(design, X[~holes], rcond=None)[0]
    imputer = MatrixCompletion(random_state=0).fit(X)
    assert np.allclose(imputer.column_biases_, best[80:] - best[80:].mean(), atol=1e-8)
    assert imputer.row_bias_ == pytest.approx(best[:80].mean() + best[80:].mean())


def test_a_row_or_column_that_is_empty_gets_the_biases_that_are_known(table, rng):
    X, _ = missing(table, rng)
    X[3], X[:, 7] = np.nan, np.nan
    imputer = MatrixCompletion(random_state=0).fit(X)
    filled = imputer.transform(X)
    assert np.isfinite(filled).all()
    assert np.allclose(filled[3], imputer.row_bias_ + imputer.column_biases_)
    assert imputer.column_biases_[7] == 0
    assert filled.shape == X.shape


def test_the_data_that_was_given_keeps_its_holes(table, rng):
    X, holes = missing(table, rng)
    imputer = MatrixCompletion(2, random_state=0).fit(X)
    imputer.transform(X)
    assert np.array_equal(np.isnan(X), holes)


def test_a_data_frame_comes_back_with_its_names(table, rng):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(missing(table, rng)[0]).add_prefix("c")
    filled = MatrixCompletion(random_state=0).set_output(transform="pandas").fit_transform(frame)
    assert filled.columns.tolist() == frame.columns.tolist()
    assert not filled.isna().to_numpy().any()


def test_a_search_over_a_pipeline_takes_it(table, rng):
    X, _ = missing(table, rng, 0.1)
    model = make_pipeline(MatrixCompletion(method="als", random_state=0), Ridge())
    search = GridSearchCV(model, {"matrixcompletion__n_components": [1, 3]}, cv=3).fit(X, table @ np.ones(30))
    assert search.best_score_ > 0.9


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "als"}, "n_components must be an integer for method='als', got None"),
        ({"n_components": 0}, "n_components must be at least 1, got 0"),
        ({"fraction": 2.0}, "fraction must be between 0 and 1, got 2.0"),
    ],
)
def test_what_a_parameter_must_be_is_said(parameters, message, table):
    with pytest.raises(ValueError, match=message):
        MatrixCompletion(**parameters).fit(table)


def test_a_switch_is_true_or_false(table):
    with pytest.raises(TypeError, match="with_biases must be True or False, got 'yes'"):
        MatrixCompletion(with_biases="yes").fit(table)


def test_infinity_is_no_missing_value(table):
    table[2, 3] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        MatrixCompletion().fit(table)
