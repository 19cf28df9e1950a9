"""Checkpoints of PyTorch for the command line: weights from a file, the model from the caller's own code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..._common.atomic import FilePath
from .._model_file import ModelFile
from ._files import is_ours, load, save
from ._groups import find_groups
from ._samples import Calibration
from ._weights import fit_weights


def open_checkpoint(path: FilePath, make: str, data: Calibration, **options: Any) -> ModelFile:
    """The model whose weights a file holds.

    Parameters
    ----------
    path : path
        ``.safetensors``, or ``.pt``, ``.pth``, ``.ckpt`` and ``.bin`` with nothing but tensors and numbers. A file that
        `save` wrote is the model as it was cut.
    make : str
        ``MODULE:NAME``: a class or function that makes the model without arguments; the module is imported, from
        the current folder too.
    data : array or mapping of arrays
        Calibration samples, which show the model's structure.
    **options
        Of `find_groups`.

    Raises
    ------
    ValueError
        `make` is not such a name, or the weights are not those of the model.
    ImportError
        The module cannot be imported.
    OSError
        The file cannot be read.
    """
    path, model, note = Path(path), _made(make), None
    if path.suffix == ".safetensors" and is_ours(path):
        model = load(model, path)
    else:
        note = fit_weights(model, path, make)
    face, _ = find_groups(model.eval(), data, **options)
    return ModelFile(
        face,
        lambda small, target, plan, overwrite=False: save(small, target, plan=plan, overwrite=overwrite),
        lambda analysis, plan, small, seconds: plan,
        samples=data,
        notes=(note,) if note else (),
    )


def _made(make: str) -> torch.nn.Module:
    module, colon, name = make.partition(":")
    if not (module and colon and name):
        raise ValueError(f"option --class must be MODULE:NAME, a class or function that makes the model, got {make!r}")
    with _current_folder():
        try:
            made = importlib.import_module(module)
        except Exception as error:  # the caller's own code
            raise ImportError(
                f"option --class must be in a module that can be imported, got {make!r}, but {module} fails: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not hasattr(made, name):
            raise ValueError(f"option --class must be in its module, got {make!r}, but {module} has no {name}")
        try:
            model = getattr(made, name)()
        except Exception as error:
            raise ValueError(
                f"option --class must make a model without arguments, got {make!r}: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(model, torch.nn.Module):
        raise ValueError(
            f"option --class must make a torch.nn.Module, got {make!r}, which makes a {type(model).__name__}"
        )
    return model


@contextmanager
def _current_folder() -> Iterator[None]:
    """Imports from the current folder, as ``python -m`` has them."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")
