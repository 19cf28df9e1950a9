"""Checkpoints of PyTorch for the command line: weights from a file, the model from the caller's own code."""

from __future__ import annotations

import importlib
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

import torch

from ..models import ModelFile
from .face import find_groups
from .files import FORMAT, check_path, load, read_tensors, save

WRAPPERS = ("state_dict", "model_state_dict", "model")  # keys under which training scripts keep the weights


def open_checkpoint(path, make: str, data) -> ModelFile:
    """The model whose weights a file holds.

    Parameters
    ----------
    path : path
        ``.safetensors``, or ``.pt`` and ``.pth`` with nothing but tensors. A file that `save` wrote is the model as it
        was cut.
    make : str
        ``MODULE:NAME``: a class or function that makes the model without arguments; the module is imported, from
        the current folder too.
    data : array or mapping of arrays
        Calibration samples, which show the model's structure.

    Raises
    ------
    ValueError
        `make` is not such a name, or the weights are not those of the model.
    ImportError
        The module cannot be imported.
    OSError
        The file cannot be read.
    """
    path, model = Path(path), _made(make)
    if path.suffix == ".safetensors" and read_tensors(path)[0].get("format") == FORMAT:
        model = load(model, path)
    else:
        try:
            model.load_state_dict(_weights(path))
        except RuntimeError as error:
            raise ValueError(f"{path} does not hold the weights of {make}: {error}") from error
    face, _ = find_groups(model.eval(), data)
    return ModelFile(
        face,
        lambda target: (check_path(target), target.with_suffix(".json")),
        lambda small, target, plan, overwrite=False: save(small, target, plan=plan, overwrite=overwrite),
        lambda analysis, plan, small, seconds: plan,
    )


def _made(make):
    module, colon, name = make.partition(":")
    if not (module and colon and name):
        raise ValueError(f"--class is {make!r}; give MODULE:NAME, a class or function that makes the model")
    with _current_folder():
        try:
            made = importlib.import_module(module)
        except Exception as error:  # the caller's own code
            raise ImportError(f"--class is {make!r}, but {module} fails: {type(error).__name__}: {error}") from error
        if not hasattr(made, name):
            raise ValueError(f"--class is {make!r}, but {module} has no {name}")
        try:
            model = getattr(made, name)()
        except Exception as error:
            raise ValueError(
                f"--class is {make!r}, which makes no model without arguments: {type(error).__name__}: {error}"
            ) from error
    if not isinstance(model, torch.nn.Module):
        raise ValueError(f"--class is {make!r}, which makes a {type(model).__name__}, not a torch.nn.Module")
    return model


@contextmanager
def _current_folder():
    """Imports from the current folder, as ``python -m`` has them."""
    sys.path.insert(0, "")
    try:
        yield
    finally:
        sys.path.remove("")


def _weights(path):
    """The tensors of a checkpoint. Only tensors are unpickled: a file cannot run code."""
    if path.suffix == ".safetensors":
        return read_tensors(path)[1]
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickle protocols
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle fails in many ways, and torch's cure would run what the file holds
        raise ValueError(
            f"{path} is no checkpoint of tensors alone, or damaged; torch.save(model.state_dict(), path) makes one"
        ) from error
    for key in WRAPPERS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise ValueError(f"{path} holds no weights: a state_dict is a dict of tensors")
    return found
