"""Words of messages."""

from __future__ import annotations

from collections.abc import Iterable


def some(names: Iterable[object], most: int = 5) -> str:
    """The names, in their order; of many the first few and how many more there are.

    Examples
    --------
    >>> from rrqr_lapack.prune._words import some
    >>> some("ab"), some(range(90)), some([])
    ('a, b', '0, 1, 2, 3, 4 and 85 more', 'none')
    """
    words = list(map(str, names))
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return (", ".join(words[:most]) or "none") + more
