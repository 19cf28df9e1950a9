"""Calibration samples as an array, a memory map, a list, or batches."""

import numpy as np
import pytest
import scipy.sparse
from networks import plain_compress, random_network

from rrqr_lapack.prune import Dense, _calibration, compress
from rrqr_lapack.prune._units.lowrank import LowRankLayer


@pytest.fixture
def network(rng):
    """A small float32 network."""
    return random_network(rng, (4, 10, 8, 2), dtype=np.float32)


@pytest.fixture
def X(rng):
    """50 samples for it."""
    return rng.standard_normal((50, 4)).astype(np.float32)


def in_batches(X):
    """A generator of batches of several sizes, one of them empty."""
    yield X[:7]
    yield X[7:7]
    yield X[7:30]
    yield X[30:]


def on_disk(X, folder):
    """A read-only memory map of the samples."""
    np.save(folder / "X.npy", X)
    return np.load(folder / "X.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda X, folder: on_disk(X, folder), id="memmap"),
        pytest.param(lambda X, folder: in_batches(X), id="generator"),
        pytest.param(lambda X, folder: list(in_batches(X)), id="list of batches"),
        pytest.param(lambda X, folder: X.tolist(), id="nested lists"),
        pytest.param(lambda X, folder: X.astype(np.float64), id="float64"),
        pytest.param(lambda X, folder: X.astype(">f4"), id="big-endian"),
        pytest.param(lambda X, folder: np.asfortranarray(X), id="Fortran order"),
    ],
)
def test_every_form_of_the_samples_gives_the_same_network(network, X, form, tmp_path):
    expected, _ = plain_compress(network, X, keep=0.5)
    small, report = plain_compress(network, form(X, tmp_path), keep=0.5)
    assert report.samples == 50
    for one, two in zip(small.layers, expected.layers, strict=True):
        np.testing.assert_allclose(one.weight, two.weight, rtol=1e-4, atol=1e-5)


def test_an_array_is_read_in_pieces(network, X, monkeypatch):
    """So a memory map never stands in memory whole."""
    monkeypatch.setattr(_calibration, "ROWS", 16)
    pieces = list(_calibration.batches(X, 4, np.float32))
    assert [len(piece) for piece in pieces] == [16, 16, 16, 2]
    np.testing.assert_array_equal(np.concatenate(pieces), X)


def test_a_generator_is_consumed_once_batch_by_batch(network, X):
    alive = []

    def counted():
        for batch in in_batches(X):
            alive.append(len(batch))
            yield batch

    compress(network, counted(), keep=0.5)
    assert alive == [7, 0, 23, 20]


@pytest.mark.filterwarnings("ignore::rrqr_lapack.prune.CalibrationWarning")  # 16 rows of 4 bits differ
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float16])
def test_other_numbers_are_converted_to_the_dtype_of_the_network(network, X, dtype):
    converted = (10 * X).clip(0, 255).astype(dtype)
    small, _ = compress(network, converted, keep=0.5)
    expected, _ = compress(network, converted.astype(np.float32), keep=0.5)
    np.testing.assert_array_equal(small.layers[1].weight, expected.layers[1].weight)


def test_sparse_samples_are_filled_in_a_piece_at_a_time(network, X, monkeypatch):
    monkeypatch.setattr(_calibration, "ROWS", 16)
    X = X * (np.abs(X) > 0.5)
    expected, _ = plain_compress(network, X, keep=0.5)
    forms = scipy.sparse.coo_array(X), scipy.sparse.csc_matrix(X), scipy.sparse.csr_array(X)
    for form in (*forms, [forms[0], forms[2]]):
        small, report = plain_compress(network, form, keep=0.5)
        assert report.samples == (100 if isinstance(form, list) else 50)
        np.testing.assert_allclose(small.layers[1].weight, expected.layers[1].weight, rtol=1e-4, atol=1e-5)
    assert [len(piece) for piece in _calibration.batches(forms[0], 4, np.float32)] == [16, 16, 16, 2]


def test_masked_samples_are_refused_wherever_they_stand(network, X):
    """NumPy would show what the mask hides."""
    masked = np.ma.masked_less(X, -2.0)
    for form in (masked, [X, masked], iter([masked]), list(masked), [list(X[0]), masked[int(np.argmin(X.min(1)))]]):
        with pytest.raises(TypeError, match=r"X must have no masked entries, got some; fill them first"):
            compress(network, form, keep=0.5)
    for use in (network, network.logits, network.layers[0], Dense, lambda x: LowRankLayer(np.eye(4), x)):
        with pytest.raises(TypeError, match="must have no masked entries, got some"):
            use(masked)
        with pytest.raises(TypeError, match="must be dense, got a sparse csr_array"):
            use(scipy.sparse.csr_array(X))
    compress(network, np.ma.array(X), keep=0.5)
