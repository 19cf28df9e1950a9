"""The model files that the command reads: what opens them, and what writes the smaller model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .dense import NetworkFace
from .face import Face
from .files import SUFFIXES, check_format, is_network, load, save
from .report import Report

TORCH_SUFFIXES = (".pt", ".pth", ".safetensors")
TORCH_HINT = 'pip install "rrqr-lapack[torch]"'


@dataclass(frozen=True)
class ModelFile:
    """A model from a file, as the command needs it.

    Attributes
    ----------
    face : Face
    check_output : callable
        ``check_output(path)`` gives the path, or raises before any work where the model cannot be written to it.
    save : callable
        ``save(model, path, plan, overwrite=False)`` writes the smaller model, whole or not at all.
    report : callable
        ``report(analysis, plan, model, seconds)``: what is printed, saved by its ``to_json(path, overwrite=False)``.
    """

    face: Face
    check_output: Callable[[Path], Path]
    save: Callable[..., None]
    report: Callable[..., Any]


def open_model(path) -> ModelFile:
    """The model in a file: a `Network` that `save` wrote, or a checkpoint of PyTorch.

    Raises
    ------
    ValueError
        Neither of the two.
    FileNotFoundError
        No file there.
    ImportError
        A PyTorch checkpoint without PyTorch.
    """
    path = Path(path)
    if path.suffix in TORCH_SUFFIXES and path.is_file() and not (path.suffix in SUFFIXES and is_network(path)):
        try:
            from .torch.files import open_checkpoint
        except ImportError as error:
            raise ImportError(f"{path} is no network of rrqr_lapack.prune; PyTorch's need {TORCH_HINT}") from error
        return open_checkpoint(path)
    return ModelFile(
        NetworkFace(load(path)),
        check_format,
        lambda network, target, plan, overwrite=False: save(network, target, overwrite=overwrite),
        Report.of,
    )
