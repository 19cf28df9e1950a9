"""Fashion-MNIST: the IDX reader, the images that the package carries, the full set where it is."""

import gzip
import struct

import numpy as np
import pytest

from rrqr_lapack.prune._command import fashion_mnist


def write_idx(path, array, dtype_code=8):
    """A gzipped IDX file of these bytes."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, dtype_code, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


@pytest.fixture
def folder(tmp_path, rng):
    """A full set of 12 test images."""
    write_idx(tmp_path / "t10k-images-idx3-ubyte.gz", rng.integers(0, 256, (12, 28, 28), np.uint8))
    write_idx(tmp_path / "t10k-labels-idx1-ubyte.gz", rng.integers(0, 10, 12, np.uint8))
    return tmp_path


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (0, 28, 28)])
def test_an_idx_file_comes_back(tmp_path, rng, shape):
    array = rng.integers(0, 256, shape, np.uint8)
    write_idx(tmp_path / "a.gz", array)
    np.testing.assert_array_equal(fashion_mnist.read_idx(tmp_path / "a.gz"), array)


def idx(*header, data=b""):
    """Bytes of an IDX file, gzipped."""
    return gzip.compress(bytes(header) + data)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plain text", "must be a whole gzip file, got"),
        (gzip.compress(bytes(1000))[:-9], "must be a whole gzip file, got"),
        (gzip.compress(b""), "must be an IDX file of unsigned bytes, got"),
        (idx(0, 0, 13, 1, 0, 0, 0, 1, data=b"aaaa"), "must be an IDX file of unsigned bytes, got"),
        (idx(0, 0, 8, 2, 0, 0, 0, 1), "must be a whole IDX file, got"),
        (idx(0, 0, 8, 1, 0, 0, 0, 5, data=b"aaaa"), "must be a whole IDX file, got"),
        (idx(0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255), "must be a whole IDX file, got"),
    ],
    ids=["text", "half a file", "nothing", "long integers", "no shape", "few images", "no image"],  # gzip has a clock
)
def test_a_file_of_another_kind_is_refused(tmp_path, content, message):
    (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        fashion_mnist.read_idx(tmp_path / "a.gz")


def test_the_full_test_set_is_read_where_it_is(folder):
    images, labels = fashion_mnist.test_set(folder)
    assert (images.shape, images.dtype, labels.shape) == ((12, 784), np.uint8, (12,))


def test_a_missing_file_of_the_full_set_is_named(folder):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte.gz is not there; .* four .gz IDX files"):
        fashion_mnist.test_set(folder)


def test_images_and_labels_must_match(folder, rng):
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", rng.integers(0, 10, 11, np.uint8))
    with pytest.raises(
        ValueError, match=r"data_dir must hold n images of 28 x 28 and n labels, got .* with \(12, 28, 28\) and \(11,\)"
    ):
        fashion_mnist.test_set(folder)


def test_without_the_full_set_the_carried_images_are_used(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", tmp_path / "none")
    images, labels = fashion_mnist.test_set()
    assert (images.shape, images.dtype, labels.shape) == ((2000, 784), np.uint8, (2000,))
    assert set(labels.tolist()) == set(range(10))


def test_the_calibration_images_are_no_test_images(monkeypatch, tmp_path):
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", tmp_path / "none")
    calibration = fashion_mnist.calibration_images()
    assert calibration.shape == (2000, 784)
    assert not {image.tobytes() for image in calibration} & {image.tobytes() for image in fashion_mnist.test_set()[0]}


@pytest.mark.skipif(
    not fashion_mnist.DEBIAN_DIR.is_dir(), reason="the Debian package dataset-fashion-mnist is not installed"
)
def test_the_carried_images_are_the_first_of_the_full_set(monkeypatch, tmp_path):
    training, _ = fashion_mnist.read_split("train")
    np.testing.assert_array_equal(fashion_mnist.calibration_images(), training[:2000])
    images, labels = fashion_mnist.test_set()
    assert (len(training), len(images)) == (60_000, 10_000)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_DIR", tmp_path / "none")
    carried_images, carried_labels = fashion_mnist.test_set()
    np.testing.assert_array_equal(carried_images, images[:2000])
    np.testing.assert_array_equal(carried_labels, labels[:2000])


def test_inputs_are_between_zero_and_one():
    scaled = fashion_mnist.inputs(np.array([[0, 51, 255]], np.uint8))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [[0, 0.2, 1]], rtol=1e-6)
