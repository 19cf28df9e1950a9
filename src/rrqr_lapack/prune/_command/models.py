"""The models that the command reads: what opens their files or folders, and what writes the smaller ones."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from ..._common.atomic import FilePath, check_folder
from ..._common.npy import open_npy, read_npz
from .._model_file import ModelFile
from .._network.dense import NetworkFace
from .._network.files import SUFFIXES, check_format, is_network, load, save
from .._report import Report

TORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".index.json")
TORCH_HINT = 'pip install "rrqr-lapack[torch]"'


def check_target(model: Path, target: Path, overwrite: bool) -> None:
    """That a folder can be written for a model's folder.

    Raises
    ------
    ValueError, OSError
        It cannot, or would replace something without `overwrite`.
    """
    if target.resolve().is_relative_to(model.resolve()):
        raise ValueError(f"option --out must be another folder than the model's, and none in it, got {target}")
    check_folder(target, overwrite)


def files_of(target: Path, make: str | None = None) -> tuple[Path, ...]:
    """All files that `ModelFile.save` writes for a target that is no folder.

    Raises
    ------
    ValueError, ImportError
        The target's suffix is none of those that can be written.
    """
    if make is None:
        return (check_format(target),)
    _check_torch("--class")
    from ..torch._files import check_path

    return check_path(target), target.with_suffix(".json")


def _check_torch(what: str) -> None:
    if importlib.util.find_spec("torch") is None:
        raise ImportError(f"{what} is for PyTorch, which is not installed: {TORCH_HINT}")


def open_model(path: FilePath, samples: Path, make: str | None = None, **options: Any) -> ModelFile:
    """The model in a file or folder: a `Network` that `save` wrote, a checkpoint of PyTorch, a folder of Hugging Face.

    Parameters
    ----------
    path : path
    samples : path
        The file of the calibration samples.
    make : str, optional
        For PyTorch, ``MODULE:NAME`` of what makes the model: a checkpoint holds weights only.
    **options
        For PyTorch, options of `rrqr_lapack.prune.torch.find_groups`.

    Raises
    ------
    ValueError
        None of the three, or options for a model that is not PyTorch's.
    FileNotFoundError
        No file there.
    ImportError
        A PyTorch checkpoint without PyTorch.
    """
    path = Path(path)
    if path.is_dir():
        if make is not None:
            raise ValueError(
                f"option --class must be left out for a folder, whose config.json says it, got {make!r} and {path}"
            )
        _check_torch("a model's folder")
        from ..torch._folder import open_folder

        return open_folder(path, samples, **options)
    data: Any = read_npz(samples) if make is not None and samples.suffix == ".npz" else open_npy(samples)
    network = path.suffix in SUFFIXES and is_network(path) if path.is_file() else True
    if make is None and not network and path.name.endswith(TORCH_SUFFIXES):
        raise ValueError(
            f"path must be a network of rrqr_lapack.prune, got {path}; for a checkpoint of PyTorch give --class, its "
            "model"
        )
    if make is not None:
        if not path.name.endswith(TORCH_SUFFIXES):
            raise ValueError(f"path must end in {', '.join(TORCH_SUFFIXES)} with --class, got {path}")
        _check_torch("--class")
        from ..torch._checkpoint import open_checkpoint

        return open_checkpoint(path, make, data, **options)
    if options:
        flag = next(iter(options)).replace("_", "-")
        raise ValueError(f"option --{flag} must be for PyTorch, with --class, got none")
    return ModelFile(
        NetworkFace(load(path)),
        lambda network, target, plan, overwrite=False: save(network, target, overwrite=overwrite),
        Report.of,
        samples=data,
    )
