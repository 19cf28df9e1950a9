"""By products with random vectors: ranges, singular values, principal components of a matrix in blocks."""

import numpy as np
import pytest

pytest.importorskip("dask.array", reason="the face for Dask needs Dask, an extra")

import dask.array as da

import rrqr_lapack
from rrqr_lapack.dask import PCA, randomized_svd, range_finder

CHUNKS = [(200, 150), (67, 150), (200, 31), ((1, 0, 150, 49), (100, 50))]


def halving(dtype, rng):
    """Singular values that halve."""
    A = rng.standard_normal((200, 150))
    if dtype.kind == "c":
        A = A + 1j * rng.standard_normal((200, 150))
    u, _, vh = np.linalg.svd(A, full_matrices=False)
    return (u * 0.5 ** np.arange(150) @ vh).astype(dtype)


def size(a):
    return float(np.linalg.norm(a))


def is_orthonormal(Q):
    return size(Q.conj().T @ Q - np.eye(Q.shape[1])) < 200 * np.finfo(Q.dtype).eps


@pytest.fixture
def A(dtype, rng):
    return halving(dtype, rng)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
def test_the_svd_is_the_same_for_any_chunking(chunks, rng):
    A = halving(np.dtype("d"), rng)
    found = randomized_svd(da.from_array(A, chunks=chunks), 6, n_power_iter=1, by="sketch", rng=5).compute()
    one = randomized_svd(da.from_array(A, chunks=-1), 6, n_power_iter=1, by="sketch", rng=5).compute()
    assert np.allclose(found.s, one.s, rtol=1e-12)
    assert np.allclose(found.U * found.s @ found.Vh, one.U * one.s @ one.Vh)


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_the_svd_is_the_best_approximation(A, by):
    lazy = randomized_svd(da.from_array(A, chunks=(110, 80)), 6, by=by, rng=0)
    found = lazy.compute()
    assert lazy.U.shape == found.U.shape == (200, 6)
    assert lazy.Vh.shape == found.Vh.shape == (6, 150)
    assert is_orthonormal(found.U)
    assert is_orthonormal(found.Vh.conj().T)
    assert np.allclose(found.s, 0.5 ** np.arange(6), rtol=100 * np.finfo(A.dtype).eps * 32)
    left = size(A - found.U * found.s @ found.Vh)
    assert left < 1.001 * 0.5**6 / np.sqrt(0.75)
    assert found.error_kind == "exact"
    assert found.error == pytest.approx(left, rel=0.05 if A.dtype.char in "fF" else 1e-6)
    assert found.norm == pytest.approx(size(A), rel=1e-5)


def test_an_error_that_rounding_hides_is_estimated(rng):
    A = rng.standard_normal((200, 5)) @ rng.standard_normal((5, 150))
    found = randomized_svd(
        da.from_array(A + 1e-9 * rng.standard_normal(A.shape), chunks=70), 5, by="sketch", rng=0
    ).compute()
    assert found.error_kind == "estimate"
    assert found.error == pytest.approx(1e-9 * np.sqrt(200 * 150), rel=0.5)
    assert found.error_bound > 2 * found.error


@pytest.mark.parametrize("iterator", ["QR", "power"])
def test_power_iterations_find_what_noise_hides(iterator, rng):
    A = rng.standard_normal((400, 8)) @ rng.standard_normal((8, 300)) + 2 * rng.standard_normal((400, 300))
    x, best = da.from_array(A, chunks=200), np.linalg.svd(A, compute_uv=False)[:8]
    few, more = [
        randomized_svd(x, 8, oversample=2, n_power_iter=n, iterator=iterator, by="sketch", rng=0).compute().s
        for n in (0, 3)
    ]
    assert abs(more - best).max() < 1e-2 * best[-1] < abs(few - best).max()


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_a_tolerance_takes_as_few_as_it_needs(by, rng):
    u, v = (np.linalg.qr(rng.standard_normal((n, 60)))[0] for n in (200, 150))
    A = u * 0.5 ** np.arange(60) @ v.T
    lazy = randomized_svd(da.from_array(A, chunks=70), 40, rtol=1e-3, by=by, rng=0)
    found = lazy.compute()
    assert np.isnan(lazy.s.shape[0])
    assert len(found.s) == 10
    assert size(A - found.U * found.s @ found.Vh) <= 1e-3 * size(A)


@pytest.mark.parametrize("by", ["triangle", "sketch"])
@pytest.mark.parametrize("shape", [(30, 200), (200, 30)], ids=str)
def test_a_matrix_of_lower_rank_has_zeros_after_it(shape, by, rng):
    A = rng.standard_normal((shape[0], 3)) @ rng.standard_normal((3, shape[1]))
    found = randomized_svd(da.from_array(A, chunks=100), 6, n_power_iter=1, by=by, rng=0).compute()
    assert np.allclose(found.s[:3], np.linalg.svd(A, compute_uv=False)[:3])
    assert found.s[3:].max() < 1e-10
    assert np.allclose(found.U * found.s @ found.Vh, A)


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_a_zero_matrix_is_approximated_exactly(by):
    found = randomized_svd(da.zeros((50, 40), chunks=20), 3, by=by, rng=0).compute()
    assert (found.error, found.error_bound) == (0, 0)
    assert not found.s.any()


def test_the_range_holds_the_matrix_and_says_what_it_leaves(A):
    found = range_finder(da.from_array(A, chunks=(70, 40)), 6, oversample=2, n_power_iter=1, rng=0).compute()
    assert found.Q.shape == (200, 8)
    assert is_orthonormal(found.Q)
    left = size(A - found.Q @ (found.Q.conj().T @ A))
    assert left < 2 * 0.5**8
    assert found.error == pytest.approx(left, rel=0.5)
    assert left <= found.error_bound


@pytest.mark.parametrize("by", ["triangle", "sketch"])
def test_components_are_memorys(A, by):
    X = A + np.linspace(0, 3, 150).astype(A.dtype)
    x = da.from_array(X, chunks=(110, 80))
    found = PCA(5, by=by, rng=0).fit(x)
    memory = rrqr_lapack.PCA(5, rng=0).fit(X)
    loose = 1e-3 if A.dtype.char in "fF" else 1e-9
    assert np.allclose(found.mean_, X.mean(axis=0), atol=1e-6)
    assert np.allclose(found.components_, memory.components_, atol=loose)
    assert np.allclose(found.explained_variance_ratio_, memory.explained_variance_ratio_, rtol=1e-2)
    assert found.n_samples_seen_ == 200
    scores = found.transform(x)
    assert np.allclose(scores, memory.transform(X), atol=10 * loose)
    assert size(X - found.inverse_transform(scores.compute())) <= found.error_bound * 1.01


def test_components_of_far_off_data_keep_their_digits(rng):
    X = rng.standard_normal((500, 4)) * [3, 2, 1, 0.5] + 1e7
    found = PCA(2).fit(da.from_array(X, chunks=130))
    assert np.allclose(found.components_, rrqr_lapack.PCA(2).fit(X).components_, atol=1e-7)


def test_a_share_of_the_variance_decides_the_number(A):
    x = da.from_array(A, chunks=(90, 60))
    assert PCA(rtol=0.1).fit(x).n_components_ == rrqr_lapack.PCA(rtol=0.1).fit(A).n_components_


def test_the_triangle_is_taken_where_it_is_cheaper(rng):
    x = da.from_array(rng.standard_normal((300, 60)), chunks=100)
    best = np.linalg.svd(x.compute(), compute_uv=False)[:5]
    assert np.allclose(randomized_svd(x, 5, n_power_iter=1, rng=0).compute().s, best, rtol=1e-12)
    assert not np.allclose(randomized_svd(x, 5, n_power_iter=1, oversample=9, rng=0).compute().s, best, rtol=1e-6)


def test_left_vectors_of_a_matrix_that_changes_are_refused():
    def changing(block):
        return np.random.default_rng().standard_normal(block.shape)

    x = da.zeros((60, 4), chunks=(20, 4)).map_blocks(changing, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(ValueError, match="x must hold the same numbers each time"):
        randomized_svd(x, 2).compute()


def test_what_is_no_option_is_refused(rng):
    x = da.from_array(rng.standard_normal((30, 20)), chunks=10)
    for call, message in [
        (lambda: randomized_svd(x, 21), "rank must be between 0 and 20"),
        (lambda: randomized_svd(x, 3, iterator="qr"), "iterator must be one of 'QR', 'power', got 'qr'"),
        (lambda: randomized_svd(x, 3, n_power_iter=-1), "n_power_iter must be at least 0"),
        (lambda: PCA(by="svd").fit(x), "by must be one of 'auto', 'triangle', 'sketch', got 'svd'"),
        (lambda: PCA(2).fit(x[:0]), "X must hold samples"),
        (lambda: PCA(2).fit(x).transform(x[:, :5]), "X must have 20 columns"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="X must be given to fit"):
        PCA(2).partial_fit(x)
