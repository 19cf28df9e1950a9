"""The model files that the command reads: what opens them, and what writes the smaller model."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from ..._common.atomic import FilePath
from .._model_file import ModelFile
from .._network.dense import NetworkFace
from .._network.files import SUFFIXES, check_format, is_network, load, save
from .._report import Report

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".index.json")
TORCH_HINT = 'pip install "rrqr-lapack[torch]"'


def files_of(target: Path, make: str | None = None) -> tuple[Path, ...]:
    """All files that `ModelFile.save` writes for a target.

    Raises
    ------
    ValueError, ImportError
        The target's suffix is none of those that can be written.
    """
    if make is None:
        return (check_format(target),)
    _check_torch()
    from ..torch._files import check_path

    return check_path(target), target.with_suffix(".json")


def _check_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise ImportError(f"--class is for PyTorch, which is not installed: {TORCH_HINT}")


def open_model(path: FilePath, data: Any, make: str | None = None, **options: Any) -> ModelFile:
    """The model in a file: a `Network` that `save` wrote, or a checkpoint of PyTorch.

    Parameters
    ----------
    path : path
    data : array or mapping of arrays
        Calibration samples.
    make : str, optional
        For PyTorch, ``MODULE:NAME`` of what makes the model: a checkpoint holds weights only.
    **options
        For PyTorch, options of `rrqr_lapack.prune.torch.find_groups`.

    Raises
    ------
    ValueError
        Neither of the two, or options for a model that is not PyTorch's.
    FileNotFoundError
        No file there.
    ImportError
        A PyTorch checkpoint without PyTorch.
    """
    path = Path(path)
    network = path.suffix in SUFFIXES and is_network(path) if path.is_file() else True
    if make is None and not network and path.name.endswith(TORCH_SUFFIXES):
        raise ValueError(
            f"path must be a network of rrqr_lapack.prune, got {path}; for a checkpoint of PyTorch give --class, its "
            "model"
        )
    if make is not None:
        if not path.name.endswith(TORCH_SUFFIXES):
            raise ValueError(f"path must end in {', '.join(TORCH_SUFFIXES)} with --class, got {path}")
        _check_torch()
        from ..torch._checkpoint import open_checkpoint

        return open_checkpoint(path, make, data, **options)
    if options:
        flag = next(iter(options)).replace("_", "-")
        raise ValueError(f"option --{flag} must be for PyTorch, with --class, got none")
    return ModelFile(
        NetworkFace(load(path)),
        lambda network, target, plan, overwrite=False: save(network, target, overwrite=overwrite),
        Report.of,
    )
