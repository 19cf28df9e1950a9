"""What calibration samples cannot tell, said before anybody believes the errors that were measured on them.

The activations of d different samples have rank d at most, times the positions of a sample, whatever the model: units
beyond that look redundant, with an error of zero. And an error that is measured on fitted samples is none for new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from .._common.words import some
from ._units.statistics import Statistics

FEW = 3  # rows a column, below which a fit follows the samples rather than the model
CONSTANT = 1e-6  # of the activations' norm: if they vary by less, rounding in single precision is much of it


class CalibrationWarning(UserWarning):
    """The calibration samples cannot tell what the errors measured on them seem to say."""


class Variety:
    """How many samples differ, and whether one was held out that was not fitted too.

    Counting ends where the answers are known, so that many different samples cost little.

    Parameters
    ----------
    enough : int
        As many different samples suffice.

    Attributes
    ----------
    samples, different : int
        Of those that were counted.

    Examples
    --------
    >>> from rrqr_lapack.prune._doubts import Variety
    >>> variety = Variety(100)
    >>> variety.add([b"one", b"two", b"one"], held_out=False)
    >>> variety.add([b"two"], held_out=True)
    >>> variety.samples, variety.different, variety.fresh
    (4, 2, False)
    """

    def __init__(self, enough: int) -> None:
        self.enough, self.samples = enough, 0
        self._seen: dict[bool, set[int]] = {False: set(), True: set()}

    @property
    def different(self) -> int:
        return len(self._seen[False] | self._seen[True])

    @property
    def fresh(self) -> bool:
        """Whether a sample that was held out was not fitted."""
        return not self._seen[True] <= self._seen[False]

    def add(self, samples: Iterable[bytes], *, held_out: bool) -> None:
        """Count the samples of a batch, each as its bytes."""
        if self.fresh and self.different >= self.enough:
            return
        for sample in samples:
            self.samples += 1
            self._seen[held_out].add(hash(sample))

    def of(self, rows: int) -> int:
        """The rows of activations that come from different samples."""
        return rows * self.different // self.samples if self.samples else rows


def doubts(
    columns: Mapping[str, int], rows: Mapping[str, int], variety: Variety, constant: Iterable[str] = ()
) -> tuple[str, ...]:
    """What the samples cannot tell of groups with so many columns, in words.

    Parameters
    ----------
    columns, rows : mapping of str to int
        Of each group's activations.
    variety : Variety
    constant : iterable of str
        Groups whose activations are the same for all samples.
    """
    rows = {name: variety.of(rows[name]) for name in columns}
    few = [name for name in columns if rows[name] < FEW * columns[name]]
    same = [name for name in constant if name not in few]
    said = []
    if few:
        worst = max(few, key=lambda name: columns[name] / max(rows[name], 1))
        seen = f"{rows[worst]} row{'s' if rows[worst] != 1 else ''}"
        repeated = f" (of {variety.samples} samples {variety.different} different)"
        others = f" (and {len(few) - 1} more groups are short of them)" if len(few) > 1 else ""
        cap = f": no more than {rows[worst]} can be told apart" if rows[worst] < columns[worst] else ""
        said.append(
            f"{worst} has {columns[worst]} columns but the samples give only {seen}"
            f"{repeated if variety.different < variety.samples else ''}{cap}; use {FEW} rows a column{others}"
        )
    if same:
        said.append(f"the activations of {some(same)} are the same for all samples, which tell of them no more")
    return tuple(said)


def unheld(variety: Variety) -> tuple[str, ...]:
    """That the errors on samples held out are none, in words, if so."""
    if variety.fresh or not variety.samples:
        return ()
    return (
        "no sample could be held out that was not fitted too, so that the error of new samples is not known; "
        "use more samples that differ",
    )


def is_constant(statistics: Statistics) -> bool:
    """Whether the activations vary by no more than `CONSTANT` of their norm."""
    size = np.linalg.norm(statistics.matrix(affine=False))
    return bool(size > 0 and np.linalg.norm(statistics.matrix(affine=True)) <= CONSTANT * size)
