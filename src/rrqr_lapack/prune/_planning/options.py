"""The options of `plan`, each once: its name and its default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias

from .._units.select import Method
from .alike import Alike
from .recipe import Correction

AllocationName: TypeAlias = Literal["uniform", "global", "sensitivity"]
EpsScale: TypeAlias = Literal["output"] | None

BUDGETS = ("eps", "keep", "ranks", "params", "flops", "max_error")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `plan` is asked for, as it was given; `plan` says what each means, and `Request` checks them."""

    eps: float | None = None
    keep: float | None = None
    ranks: Sequence[int] | Mapping[str, int] | None = None
    params: float | None = None
    flops: float | None = None
    max_error: float | None = None
    method: Method = "id"
    correction: Correction | None = None
    affine: bool = False
    allocation: AllocationName | None = None
    round_to: int = 1
    skip: Iterable[str] = ()
    alike: Alike = None
    eps_scale: EpsScale = None
    seed: int = 0

    @classmethod
    def among(cls, arguments: Mapping[str, Any]) -> Options:
        """Those among a function's arguments, which its locals are as it begins.

        Examples
        --------
        >>> from rrqr_lapack.prune._planning.options import Options
        >>> Options.among({**vars(Options()), "keep": 0.5, "progress": None}) == Options(keep=0.5)
        True
        """
        return cls(**{each.name: arguments[each.name] for each in fields(cls)})

    def budgets(self) -> dict[str, Any]:
        """Those of which one is given."""
        return {name: getattr(self, name) for name in BUDGETS}
