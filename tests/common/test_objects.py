"""Every public object goes through pickle and deepcopy; what goes on working afterwards goes on bit for bit."""

import copy
import importlib
import inspect
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

import rrqr_lapack
from rrqr_lapack import (
    PCA,
    BlockMatrix,
    KernelMatrix,
    StrongRRQR,
    TallQR,
    TruncatedQR,
    _core,
    alternating_least_squares,
    basic_lstsq,
    certify,
    cur,
    interpolative_decomposition,
    kernel_ridge,
    low_rank_factors,
    nystrom,
    prune,
    randomized_eigh,
    randomized_qr,
    randomized_svd,
    range_finder,
    rbf,
    row_interpolative_decomposition,
    rpcholesky,
    select_columns,
    soft_impute,
    strong_rrqr,
    two_sided_interpolative_decomposition,
)

RNG = np.random.default_rng(0)
A = RNG.standard_normal((30, 6)) @ RNG.standard_normal((6, 20)) + 1e-3 * RNG.standard_normal((30, 20))
GRAM = A.T @ A
SPARSE = sparse.csr_array(np.where(RNG.random((30, 20)) < 0.3, A, 0))
MODULES = ("rrqr_lapack", "rrqr_lapack.interpolative", "rrqr_lapack._selection", "rrqr_lapack.prune")


def tall():
    """Rows that were eliminated and rows that wait."""
    return TallQR(RNG.standard_normal((600, 20)))


def analysis():
    """Of a small network."""
    layers = [prune.Dense(RNG.standard_normal(shape), activation="relu") for shape in ((6, 12), (12, 8), (8, 3))]
    return prune.analyze(prune.Network(layers, "softmax"), RNG.standard_normal((200, 6)))


def planned():
    """A plan of it."""
    return prune.plan(analysis(), keep=0.5)


def compressed():
    """A network and the report on it."""
    return prune.compress(analysis().face.model, RNG.standard_normal((200, 6)), keep=0.5)


MAKERS = {
    "BlockMatrix": [lambda: BlockMatrix(A), lambda: BlockMatrix(list(A.reshape(3, 10, 20)))],
    "CUR": [lambda: cur(A, rank=4), lambda: cur(SPARSE, rank=4, rng=0)],
    "PCA": [lambda: PCA(3, rng=0).fit(A), lambda: PCA(3, rng=0).partial_fit(A), lambda: PCA().partial_fit(A), PCA],
    "BasicSolution": [lambda: basic_lstsq(A, A[:, :2], rank=3)],
    "Certificate": [lambda: certify(A, [1, 2])],
    "ColumnSelection": [lambda: select_columns(A, 4)],
    "Completion": [
        lambda: soft_impute(SPARSE, rank=3, penalty=0.1),
        lambda: alternating_least_squares(SPARSE, rank=2, penalty=0.1),
    ],
    "InterpolativeDecomposition": [lambda: interpolative_decomposition(A, rank=4)],
    "KernelMatrix": [lambda: KernelMatrix(rbf, A)],
    "KernelRidge": [lambda: kernel_ridge(rbf, A, A[:, 0], shift=0.1, rank=5, rng=0)],
    "LinkingMatrix": [lambda: cur(A, rank=4).U],
    "LowRankFactors": [lambda: low_rank_factors(A, rank=4)],
    "Nystrom": [lambda: nystrom(GRAM, rank=4, rng=0)],
    "PartialCholesky": [lambda: rpcholesky(GRAM, rank=4, rng=0)],
    "RandomizedEigh": [lambda: randomized_eigh(GRAM, rank=4, rng=0)],
    "RandomizedQR": [lambda: randomized_qr(A, rank=4, rng=0)],
    "RandomizedSVD": [lambda: randomized_svd(A, rank=4, rng=0)],
    "Range": [lambda: range_finder(A, rank=4, rng=0)],
    "RowInterpolativeDecomposition": [lambda: row_interpolative_decomposition(A, rank=4)],
    "StrongRRQR": [lambda: strong_rrqr(A, rank=4)],
    "TallQR": [tall, TallQR, lambda: TallQR(A.astype("F"))],
    "TruncatedQR": [lambda: TruncatedQR(A, rank=4), lambda: TruncatedQR(np.zeros((0, 3)))],
    "TwoSidedInterpolativeDecomposition": [lambda: two_sided_interpolative_decomposition(A, rank=4)],
    "Analysis": [analysis],
    "Dense": [lambda: analysis().face.model.layers[0]],
    "LayerReport": [lambda: compressed()[1].layers[0]],
    "LeakyReLU": [prune.LeakyReLU],
    "Network": [lambda: compressed()[0]],
    "Plan": [planned],
    "Report": [lambda: compressed()[1]],
}
# what the methods of public objects give
FURTHER = {
    "the preconditioner": lambda: nystrom(GRAM, rank=4, rng=0).preconditioner(0.1),
    "GroupFactor": lambda: analysis().factor("layers[0]"),
    "Statistics": lambda: analysis().statistics("layers[0]"),
    "Recipe": lambda: planned().recipe,
    "GroupPlan": lambda: planned().groups[0],
}
OBJECTS = [
    *(pytest.param(make, id=f"{name} {i}") for name, makers in MAKERS.items() for i, make in enumerate(makers)),
    *(pytest.param(make, id=name) for name, make in FURTHER.items()),
]
WAYS = {
    **{
        f"pickle {protocol}": lambda x, protocol=protocol: pickle.loads(pickle.dumps(x, protocol))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
    "deepcopy": copy.deepcopy,
}
every_way = pytest.mark.parametrize("again", WAYS.values(), ids=WAYS)


def public_classes(modules):
    """Names of the classes in the modules' `__all__`."""
    found = [(module, name) for module in modules for name in importlib.import_module(module).__all__]
    found = {name: getattr(importlib.import_module(module), name) for module, name in found}
    return {name for name, x in found.items() if inspect.isclass(x) and not issubclass(x, Warning)}


def assert_same(one, two, path="it"):
    """The same type with the same contents, bit for bit; locks are whatever they are."""
    assert type(one) is type(two), path
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (two.dtype, two.shape), path
        np.testing.assert_array_equal(one, two, err_msg=path)
    elif isinstance(one, _core.Factor):
        (_, (_, first)), (_, (_, second)) = one.__reduce__(), two.__reduce__()
        assert_same(first, second, path)
    elif isinstance(one, np.random.Generator):
        assert one.bit_generator.state == two.bit_generator.state, path
    elif isinstance(one, dict):
        assert set(one) == set(two), path
        for key in one:
            assert_same(one[key], two[key], f"{path}[{key!r}]")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), path
        for i, (first, second) in enumerate(zip(one, two, strict=True)):
            assert_same(first, second, f"{path}[{i}]")
    elif sparse.issparse(one):
        assert_same(one.toarray(), two.toarray(), path)
    elif type(one).__module__.startswith("rrqr_lapack") and not inspect.isroutine(one):
        assert_same(kept(one), kept(two), path)
    elif not isinstance(one, type(threading.RLock())):
        assert one == two, path


def kept(x):
    """The attributes of an object, of a TallQR without the memory that was never written to, of none what is open."""
    attributes = dict(vars(x))
    if isinstance(x, TallQR) and x._gathered is not None:
        attributes["_gathered"] = x._rest()
    if isinstance(x, BlockMatrix):
        del attributes["source"]  # opened again
    return attributes


def test_no_public_class_is_forgotten():
    assert public_classes(MODULES) == set(MAKERS)


@every_way
@pytest.mark.parametrize("make", OBJECTS)
def test_every_public_object_comes_back_as_it_was(make, again):
    x = make()
    y = again(x)
    assert y is not x
    assert_same(x, y)
    if type(x).__repr__ not in (object.__repr__, LinearOperator.__repr__):
        assert repr(x) == repr(y)


def test_a_linear_operator_multiplies_afterwards():
    p = nystrom(GRAM, rank=4, rng=0).preconditioner(0.1)
    q = pickle.loads(pickle.dumps(p))
    b = A[:20, :3]
    for one, two in ((p @ b, q @ b), (p.H @ b[:, 0], q.H @ b[:, 0]), (p.T @ b, q.T @ b)):
        np.testing.assert_array_equal(one, two)


def matrices(dtype):
    """One for each kernel: loops, panels, prefetched blocks; and one that is not long enough."""
    rng = np.random.default_rng(7)
    for m, n in ((8, 6), (120, 150), (300, 280), (5, 40)):
        a = rng.standard_normal((m, n))
        yield np.asarray(a + 1j * rng.standard_normal((m, n)) if dtype in "FD" else a, dtype)


def works_on(f, g, c):
    """The same bit for bit in all that a factor can do, before and after both go on."""
    for rank in (f.rank, f.rank + 1, min(f.shape)):
        f.extend(rank=rank)
        g.extend(rank=rank)
        for name in ("P", "R", "qr", "tau", "maxresid", "relmaxresid", "residual_column_norms", "rank"):
            np.testing.assert_array_equal(getattr(f, name), getattr(g, name), err_msg=name)
        np.testing.assert_array_equal(f.apply_q(c), g.apply_q(c))
        np.testing.assert_array_equal(f.form_q(), g.form_q())
        for one, two in zip(f.lstsq(c), g.lstsq(c), strict=True):
            np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(f.interpolation(), g.interpolation())


@every_way
@pytest.mark.parametrize("driver", ["auto", "greedy", "randomized", "lapack"])
def test_a_truncated_qr_goes_on_bit_for_bit(again, driver, dtype):
    for a in matrices(np.dtype(dtype).char):
        for rank in (0, 2, min(a.shape) // 2):
            f = TruncatedQR(a, rank=rank, driver=driver, rng=np.random.default_rng(3))
            works_on(f, again(f), a[:, :2])


@every_way
def test_a_strong_qr_goes_on_bit_for_bit(again, dtype):
    for a in matrices(np.dtype(dtype).char):
        for driver in ("auto", "lapack"):
            f = StrongRRQR(a, rank=3, f=1.2, driver=driver)
            g = again(f)
            works_on(f, g, a[:, :2])
            assert (f.swaps, f.max_coefficient, f.rho, f.bound) == (g.swaps, g.max_coefficient, g.rho, g.bound)


@every_way
def test_a_tall_qr_takes_more_rows_bit_for_bit(again, dtype):
    rows = np.random.default_rng(1).standard_normal((700, 20)).astype(dtype)
    for cut in (0, 3, 256, 300):
        f = TallQR().update(rows[:cut])
        g = again(f)
        np.testing.assert_array_equal(f.update(rows[cut:]).R, g.update(rows[cut:]).R)
        assert f.shape == g.shape == (700, 20)


@every_way
def test_a_stream_of_principal_components_goes_on_bit_for_bit(again):
    for rank in (None, 3):
        f = PCA(rank, rng=np.random.default_rng(0)).partial_fit(A)
        g = again(f)
        for x in (f, g):
            x.partial_fit(A[::-1] + 1)
        np.testing.assert_array_equal(f.components_, g.components_)
        np.testing.assert_array_equal(f.transform(A), g.transform(A))


@pytest.mark.parametrize("make", [lambda: TruncatedQR(A, rank=2), lambda: strong_rrqr(A, rank=2)], ids=["qr", "strong"])
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_of_a_factor_is_not_changed_by_the_original(make, duplicate):
    f = make()
    g = duplicate(f)
    before = g.qr
    f.extend(rank=15)
    np.testing.assert_array_equal(g.qr, before)
    assert g.rank == 2


def test_a_copy_of_what_takes_in_rows_is_not_changed_by_the_original():
    f, p = TallQR(A), PCA().partial_fit(A)
    g, q = copy.copy(f), copy.copy(p)
    f.update(A)
    p.partial_fit(A + 1)
    np.testing.assert_array_equal(g.R, TallQR(A).R)
    np.testing.assert_array_equal(q.components_, PCA().partial_fit(A).components_)


def test_a_pickle_out_of_band_may_be_read_only():
    f, buffers = TruncatedQR(A, rank=2), []
    data = pickle.dumps(f, 5, buffer_callback=buffers.append)
    g = pickle.loads(data, buffers=[bytes(buffer) for buffer in buffers])
    works_on(f, g, A[:, :2])


def test_a_pickle_holds_the_matrix_once_and_nothing_is_copied_for_it():
    f, buffers = TruncatedQR(np.asfortranarray(np.ones((400, 300))), rank=1), []
    assert len(pickle.dumps(f, 5)) < 1.1 * 8 * 400 * 300
    pickle.dumps(f, 5, buffer_callback=buffers.append)
    assert any(np.shares_memory(np.frombuffer(buffer.raw()), f._factor.a) for buffer in buffers)


def test_a_factor_that_only_reads_its_matrix_is_settled_first():
    a = np.asfortranarray(RNG.standard_normal((300, 400)))
    factor = _core.Factor(a, True)
    factor.randomized(10, -1.0, -1.0, 0.0, RNG.standard_normal((400, 300)).T.copy().T[:100].copy(order="F"))
    again = pickle.loads(pickle.dumps(factor))
    a[:] = 0
    for f in (factor, again):
        f.greedy(12, -1.0, -1.0, 0.0)
    np.testing.assert_array_equal(factor.upper(12), again.upper(12))


def test_a_factor_that_has_not_begun_is_refused():
    with pytest.raises(TypeError, match="a factor must have begun before it is pickled"):
        pickle.dumps(_core.Factor(np.asfortranarray(A)))


def state():
    """That of a factor with an open panel, which nobody else reads."""
    return pickle.loads(pickle.dumps(TruncatedQR(A, rank=7, driver="greedy")._factor.__reduce__()[1][1]))


SPOILT = {
    "a": [None, np.ones(3), np.ones((3, 3), "i4"), A[:5].copy(), A.astype(">f8")],
    "pivots": [None, np.zeros(20, "i4"), np.arange(19, dtype="i4"), np.arange(20.0), np.arange(1, 21, dtype="i4")],
    "tau": [None, np.ones(3), np.ones(20, "f4")],
    "norms": [None, np.ones(3), np.ones(20, "f4")],
    "norms0": [None, np.ones(3), np.ones((20, 1))],
    "f": [None, np.ones((13, 6)), np.ones((20, 7)), np.ones((13, 7), "f4")],
    "rank": [-1, 21, 3, None, 7.0, 2**40],
    "factored": [-1, 21, 3, "7"],
    "panel": [-1, 8, None],
    "width": [6, 21, -1],
    "stale": [-1, 21],
    "maxnorm": [None, 1],
    "largest": [None],
    "begun": [None],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=f"{name} {i}") for name, values in SPOILT.items() for i, value in enumerate(values)],
)
def test_a_factor_refuses_a_state_that_does_not_fit_together(name, value):
    assert _core.restored(_core.FORMAT, state()).rank == 7
    with pytest.raises(ValueError, match="state must be that of a whole factor, got one that is not: "):
        _core.restored(_core.FORMAT, {**state(), name: value})


def test_a_factor_refuses_a_state_that_is_cut_short_or_of_another_format():
    for name in state():
        short = state()
        del short[name]
        with pytest.raises(
            ValueError, match=f"state must be that of a whole factor, got one that is not: it must have .*{name}"
        ):
            _core.restored(_core.FORMAT, short)
    with pytest.raises(ValueError, match="state must be that of a whole factor"):
        _core.restored(_core.FORMAT, None)
    with pytest.raises(ValueError, match="version must be 1, the format that this rrqr_lapack reads, got 99; factor"):
        _core.restored(99, state())


@pytest.mark.parametrize("make", [tall, *(MAKERS[name][0] for name in ("TruncatedQR", "StrongRRQR"))])
def test_an_object_refuses_a_state_that_is_not_its_own(make):
    x = make()
    kind, good = type(x), x.__getstate__()
    for bad in ({}, None, vars(x), {**good, "class": "PCA"}, {**good, "more": 1}):
        with pytest.raises(ValueError, match=f"state must be that of a {kind.__name__}, got another; make it anew"):
            kind.__new__(kind).__setstate__(bad)
    with pytest.raises(
        ValueError, match=f"state must be a {kind.__name__} in format 1, which this version reads, got 0"
    ):
        kind.__new__(kind).__setstate__({**good, "format": 0})
    for name in good["kept"]:
        short = {key: value for key, value in good["kept"].items() if key != name}
        with pytest.raises(ValueError, match=f"state must be that of a whole {kind.__name__}, but not in {name}; "):
            kind.__new__(kind).__setstate__({**good, "kept": short})


def test_a_deep_copy_waits_for_its_turn():
    f = TruncatedQR(A, rank=2)
    copies = []
    with f._lock:
        thread = threading.Thread(target=lambda: copies.append(copy.deepcopy(f)))
        thread.start()
        thread.join(0.1)
        assert not copies
    thread.join()
    assert copies[0].rank == 2


# --- parameters ---------------------------------------------------------------------------------------------------


def estimators():
    """The public classes that can be fitted."""
    classes = {name: getattr(rrqr_lapack, name) for name in rrqr_lapack.__all__}
    return [x for x in classes.values() if inspect.isclass(x) and hasattr(x, "fit")]


@pytest.mark.parametrize("kind", estimators())
def test_parameters_are_asked_for_set_and_shown(kind):
    defaults = {name: p.default for name, p in inspect.signature(kind).parameters.items()}
    estimator = kind()
    assert estimator.get_params() == estimator.get_params(deep=False) == defaults
    assert repr(estimator) == f"{kind.__name__}()"
    for name in defaults:
        token = object()
        assert kind().set_params(**{name: token}).get_params() == {**defaults, name: token}
        assert repr(kind(**{name: 7})) == f"{kind.__name__}({name}=7)"
    with pytest.raises(
        ValueError, match=f"params must be those of {kind.__name__}, got 'ranks'; they are {next(iter(defaults))}"
    ):
        estimator.set_params(**{next(iter(defaults)): 3}, ranks=3)
    assert estimator.get_params() == defaults


@pytest.mark.parametrize("kind", estimators())
def test_scikit_learn_clones_and_searches(kind):
    base = pytest.importorskip("sklearn.base")
    estimator = kind(rank=2, rng=np.random.default_rng(0)).fit(A)
    twin = base.clone(estimator)
    assert twin is not estimator and not hasattr(twin, "components_")
    assert_same({**twin.get_params(), "rng": 0}, {**estimator.get_params(), "rng": 0})
    grid = pytest.importorskip("sklearn.model_selection").ParameterGrid({"rank": [1, 2, 3]})
    assert [base.clone(kind(rng=0)).set_params(**p).fit(A).n_components_ for p in grid] == [1, 2, 3]


# --- names --------------------------------------------------------------------------------------------------------


def in_a_fresh_process(code):
    """What the code prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_public_submodules_are_attributes_that_are_imported_when_asked_for():
    loaded = "print([m for m in ('prune', 'interpolative') if 'rrqr_lapack.' + m in sys.modules])"
    asked = "rrqr_lapack.prune.Plan, rrqr_lapack.interpolative.interp_decomp"
    for code, expected in ((loaded, ["[]"]), (f"{asked}; {loaded}", ["['prune',", "'interpolative']"])):
        assert in_a_fresh_process(f"import sys, rrqr_lapack; {code}") == expected
    assert {"prune", "interpolative", "qr"} <= set(dir(rrqr_lapack))
    with pytest.raises(AttributeError, match="module 'rrqr_lapack' has no attribute 'prunes'"):
        rrqr_lapack.prunes  # noqa: B018


def test_the_face_for_torch_is_an_attribute_where_torch_is():
    pytest.importorskip("torch")
    loaded = in_a_fresh_process(
        "import sys, rrqr_lapack.prune as p; print('torch' in dir(p), 'torch' in sys.modules, p.torch.__name__)"
    )
    assert loaded == ["True", "False", "rrqr_lapack.prune.torch"]
    with pytest.raises(AttributeError, match=r"module 'rrqr_lapack.prune' has no attribute 'jax'"):
        prune.jax  # noqa: B018
