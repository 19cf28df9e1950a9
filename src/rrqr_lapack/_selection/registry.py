"""The methods by name: what each needs of the matrix, and its own options."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

from .._common.types import Indices
from .._kernel.rpcholesky import Pivoting
from .arp import arp
from .basis import BasisDriver
from .cholesky import cholesky
from .gks import gks
from .greedy import greedy
from .leverage import leverage
from .osinsky import osinsky
from .sketch import SketchPivoting, sketch
from .strong import strong
from .uniform import uniform


@dataclass(frozen=True)
class Method:
    """select(a, rule, **options) returns the indices of the chosen columns; so does select(a, rule, first, **options),
    where the `first` columns must be in."""

    select: Callable[..., Indices]
    tolerances: bool = True  # takes rtol and atol
    first: bool = False  # takes columns that must be in
    adjoint: bool = False  # multiplies by A^H
    square: bool = False  # needs the whole matrix: no rows or columns can be left out
    independent: bool = False  # its columns are numerically independent by construction

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the keyword arguments beyond those of every method."""
        parameters = inspect.signature(self.select).parameters.values()
        return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


class Options(TypedDict, total=False):
    """The options of all methods."""

    driver: BasisDriver
    f: float
    oversample: int
    pivoting: Pivoting | SketchPivoting
    power: int


MethodName: TypeAlias = Literal[
    "greedy", "strong", "gks", "arp", "osinsky", "sketch", "leverage", "uniform", "cholesky"
]
METHODS: dict[MethodName, Method] = {
    "greedy": Method(greedy, first=True, independent=True),
    "strong": Method(strong, first=True, independent=True),
    "gks": Method(gks, adjoint=True),
    "arp": Method(arp, adjoint=True),
    "osinsky": Method(osinsky),
    "sketch": Method(sketch, tolerances=False, adjoint=True),
    "leverage": Method(leverage, adjoint=True),
    "uniform": Method(uniform, tolerances=False),
    "cholesky": Method(cholesky, square=True),
}
