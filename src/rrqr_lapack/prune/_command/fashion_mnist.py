"""Fashion-MNIST: 70,000 images of 28 x 28 grey pixels in 10 classes.

The images are by Zalando SE, under the MIT licence (Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747). The
package carries the first 2,000 training images and the first 2,000 test images with their labels. The whole
set is read from its four gzipped IDX files, as the Debian package ``dataset-fashion-mnist`` installs them.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from ..._common.atomic import FilePath

DEBIAN_DIR = Path("/usr/share/datasets/fashion-mnist")
SHIPPED = Path(__file__).parent / "data" / "fashion_mnist_subset.npz"

_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}


def read_idx(path: FilePath) -> np.ndarray:
    """Read a gzipped IDX file of unsigned bytes.

    Parameters
    ----------
    path : path
        The file: a big-endian header (two zero bytes, type 8, the number of dimensions, the dimensions)
        and then the bytes.

    Returns
    -------
    (n, ...) ndarray of uint8

    Raises
    ------
    ValueError
        Not a gzipped IDX file of unsigned bytes, or one that is cut short.
    OSError
        The file cannot be read.
    """
    try:
        with gzip.open(path, "rb") as file:
            raw = file.read()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"path must be a whole gzip file, got {path}: {error}") from error
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError(f"path must be an IDX file of unsigned bytes, got {path}")
    header = 4 + 4 * raw[3]
    shape = struct.unpack(f">{raw[3]}I", raw[4:header]) if len(raw) >= header else None
    if shape is None or len(raw) - header != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"path must be a whole IDX file, got {path}, whose header and length disagree")
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def read_split(split: str, data_dir: FilePath = DEBIAN_DIR) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of the whole ``"train"`` (60,000) or ``"test"`` (10,000) set.

    Parameters
    ----------
    split : {'train', 'test'}
    data_dir : path
        The folder with the four ``.gz`` files.

    Returns
    -------
    images : (n, 784) ndarray of uint8
    labels : (n,) ndarray of uint8

    Raises
    ------
    FileNotFoundError
        One of the two files is not in the folder.
    ValueError
        A file is not what its name says.
    """
    images, labels = (Path(data_dir) / name for name in _FILES[split])
    for path in (images, labels):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is not there; the folder must hold Fashion-MNIST's four .gz IDX files")
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or pixels.shape[1:] != (28, 28) or classes.shape != pixels.shape[:1]:
        raise ValueError(
            f"data_dir must hold n images of 28 x 28 and n labels, got {images.parent} with {pixels.shape} and "
            f"{classes.shape}"
        )
    return pixels.reshape(-1, 784), classes


def calibration_images() -> np.ndarray:
    """The 2,000 training images that the package carries, (2000, 784) uint8, without labels."""
    with np.load(SHIPPED, allow_pickle=False) as file:
        return file["calibration_images"]


def test_set(data_dir: FilePath | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Test images and labels: all 10,000 where the full set is present, else the package's first 2,000.

    Parameters
    ----------
    data_dir : path, optional
        Where the full set is. Without it: Debian's folder if it is there, else the package's own subset.

    Returns
    -------
    images : (n, 784) ndarray of uint8
    labels : (n,) ndarray of uint8
    """
    if data_dir is not None:
        return read_split("test", data_dir)
    if DEBIAN_DIR.is_dir():
        return read_split("test", DEBIAN_DIR)
    with np.load(SHIPPED, allow_pickle=False) as file:
        return file["test_images"], file["test_labels"]


def test_source(data_dir: FilePath | None = None) -> str:
    """Which test images `test_set` gives, in words."""
    if data_dir is None and not DEBIAN_DIR.is_dir():
        return (
            "the first 2,000 of the 10,000 test images, which the package carries; for all of them install the Debian "
            "package dataset-fashion-mnist, or give --data-dir"
        )
    return f"all test images of {data_dir or DEBIAN_DIR}"


def inputs(images: np.ndarray) -> np.ndarray:
    """What the network takes: pixels scaled to [0, 1] in float32."""
    return images.astype(np.float32) / 255
