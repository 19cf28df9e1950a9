"""What scikit-learn asks of every estimator: its own checks, copies, pickles, and its name."""

import ast
import importlib
import pickle
import pkgutil
import warnings
from pathlib import Path

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="the face for scikit-learn needs scikit-learn, an extra")

from sklearn.base import clone  # noqa: E402
from sklearn.utils.estimator_checks import estimator_checks_generator  # noqa: E402

import rrqr_lapack.sklearn as face  # noqa: E402

ESTIMATORS = {name: getattr(face, name) for name in face.__all__}
MODULES = [each.name for each in pkgutil.iter_modules(face.__path__)]
CHECKS = [each for estimator in ESTIMATORS.values() for each in estimator_checks_generator(estimator(), mark="xfail")]
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)


def called(value):
    """The name of an estimator or of a check, with what distinguishes it."""
    name = getattr(value, "func", value).__name__ if callable(value) else type(value).__name__
    return "-".join(map(str, (name, *getattr(value, "keywords", {}).values())))


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=called)
def test_scikit_learns_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks warn of what they try
        check(estimator)


@pytest.fixture
def data(rng):
    """Samples and a target; of positive numbers, as some kernels want them."""
    X = rng.random((40, 6)) @ rng.random((6, 8)) + 0.01 * rng.random((40, 8))
    return X, X @ rng.standard_normal(8)


def output(estimator, X):
    """What a fitted estimator makes of data."""
    for name in ("transform", "predict"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(X)
    return estimator.embedding_


@every_estimator
def test_a_pickle_works_as_what_was_pickled(estimator, data):
    fitted = estimator().fit(*data)
    assert np.array_equal(output(pickle.loads(pickle.dumps(fitted)), data[0]), output(fitted, data[0]))


@every_estimator
def test_a_clone_has_the_parameters_and_nothing_that_was_learned(estimator, data):
    fitted = estimator().fit(*data)
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert set(vars(copied)) == set(fitted.get_params())


@pytest.mark.parametrize("library", ["pandas", "polars"])
@every_estimator
def test_a_data_frame_comes_in_and_goes_out(estimator, library, data):
    frames = pytest.importorskip(library)
    names = [f"column {j}" for j in range(8)]
    frame = frames.DataFrame(dict(zip(names, data[0].T, strict=True)))
    seed = {"random_state": 0} if "random_state" in estimator().get_params() else {}
    fitted = estimator(**seed).fit(frame, data[1])
    if library == "pandas" or hasattr(frame, "__dataframe__"):  # by which scikit-learn knows names of columns
        assert fitted.feature_names_in_.tolist() == names
    expected = output(estimator(**seed).fit(*data), data[0])
    assert np.allclose(np.asarray(output(fitted, frame)), expected, atol=1e-6 * abs(expected).max())
    if hasattr(fitted, "get_feature_names_out"):
        made = fitted.set_output(transform=library).transform(frame)
        assert isinstance(made, frames.DataFrame)
        assert list(made.columns) == fitted.get_feature_names_out().tolist()


@every_estimator
def test_the_same_seed_gives_the_same_and_the_input_stays_as_it_was(estimator, data):
    X, y = data
    before = X.copy()
    one, other = (estimator(random_state=3).fit(X, y) for _ in range(2))
    assert np.array_equal(output(one, X), output(other, X))
    assert np.array_equal(X, before)


@pytest.mark.parametrize("name", MODULES)
def test_sklearn_in_a_module_of_the_face_is_scikit_learn(name):
    module = importlib.import_module(f"{face.__name__}.{name}")
    assert getattr(module, "sklearn", sklearn) is sklearn
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:  # never the face itself under its name
            assert "sklearn" not in [alias.name for alias in node.names]


def test_scikit_learn_is_no_attribute_of_the_face_and_the_face_is_not_exported_as_sklearn():
    import rrqr_lapack

    assert not hasattr(face, "sklearn")
    assert "sklearn" not in rrqr_lapack.__all__
    assert rrqr_lapack.sklearn is face is not sklearn
