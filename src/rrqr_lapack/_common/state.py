"""What an object that goes on working after it was made keeps in a pickle or a deep copy."""

import copy
from typing import Any, Self

FORMAT = 1


class Kept:
    """Pickles the attributes in `_kept`, under a format number; takes back no others.

    A subclass names its attributes, and makes anew in `_renew` what is not kept, a lock for one.
    """

    _kept: tuple[str, ...] = ()

    def _renew(self) -> None:
        pass

    def __getstate__(self) -> dict[str, Any]:
        return {"class": type(self).__name__, "format": FORMAT, "kept": {name: vars(self)[name] for name in self._kept}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name, again = type(self).__name__, "make it anew, or unpickle it with the version of rrqr_lapack that wrote it"
        known = isinstance(state, dict) and set(state) == {"class", "format", "kept"}
        if not known or state["class"] != name:
            raise ValueError(f"state must be that of a {name}, got another; {again}")
        if state["format"] != FORMAT:
            found = state["format"]
            raise ValueError(
                f"state must be a {name} in format {FORMAT}, which this version reads, got {found!r}; {again}"
            )
        kept = state["kept"]
        odd = set(kept) ^ set(self._kept) if isinstance(kept, dict) else self._kept
        if odd:
            raise ValueError(
                f"state must be that of a whole {name}, but not in {', '.join(sorted(map(str, odd)))}; {again}"
            )
        vars(self).update(kept)
        self._renew()

    def __copy__(self) -> Self:
        return copy.deepcopy(self)  # what grows is not shared
