"""Networks in files: ``.npz`` and ``.safetensors``.

Both hold arrays named ``layers.<i>.weight`` and ``layers.<i>.bias`` and one JSON text with the activations
and the head (``docs/files.md``). Neither can hold code, and nothing here unpickles.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..._common.atomic import FilePath, whole_file
from ..._common.npy import read_npz
from .._arrays import read_metadata, read_safetensors, safetensors_package
from .activations import describe, from_description
from .network import Dense, Network

FORMAT = "rrqr_lapack.prune.network/1"
SUFFIXES = (".npz", ".safetensors")


def check_format(path: FilePath) -> Path:
    """The path, if `save` and `load` know its suffix.

    Raises
    ------
    ValueError
        Any other suffix.
    ImportError
        ``.safetensors`` without the safetensors package.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"path must end in {' or '.join(SUFFIXES)}, got {path}")
    if path.suffix == ".safetensors":
        safetensors_package()
    return path


def save(network: Network, path: FilePath, *, overwrite: bool = False, dtype: DTypeLike | None = None) -> None:
    """Write a network to ``.npz`` (NumPy alone) or ``.safetensors``, whole or not at all.

    Parameters
    ----------
    network : Network
        With named activations: code cannot be saved.
    path : path
        Ends in ``.npz`` or ``.safetensors``.
    overwrite : bool, default False
        Whether an existing file may be replaced.
    dtype : dtype, optional
        Store the weights in this floating-point type, for instance float16 for half the size.
        They are read back as the network computes: float16 as float32.

    Raises
    ------
    ValueError
        Another suffix, an activation that is the caller's own callable, a dtype that is not floating or too small for
        the weights.
    FileExistsError
        The file exists and `overwrite` is False.
    ImportError
        ``.safetensors`` without the safetensors package.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, load, save
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "network.npz"
    >>> save(Network([Dense(np.eye(3, dtype=np.float32))], head="softmax"), path)
    >>> load(path)
    Network(3 -> 3, softmax head, 12 parameters)
    """
    path = check_format(path)
    if dtype is not None and np.dtype(dtype) not in (np.float16, np.float32, np.float64):
        raise ValueError(f"dtype must be float16, float32 or float64, got {dtype!r}")
    text = json.dumps(
        {
            "format": FORMAT,
            "head": network.head,
            "activations": [describe(layer.activation) for layer in network.layers],
        }
    )
    arrays: dict[str, Any] = {
        f"layers.{i}.{name}": _stored(f"layers.{i}.{name}", getattr(layer, name), dtype)
        for i, layer in enumerate(network.layers)
        for name in ("weight", "bias")
    }
    with whole_file(path, overwrite) as temporary:
        if path.suffix == ".npz":
            np.savez_compressed(temporary, network=np.array(text), **arrays)
        else:
            from safetensors.numpy import save as as_bytes  # its save_file makes a file that only the owner may read

            temporary.write_bytes(as_bytes(arrays, metadata={"network": text}))


def _stored(name: str, array: np.ndarray, dtype: DTypeLike | None) -> np.ndarray:
    """The array as the file holds it: contiguous, in this machine's byte order, in `dtype` if that is given."""
    with np.errstate(over="ignore"):  # said below
        stored = np.ascontiguousarray(array, dtype or array.dtype.newbyteorder("="))
    if not np.isfinite(stored).all():
        raise ValueError(f"dtype must hold all weights, got {stored.dtype}, for which {name} has too large entries")
    return stored


def load(path: FilePath) -> Network:
    """Read a network that `save` wrote. Nothing is unpickled: a file cannot run code.

    Half precision, and bfloat16 and float8 of another program's, are read as float32.

    Parameters
    ----------
    path : path
        Ends in ``.npz`` or ``.safetensors``.

    Returns
    -------
    Network
        With the weights as `save` stored them.

    Raises
    ------
    ValueError
        Not such a file: another suffix, damaged, without the description of the network, or with
        arrays that are missing or do not fit together.
    FileNotFoundError
        No file there.
    ImportError
        ``.safetensors`` without the safetensors package.

    Examples
    --------
    >>> from rrqr_lapack.prune import Dense, Network, load, save
    >>> save(Network([Dense([[1.0, 2.0]])]), "network.npz")
    >>> load("network.npz").layers[0].weight
    array([[1., 2.]])
    """
    path = check_format(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there")
    if path.suffix == ".npz":
        arrays = read_npz(path)
        text = str(arrays.get("network", "{}"))
    else:
        metadata, arrays = read_safetensors(path)
        text = metadata.get("network", "{}")
    try:
        description = json.loads(text)
        if description["format"] != FORMAT:
            raise ValueError(f"its format must be {FORMAT!r}, got {description['format']!r}")
        layers = [
            Dense(arrays[f"layers.{i}.weight"], arrays[f"layers.{i}.bias"], from_description(activation))
            for i, activation in enumerate(description["activations"])
        ]
        return Network(layers, description["head"])
    except KeyError as error:
        raise _not_ours(path, f"{error} is missing") from error
    except (ValueError, TypeError) as error:
        raise _not_ours(path, str(error)) from error


def _not_ours(path: Path, why: str) -> ValueError:
    return ValueError(f"path must be a network that rrqr_lapack.prune.save wrote, got {path}: {why}")


def is_network(path: FilePath) -> bool:
    """Whether a ``.npz`` or ``.safetensors`` file says that `save` wrote it; other files can hold arrays too.

    Raises
    ------
    ValueError
        Not readable as what its suffix says.
    """
    path = check_format(path)
    return "network" in (read_npz(path) if path.suffix == ".npz" else read_metadata(path))
