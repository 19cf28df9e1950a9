"""Configuration objects that repeat sizes, as Hugging Face models carry them.

Which number says which widths is found by trying: the class is built from a configuration with one number changed, on
the meta device, and the shapes of its tensors say what followed. No class is known by name, and of attributes only that
numbers of heads have ``head`` in theirs, and ``head_dim``, without which code divides the features by their number.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias

import torch

from ._structure import Coupling

Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


class Setting(NamedTuple):
    """Numbers of a configuration that all repeat the width of some groups.

    Attributes
    ----------
    path : tuple of str
        The configuration within the model's that has them, ``("vision_config",)``.
    each : dict of str to int
        Attribute -> its value for each unit.
    groups : tuple of str
        Those that share it: a valid configuration has all at one width.
    pinned : dict of str to int
        What the code would otherwise derive from these attributes, and keeps.
    """

    path: tuple[str, ...]
    each: Mapping[str, int]
    groups: tuple[str, ...]
    pinned: Mapping[str, int]

    def write(self, config: Any, width: int) -> None:
        """Say the groups' new width in a configuration."""
        for name in self.path:
            config = getattr(config, name)
        for name, value in self.pinned.items():
            setattr(config, name, value)
        for name, each in self.each.items():
            setattr(config, name, each * width)


class Configuration:
    """What a model's configuration says of its groups, found when it is first asked for.

    Parameters
    ----------
    model : torch.nn.Module
        With a ``config`` that its class is made from, or without.
    couplings : iterable of Coupling
        Its groups.
    """

    def __init__(self, model: torch.nn.Module, couplings: Iterable[Coupling]) -> None:
        self._kind, self._config = type(model), copy.deepcopy(getattr(model, "config", None))
        self._couplings = tuple(couplings)
        self._shapes: Shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """The numbers that say widths; none where the class cannot be made from its configuration."""
        if not hasattr(self._config, "__dict__") or self._differing({}, self._built(self._config)):
            return ()
        found: list[Setting] = []
        for candidate in self._candidates():
            known = {name for setting in found for name in setting.groups}
            if open_groups := [c for c in self._couplings if c.name in candidate.groups and c.name not in known]:
                found += self._tried(candidate, open_groups)
        return tuple(found)

    def configure(self, model: torch.nn.Module, widths: Mapping[str, int]) -> None:
        """Write the new sizes into the model's configuration, where all groups that share one agree."""
        full = {coupling.name: coupling.width for coupling in self._couplings}
        for setting in self.settings:
            sizes = {widths.get(group, full[group]) for group in setting.groups}
            if len(sizes) == 1 and sizes != {full[setting.groups[0]]}:
                setting.write(model.config, sizes.pop())

    def _candidates(self) -> Iterator[Setting]:
        """Numbers that may say the width of groups of one size, the likeliest first."""
        sizes = list(dict.fromkeys((c.width, c.unit) for c in self._couplings))
        for path, config in _parts(self._config):
            numbers = {name: value for name, value in vars(config).items() if type(value) is int and value > 0}
            for width, unit in sizes:
                groups = tuple(c.name for c in self._couplings if (c.width, c.unit) == (width, unit))
                if unit == 1:
                    named = [name for name, value in numbers.items() if value == width]
                    named += [name for name, value in vars(config).items() if value is None]  # a default of the code's
                    yield from (Setting(path, {name: 1}, groups, {}) for name in named)
                    continue
                heads = {name: n for name, n in numbers.items() if "head" in name and "dim" not in name}
                heads = {name: n for name, n in heads.items() if n % width == 0}
                for names in (*((name,) for name in heads), *combinations(heads, 2)):
                    most = max(heads[name] for name in names)
                    pinned = {} if getattr(config, "head_dim", None) else {"head_dim": unit * width // most}
                    yield Setting(path, {name: heads[name] // width for name in names}, groups, pinned)

    def _tried(self, candidate: Setting, couplings: Sequence[Coupling]) -> list[Setting]:
        """The candidate for those groups that follow it, if with them everything does."""
        half, config = couplings[0].width // 2, copy.deepcopy(self._config)
        try:
            candidate.write(config, half)
        except Exception:  # the configuration's own checks
            return []
        shapes = self._built(config)
        follow = [c for c in couplings if not self._differing({c.name: half}, shapes, [m[:2] for m in c.members])]
        if not follow or self._differing(dict.fromkeys((c.name for c in follow), half), shapes):
            return []
        return [candidate._replace(groups=tuple(c.name for c in follow))]

    def _built(self, config: Any) -> Shapes:
        """The shapes of the class's tensors with a configuration; none where it does not take it."""
        try:
            with torch.device("meta"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = self._kind(copy.deepcopy(config))
        except Exception:  # the class's own code, with a size that it may not allow
            return {}
        return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}

    def _differing(
        self, widths: Mapping[str, int], shapes: Shapes, places: Iterable[tuple[str, int]] | None = None
    ) -> bool:
        """Whether some tensors, or the axes `places`, have other sizes than the model's at these widths of groups."""
        expected = {name: list(shape) for name, shape in self._shapes.items()}
        for member in (member for coupling in self._couplings for member in coupling.members):
            if member.name in expected:
                expected[member.name][member.axis] = member.layout.resized(widths).size
        if places is None:
            return any(shapes.get(name) != tuple(shape) for name, shape in expected.items())
        return any(
            len(shapes.get(name, ())) <= axis or shapes[name][axis] != expected[name][axis]
            for name, axis in places
            if name in expected
        )


def _parts(config: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A configuration and those within it."""
    yield path, config
    for name, value in vars(config).items():
        if hasattr(value, "to_dict"):
            yield from _parts(value, (*path, name))
