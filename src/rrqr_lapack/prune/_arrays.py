"""Arrays in ``.safetensors`` files. Nothing is unpickled: a file cannot run code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .._common.atomic import FilePath

INSTALL_HINT = 'pip install "rrqr-lapack[prune]"'


def safetensors_package() -> ModuleType:
    """The package safetensors.

    Raises
    ------
    ImportError
        It is not installed; the cure is said.
    """
    try:
        import safetensors
    except ImportError as error:
        raise ImportError(f".safetensors files need the safetensors package: {INSTALL_HINT}") from error
    return safetensors


@contextmanager
def _open_safetensors(path: FilePath, framework: str) -> Iterator[Any]:
    """The file, open; what is wrong with it in our own words."""
    safetensors = safetensors_package()
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} is not there")
    with open(path, "rb"):  # an OSError that names the file
        pass
    try:
        with safetensors.safe_open(path, framework) as file:
            yield file
    except safetensors.SafetensorError as error:
        raise ValueError(f"path must be a readable .safetensors file, got {path}: {error}") from error


def read_metadata(path: FilePath) -> dict[str, str]:
    """What a ``.safetensors`` file says about itself; its arrays are not read.

    Raises
    ------
    ValueError, OSError
        As `open_npy`.
    ImportError
        The safetensors package is not installed.
    """
    with _open_safetensors(path, "numpy") as file:
        return file.metadata() or {}


def read_safetensors(path: FilePath, framework: str = "numpy") -> tuple[dict[str, str], dict[str, Any]]:
    """What a ``.safetensors`` file says about itself, and its arrays by name.

    Parameters
    ----------
    path : path
    framework : {'numpy', 'pt'}
        Arrays, with bfloat16 and float8, which NumPy lacks, as float32; or PyTorch's tensors.

    Raises
    ------
    ValueError
        As `open_npy`; for NumPy a dtype that is none of its own, bfloat16, or float8 as E4M3 or E5M2.
    OSError, ImportError
        As `read_metadata`.
    """
    with _open_safetensors(path, framework) as file:
        metadata = file.metadata() or {}
        if framework == "pt":
            return metadata, {name: file.get_tensor(name) for name in file.keys()}
        found = safetensors_package().deserialize(Path(path).read_bytes())
    arrays = {}
    for name, tensor in found:
        if tensor["dtype"] not in DECODERS:
            raise ValueError(
                f"path must hold arrays in {', '.join(DECODERS)}, got {path} with {name} in {tensor['dtype']}"
            )
        arrays[name] = DECODERS[tensor["dtype"]](tensor["data"]).reshape(tensor["shape"])
    return metadata, arrays


def _bfloat16(data: bytes) -> np.ndarray:
    """The upper half of a float32."""
    return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)


def _float8_e5m2(data: bytes) -> np.ndarray:
    """The upper half of a float16."""
    return (np.frombuffer(data, np.uint8).astype(np.uint16) << 8).view(np.float16).astype(np.float32)


def _float8_e4m3(data: bytes) -> np.ndarray:
    """``(-1)^s 2^(e-7) (1 + m/8)``, for e = 0 ``(-1)^s 2^(-6) m/8``; all ones are NaN, and there is no infinity."""
    bits = np.arange(256)
    exponent, fraction = bits >> 3 & 15, (bits & 7) / 8
    values = np.where(exponent, np.ldexp(1 + fraction, exponent - 7), np.ldexp(fraction, -6))
    values[bits & 127 == 127] = np.nan
    return np.where(bits < 128, values, -values).astype(np.float32)[np.frombuffer(data, np.uint8)]


def _plain(dtype: DTypeLike) -> Callable[[bytes], np.ndarray]:
    return lambda data: np.frombuffer(data, dtype)


DECODERS: dict[str, Callable[[bytes], np.ndarray]] = {
    **{name: _plain(f"<f{size}") for name, size in (("F64", 8), ("F32", 4), ("F16", 2))},
    **{f"I{8 * size}": _plain(f"<i{size}") for size in (8, 4, 2, 1)},
    **{f"U{8 * size}": _plain(f"<u{size}") for size in (8, 4, 2, 1)},
    "BOOL": _plain(np.bool_),
    "BF16": _bfloat16,
    "F8_E4M3": _float8_e4m3,
    "F8_E5M2": _float8_e5m2,
}
