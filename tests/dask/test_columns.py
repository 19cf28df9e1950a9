"""Columns of a matrix in blocks: by its triangle, and by a sketch of its rows, with errors that hold."""

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")

import dask
import dask.array as da

import rrqr_lapack
from rrqr_lapack._selection.registry import METHODS
from rrqr_lapack.dask import cur, interpolative_decomposition, qr_truncated, select_columns

CHUNKS = [(200, 150), (37, 150), (200, 11), (41, 17), ((1, 0, 150, 49), (100, 50))]


def decaying(dtype, rng, shape=(200, 150), rank=12):
    """Of a rank, and noise a thousandth as large."""
    A = rng.standard_normal((shape[0], rank)) @ rng.standard_normal((rank, shape[1]))
    A = A + 1e-3 * rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        A = A * np.exp(1j * np.linspace(0, 3, shape[1]))
    return A.astype(dtype)


def left(A, found):
    return np.linalg.norm(A - A[:, found.columns] @ found.coefficients)


@pytest.mark.parametrize("by", ["triangle", "sketch"])
@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
def test_the_decomposition_has_its_error(chunks, by, dtype, rng):
    A = decaying(dtype, rng)
    lazy = interpolative_decomposition(da.from_array(A, chunks=chunks), rank=12, by=by, rng=0)
    found, skeleton = dask.compute(lazy, lazy.skeleton)
    assert np.array_equal(skeleton, A[:, found.columns])
    assert np.array_equal(found.coefficients[:, found.columns], np.eye(12))
    if by == "triangle":
        assert found.error == pytest.approx(left(A, found), rel=1e-3)
        assert found.error_bound == found.error
    else:
        assert found.error_kind == "estimate"
        assert left(A, found) <= found.error_bound
        assert found.error == pytest.approx(left(A, found), rel=0.5)  # measured: 0.25 at most
        best = np.linalg.svd(A, compute_uv=False)[12:]
        assert left(A, found) < 10 * np.linalg.norm(best)


def test_the_sketch_does_not_depend_on_the_chunking(rng):
    A = decaying("d", rng, (700, 150))
    found = [
        interpolative_decomposition(da.from_array(A, chunks=chunks), rank=12, by="sketch", rng=3).compute()
        for chunks in [(700, 150), (130, 150), (300, 40), (257, 7)]
    ]
    for other in found[1:]:
        assert np.array_equal(found[0].columns, other.columns)
        assert np.allclose(found[0].coefficients, other.coefficients, atol=1e-9)
    seeds = [interpolative_decomposition(da.from_array(A), rank=12, by="sketch", rng=i).compute() for i in (3, 4)]
    assert not np.allclose(seeds[0].error, seeds[1].error, rtol=1e-9)


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_a_tolerance_is_kept(by, rng):
    A = rng.standard_normal((300, 60)) @ np.diag(0.5 ** np.arange(60)) @ rng.standard_normal((60, 60))
    x = da.from_array(A, chunks=(70, 25))
    found = interpolative_decomposition(x, rank=40, rtol=1e-4, by=by, rng=0).compute()
    assert len(found.columns) < 30
    columns = np.linalg.norm(A - A[:, found.columns] @ found.coefficients, axis=0)
    assert columns.max() <= 1e-4 * np.linalg.norm(A, axis=0).max()
    assert found.max_column_error == pytest.approx(columns.max(), rel=0.6)


def test_coefficients_are_bounded_on_request(rng):
    n = 60
    s = 0.285
    kahan = np.diag(np.sqrt(1 - s**2) ** np.arange(n)) @ (np.eye(n) - s * np.triu(np.ones((n, n)), 1))
    kahan *= 1 - 1e-12 * np.arange(n)
    x = da.from_array(kahan, chunks=(13, 25))
    assert abs(interpolative_decomposition(x, rank=n - 1).compute().coefficients).max() > 100
    assert abs(interpolative_decomposition(x, rank=n - 1, f=2).compute().coefficients).max() <= 2.0001


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_qr_of_a_wide_matrix_has_its_error(by, dtype, rng):
    A = decaying(dtype, rng, (90, 150))
    F = qr_truncated(da.from_array(A, chunks=(41, 17)), rank=12, by=by, rng=0)
    Q, found, T = dask.compute(F.form_q(), F, F.interpolation())
    eps = float(np.finfo(dtype).eps)
    assert np.linalg.norm(Q.conj().T @ Q - np.eye(12)) < 100 * eps
    size = np.linalg.norm(A)
    assert np.linalg.norm(Q @ found.R[:, :12] - A[:, found.P[:12]]) < 100 * eps * size
    actual = np.linalg.norm(A[:, found.P] - Q @ found.R)
    assert actual == pytest.approx(np.linalg.norm(A - A[:, found.P[:12]] @ T), abs=1000 * eps * float(size))
    assert actual <= found.error_bound * 1.001
    assert found.residual_norm == pytest.approx(actual, rel=1e-3 if by == "triangle" else 0.5)
    assert np.array_equal(np.sort(found.P), np.arange(150))


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_cur_has_its_error_and_its_rows_are_rows(by, dtype, rng):
    A = decaying(dtype, rng)
    lazy = cur(da.from_array(A, chunks=(41, 17)), rank=12, by=by, rng=0)
    found, C = dask.compute(lazy, lazy.C)
    assert np.array_equal(C, A[:, found.columns])
    assert np.array_equal(found.R, A[found.rows])
    actual = np.linalg.norm(A - C @ np.asarray(found.U) @ found.R)
    assert actual <= found.error_bound * 1.01
    assert found.error == pytest.approx(actual, rel=1e-2 if by == "triangle" else 0.5)
    memory = rrqr_lapack.cur(A, rank=12)
    assert actual < 5 * memory.error  # measured: 1.3 at most


def test_rows_of_cur_are_known_where_the_sizes_of_chunks_are_not(rng):
    A = decaying("d", rng)
    x = da.from_array(A, chunks=(50, 70))[da.from_array(A[:, 0] > 0, chunks=50)]
    found = cur(x, rank=12).compute()
    assert np.array_equal(found.R, A[A[:, 0] > 0][found.rows])


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.square])
def test_every_method_chooses_on_a_triangle(method, rng):
    A = decaying("d", rng)
    lazy = select_columns(da.from_array(A, chunks=(41, 17)), 12, method=method, rng=0)
    found, skeleton = dask.compute(lazy, lazy.skeleton)
    assert len(found.columns) == 12
    assert np.array_equal(skeleton, A[:, found.columns])
    assert found.error == pytest.approx(left(A, found), rel=1e-6)
    if method in ("greedy", "strong", "gks", "osinsky"):
        assert set(found.columns) == set(
            rrqr_lapack.select_columns(A, 12, method=method, driver="exact").columns
            if "driver" in METHODS[method].options
            else rrqr_lapack.select_columns(A, 12, method=method).columns
        )


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_columns_that_must_be_in_are_and_others_stay_out(by, rng):
    A = decaying("d", rng)
    x = da.from_array(A, chunks=(41, 17))
    found = select_columns(x, 12, include=[140, 3], exclude=np.arange(20, 130), by=by, rng=0).compute()
    assert found.columns[:2].tolist() == [140, 3]
    assert not set(found.columns) & set(range(20, 130))
    assert left(A, found) <= found.error_bound * 1.001


def test_tolerances_of_a_method_are_passed_on(rng):
    A = rng.standard_normal((300, 60)) @ np.diag(0.5 ** np.arange(60)) @ rng.standard_normal((60, 60))
    found = select_columns(da.from_array(A, chunks=(70, 25)), method="gks", rtol=1e-3).compute()
    assert np.array_equal(found.columns, rrqr_lapack.select_columns(A, method="gks", rtol=1e-3).columns)


def test_the_triangle_is_taken_where_it_fits_into_a_chunk(rng):
    x = da.from_array(rng.standard_normal((400, 100)), chunks=50)
    with dask.config.set({"array.chunk-size": "100 kB"}):
        assert interpolative_decomposition(x, rank=3).error_kind == "exact"
    with dask.config.set({"array.chunk-size": "70 kB"}):
        assert interpolative_decomposition(x, rank=3).error_kind == "estimate"
        assert interpolative_decomposition(x[:80], rank=3).error_kind == "exact"
        with pytest.raises(ValueError, match="rank must be given for a sketch"):
            interpolative_decomposition(x, rtol=0.1)


def test_columns_that_change_between_passes_are_found_out():
    def changing(block):
        return np.random.default_rng().standard_normal(block.shape)

    x = da.zeros((60, 40), chunks=20).map_blocks(changing, dtype=float, meta=np.empty((0, 0)))
    lazy = interpolative_decomposition(x, rank=3, by="sketch", rng=0)
    with pytest.raises(ValueError, match="x must hold the same numbers each time"):
        dask.compute(lazy, lazy.skeleton)


def test_an_entry_that_is_not_finite_is_named_by_its_column(rng):
    A = rng.standard_normal((60, 40))
    A[3, 33] = np.inf
    with pytest.raises(ValueError, match="x must be finite, but column 33"), np.errstate(invalid="ignore"):
        interpolative_decomposition(da.from_array(A, chunks=20), rank=3, by="sketch", rng=0).compute()
