"""Blocks of every kind, sparse and on a device, and what is refused at the door."""

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")

import dask
import dask.array as da

import rrqr_lapack
from rrqr_lapack.dask import (
    PCA,
    RowBatches,
    cur,
    interpolative_decomposition,
    qr_truncated,
    randomized_svd,
    select_columns,
    tall_qr,
)
from rrqr_lapack.prune import Dense, Network, analyze


class OnDevice(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that, as CuPy's, becomes NumPy's by its own method only, and makes its like of whatever NumPy does."""

    __array_priority__ = 100

    def __init__(self, a):
        self.a = a

    shape, dtype, ndim, size = (
        property(lambda self, name=name: getattr(self.a, name)) for name in ("shape", "dtype", "ndim", "size")
    )
    nbytes, T = (property(lambda self, name=name: wrapped(getattr(self.a, name))) for name in ("nbytes", "T"))

    def __len__(self):
        return len(self.a)

    def get(self):
        return self.a

    def __array__(self, *ignored, **also):
        raise TypeError("implicit conversion to a NumPy array is not allowed; use get()")

    def __getitem__(self, key):
        return wrapped(self.a[key])

    def astype(self, dtype, copy=True):
        return OnDevice(self.a.astype(dtype, copy=copy))

    def conj(self):
        return OnDevice(self.a.conj())

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        assert not any(type(each) is np.ndarray and each.ndim for each in inputs), "a host array met the device"
        return wrapped(getattr(ufunc, method)(*map(bare, inputs), **{k: bare(v) for k, v in options.items()}))

    def __array_function__(self, function, types, arguments, options):
        return wrapped(function(*bare(arguments), **bare(options)))


def bare(value):
    match value:
        case OnDevice():
            return value.a
        case list() | tuple():
            return type(value)(map(bare, value))
        case dict():
            return {key: bare(each) for key, each in value.items()}
    return value


def wrapped(value):
    return OnDevice(value) if isinstance(value, np.ndarray) else value


da.register_chunk_type(OnDevice)


def on_device(A, chunks):
    return da.from_array(A, chunks=chunks).map_blocks(OnDevice, dtype=A.dtype, meta=OnDevice(np.empty((0, 0), A.dtype)))


def in_sparse_blocks(A, chunks, kind=sparse.csr_array):
    return da.from_array(A, chunks=chunks).map_blocks(kind, dtype=A.dtype, meta=kind(np.empty((0, 0), A.dtype)))


@pytest.fixture
def A(rng):
    """Sparse, of columns that differ in size."""
    return np.where(rng.random((300, 20)) < 0.3, rng.standard_normal((300, 20)), 0) * np.geomspace(1, 0.1, 20)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix, sparse.csc_array], ids=lambda k: k.__name__)
def test_sparse_blocks_are_factored_and_their_columns_stay_sparse(A, kind):
    x = in_sparse_blocks(A, (70, 20 if kind is sparse.csc_array else 7), kind)  # Dask joins rows of csr alone
    lazy = interpolative_decomposition(x, rank=6)
    found, skeleton = dask.compute(lazy, lazy.skeleton)
    memory = rrqr_lapack.interpolative_decomposition(A, rank=6)
    assert np.array_equal(found.columns, memory.columns)
    assert found.error == pytest.approx(memory.error)
    assert sparse.issparse(skeleton)
    assert np.array_equal(skeleton.toarray(), A[:, memory.columns])
    F = qr_truncated(x, rank=6)
    Q, F = dask.compute(F.form_q(), F)
    assert isinstance(Q, np.ndarray)
    assert np.allclose(Q @ F.R[:, :6], A[:, F.P[:6]])


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_sparse_blocks_are_sketched_multiplied_and_centred(A, by):
    x = in_sparse_blocks(A, (160, 11))
    found = interpolative_decomposition(x, rank=6, by=by, rng=0).compute()
    assert np.linalg.norm(A - A[:, found.columns] @ found.coefficients) <= found.error_bound * 1.001
    assert np.allclose(
        randomized_svd(x, 3, by=by, rng=0).compute().s, np.linalg.svd(A, compute_uv=False)[:3], rtol=0.02
    )
    pca = PCA(2, by=by, n_power_iter=6, rng=0).fit(x)
    assert np.allclose(pca.components_, rrqr_lapack.PCA(2).fit(A).components_, atol=1e-3)
    assert np.allclose(pca.transform(x), pca.transform(da.from_array(A)))
    lazy = cur(x, rank=6, by=by, rng=0)
    assert np.array_equal(lazy.compute().R, A[lazy.compute().rows])


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_blocks_on_a_device_stay_there(A, by):
    x = on_device(A, (70, 7))
    lazy = interpolative_decomposition(x, rank=6, by=by, rng=0)
    found, skeleton = dask.compute(lazy, lazy.skeleton)
    host = interpolative_decomposition(da.from_array(A, chunks=(70, 7)), rank=6, by=by, rng=0).compute()
    assert np.array_equal(found.columns, host.columns)
    assert found.error == pytest.approx(host.error)
    assert isinstance(skeleton, OnDevice)
    assert np.array_equal(skeleton.get(), A[:, host.columns])
    F = qr_truncated(x, rank=6, by=by, rng=0)
    Q, F = dask.compute(F.form_q(), F)
    assert isinstance(Q, OnDevice)
    assert np.allclose(Q.get() @ F.R[:, :6], A[:, F.P[:6]])
    assert np.array_equal(select_columns(x, 6, by=by, rng=0).compute().columns[:1], host.columns[:1])


def test_products_on_a_device_stay_there(A):
    x = on_device(A, (160, 11))
    for by in ("triangle", "sketch"):
        found = randomized_svd(x, 4, by=by, rng=0).compute()
        assert isinstance(found.U, OnDevice)
        assert np.allclose(found.s, randomized_svd(da.from_array(A), 4, by=by, rng=0).compute().s)
    pca = PCA(3, by="triangle").fit(x)
    assert np.allclose(pca.components_, rrqr_lapack.PCA(3).fit(A).components_)
    assert np.allclose(PCA(3, by="sketch", n_power_iter=8, rng=0).fit(x).mean_, A.mean(axis=0))
    assert isinstance(pca.transform(x).compute(), OnDevice)


def test_the_triangle_of_blocks_on_a_device_knows_its_rows(A):
    tall = tall_qr(on_device(A, (70, 20))).compute()
    assert tall.shape == A.shape
    assert np.allclose(tall.R.T @ tall.R, A.T @ A)
    assert np.allclose(tall.update(A).R.T @ tall.R, 2 * A.T @ A)


def test_integers_and_booleans_are_factored_in_double_and_single_precision(rng):
    A = rng.integers(-9, 9, (60, 5))
    for B in (A, A > 0):
        found = qr_truncated(da.from_array(B, chunks=(20, 2))).compute()
        memory = rrqr_lapack.TruncatedQR(B)
        assert found.R.dtype == memory.dtype
        assert np.array_equal(found.P, memory.P)


def test_samples_come_batch_after_batch_and_again(rng):
    X = rng.standard_normal((500, 6))
    batches = RowBatches(da.from_array(X, chunks=(120, 4)), rows=50)
    for _ in range(2):
        assert np.array_equal(np.concatenate(list(batches)), X)
        assert max(map(len, batches)) == 50
    network = Network([Dense(rng.standard_normal((6, 8)), activation="relu"), Dense(rng.standard_normal((8, 2)))])
    found, memory = (analyze(network, data).statistics("layers[0]") for data in (batches, X))
    assert found.rows == memory.rows == 500
    assert np.allclose(abs(found.triangle), abs(memory.triangle))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: tall_qr(np.ones((3, 2))), TypeError, "x must be a dask.array, got ndarray"),
        (lambda x: tall_qr(x[0]), ValueError, "x must have 2 dimensions, got 1"),
        (lambda x: tall_qr(x.astype("O")), TypeError, "x must be boolean, integer, real or complex"),
        (lambda x: tall_qr(x[:, x[0] > 0]), ValueError, "known number of columns.*call x.compute_chunk_sizes"),
        (lambda x: tall_qr(x, split_every=1), ValueError, "split_every must be at least 2, got 1"),
        (lambda x: qr_truncated(x, rank=5), ValueError, "rank must be between 0 and 4"),
        (lambda x: qr_truncated(x, rtol=-1), ValueError, "rtol must be finite and at least 0"),
        (lambda x: qr_truncated(x, by="qr"), ValueError, "by must be one of 'auto', 'triangle', 'sketch', got 'qr'"),
        (lambda x: interpolative_decomposition(x, f=0.5), ValueError, "f must be finite and at least 1"),
        (lambda x: select_columns(x, 2, method="best"), ValueError, "method must be one of"),
        (lambda x: select_columns(x, 2, method="cholesky"), ValueError, "method must be one that a triangle"),
        (lambda x: PCA().fit(np.ones((3, 2))), TypeError, "X must be a dask.array"),
        (lambda x: RowBatches(x, rows=0), ValueError, "rows must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_taken_is_refused_before_any_task_runs(call, error, message, rng):
    with pytest.raises(error, match=message):
        call(da.from_array(rng.standard_normal((10, 4)), chunks=3))
