"""Groups that keep one width between them, so that one number of a configuration can say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

import numpy as np

from ..._common.words import some
from .._face import Group, Term

Alike: TypeAlias = Literal["config"] | Iterable[str] | None


@dataclass(frozen=True)
class Ties:
    """Sets of groups of one width, each of which a budget sees as one group, under the name of its first.

    Attributes
    ----------
    sets : tuple of tuple of str
        Disjoint; groups that are in none are free.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._face import Term
    >>> from rrqr_lapack.prune._planning.alike import Ties
    >>> ties = Ties((("a", "b"),))
    >>> errors, choices = dict.fromkeys("ab", np.array([3.0, 1.0])), {"a": np.array([1, 2]), "b": np.array([2, 3])}
    >>> ties.together(errors, choices)
    ({'a': array([4.])}, {'a': array([2])})
    >>> ties.renamed([Term(5, ("a", "b"))]), ties.spread({"a": 2})
    ((Term(coefficient=5, groups=('a', 'a')),), {'a': 2, 'b': 2})
    """

    sets: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(
        cls, alike: Alike, groups: Mapping[str, Group], said: Iterable[Sequence[str]]
    ) -> tuple[Ties, dict[str, Group]]:
        """What `plan` was asked for, and the groups that it may cut; `said` are the sets of a model's configuration.

        Raises
        ------
        TypeError, ValueError
            As `plan`.
        """
        if alike is None:
            return cls(), dict(groups)
        if alike == "config":
            sets = tuple(names for each in said if (names := tuple(name for name in each if name in groups)))
            if not sets:
                raise ValueError(
                    "alike must be None or patterns for a model whose configuration says no width of "
                    f"{some(groups)}, got 'config'"
                )
            return cls(sets), {name: group for name, group in groups.items() if any(name in each for each in sets)}
        if isinstance(alike, str) or not isinstance(alike, Iterable):
            raise TypeError(f"alike must be None, 'config' or patterns in a list, got {alike!r}")
        found = [(pattern, _matching(pattern, groups)) for pattern in alike]
        for i, (pattern, names) in enumerate(found):
            if len({groups[name].width for name in names}) > 1:
                sizes = some(f"{name} of {groups[name].width}" for name in names)
                raise ValueError(f"alike must join groups of one width, got {pattern!r}, which joins {sizes}")
            twice = [name for _, others in found[:i] for name in others if name in names]
            if twice:
                raise ValueError(f"alike must have each group in one pattern, got {twice[0]} in two; leave one out")
        return cls(tuple(names for _, names in found)), dict(groups)

    def leader(self, name: str) -> str:
        """The group that stands for a group's set."""
        return next((each[0] for each in self.sets if name in each), name)

    def together(
        self, errors: Mapping[str, np.ndarray], choices: Mapping[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Squared errors of each set, added up, at the widths that all of it may take."""
        summed: dict[str, np.ndarray] = {}
        shared: dict[str, np.ndarray] = {}
        for name, each in choices.items():
            first = self.leader(name)
            common = np.intersect1d(shared[first], each) if first in shared else each
            if not len(common):
                raise ValueError(
                    f"alike must leave {first} and {name} a width that both can take, but the activations of one have "
                    "too low a rank; leave one out, or lower round_to"
                )
            before = summed[first][np.isin(shared[first], common)] if first in shared else 0.0
            shared[first], summed[first] = common, before + errors[name][np.isin(each, common)]
        return summed, shared

    def renamed(self, terms: Iterable[Term]) -> tuple[Term, ...]:
        """A cost by the groups that stand for their sets."""
        return tuple(Term(term.coefficient, tuple(map(self.leader, term.groups))) for term in terms)

    def spread(self, widths: Mapping[str, int]) -> dict[str, int]:
        """The widths of all groups from those that stand for them."""
        members = {each[0]: each for each in self.sets}
        return {name: k for first, k in widths.items() for name in members.get(first, (first,))}


def _matching(pattern: str, groups: Mapping[str, Group]) -> tuple[str, ...]:
    if not isinstance(pattern, str):
        raise TypeError(f"alike must hold patterns of names, got {pattern!r}")
    names = tuple(name for name in groups if fnmatchcase(name, pattern))
    if not names:
        raise ValueError(f"alike must hold patterns of groups to plan for, {some(groups)}, got {pattern!r}")
    return names
