"""A model as the command reads and writes it, whatever framework it is of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    samples : array or mapping of arrays
        To calibrate on.
    options : dict
        Of `plan`, that what `save` writes needs where the caller does not say otherwise.
    notes : tuple of str
        How the file was understood, where that is not plain.
    """

    face: Face[Any]
    save: Callable[..., None]
    report: Callable[..., Any]
    samples: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
