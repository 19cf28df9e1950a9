"""Progress of long calls: one convention, a callable that is told what is done, how much of it, and of how much."""

from collections.abc import Callable
from typing import Any, TypeAlias

Progress: TypeAlias = Callable[[str, int, int | None], object]  # (what, done, total); None: nobody knows how much


def check_progress(progress: Any) -> Progress | None:
    """`progress`, which must be callable or None."""
    if progress is None or callable(progress):
        return progress
    raise TypeError(f"progress must be None or callable as progress(what, done, total), got {progress!r}")
