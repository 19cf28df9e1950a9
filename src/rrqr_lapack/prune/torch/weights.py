"""The weights of a model in a checkpoint, under whatever names training left them.

A checkpoint is a tree: wrappers of training scripts (``{"state_dict": ...}``), of modules (``module.``, ``model.``) and
of the compiler (``_orig_mod.``) put names before those of the model, and keep other tensors beside them. All of it is
one rule: there is one place in the tree below which stand the model's names and shapes, all of them and no others.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from ..words import some
from .files import read_safetensors, shared_names

INSIDE = ("_orig_mod", "module")  # put between names too, where parts of a model are compiled or wrapped
FIRST = 3  # names of each kind that a message holds


def read_weights(path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
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
    if path.suffix == ".safetensors":
        metadata, tensors = read_safetensors(path)
        return tensors, metadata
    try:
        with warnings.catch_warnings(action="ignore"):  # of pickle protocols
            found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # pickle fails in many ways, and torch's cure would run what the file holds
        raise ValueError(
            f"{path} is no checkpoint of tensors alone, or damaged; torch.save(model.state_dict(), path) makes one"
        ) from error
    tensors = dict(_leaves(found))
    if not isinstance(found, Mapping) or not tensors:
        raise ValueError(f"{path} holds no weights: a state_dict is a dict of tensors")
    return tensors, {}


def fit_weights(model: torch.nn.Module, path, what: str = "the model") -> str | None:
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
    for clean in (str, _without):
        names, wanted = ({clean(name): name for name in each} for each in (tensors, state))
        aliases = [{clean(name) for name in shared} for shared in shared_names(model)]
        if len(names) < len(tensors) or len(wanted) < len(state):
            continue
        fits = []
        for place in _places(names, wanted):
            below = {name[len(place) :]: tensors[full] for name, full in names.items() if name.startswith(place)}
            found = _shared(below, wanted, aliases)
            if not any(_differences(found, below, {name: state[full] for name, full in wanted.items()})):
                fits.append((place, below, found))
        if len(fits) > 1:
            places = some((repr(place) for place, *_ in fits), FIRST)
            raise ValueError(
                f"{path} has the weights of {what} in {len(fits)} places, {places}; "
                "keep one: torch.save(torch.load(path, weights_only=True)[place], new_path)"
            )
        if fits:
            place, below, found = fits[0]
            model.load_state_dict({wanted[name]: tensor for name, tensor in found.items()}, strict=False)
            outside = [full for name, full in names.items() if not name.startswith(place)]
            return _note(path, place, outside, clean is _without and names.keys() != tensors.keys())
    place = next(iter(_places(names, wanted)), "")
    below = {name[len(place) :]: tensors[full] for name, full in names.items() if name.startswith(place)}
    found = _shared(below, wanted, aliases)
    said = _differences(found, below, {name: state[full] for name, full in wanted.items()})
    kinds = ("missing", "not the model's", "of another shape")
    words = [f"{len(each)} {kind} ({some(each, FIRST)})" for each, kind in zip(said, kinds, strict=True) if each]
    raise ValueError(f"{path} does not hold the weights of {what}: {'; '.join(words)}")


def _leaves(tree, before="") -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors of nested mappings, under dotted names."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if isinstance(value, torch.Tensor):
                yield f"{before}{key}", value
            else:
                yield from _leaves(value, f"{before}{key}.")


def _without(name):
    return ".".join(part for part in name.split(".") if part not in INSIDE)


def _places(names, wanted) -> list[str]:
    """What stands before the model's names in those of the file, most frequent first."""
    places: Counter = Counter()
    for name in names:
        parts = name.split(".")
        for i in range(len(parts)):
            if ".".join(parts[i:]) in wanted:
                places["".join(f"{part}." for part in parts[:i])] += 1
    return [place for place, _ in places.most_common()]


def _shared(below, wanted, aliases):
    """The model's names that are found, under their own names or another one of the same tensor."""
    found = {name: below[name] for name in wanted if name in below}
    for shared in aliases:
        one = next((found[name] for name in shared if name in found), None)
        if one is not None:
            found |= {name: one for name in shared if name not in found}
    return found


def _differences(found, below, wanted) -> tuple[list[str], list[str], list[str]]:
    """What is missing, what is too much, and what has another shape."""
    counts = "num_batches_tracked"  # which checkpoints of old lack, and evaluation does not need
    return (
        [name for name in wanted if name not in found and not name.endswith(counts)],
        [name for name in below if name not in wanted],
        [
            f"{name}: {tuple(found[name].shape)} in place of {tuple(wanted[name].shape)}"
            for name in wanted
            if name in found and found[name].shape != wanted[name].shape
        ],
    )


def _note(path, place, outside, cleaned):
    words = [f"those under {place!r}" if place else "", f"without {' and '.join(INSIDE)} in names" if cleaned else ""]
    words = ", ".join(word for word in words if word)
    rest = f"; {len(outside)} others are left out ({some(outside, FIRST)})" if outside else ""
    return f"{path}: the weights are {words}{rest}" if words else None
