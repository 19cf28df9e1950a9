"""The weights of a model in a checkpoint, under whatever names training left them.

A checkpoint is a tree: wrappers of training scripts (``{"state_dict": ...}``), of modules (``module.``, ``model.``) and
of the compiler (``_orig_mod.``) put names before those of the model, and keep other tensors beside them. All of it is
one rule: there is one place in the tree below which stand the model's names and shapes, all of them and no others.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..._common.atomic import FilePath
from ..._common.words import some
from .._arrays import read_safetensors
from ._files import shared_names

INSIDE = ("_orig_mod", "module")  # put between names too, where parts of a model are compiled or wrapped
INDEX = ".index.json"  # the end of the name of an index of the files that save_pretrained splits a large model into
FIRST = 3  # names of each kind that a message holds


def read_weights(path: FilePath) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors of a checkpoint by their dotted names, and what a ``.safetensors`` file says about itself.

    Only tensors are unpickled: a file cannot run code.

    Raises
    ------
    ValueError
        Damaged, or with other things than tensors and numbers.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    if path.name.endswith(INDEX):
        return _parts(path), {}
    if path.suffix == ".safetensors":
        metadata, tensors = read_safetensors(path, "pt")
        return tensors, metadata
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickle protocols
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle fails in many ways, and torch's cure would run what the file holds
        raise ValueError(
            f"path must be a checkpoint of tensors alone, got {path}, which is damaged or holds more; "
            "torch.save(model.state_dict(), path) makes one"
        ) from error
    tensors = dict(_leaves(found))
    if not isinstance(found, Mapping) or not tensors:
        raise ValueError(f"path must hold weights, as a state_dict is a dict of tensors, got {path} without any")
    return tensors, {}


def fit_weights(model: torch.nn.Module, path: FilePath, what: str = "the model") -> str | None:
    """Give a model the weights of a checkpoint, in the model's dtypes; says which, where that is not all of the file.

    Weights that the model shares between modules may be there under one of their names.

    Parameters
    ----------
    model : Module
    path : path
    what : str
        The model's name in messages.

    Raises
    ------
    ValueError
        The names or shapes are not the model's, or are so in several places.
    OSError
        The file cannot be read.
    """
    tensors, metadata = read_weights(path)
    for removed, kept in metadata.items():  # weights that safetensors' save_model stores once
        if kept in tensors:
            tensors.setdefault(removed, tensors[kept])
    try:
        model.load_state_dict(tensors)
        return None
    except RuntimeError:  # said below, in fewer words
        pass
    state = {name: tensor for name, tensor in model.state_dict().items() if isinstance(tensor, torch.Tensor)}
    views = [Names(tensors, state, shared_names(model), clean) for clean in (str, _without)]
    for view in views:
        places = [place for place in view.places if not any(view.differences(place))]
        if len(places) > 1:
            raise ValueError(
                f"path must hold the weights of {what} once, got {path} with {len(places)} places, "
                f"{some(map(repr, places), FIRST)}; "
                "keep one: torch.save(torch.load(path, weights_only=True)[place], new_path)"
            )
        if places:
            model.load_state_dict(view.found(places[0]), strict=False)
            return _note(path, places[0], view)
    said = views[-1].differences(next(iter(views[-1].places), ""))
    kinds = ("missing", "not the model's", "of another shape")
    words = [f"{len(each)} {kind} ({some(each, FIRST)})" for each, kind in zip(said, kinds, strict=True) if each]
    raise ValueError(f"path must hold the weights of {what}, got {path}: {'; '.join(words)}")


class Names:
    """The names of a checkpoint beside those of a model, both as `clean` makes them.

    Parameters
    ----------
    tensors, state : mapping of str to tensor
        The file's and the model's.
    shared : list of list of str
        Names of the model's that stand for one tensor.
    clean : callable

    Attributes
    ----------
    places : list of str
        What stands before the model's names in those of the file, most frequent first.
    """

    def __init__(
        self,
        tensors: Mapping[str, torch.Tensor],
        state: Mapping[str, torch.Tensor],
        shared: Sequence[Sequence[str]],
        clean: Callable[[str], str],
    ) -> None:
        self.changed = any(clean(name) != name for name in tensors)
        self._file = {clean(name): tensor for name, tensor in tensors.items()}
        self._model = {clean(name): (name, tensor) for name, tensor in state.items()}
        self._shared = [[clean(name) for name in names] for names in shared]
        places: Counter[str] = Counter()
        for name in self._file if len(self._file) == len(tensors) and len(self._model) == len(state) else ():
            parts = name.split(".")
            for i in range(len(parts)):
                if ".".join(parts[i:]) in self._model:
                    places["".join(f"{part}." for part in parts[:i])] += 1
        self.places = [place for place, _ in places.most_common()]

    def found(self, place: str) -> dict[str, torch.Tensor]:
        """The model's names, and the tensors there: under the name itself or another one of the same tensor."""
        here = {name: self._file[place + name] for name in self._model if place + name in self._file}
        for names in self._shared:
            one = next((here[name] for name in names if name in here), None)
            here |= {name: one for name in names if one is not None and name not in here}
        return {self._model[name][0]: tensor for name, tensor in here.items()}

    def outside(self, place: str) -> list[str]:
        """The names that do not stand there."""
        return [name for name in self._file if not name.startswith(place)]

    def differences(self, place: str) -> tuple[list[str], list[str], list[str]]:
        """What is missing there, what is too much, and what has another shape."""
        found, wanted = self.found(place), dict(self._model.values())
        counts = "num_batches_tracked"  # which checkpoints of old lack, and evaluation does not need
        below = (name[len(place) :] for name in self._file if name.startswith(place))
        return (
            [name for name in wanted if name not in found and not name.endswith(counts)],
            [name for name in below if name not in self._model],
            [
                f"{name}: {tuple(tensor.shape)} in place of {tuple(wanted[name].shape)}"
                for name, tensor in found.items()
                if tensor.shape != wanted[name].shape
            ],
        )


def _parts(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of all files of a large model, which an index in JSON names."""
    try:
        files = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
        parts = [path.with_name(Path(file).name) for file in sorted(files)]  # beside the index, wherever it points
        if any(part.name.endswith(INDEX) for part in parts):
            raise ValueError("its files must not be indices themselves, got one that is")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"path must be an index of a model's files, got {path}: {error}") from error
    return {name: tensor for part in parts for name, tensor in read_weights(part)[0].items()}


def _leaves(tree: Any, before: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of nested mappings, under dotted names."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if isinstance(value, torch.Tensor):
                yield f"{before}{key}", value
            else:
                yield from _leaves(value, f"{before}{key}.")


def _without(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in INSIDE)


def _note(path: FilePath, place: str, view: Names) -> str | None:
    outside = view.outside(place)
    words = [
        f"those under {place!r}" if place else "",
        f"without {' and '.join(INSIDE)} in names" if view.changed else "",
    ]
    rest = f"; {len(outside)} others are left out ({some(outside, FIRST)})" if outside else ""
    return f"{path}: the weights are {', '.join(filter(None, words))}{rest}" if any(words) else None
