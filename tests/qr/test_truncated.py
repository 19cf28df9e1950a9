"""What `qr_truncated` returns: A P = Q R up to a residual block, in four modes, for every layout and dtype."""

import numpy as np
import pytest
import scipy.linalg
from drivers import greedy_pivots
from matrices import ZOO, gaussian, rank_deficient
from measures import THRESHOLD, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import qr_truncated

RANKS = [0, 1, 3, 31, 32, 33, 50, None]


def ranks_of(a):
    return [k for k in RANKS if k is None or k <= min(a.shape)]


@pytest.mark.parametrize("name", ZOO)
def test_the_full_form_reproduces_the_matrix_at_every_rank(name, dtype, driver):
    a = ZOO[name](dtype)
    before = a.copy()
    for rank in ranks_of(a):
        q, r, p = qr_truncated(a, rank=rank, mode="full", driver=driver)
        assert (q.dtype, r.dtype, p.dtype) == (dtype, dtype, np.int32)
        assert (q.shape, r.shape, p.shape) == ((a.shape[0],) * 2, a.shape, a.shape[1:])
        np.testing.assert_array_equal(np.sort(p), np.arange(a.shape[1]))
        assert qr_ratio(a, q, r, p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD
        k = min(a.shape) if rank is None else rank
        np.testing.assert_array_equal(np.tril(r[:, :k], -1), 0)
    np.testing.assert_array_equal(a, before)


@pytest.mark.parametrize("name", ZOO)
def test_the_modes_tell_one_story(name, dtype, driver):
    a = ZOO[name](dtype)
    for rank in ranks_of(a):
        r, p = qr_truncated(a, rank=rank, mode="r", driver=driver)
        k = len(r)
        np.testing.assert_array_equal(np.tril(r[:, :k], -1), 0)
        q, *tail = qr_truncated(a, rank=rank, driver=driver)
        raw, *raw_tail = qr_truncated(a, rank=rank, mode="raw", driver=driver)
        q_full, r_full, p_full = qr_truncated(a, rank=rank, mode="full", driver=driver)
        for found in (
            *zip(tail, (r, p), strict=True),
            *zip(raw_tail, (r, p), strict=True),
            (r_full[:k], r),
            (p_full, p),
        ):
            np.testing.assert_array_equal(*found)
        assert (q.shape, raw[0].shape, raw[1].shape) == ((a.shape[0], k), a.shape, (k,))
        np.testing.assert_array_equal(np.triu(raw[0][:k]), r)
        np.testing.assert_allclose(q, q_full[:, :k], rtol=0, atol=50 * eps(dtype))


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (70, 70)], ids=str)
def test_scipy_reads_the_raw_form(shape, dtype, driver):
    a = gaussian(*shape, dtype)
    name = "ungqr" if dtype.kind == "c" else "orgqr"
    orgqr = scipy.linalg.get_lapack_funcs(name, (a,))
    for rank in (1, 20, 40):
        (compact, tau), r, p = qr_truncated(a, rank=rank, mode="raw", driver=driver)
        q, _, info = orgqr(np.array(compact[:, :rank], order="F"), tau)
        assert info == 0
        assert orthogonality_ratio(q) <= THRESHOLD
        np.testing.assert_allclose(q.conj().T @ a[:, p], r, rtol=0, atol=100 * eps(dtype) * abs(r[0, 0]))


@pytest.mark.parametrize("rank", [1, 20, 33, 64, 100])
@greedy_pivots
def test_r_is_the_top_of_the_full_r(rank, dtype, driver):
    a = gaussian(150, 140, dtype)
    full, p_full = scipy.linalg.qr(a, mode="r", pivoting=True)
    r, p = qr_truncated(a, rank=rank, mode="r", driver=driver)
    found, expected = r[:, np.argsort(p)], full[:rank, np.argsort(p_full)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * eps(dtype) * abs(full[0, 0]))


def test_at_the_true_rank_nothing_is_left(dtype, driver):
    a = rank_deficient(60, 50, dtype, rank=9)
    q, r, p = qr_truncated(a, rank=9, driver=driver)
    assert qr_ratio(a, q, r, p) <= THRESHOLD


def test_the_error_is_the_residual_block(dtype, driver):
    a = gaussian(50, 40, dtype)
    for rank in (0, 1, 17, 32, 35):
        q, r, p = qr_truncated(a, rank=rank, driver=driver)
        _, r_full, _ = qr_truncated(a, rank=rank, mode="full", driver=driver)
        error, block = np.linalg.norm(a[:, p] - q @ r), np.linalg.norm(r_full[rank:, rank:])
        assert error == pytest.approx(block, rel=1000 * eps(dtype))


def layouts(dtype):
    """One matrix in every memory layout."""
    a = gaussian(40, 36, dtype)
    spread = np.zeros((80, 108), dtype)
    spread[::2, ::3] = a
    padded = np.zeros((50, 36), dtype, order="F")
    padded[:40] = a
    return {
        "C": a,
        "F": np.asfortranarray(a),
        "strided": spread[::2, ::3],
        "reversed": a[::-1, ::-1].copy()[::-1, ::-1],
        "rows of a Fortran array": padded[:40],
        "transposed": np.ascontiguousarray(a.T).T,
        "unaligned": np.frombuffer(bytearray(b"\0" + a.tobytes()), np.uint8)[1:].view(dtype).reshape(a.shape),
        "big-endian": a.astype(a.dtype.newbyteorder(">")),
        "list": a.tolist() if dtype in ("f8", "c16") else a,
    }


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("layout", layouts(np.dtype("f8")))
def test_the_layout_of_the_input_does_not_matter(layout, overwrite, read_only, dtype, driver):
    for mode in ("economic", "raw", "full"):
        a = layouts(dtype)[layout]
        before = np.array(a)
        if isinstance(a, np.ndarray):
            a.flags.writeable = not read_only
        expected = qr_truncated(np.array(before, dtype, order="F"), rank=20, mode=mode, driver=driver)
        found = qr_truncated(a, rank=20, mode=mode, overwrite_a=overwrite, driver=driver)
        # products with a matrix that is only read may round otherwise than those with a copy
        rounding = float(100 * eps(dtype) * np.linalg.norm(before)) if driver == "_randomized" else 0
        for ours, theirs in zip(np.atleast_1d(*found[1:]), np.atleast_1d(*expected[1:]), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=rounding)
        if not overwrite or read_only:
            np.testing.assert_array_equal(a, before)
            arrays = [*found[0], *found[1:]] if mode == "raw" else found
            assert not any(np.shares_memory(x, a) for x in arrays if isinstance(a, np.ndarray))


def test_overwrite_a_works_in_the_memory_of_a_fortran_ordered_matrix(dtype, driver):
    a = np.asfortranarray(gaussian(8, 5, dtype))
    (compact, _), _, _ = qr_truncated(a, rank=3, mode="raw", overwrite_a=True, driver=driver)
    assert np.shares_memory(compact, a)


@pytest.mark.parametrize("character", "?bBhHiIlLqQefdgFDG")
@greedy_pivots
def test_every_numeric_dtype_is_factored_in_the_dtype_that_scipy_chooses(character, driver):
    a = (9 * np.abs(gaussian(6, 5, np.float64))).astype(character)
    q, r, p = qr_truncated(a, rank=4, driver=driver)
    chosen = scipy.linalg.find_best_blas_type((a,))[1]
    assert (q.dtype, r.dtype) == (chosen, chosen)
    # cast here, for qr of SciPy 1.18 warns of all but integers and the four dtypes of LAPACK
    r_scipy, p_scipy = scipy.linalg.qr(a.astype(chosen), mode="r", pivoting=True)
    np.testing.assert_array_equal(p[:4], p_scipy[:4])
    tolerance = 100 * eps(q.dtype) * np.abs(r_scipy).max()
    np.testing.assert_allclose(q @ r[:, :4], a[:, p[:4]].astype(q.dtype), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)], ids=str)
def test_matrices_without_elements_have_rank_zero(shape, dtype, driver):
    m, n = shape
    for mode, expected in {
        "economic": [(m, 0), (0, n), (n,)],
        "r": [(0, n), (n,)],
        "full": [(m, m), (m, n), (n,)],
    }.items():
        found = qr_truncated(np.zeros(shape, dtype), mode=mode, driver=driver)
        assert [x.shape for x in found] == expected
        np.testing.assert_array_equal(found[-1], np.arange(n))
    np.testing.assert_array_equal(qr_truncated(np.zeros(shape, dtype), mode="full", driver=driver)[0], np.eye(m))
