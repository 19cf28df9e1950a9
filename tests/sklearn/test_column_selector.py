"""ColumnSelector: which columns stay, what is said of the others, and how far off that is."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rrqr_lapack import select_columns
from rrqr_lapack.sklearn import ColumnSelector

METHODS = ["greedy", "strong", "gks", "arp", "osinsky", "earlier"]
DTYPES = [np.float32, np.float64]


@pytest.fixture
def collinear(rng):
    """Nine columns of rank five, in units of very different size."""
    X = rng.standard_normal((60, 5)) @ rng.standard_normal((5, 9))
    return X * 10.0 ** np.arange(-4, 5)


def kept(X, **parameters):
    return ColumnSelector(method="earlier", **parameters).fit(X).get_support(indices=True).tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_the_error_is_that_of_the_inverse(method, scale, dtype, rng):
    X = (rng.standard_normal((40, 12)) * np.geomspace(1, 100, 12)).astype(dtype)
    selector = ColumnSelector(7, method=method, scale=scale, random_state=0).fit(X)
    left = X - selector.inverse_transform(selector.transform(X))
    assert left.dtype == dtype
    assert selector.get_support().sum() == 7
    assert np.allclose(np.linalg.norm(left, axis=0), selector.column_errors_, rtol=1e-4, atol=1e-3)
    assert selector.reconstruction_error_ == pytest.approx(np.linalg.norm(left), rel=1e-4)
    C = selector.get_support(indices=True)
    best = np.linalg.lstsq(X[:, C], X, rcond=None)[0]
    assert np.allclose(selector.coefficients_, best, atol=1e-3)
    assert np.array_equal(selector.coefficients_[:, C], np.eye(7))


@pytest.mark.parametrize("method", METHODS)
def test_exactly_the_rank_stays_whatever_the_units(method, collinear):
    selector = ColumnSelector(method=method, random_state=0).fit(collinear)
    assert selector.get_support().sum() == 5
    restored = selector.inverse_transform(selector.transform(collinear))
    assert np.allclose(restored, collinear, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", ["greedy", "strong", "earlier"])
@pytest.mark.parametrize("tol", [0.5, 1e-2])
def test_no_column_is_missed_by_more_than_the_tolerance_in_its_own_unit(method, tol, rng):
    X = rng.standard_normal((80, 6)) @ rng.standard_normal((6, 20)) + 0.01 * rng.standard_normal((80, 20))
    X *= 10.0 ** rng.integers(-6, 6, 20)
    selector = ColumnSelector(tol=tol, method=method).fit(X)
    assert 0 < selector.get_support().sum() < 20
    assert (selector.column_errors_ <= 1.0001 * tol * np.linalg.norm(X, axis=0)).all()


def test_greedy_chooses_as_select_columns_and_by_units_of_norm_one_begins_with_the_first(rng):
    X = rng.standard_normal((30, 10))
    assert np.array_equal(ColumnSelector(4, scale=False).fit(X).columns_, select_columns(X, 4).columns)
    units = X / np.linalg.norm(X, axis=0)
    units[:, 0] *= 1.000001
    for sign in (1, -1):  # of equal norms rounding must not choose
        X = sign * X * 3.0
        assert np.array_equal(ColumnSelector(4).fit(X).columns_, select_columns(units, 4).columns)


def test_of_dependent_columns_the_last_one_goes(rng):
    x, y, z = rng.standard_normal((3, 50))
    one = np.ones(50)
    assert kept(np.column_stack([x, y, x + y, z])) == [0, 1, 3]
    assert kept(np.column_stack([x, x, x, y])) == [0, 3]
    assert kept(np.column_stack([0 * x, x, one, 1 - x, y, 3 * one])) == [1, 2, 4]


def test_a_full_set_of_indicators_loses_its_last_beside_a_constant(rng):
    """R's `lm` gives NA to the last level of each factor that is written out after an intercept."""
    one, colours, sizes = np.ones((90, 1)), np.eye(3)[rng.integers(3, size=90)], np.eye(4)[rng.integers(4, size=90)]
    assert kept(np.hstack([one, colours, sizes])) == [0, 1, 2, 4, 5, 6]
    assert kept(np.hstack([colours, sizes])) == [0, 1, 2, 3, 4, 5]


def test_an_intercept_is_a_column_of_ones_before_all_others(rng):
    one, x, sizes = np.ones((90, 1)), rng.standard_normal((90, 2)), np.eye(4)[rng.integers(4, size=90)]
    X = np.hstack([x, 1e6 + x[:, :1], 5 * one, sizes, x[:, 1:] - 7])
    assert kept(X, fit_intercept=True) == [0, 1, 4, 5, 6]
    assert kept(np.hstack([one, X])) == [0, *(1 + column for column in kept(X, fit_intercept=True))]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("tol", [0.0, 1e-7])
@pytest.mark.parametrize("rows", [30, 125, 1000, 100_000])
def test_beside_an_intercept_rounding_error_keeps_no_column(rows, tol, dtype):
    """Neither a constant, whatever its mean rounds to, nor the last of all indicators, however many rows there are."""
    X = np.column_stack([np.full(rows, 0.1), np.arange(rows), np.eye(3)[np.arange(rows) % 3], np.full(rows, 1e6 + 0.3)])
    assert kept(X.astype(dtype), tol=tol, fit_intercept=True) == [1, 2, 3]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_beside_an_intercept_no_method_keeps_a_constant(method, scale, dtype, rng):
    for X in (np.ones((5, 1)), np.ones((5, 3)), np.full((7, 1), 1e6 + 0.3), np.full((7, 2), 1e-30 / 3)):
        selector = ColumnSelector(method=method, scale=scale, fit_intercept=True).fit(X.astype(dtype))
        assert selector.columns_.tolist() == []
        assert np.allclose(selector.intercept_, X[0], rtol=1e-6)
    X = np.column_stack([np.full(50, 0.1), rng.standard_normal(50), np.full(50, 1e3 + 0.3)]).astype(dtype)
    assert ColumnSelector(method=method, scale=scale, fit_intercept=True).fit(X).columns_.tolist() == [1]


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_with_an_intercept_each_column_is_fitted_by_a_constant_too(method, scale, rng):
    X = 100 + rng.standard_normal((40, 12)) * np.geomspace(1, 10, 12)
    selector = ColumnSelector(5, method=method, scale=scale, fit_intercept=True, random_state=0).fit(X)
    C = selector.get_support(indices=True)
    design = np.column_stack([np.ones(40), X[:, C]])
    best = np.linalg.lstsq(design, X, rcond=None)[0]
    assert np.allclose(selector.intercept_, best[0], atol=1e-6)
    assert np.allclose(selector.coefficients_, best[1:], atol=1e-8)
    left = X - selector.inverse_transform(selector.transform(X))
    assert np.allclose(left, X - design @ best, atol=1e-8)
    assert selector.reconstruction_error_ == pytest.approx(np.linalg.norm(left))


def test_sparse_data_takes_no_intercept():
    with pytest.raises(TypeError, match="X must be an array where fit_intercept=True, got a sparse matrix"):
        ColumnSelector(fit_intercept=True).fit(sparse.eye_array(4, format="csr"))


@pytest.mark.parametrize("unit", [1e-150, 1e-9, 1.0, 1e9, 1e150])
def test_units_do_not_decide_which_column_stays(unit, rng):
    x, y, z = rng.standard_normal((3, 50))
    X = np.column_stack([x, y, x - y, z])
    for column in range(4):
        scaled = X.copy()
        scaled[:, column] *= unit
        assert kept(scaled) == [0, 1, 3]


def test_units_may_be_as_far_apart_as_numbers_go(rng):
    x, y, z = rng.standard_normal((3, 50))
    X = np.column_stack([1e-120 * x, 1e120 * y, 1e-120 * (x - y), z])
    X[7] = 0  # so that no entry of a column can stand for its size
    assert kept(X) == [0, 1, 3]
    assert ColumnSelector().fit(X).get_support().sum() == 3
    X[:, :2] *= 1e-60, 1e60
    with pytest.raises(OverflowError, match="the coefficients overflow: the units of the columns are too far apart"):
        kept(X)


@pytest.mark.parametrize(("distance", "stays"), [(2e-7, True), (5e-8, False)])
def test_the_tolerance_is_that_of_lm(distance, stays, rng):
    """Column j stays where what the earlier ones leave of it is at least 1e-7 of its norm."""
    Q = np.linalg.qr(rng.standard_normal((50, 3)))[0]
    X = np.column_stack([Q[:, 0], Q[:, 1], 3 * (Q[:, 0] + distance * Q[:, 2])])
    assert kept(X) == ([0, 1, 2] if stays else [0, 1])


@pytest.mark.parametrize("shape", [(10, 30), (200, 30), (30, 30)])
def test_the_earlier_columns_are_those_that_a_loop_over_projections_keeps(shape, rng):
    X = rng.standard_normal((shape[0], 8)) @ rng.integers(-1, 2, (8, shape[1])).astype(float)
    expected = []
    for j in range(shape[1]):
        left = X[:, j] - X[:, expected] @ np.linalg.lstsq(X[:, expected], X[:, j], rcond=None)[0]
        if np.linalg.norm(left) > 1e-7 * np.linalg.norm(X[:, j]):
            expected.append(j)
    assert len(expected) < shape[1]
    assert kept(X) == expected
    assert kept(X, n_features=3) == expected[:3]
    assert kept(sparse.csr_array(X)) == expected


@pytest.mark.parametrize("method", ["greedy", "earlier", "gks", "arp", "osinsky"])
def test_sparse_data_gives_the_columns_of_the_same_data_dense(method, rng):
    X = sparse.random_array((60, 15), density=0.3, rng=rng, format="csr")
    X = sparse.hstack([X, X[:, :5] @ sparse.diags_array(np.arange(1.0, 6.0))]).tocsr()
    selector = ColumnSelector(method=method, random_state=0).fit(X)
    assert selector.get_support().sum() == 15
    reduced = selector.transform(X)
    assert sparse.issparse(reduced)
    assert np.allclose(selector.inverse_transform(reduced), X.toarray(), atol=1e-8)
    assert selector.reconstruction_error_ < 1e-8
    if method in ("greedy", "earlier"):
        assert np.array_equal(ColumnSelector(method=method).fit(X.toarray()).get_support(), selector.get_support())


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_data_frame_keeps_the_names_of_its_columns(library, rng):
    frames, values = pytest.importorskip(library), rng.standard_normal(20)
    frame = pytest.importorskip("pandas").DataFrame({"a": values, "n": np.arange(20), "twice": 2 * values})
    selector = ColumnSelector(method="earlier").set_output(transform=library).fit(frame)
    assert selector.get_feature_names_out().tolist() == ["a", "n"]
    kept = selector.transform(frame)
    assert isinstance(kept, frames.DataFrame)
    assert list(kept.columns) == ["a", "n"]
    assert np.array_equal(kept["n"], frame["n"])


def test_a_pipeline_a_transformer_of_columns_and_a_search_take_it(collinear, rng):
    y = collinear @ rng.standard_normal(9)
    chosen = ColumnTransformer([("few", ColumnSelector(), [0, 1, 2, 3, 4, 5]), ("all", "passthrough", [6])])
    assert chosen.fit_transform(collinear).shape == (60, 6)
    model = make_pipeline(ColumnSelector(method="earlier"), LinearRegression())
    search = GridSearchCV(model, {"columnselector__n_features": [2, 5]}, cv=3).fit(collinear, y)
    assert search.best_params_ == {"columnselector__n_features": 5}
    assert search.best_score_ > 1 - 1e-9


def test_columns_of_zeros_go_and_nothing_may_stay():
    selector = ColumnSelector(method="earlier").fit(np.zeros((5, 3)))
    assert not selector.get_support().any()
    assert selector.reconstruction_error_ == 0


@pytest.mark.filterwarnings("ignore:No features were selected")
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_inverse_takes_no_columns_where_none_were_kept(fit_intercept):
    X = np.full((5, 3), 2.0 * fit_intercept)
    selector = ColumnSelector(fit_intercept=fit_intercept).fit(X)
    nothing = selector.transform(X)
    assert nothing.shape == (5, 0)
    assert np.array_equal(selector.inverse_transform(nothing), X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_features": 4}, "n_features must be at most the number of columns, 3, got 4"),
        ({"n_features": 0}, "n_features must be at least 1, got 0"),
        ({"tol": -1.0}, "tol must be finite and at least 0, got -1.0"),
        ({"method": "qr"}, "method must be one of 'greedy', .*, got 'qr'"),
    ],
)
def test_what_a_parameter_must_be_is_said(parameters, message):
    with pytest.raises(ValueError, match=message):
        ColumnSelector(**parameters).fit(np.eye(3))


@pytest.mark.parametrize("name", ["scale", "fit_intercept"])
def test_a_switch_is_true_or_false(name):
    with pytest.raises(TypeError, match=f"{name} must be True or False, got 'yes'"):
        ColumnSelector(**{name: "yes"}).fit(np.eye(3))


def test_the_inverse_says_how_many_columns_it_takes():
    with pytest.raises(ValueError, match=r"X must have 2 columns, those kept, got the shape \(3, 3\)"):
        ColumnSelector(2).fit(np.eye(3)).inverse_transform(np.eye(3))
