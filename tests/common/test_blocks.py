"""BlockMatrix: passes, the norm, its transposes, and what is refused."""

import tracemalloc

import numpy as np
import pytest

from rrqr_lapack import (
    PCA,
    BlockMatrix,
    cur,
    generalized_nystrom,
    interpolative_decomposition,
    randomized_qr,
    randomized_svd,
    range_finder,
    row_interpolative_decomposition,
)

SHAPE = (300, 200)


def decaying(dtype, order="C"):
    """Singular values 0.7^j, and noise."""
    rng = np.random.default_rng(0)
    a = (rng.standard_normal((300, 40)) * 0.7 ** np.arange(40)) @ rng.standard_normal((40, 200))
    a = a + 1e-3 * rng.standard_normal(SHAPE)
    if np.dtype(dtype).kind == "c":
        a = a + 0.1j * a[::-1]
    return np.asarray(a, dtype, order=order)


def blocks(a, **options):
    """`a` in blocks of about 30 rows or columns."""
    return BlockMatrix(a, block_bytes=a.nbytes // 10, **options)


@pytest.mark.parametrize("order", "CF")
def test_transposes_and_adjoints_multiply_as_those_of_the_matrix(dtype, order):
    a = decaying(dtype, order)
    b, rng = blocks(a), np.random.default_rng(1)
    tolerance = {"rtol": 1e3 * np.finfo(dtype).eps, "atol": 1e4 * np.finfo(dtype).eps}
    for turned, expected in [(b, a), (b.H, a.conj().T), (b.T, a.T), (b.H.H, a), (b.T.T, a), (b.T.H, a.conj())]:
        x = rng.standard_normal((expected.shape[1], 3)).astype(dtype)
        y = rng.standard_normal((expected.shape[0], 2)).astype(dtype)
        np.testing.assert_allclose(turned @ x, expected @ x, **tolerance)
        np.testing.assert_allclose(turned @ x[:, 0], expected @ x[:, 0], **tolerance)
        np.testing.assert_allclose(turned.H @ y, expected.conj().T @ y, **tolerance)
    for turned, expected in [(b, a), (b.H, a.conj().T), (b.T, a.T)]:
        np.testing.assert_array_equal(turned.columns([5, 1, 150]), expected[:, [5, 1, 150]])
        assert turned.norm == pytest.approx(np.linalg.norm(a), rel=1e-6)


PASSES = {  # a matrix stored by rows: the fewest passes there can be
    "randomized_qr": (lambda a: randomized_qr(a, 15, rng=0), 2),
    "randomized_svd": (lambda a: randomized_svd(a, 15, power=0, rng=0), 2),
    "randomized_svd with a power": (lambda a: randomized_svd(a, 15, power=1, rng=0), 4),
    "range_finder": (lambda a: range_finder(a, 15, power=0, rng=0), 2),
    "generalized_nystrom": (lambda a: generalized_nystrom(a, 15, rng=0), 1),
    "generalized_nystrom with signs": (lambda a: generalized_nystrom(a, 15, sketch="sparse", rng=0), 1),
    "interpolative_decomposition": (lambda a: interpolative_decomposition(a, rank=15, rng=0), 2),
    "row_interpolative_decomposition": (lambda a: row_interpolative_decomposition(a, rank=15, rng=0), 1),
}


@pytest.mark.parametrize("name", PASSES)
def test_products_that_do_not_depend_on_each_other_share_a_pass(name):
    call, passes = PASSES[name]
    b = blocks(decaying("d"))
    found = call(b)
    assert b.passes <= passes
    assert found.error <= found.error_bound < 0.2 * b.norm


@pytest.mark.parametrize("order", "CF")
def test_the_results_are_those_of_the_array_and_the_errors_are_true(dtype, order):
    a = decaying(dtype, order)
    best = np.linalg.svd(a, compute_uv=False)
    for call in (
        lambda b: randomized_svd(b, 15, power=1, rng=0),
        lambda b: randomized_svd(b, rtol=0.02, rng=0),
        lambda b: generalized_nystrom(b, 15, rng=0),
        lambda b: interpolative_decomposition(b, rank=15, rng=0),
        lambda b: interpolative_decomposition(b, rtol=0.02, rng=0),
        lambda b: row_interpolative_decomposition(b, rank=15, rng=0),
        lambda b: cur(b, rank=15, rng=0),
    ):
        found = call(blocks(a))
        left = np.linalg.norm(a - found.reconstruct())
        if found.error_kind == "exact":
            assert found.error == pytest.approx(left, rel=1e-2)
        assert left <= 1.001 * found.error_bound
        assert left <= 5 * np.linalg.norm(best[found.rank :])
    components = PCA(rank=3, rng=0).fit(blocks(a)).components_
    np.testing.assert_allclose(abs(components @ PCA(rank=3, rng=0).fit(a).components_.conj().T), np.eye(3), atol=1e-3)


def test_progress_is_told_after_every_block_of_every_pass():
    told = []
    b = blocks(decaying("d"), progress=lambda *what: told.append(what))
    b @ np.ones(200)
    assert told == [("reading rows", done, 300) for done in range(30, 301, 30)]
    c = blocks(decaying("d", "F"), progress=lambda *what: told.append(what))
    c @ np.ones(200)
    assert told[-1] == ("reading columns", 200, 200)


def test_an_iterator_gives_one_pass_and_no_other():
    a = decaying("d")
    b = BlockMatrix(iter(np.split(a, 6)), shape=SHAPE, dtype=float)
    found = generalized_nystrom(b, 15, rng=0)
    assert np.linalg.norm(a - found.reconstruct()) <= found.error_bound
    with pytest.raises(ValueError, match="an iterator; give a function"):
        b @ np.ones(200)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("order", "CF")
def test_what_is_not_finite_is_refused_in_the_first_pass_with_its_column(value, order):
    a = decaying("d", order)
    a[250, 123] = value
    with pytest.raises(ValueError, match=r"source(\[:, 120:140\])? must be finite, but column (123|3) holds"):
        randomized_qr(blocks(a), 5)
    blocks(a, check_finite=False) @ np.ones(200)


def test_a_source_that_is_not_what_it_said_is_refused():
    a = decaying("d")
    for batches, match in [
        (np.split(a, 6)[:-1], "ended after 250 rows"),
        ([*np.split(a, 6), a[:1]], "but a block of shape"),
        ([a[:, :-1]], "but a block of shape"),
    ]:
        with pytest.raises(ValueError, match=match):
            BlockMatrix(lambda batches=batches: iter(batches), shape=SHAPE, dtype=float) @ np.ones(200)
    with pytest.raises(TypeError, match="numbers of its dtype, float64, got complex128"):
        BlockMatrix(lambda: [1j * a], shape=SHAPE, dtype=float) @ np.ones(200)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, ValueError, "shape must be .* got None"),
        ({"shape": (3,)}, ValueError, "shape must be"),
        ({"shape": SHAPE}, ValueError, "dtype must be given"),
        ({"shape": SHAPE, "dtype": "U3"}, TypeError, "dtype must be boolean, integer"),
        ({"shape": SHAPE, "dtype": float, "block_bytes": 0}, ValueError, "block_bytes must be at least 1"),
        ({"shape": SHAPE, "dtype": float, "progress": 3}, TypeError, "progress must be None or callable"),
        ({"shape": SHAPE, "dtype": float, "check_finite": "no"}, TypeError, "check_finite must be True"),
    ],
)
def test_bad_arguments_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        BlockMatrix(lambda: iter([]), **options)


def test_a_shape_that_contradicts_the_source_is_refused():
    with pytest.raises(ValueError, match=r"that of the source, \(300, 200\), got \(3, 200\)"):
        BlockMatrix(decaying("d"), shape=(3, 200))


def test_another_dtype_converts_the_blocks():
    a = decaying("d")
    b = blocks(a, dtype=np.float32)
    assert (b @ np.ones((200, 1), np.float32)).dtype == np.float32
    assert randomized_qr(b, 3, rng=0).dtype == np.float32


def test_memory_holds_four_blocks_and_what_the_factorization_keeps():
    """A matrix of 64 MB in blocks of 1 MB; the sketch, W and Q have 45 and 35 columns."""
    m, n, block = 8000, 1000, 2**20

    def batches():
        rng = np.random.default_rng(0)
        for _ in range(0, m, 100):
            yield rng.standard_normal((100, n))

    a = BlockMatrix(batches, shape=(m, n), dtype=float, block_bytes=block)
    tracemalloc.start()
    try:
        found = randomized_qr(a, 35, rng=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.rank == 35
    assert peak <= 6 * block + 8 * 6 * (m + n) * 55
