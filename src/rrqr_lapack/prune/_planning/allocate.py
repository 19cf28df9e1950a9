"""How many units each group keeps under a budget for the whole model: a separable error, a multilinear cost.

Minimize ``sum_g f_g(k_g)`` subject to ``cost(k) <= budget``, where f_g is a group's curve of squared errors and the
cost a sum of products of widths, so that what a unit costs depends on the widths of its neighbours. Lagrangian
relaxation with one multiplier (H. Everett, "Generalized Lagrange multiplier method", Oper. Res. 11(3) (1963),
doi:10.1287/opre.11.3.399), coordinate by coordinate, each minimized over its whole curve; what the relaxation leaves
of the budget is then spent one step at a time where it buys most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from .._face import Term, total

Widths: TypeAlias = dict[str, int]

SWEEPS = 50
HALVINGS = 40


class Allocation:
    """Widths that minimize the sum of the groups' errors at a cost, or the cost at a sum of errors.

    Parameters
    ----------
    errors : mapping of str to (K,) ndarray
        Squared errors, not necessarily monotone, for each of the group's choices.
    choices : mapping of str to (K,) ndarray of int
        The widths that a group may take, ascending.
    terms : sequence of Term
        The cost.
    full : mapping of str to int
        The widths of all groups of the model; those without a choice keep theirs.
    uniform : bool, default False
        The same fraction of each group instead of the best: what to compare with.

    Attributes
    ----------
    narrowest, widest : dict of str to int
        The extreme choices.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune._planning.allocate import Allocation
    >>> from rrqr_lapack.prune._face import Term
    >>> errors = {"a": np.array([4.0, 2.0, 1.0, 0.0]), "b": np.array([9.0, 0.1, 0.0, 0.0])}
    >>> choices = dict.fromkeys("ab", np.arange(1, 5))
    >>> Allocation(errors, choices, [Term(1, ("a",)), Term(1, ("b",))], {"a": 4, "b": 4}).within(6)
    {'a': 4, 'b': 2}
    """

    def __init__(
        self,
        errors: Mapping[str, np.ndarray],
        choices: Mapping[str, np.ndarray],
        terms: Sequence[Term],
        full: Mapping[str, int],
        *,
        uniform: bool = False,
    ) -> None:
        self.errors, self.choices, self.terms, self.full, self.uniform = errors, choices, tuple(terms), full, uniform
        self.narrowest = {name: int(widths[0]) for name, widths in choices.items()}
        self.widest = {name: int(widths[-1]) for name, widths in choices.items()}

    def cost(self, widths: Mapping[str, int]) -> int:
        """The cost of these widths."""
        return total(self.terms, {**self.full, **widths})

    def error(self, widths: Mapping[str, int]) -> float:
        """The sum of the squared errors."""
        return sum(float(self.errors[name][self._index(name, k)]) for name, k in widths.items())

    def within(self, budget: float) -> Widths | None:
        """The widths of the least error that cost at most `budget`; None if the narrowest cost more."""
        return self._best(lambda widths: self.cost(widths) <= budget, (self.error, self.cost), grow=True)

    def cheapest(self, error: float) -> Widths | None:
        """The widths of the least cost whose squared errors sum to at most `error`; None if the widest's do not."""
        return self._best(lambda widths: self.error(widths) <= error, (self.cost, self.error), grow=False)

    def _best(
        self, allowed: Callable[[Widths], bool], objectives: Sequence[Callable[[Widths], float]], grow: bool
    ) -> Widths | None:
        """What is allowed and least by the first objective, of equal ones by the second."""

        def objective(widths: Widths) -> list[float]:
            return [measure(widths) for measure in objectives]

        found = [widths for widths in (self.narrowest, self.widest) if allowed(widths)]
        if not found:
            return None
        found += _bisected(self._fraction, 0, 1, allowed, not grow)
        if self.uniform:
            return min(found, key=objective)
        # the logarithm of the multiplier, an error per cost: from "cost is free" to "error is free"
        scale = math.log(max(float(errors.max()) for errors in self.errors.values()) or 1.0)
        free = scale - math.log(1e30 * self.cost(self.widest)), scale + math.log(1e3)
        for start in (self.narrowest, self.widest):
            found += _bisected(partial(self._relaxed, start), *free, allowed, grow)
        best = min(found, key=objective)
        return self._filled(best, allowed) if grow else self._trimmed(best, allowed)

    def _fraction(self, fraction: float) -> Widths:
        """The same fraction of each group, rounded up to its next choice."""
        return {name: self._choice(name, fraction * self.full[name]) for name in self.choices}

    def _relaxed(self, start: Widths, log_multiplier: float) -> Widths:
        """A minimum of error + multiplier cost over each coordinate by itself."""
        widths, multiplier = dict(start), math.exp(log_multiplier)
        for _ in range(SWEEPS):
            before = dict(widths)
            for name, choices in self.choices.items():
                values = self.errors[name] + multiplier * self._costs(name, widths)
                widths[name] = int(choices[np.argmin(values)])
            if widths == before:
                break
        return widths

    def _filled(self, widths: Widths, allowed: Callable[[Widths], bool]) -> Widths:
        """Spend what is left of the budget, each time on the step that lowers the error most for its cost."""
        while True:
            steps = [(_ratio(gain, cost), step) for gain, cost, step in self._steps(widths, 1) if gain > 0]
            steps = [(worth, step) for worth, step in steps if allowed(step)]
            if not steps:
                return widths
            widths = max(steps, key=lambda each: each[0])[1]

    def _trimmed(self, widths: Widths, allowed: Callable[[Widths], bool]) -> Widths:
        """Give back what the error leaves room for, each time the step that saves most for the error it adds."""
        while True:
            steps = [(_ratio(-cost, -gain), step) for gain, cost, step in self._steps(widths, -1) if cost < 0]
            steps = [(worth, step) for worth, step in steps if allowed(step)]
            if not steps:
                return widths
            widths = max(steps, key=lambda each: each[0])[1]

    def _steps(self, widths: Widths, direction: int) -> Iterator[tuple[float, int, Widths]]:
        """For each group its next choice: the error it saves, what it costs, the widths."""
        error, cost = self.error(widths), self.cost(widths)
        for name, k in widths.items():
            index = self._index(name, k) + direction
            if 0 <= index < len(self.choices[name]):
                step = {**widths, name: int(self.choices[name][index])}
                yield error - self.error(step), self.cost(step) - cost, step

    def _costs(self, name: str, widths: Widths) -> np.ndarray | float:
        """The cost for each choice of one group, the others as they are."""
        widths, choices = {**self.full, **widths, name: 1}, self.choices[name].astype(np.float64)
        return sum(term(widths) * choices ** term.groups.count(name) for term in self.terms if name in term.groups)

    def _index(self, name: str, k: float) -> int:
        return min(int(np.searchsorted(self.choices[name], k)), len(self.choices[name]) - 1)

    def _choice(self, name: str, k: float) -> int:
        return int(self.choices[name][self._index(name, k)])


def _bisected(
    widths: Callable[[float], Widths],
    low: float,
    high: float,
    allowed: Callable[[Widths], bool],
    high_is_allowed: bool,
) -> list[Widths]:
    """The allowed widths met while halving the parameter's range towards where they cease to be allowed."""
    found = []
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        candidate = widths(middle)
        if allowed(candidate):
            found.append(candidate)
        if allowed(candidate) == high_is_allowed:
            high = middle
        else:
            low = middle
    return found


def _ratio(gained: float, paid: float) -> float:
    """What is gained for what is paid; infinite where it is free."""
    return gained / paid if paid > 0 else math.inf
