"""By the triangle: pivots, T and errors are those of the whole matrix in memory, whatever the chunking."""

import tracemalloc

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")

import dask
import dask.array as da

import rrqr_lapack
from rrqr_lapack.dask import interpolative_decomposition, qr_truncated, strong_rrqr, tall_qr

CHUNKS = [(300, 24), (37, 24), (300, 5), (41, 7), (11, 24), ((1, 0, 250, 49), (20, 4))]


@pytest.fixture
def A(dtype, rng):
    """Columns of sizes from 1 to 1e-2, and correlated: of distinct norms at every step."""
    A = rng.standard_normal((300, 24)) @ (np.eye(24) + rng.standard_normal((24, 24)) / 4)
    if dtype.kind == "c":
        A = A + 1j * rng.standard_normal((300, 24))
    return (A * np.geomspace(1, 1e-2, 24)).astype(dtype)


def eps(A):
    return float(np.finfo(A.dtype).eps)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
def test_the_factorization_is_memorys_for_any_chunking(A, chunks):
    F = qr_truncated(da.from_array(A, chunks=chunks), rank=10)
    found, T, Q = dask.compute(F, F.interpolation(), F.form_q())
    memory = rrqr_lapack.TruncatedQR(A, rank=10)
    assert np.array_equal(found.P, memory.P)
    assert found.R.dtype == Q.dtype == T.dtype == A.dtype
    assert found.rank == 10
    assert found.error_kind == "exact"
    assert np.allclose(abs(found.R), abs(memory.R), atol=100 * eps(A) * abs(memory.R).max())
    assert np.allclose(T, memory.interpolation(), atol=2000 * eps(A))
    assert found.residual_norm == pytest.approx(memory.residual_norm, rel=1000 * eps(A))
    assert found.maxresid == pytest.approx(memory.maxresid, rel=1000 * eps(A))
    assert np.linalg.norm(Q.conj().T @ Q - np.eye(10)) < 100 * eps(A)
    left = np.linalg.norm(A[:, found.P] - Q @ found.R)
    assert left == pytest.approx(memory.residual_norm, rel=1000 * eps(A))


def test_q_of_nearly_dependent_columns_is_orthonormal_too(rng):
    A = rng.standard_normal((500, 8)) @ np.diag(10.0 ** -np.arange(8)) @ rng.standard_normal((8, 8))
    A[:, 7] = A[:, 0] + 1e-11 * rng.standard_normal(500)
    F = qr_truncated(da.from_array(A, chunks=90))
    Q, R, P = dask.compute(F.form_q(), F.R, F.P)
    assert abs(R[7, 7]) < 1e-9
    assert np.linalg.norm(Q.T @ Q - np.eye(8)) < 1e-13
    assert np.linalg.norm(A[:, P] - Q @ R) < 1e-13 * np.linalg.norm(A)


def test_what_was_computed_goes_on_to_q_and_t(A):
    found = qr_truncated(da.from_array(A, chunks=50), rank=6).compute()
    assert isinstance(found.R, np.ndarray)
    Q, T = dask.compute(found.form_q(), found.interpolation())
    assert Q.shape == found.form_q().shape == (300, 6)
    assert np.allclose(Q @ found.R[:, :6], A[:, found.P[:6]], atol=100 * eps(A))
    assert np.allclose(A[:, found.P[:6]] @ T[:, found.P[:6]], A[:, found.P[:6]])


def test_each_block_is_read_once_for_all_that_the_triangle_gives(rng):
    reads = []
    A = rng.standard_normal((100, 4))
    x = da.from_array(A, chunks=(10, 4)).map_blocks(lambda block: reads.append(1) or block, meta=np.empty((0, 0)))
    F = qr_truncated(x, rank=2)
    dask.compute(F, F.interpolation(), F.residual_norm, F.maxresid)
    assert len(reads) == 10
    dask.compute(F, F.form_q())
    assert len(reads) == 30


def test_a_tolerance_decides_the_rank_as_in_memory(A):
    found = interpolative_decomposition(da.from_array(A, chunks=(50, 9)), rtol=0.1).compute()
    memory = rrqr_lapack.interpolative_decomposition(A, rtol=0.1)
    assert 0 < len(memory.columns) < 24
    assert np.array_equal(found.columns, memory.columns)
    assert found.error == pytest.approx(memory.error, rel=1000 * eps(A))
    assert found.max_column_error == pytest.approx(memory.max_column_error, rel=1000 * eps(A))


def test_the_rank_of_a_matrix_of_low_rank_is_found(dtype, rng):
    A = (rng.standard_normal((200, 5)) @ rng.standard_normal((5, 20))).astype(dtype)
    found = qr_truncated(da.from_array(A, chunks=(30, 20))).compute()
    assert found.rank == 5
    assert found.residual_norm < 100 * eps(A) * np.linalg.norm(A)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (3, 9), (1, 6)], ids=str)
def test_matrices_of_any_shape_are_factored(shape, rng):
    A = rng.standard_normal(shape)
    F = qr_truncated(da.from_array(A, chunks=2))
    Q, found = dask.compute(F.form_q(), F)
    memory = rrqr_lapack.TruncatedQR(A)
    assert np.array_equal(found.P, memory.P)
    assert found.rank == memory.rank
    assert np.allclose(Q @ found.R, A[:, found.P])


def test_a_zero_matrix_has_rank_zero():
    F = qr_truncated(da.zeros((20, 3), chunks=6))
    Q, found = dask.compute(F.form_q(), F)
    assert (found.rank, Q.shape, found.residual_norm) == (0, (20, 0), 0)


def test_rows_of_unknown_number_are_factored(A):
    x = da.from_array(A, chunks=(50, 9))
    few = x[da.from_array(A[:, 0].real > 0, chunks=50)]
    assert np.isnan(few.shape[0])
    F = qr_truncated(few, rank=7)
    Q, found = dask.compute(F.form_q(), F)
    B = A[A[:, 0].real > 0]
    assert np.array_equal(found.P, rrqr_lapack.TruncatedQR(B, rank=7).P)
    assert np.allclose(Q @ found.R[:, :7], B[:, found.P[:7]], atol=100 * eps(A))


def test_the_strong_factorization_is_memorys(A):
    found = strong_rrqr(da.from_array(A, chunks=(37, 10)), f=1.2, rank=8).compute()
    memory = rrqr_lapack.strong_rrqr(A, f=1.2, rank=8)
    assert set(found.P[:8]) == set(memory.P[:8])
    assert found.max_coefficient == pytest.approx(memory.max_coefficient, rel=1e-3)
    assert found.rho <= 1.2 * (1 + 1e-6)
    assert found.bound == pytest.approx(memory.bound, rel=1e-2)
    assert found.residual_norm == pytest.approx(memory.residual_norm, rel=1000 * eps(A))


def test_the_lazy_tallqr_has_seen_all_rows(A):
    tall = tall_qr(da.from_array(A, chunks=(7, 5)), split_every=2).compute()
    assert tall.shape == A.shape
    assert np.allclose(tall.R.conj().T @ tall.R, A.conj().T @ A, atol=100 * eps(A) * np.linalg.norm(A) ** 2)


def test_a_node_does_not_change_what_it_merges(A):
    x = da.from_array(A, chunks=(40, 24)).persist()
    once, twice = tall_qr(x), tall_qr(x, split_every=3)
    (one, two), again = dask.compute([once, twice])[0], once.compute()
    assert one.shape == two.shape == again.shape == A.shape
    assert np.array_equal(one.R, again.R)


def test_a_task_and_the_tree_stay_within_the_stated_memory():
    """Of forty blocks: one, an eighth of it, what a node holds, and the triangles that wait for others."""
    rows, n, count = 5000, 30, 40
    x = da.random.default_rng(0).standard_normal((rows * count, n), chunks=(rows, n))
    tall_qr(x[:rows]).compute()  # what is imported and kept for ever
    tracemalloc.start()
    tall_qr(x).compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    block, triangle, waiting = 8 * rows * n, 8 * 256 * n, 4 * 4  # three levels of at most three beside the present one
    graph = 4000 * count * 3  # bytes of keys and tasks
    assert block < peak < 9 / 8 * block + (4 + waiting) * triangle + graph
    assert peak < 8 * rows * n * count / 10


def test_a_matrix_that_changes_between_passes_is_found_out(rng):
    A = rng.standard_normal((60, 4))

    def changing(block):
        return block + np.random.default_rng().standard_normal(block.shape)

    x = da.from_array(A, chunks=(20, 2)).map_blocks(changing, meta=np.empty((0, 0)))
    F = qr_truncated(x, rank=2)
    with pytest.raises(ValueError, match="x must hold the same numbers each time"):
        dask.compute(F, F.form_q())
    found = F.compute()
    with pytest.raises(ValueError, match="x must hold the same numbers each time"):
        found.form_q().compute()


def test_a_block_that_is_not_finite_is_refused_by_its_column(rng):
    A = rng.standard_normal((60, 4))
    A[50, 2] = np.nan
    with pytest.raises(ValueError, match="finite, but column 2 holds nan"):
        qr_truncated(da.from_array(A, chunks=(20, 4))).compute()
