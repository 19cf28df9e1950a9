"""A model as the command reads and writes it, whatever framework it is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._face import Face


@dataclass(frozen=True)
class ModelFile:
    """A model from a file, as the command needs it.

    Attributes
    ----------
    face : Face
    save : callable
        ``save(model, path, plan, overwrite=False)`` writes the smaller model, whole or not at all.
    report : callable
        ``report(analysis, plan, model, seconds)``: what is printed, saved by its ``to_json(path, overwrite=False)``.
    notes : tuple of str
        How the file was understood, where that is not plain.
    """

    face: Face[Any]
    save: Callable[..., None]
    report: Callable[..., Any]
    notes: tuple[str, ...] = ()
