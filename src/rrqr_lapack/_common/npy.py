"""Arrays in files, ``.npy`` and ``.npz``. Nothing is unpickled: a file cannot run code.

What a file is, is told by how it begins; what is wrong with it in our own words, since NumPy's name a switch with which
a file could run code.
"""

from __future__ import annotations

import zipfile
import zlib

import numpy as np
from numpy.lib.format import open_memmap

from .atomic import FilePath

BEGINNINGS = {
    b"\x93NUMPY": "a .npy file, one array",
    b"PK": "a zip archive, as .npz files and PyTorch's checkpoints are",
    b"\x80": "a pickle, which can run code and is not read",
    b"\x89HDF": "an HDF5 file",
    b"\x1f\x8b": "compressed by gzip",
}
DAMAGE = (ValueError, EOFError, OSError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def open_npy(path: FilePath) -> np.ndarray:
    """The array of a ``.npy`` file, memory-mapped.

    Raises
    ------
    ValueError
        Another kind of file, damaged, or one of Python objects.
    OSError
        The file cannot be read.
    """
    _check_beginning(path, ".npy", b"\x93NUMPY")
    try:
        return open_memmap(path, mode="r")
    except DAMAGE as error:
        raise _unreadable(path, ".npy", error) from error


def read_npz(path: FilePath) -> dict[str, np.ndarray]:
    """The arrays of a ``.npz`` file by name.

    Raises
    ------
    ValueError, OSError
        As `open_npy`.
    """
    _check_beginning(path, ".npz", b"PK")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except DAMAGE as error:
        raise _unreadable(path, ".npz", error) from error
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray):
            raise ValueError(f"path must be a readable .npz file, got {path}: its {name} is no array")
    return arrays


def _check_beginning(path: FilePath, kind: str, wanted: bytes) -> None:
    with open(path, "rb") as file:
        start = file.read(8)
    if not start.startswith(wanted):
        found = next((what for magic, what in BEGINNINGS.items() if start.startswith(magic)), "something else, or text")
        raise ValueError(f"path must be a readable {kind} file, got {path}: it is {found if start else 'empty'}")


def _unreadable(path: FilePath, kind: str, error: Exception) -> ValueError:
    text = str(error)
    why = "it holds Python objects, which are not read" if "allow_pickle" in text or "Python object" in text else text
    return ValueError(f"path must be a readable {kind} file, got {path}: {why or type(error).__name__}")
