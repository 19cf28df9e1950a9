"""Smaller models in files: weights as safetensors, the plan as JSON beside them.

A file holds tensors, and numbers for attributes that the model has already. Nothing in it can run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from ..._common.atomic import FilePath, check_outputs, whole_file
from ..._common.words import some
from .._arrays import read_metadata, read_safetensors, safetensors_package
from .._planning.plans import Plan
from ._cut import rebuilt
from ._factored import Factored, replace_layer
from ._plain import plain
from ._samples import check_module, unwrapped

FORMAT = "rrqr_lapack.prune.torch/1"


def check_path(path: FilePath) -> Path:
    """The path, if it is one that `save` and `load` take."""
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"path must end in .safetensors, got {path}")
    return path


def is_ours(path: FilePath) -> bool:
    """Whether a ``.safetensors`` file says that `save` wrote it."""
    return _described(read_metadata(path)).get("format") == FORMAT


def _described(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What `save` wrote about the model; empty in other programs' files."""
    try:
        description = json.loads(metadata.get("model", "{}"))
    except json.JSONDecodeError:
        return {}
    return description if isinstance(description, dict) else {}


def shared_names(model: torch.nn.Module) -> list[list[str]]:
    """The names of each parameter and buffer that has more than one."""
    names: dict[tuple[object, ...], list[str]] = {}
    everything = (*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False))
    for name, tensor in everything:
        where = id(tensor) if tensor.is_meta or not tensor.numel() else (tensor.data_ptr(), tensor.stride())
        names.setdefault((where, tensor.shape, tensor.dtype), []).append(name)
    return [each for each in names.values() if len(each) > 1]


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Every parameter and buffer once, under its first name: shared ones are stored once.

    Buffers that a state_dict leaves out too: those along a group are cut.
    """
    return dict(model.named_parameters()) | dict(model.named_buffers())


def _numbers(item: object) -> dict[str, int]:
    """The integer attributes of a module or configuration: sizes are among them."""
    return {key: value for key, value in getattr(item, "__dict__", {}).items() if type(value) is int}


def save(model: torch.nn.Module, path: FilePath, *, plan: Plan | None = None, overwrite: bool = False) -> None:
    """Write a model's weights to ``.safetensors``, and its plan to a ``.json`` beside them; whole or not at all.

    Parameters
    ----------
    model : torch.nn.Module
        From `apply` or `factorize`. Of a compiled or data-parallel one the module inside is written. Weights that
        modules share are written once.
    path : path
        Ends in ``.safetensors``.
    plan : Plan, optional
        Written to the same name with ``.json``.
    overwrite : bool, default False
        Whether existing files may be replaced.

    Raises
    ------
    TypeError
        `model` is no module.
    ValueError
        Another suffix.
    FileExistsError
        A file exists and `overwrite` is False.
    ImportError
        The safetensors package is not installed.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import factorize, save
    >>> model, _ = factorize(torch.nn.Sequential(torch.nn.Linear(16, 16)), params=0.5)
    >>> save(model, "small.safetensors")
    """
    check_module(model)
    path, _ = check_path(path), safetensors_package()
    check_outputs(path, None if plan is None else path.with_suffix(".json"), overwrite=overwrite)
    from safetensors.torch import save as as_bytes

    model = unwrapped(model)
    description = {
        "format": FORMAT,
        "shared": {name: names[0] for names in shared_names(model) for name in names[1:]},
        "modules": {name: numbers for name, module in model.named_modules() if (numbers := _numbers(module))},
        "config": _numbers(getattr(model, "config", None)),
        "factored": [name for name, module in model.named_modules() if isinstance(module, Factored)],
    }
    arrays = {  # each in memory of its own: the format has no views
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in _tensors(model).items()
    }
    with ExitStack() as files:
        if plan is not None:
            beside = files.enter_context(whole_file(path.with_suffix(".json"), overwrite))
            plan.to_json(beside)
        temporary = files.enter_context(whole_file(path, overwrite))
        temporary.write_bytes(as_bytes(arrays, metadata={"model": json.dumps(description)}))


def load(model: torch.nn.Module, path: FilePath) -> torch.nn.Module:
    """Rebuild a smaller model from the original and a file that `save` wrote.

    Parameters
    ----------
    model : torch.nn.Module
        An instance of the original class as it was before compression; its weights do not matter, and it is not
        modified. It may be on the meta device.
    path : path
        The file with the weights.

    Returns
    -------
    torch.nn.Module
        The same class with the file's weights, dtypes and sizes, in evaluation mode, on the CPU.

    Raises
    ------
    TypeError
        `model` is no module.
    ValueError
        Not such a file, or one of another model.
    FileNotFoundError
        No file there.
    ImportError
        The safetensors package is not installed.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import analyze, apply, load, plan, save
    >>> def original():
    ...     return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> analysis = analyze(original(), torch.randn(100, 3))
    >>> half = plan(analysis, keep=0.5)
    >>> save(apply(analysis, half), "half.safetensors", plan=half)
    >>> load(original(), "half.safetensors")[0]
    Linear(in_features=3, out_features=4, bias=True)
    """
    check_module(model)
    path = check_path(path)
    metadata, tensors = read_safetensors(path, "pt")
    description = _described(metadata)
    if description.get("format") != FORMAT:
        raise ValueError(f"path must be a model that rrqr_lapack.prune.torch.save wrote, got {path}")
    try:
        if not any(".parametrizations." in f".{name}" or name.endswith(("_g", "_orig")) for name in tensors):
            model = plain(model)  # as what was saved had been
        own = _tensors(model)
        for name, first in description.get("shared", {}).items():
            if name in own and first in tensors:  # the instance does not share them
                tensors.setdefault(name, tensors[first])
        result = _replaced(model, tensors, tuple(map(str, description["factored"])), path)
        for name, numbers in description["modules"].items():
            _set(result.get_submodule(name), numbers)
        _set(getattr(result, "config", None), description["config"])
    except (AttributeError, KeyError) as error:
        raise ValueError(f"path must describe this model, got {path}, damaged or of another: {error}") from error
    return result.eval()


def _replaced(
    model: torch.nn.Module, tensors: Mapping[str, torch.Tensor], factored: Sequence[str], path: Path
) -> torch.nn.Module:
    """A copy of the model with the tensors of a file, which must be all that it has."""
    inside = {name for name in tensors if any(name.startswith(f"{layer}.") for layer in factored)}
    old = _tensors(model)
    needed = {name for name in old if name.rpartition(".")[0] not in factored}
    for what, names in (
        ("lacks", needed - tensors.keys()),
        ("has, unlike the model,", tensors.keys() - inside - needed),
    ):
        if names:
            raise ValueError(
                f"path must hold the tensors of this model, got {path}, which {what} {some(sorted(names))}; "
                "give the model that it was made from"
            )
    for name in needed:
        if old[name].ndim != tensors[name].ndim:
            raise ValueError(
                f"path must hold {name} with {old[name].ndim} axes, as the model has it, got {path} with "
                f"{tensors[name].ndim}"
            )
    result = rebuilt(model, {name: tensors[name] for name in needed})
    for layer in factored:
        replace_layer(result, layer, Factored.from_state(result.get_submodule(layer), tensors, layer))
    return result


def _set(item: object, numbers: Mapping[str, Any]) -> None:
    """Write the numbers of a file over those attributes that are integers already."""
    for key, value in numbers.items():
        if type(getattr(item, "__dict__", {}).get(key)) is int and type(value) is int:
            setattr(item, key, value)
