"""What the examples read and write."""

import gzip
from pathlib import Path

import numpy as np

DEBIAN_DIR = Path("/usr/share/datasets/fashion-mnist")  # of Debian's package dataset-fashion-mnist


def check_folder(folder: Path) -> None:
    """Say before the work begins that nothing can be written."""
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} is not there")


def fashion_mnist(split: str, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images, (n, 784) bytes, and labels of Fashion-MNIST, 'train' or 't10k', from its four .gz files."""

    def read(kind, header):
        with gzip.open(folder / f"{split}-{kind}-ubyte.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    return read("images-idx3", 16).reshape(-1, 784), read("labels-idx1", 8)


def inputs(images: np.ndarray) -> np.ndarray:
    """What a network takes: pixels scaled to [0, 1] in float32."""
    return images.astype(np.float32) / 255
