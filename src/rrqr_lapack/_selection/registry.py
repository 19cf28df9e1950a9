"""The methods by name: what each needs of the matrix, and its own options."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from .arp import arp
from .cholesky import cholesky
from .gks import gks
from .greedy import greedy
from .leverage import leverage
from .osinsky import osinsky
from .sketch import sketch
from .strong import strong
from .uniform import uniform


@dataclass(frozen=True)
class Method:
    """select(a, stop, rng, **options) returns the indices of the chosen columns."""

    select: Callable
    tolerances: bool = True  # takes rtol and atol
    first: bool = False  # takes columns that must be in
    adjoint: bool = False  # multiplies by A^H
    square: bool = False  # needs the whole matrix: no rows or columns can be left out
    independent: bool = False  # its columns are numerically independent by construction

    @property
    def options(self):
        """Names of the keyword arguments beyond those of every method."""
        return tuple(inspect.signature(self.select).parameters)[3:]


METHODS = {
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
