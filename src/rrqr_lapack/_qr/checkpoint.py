"""A `TallQR` in a file: a ``.npz`` archive of plain arrays, written whole or not at all, and never unpickled."""

import os
from typing import Any

import numpy as np

from .._common.atomic import FilePath, whole_file
from .._common.npy import read_npz
from .._common.types import Array

FORMAT = 1


def write(path: FilePath, arrays: dict[str, Array]) -> None:
    """Write the arrays in place of what was there; on the disk before it takes the name."""
    with whole_file(path, overwrite=True) as temporary, open(temporary, "wb") as file:
        np.savez(file, format=np.array(FORMAT), **arrays)  # type: ignore[arg-type]  # none is called allow_pickle
        file.flush()
        os.fsync(file.fileno())


def read(path: FilePath, names: set[str]) -> dict[str, Any]:
    """The arrays of these names; ValueError where others are there, or the file is damaged or cut off."""
    arrays = read_npz(path)
    found = arrays.pop("format", None)
    if found is None or set(arrays) != names:
        raise ValueError(f"path must be a file of TallQR.save, got {path} with {', '.join(arrays) or 'nothing'}")
    if found != FORMAT:
        raise ValueError(f"path must be a TallQR in format {FORMAT}, got {path} in format {found}; read the rows anew")
    return arrays
