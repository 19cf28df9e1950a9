"""Words of messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def some(names: Iterable[object], most: int = 5) -> str:
    """The names, in their order; of many the first few and how many more there are.

    Examples
    --------
    >>> from rrqr_lapack._common.words import some
    >>> some("ab"), some(range(90)), some([])
    ('a, b', '0, 1, 2, 3, 4 and 85 more', 'none')
    """
    words = list(map(str, names))
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return (", ".join(words[:most]) or "none") + more


def by_reason(left_alone: Mapping[str, str]) -> list[str]:
    """What is left alone, in words: for each reason the names that have it.

    Examples
    --------
    >>> from rrqr_lapack._common.words import by_reason
    >>> by_reason({"a": "it is an output", "b": "there is only one", "c": "it is an output"})
    ['a, c: it is an output', 'b: there is only one']
    """
    said: dict[str, list[str]] = {}
    for name, why in left_alone.items():
        said.setdefault(why, []).append(name or "the model itself")
    return [f"{some(names)}: {why}" for why, names in said.items()]
