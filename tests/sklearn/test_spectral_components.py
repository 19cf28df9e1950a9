"""PCA and TruncatedSVD: components, shares, scores and errors beside the full singular value decomposition."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn import decomposition
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from rrqr_lapack.sklearn import PCA, TruncatedSVD

BOTH = pytest.mark.parametrize("estimator", [PCA, TruncatedSVD])


@pytest.fixture
def X(rng):
    """A spectrum that falls, and a mean that is not 0."""
    return 3 + (rng.standard_normal((90, 20)) * 0.6 ** np.arange(20)) @ np.linalg.qr(rng.standard_normal((20, 20)))[0]


def centred(estimator, X):
    return X - X.mean(axis=0) if estimator is PCA else X


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BOTH
def test_the_components_are_the_leading_singular_vectors(estimator, dtype, X):
    model = estimator(4, random_state=0).fit(X.astype(dtype))
    _, s, Vh = np.linalg.svd(centred(estimator, X))
    close = 1e-3 if dtype == np.float32 else 1e-7
    assert model.components_.dtype == dtype
    assert np.allclose(model.singular_values_, s[:4], rtol=close)
    assert np.allclose(np.abs(model.components_ @ Vh[:4].T), np.eye(4), atol=close)
    assert (np.take_along_axis(model.components_, abs(model.components_).argmax(axis=1)[:, None], 1) > 0).all()


@BOTH
def test_the_error_is_that_of_the_inverse(estimator, X):
    model = estimator(4, random_state=0).fit(X)
    left = X - model.inverse_transform(model.transform(X))
    assert model.reconstruction_error_ == pytest.approx(np.linalg.norm(left), rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
@BOTH
def test_a_share_takes_as_few_components_as_keep_it(estimator, share, X):
    squares = np.linalg.svd(centred(estimator, X), compute_uv=False) ** 2
    kept = np.cumsum(squares) / squares.sum()
    model = estimator(share, random_state=0).fit(X)
    assert len(model.components_) == np.searchsorted(kept, share) + 1
    assert model.get_feature_names_out().size == len(model.components_)


@pytest.mark.parametrize("n_components", [3, 0.9, None])
def test_principal_components_are_scikit_learns(n_components, X):
    ours, theirs = PCA(n_components).fit(X), decomposition.PCA(n_components).fit(X)
    assert ours.n_components_ == theirs.n_components_
    names = ["explained_variance_", "explained_variance_ratio_", "noise_variance_", "mean_", "singular_values_"]
    for name in names:
        assert np.allclose(getattr(ours, name), getattr(theirs, name)), name
    assert np.allclose(ours.transform(X), theirs.transform(X))
    for blocks in (1, 5, 90):
        stream = PCA(n_components)
        for block in np.array_split(X, blocks):
            stream.partial_fit(block)
        assert stream.n_samples_seen_ == 90
        if n_components != 3:  # then all rows are factored, not sketched
            assert np.allclose(stream.transform(X), theirs.transform(X))
        for name in names:
            assert np.allclose(getattr(stream, name), getattr(theirs, name), rtol=0.05), name


def test_a_stream_loses_at_most_twice_the_least_variance(rng):
    X = rng.standard_normal((300, 80)) * 0.97 ** np.arange(80)
    stream = PCA(10, random_state=0)
    for block in np.array_split(X, 20):
        stream.partial_fit(block)
    left = np.linalg.norm(X - stream.inverse_transform(stream.transform(X)))
    assert left**2 < 2 * (np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[10:] ** 2).sum()
    assert left <= stream.reconstruction_error_ * (1 + 1e-9)


def test_whitened_scores_have_variance_one_and_the_same_inverse(X):
    model = PCA(5, whiten=True).fit(X)
    Z = model.transform(X)
    assert np.allclose(np.cov(Z.T), np.eye(5), atol=1e-8)
    assert np.allclose(model.inverse_transform(Z), PCA(5).fit(X).inverse_transform(PCA(5).fit_transform(X)))
    theirs = decomposition.PCA(5, whiten=True).fit_transform(X)
    assert np.allclose(np.abs(Z), np.abs(theirs))


def test_a_direction_without_variance_is_not_divided_by_rounding_error(rng):
    X = np.outer(rng.standard_normal(30), [1.0, 2.0, 2.0]) + 7
    assert np.abs(PCA(whiten=True).fit_transform(X)[:, 1:]).max() < 1e-6


@BOTH
def test_sparse_data_gives_what_it_gives_dense(estimator, rng):
    X = sparse.random_array((70, 15), density=0.2, rng=rng, format="csr")
    one, other = (estimator(15, random_state=0).fit(A) for A in (X, X.toarray()))
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_"):
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-5), name
    assert np.allclose(one.transform(X), other.transform(X.toarray()), atol=1e-5)


def test_truncated_singular_values_are_scikit_learns(X):
    ours, theirs = TruncatedSVD(4, random_state=0).fit(X), decomposition.TruncatedSVD(4, random_state=0).fit(X)
    for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_"):
        assert np.allclose(getattr(ours, name), getattr(theirs, name)), name


@pytest.mark.parametrize("how", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, 2.0**660), (np.float64, 2.0**-660), (np.float32, 2.0**-80)])
def test_shares_of_variance_have_no_unit(unit, dtype, how, X):
    X = X.astype(dtype)
    plain = TruncatedSVD(4, random_state=0).fit(how(X))
    scaled = TruncatedSVD(4, random_state=0).fit(how(X * dtype(unit)))
    assert np.allclose(scaled.explained_variance_ratio_, plain.explained_variance_ratio_, rtol=1e-3)
    assert np.allclose(plain.explained_variance_, np.var(plain.transform(X), axis=0))
    assert np.array_equal(scaled.explained_variance_, np.full(4, np.inf if unit > 1 else 0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BOTH
def test_the_inverse_takes_no_components_where_none_were_kept(estimator, dtype):
    X = np.zeros((5, 3), dtype)
    model = estimator(0.5).fit(X)
    scores = model.transform(X)
    assert (scores.shape, scores.dtype) == ((5, 0), dtype)
    assert np.array_equal(model.inverse_transform(scores), X)


@BOTH
def test_a_search_chooses_the_number_of_components(estimator, X, rng):
    y = centred(estimator, X) @ np.linalg.svd(centred(estimator, X))[2][:6].T @ np.arange(1.0, 7.0)
    model = make_pipeline(estimator(random_state=0), LinearRegression())
    key = f"{estimator.__name__.lower()}__n_components"
    assert GridSearchCV(model, {key: [1, 8]}, cv=3).fit(X, y).best_params_ == {key: 8}


def test_a_stream_after_fit_says_that_it_begins_anew(X):
    model = PCA(2).fit(X)
    with pytest.warns(UserWarning, match="fit was given all rows, which are forgotten now"):
        model.partial_fit(X[:30])
    assert model.partial_fit(X[30:50]).n_samples_seen_ == 50
    assert model.fit(X).n_samples_seen_ == 90


def test_a_switch_is_true_or_false(X):
    with pytest.raises(TypeError, match="whiten must be True or False, got 'yes'"):
        PCA(whiten="yes").fit(X)


def test_nothing_is_known_before_data_is_seen():
    with pytest.raises(AttributeError, match="this PCA has seen no data; call fit or partial_fit first"):
        _ = PCA().mean_


@pytest.mark.parametrize(
    ("n_components", "message"),
    [
        (0, "n_components must be at least 1, got 0"),
        (21, "n_components must be at most the smaller side of X, n_samples=90 and n_features=20, got 21"),
        (1.0, "n_components must be an integer, or a share between 0 and 1, got 1.0"),
        (-0.5, "n_components must be an integer, or a share between 0 and 1, got -0.5"),
    ],
)
@BOTH
def test_what_the_number_of_components_must_be_is_said(estimator, n_components, message, X):
    with pytest.raises(ValueError, match=message):
        estimator(n_components).fit(X)
