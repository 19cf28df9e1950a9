"""Step one of three: stream the calibration samples through the model, keep O(n^2) numbers of each group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic

import numpy as np

from rrqr_lapack import TallQR
from rrqr_lapack._common.arrays import check_flag
from rrqr_lapack._common.norms import frobenius

from .._common.progress import Progress, check_progress
from .._common.warn import warn
from .._common.words import some
from ._doubts import FEW, CalibrationWarning, Variety, doubts, is_constant, unheld
from ._face import Batch, Cut, Face, Group, Model
from ._residence import is_finite
from ._units.factor import GroupFactor
from ._units.select import Method, Order, order
from ._units.statistics import Statistics, gather

HELD_OUT = 8  # every eighth batch is kept apart to measure on
MOST_HELD_OUT = 16  # batches, which stay in memory


class Analysis(Generic[Model]):
    """What `plan` and `apply` know of a model: the statistics of its groups, and samples to measure on.

    Every eighth batch is held out: plans are compared and their output errors predicted on these samples, with cuts
    fitted to the others. `apply` fits to all.

    Parameters
    ----------
    face : Face
        The model.
    calibration : array, sparse array, or an iterable of batches
        Samples without labels, as the face takes them. An iterator is consumed once.
    groups : iterable of str, optional
        Names of the groups to look at. Default: all.
    progress : callable, optional
        Called as ``progress("reading activations", done, None)`` after each batch.

    Attributes
    ----------
    face : Face
    groups : dict of str to Group
        Those looked at, in forward order.
    batches : iterable or None
        The calibration batches; None after an iterator, which cannot be read again.
    held_out : list
        The batches kept apart, or all there are where one batch was all.
    doubts : tuple of str
        What the samples cannot tell.

    Raises
    ------
    ValueError
        An unknown group; activations with NaN or infinity (the group is named); what the face refuses.

    Warns
    -----
    CalibrationWarning
        Samples that cannot tell what is asked: fewer than three rows of activations a column, repeated samples not
        counted; activations that are the same for all samples; none held out that was not fitted too.

    Notes
    -----
    One forward pass, and 2 m n^2 flops (m n^2 in single precision) for m rows of n columns; memory O(n^2) a group.

    Examples
    --------
    Two neurons that are the same, and what the output loses without the second one:

    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, analyze
    >>> network = Network([Dense([[1.0, 1.0]], activation="relu"), Dense([[1.0], [1.0]])])
    >>> analysis = analyze(network, np.random.default_rng(0).random((100, 1)))
    >>> analysis.statistics("layers[0]").rows
    100
    >>> cut = analysis.factor("layers[0]").cut(1)
    >>> cut.coefficients.round(12)
    array([[1., 1.]])
    >>> round(analysis.output_error({"layers[0]": cut}), 12)
    0.0
    >>> [held_out for _, held_out in analysis.again()]
    [False, True, False, False, False, False]
    """

    def __init__(
        self,
        face: Face[Model],
        calibration: Any,
        *,
        groups: Iterable[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.face, progress = face, check_progress(progress)
        self.groups = _chosen(face, groups)
        batches = face.batches(calibration)
        self.batches = None if iter(batches) is batches else batches
        self.held_out: list[Batch] = []
        self._factors: dict[tuple[str, bool], tuple[tuple[object, ...], GroupFactor]] = {}
        self._outputs: list[Sequence[np.ndarray]] | None = None
        fit: dict[str, TallQR] = {}
        held: dict[str, TallQR] = {}
        first, variety = None, Variety(FEW * max(group.columns for group in self.groups.values()))
        for i, batch in enumerate(batches):
            first = batch if i == 0 else first
            if hold := is_held_out(i):
                self.held_out.append(batch)
            self._add(batch, held if hold else fit)
            variety.add(face.fingerprints(batch), held_out=hold)
            if progress:
                progress("reading activations", i + 1, None)
        if first is None:
            raise ValueError("calibration must hold samples, got none; give at least one batch")
        if not self.held_out:
            self.held_out = [first]
        self._statistics: dict[tuple[str, bool], Statistics] = {}
        for name in self.groups:
            self._statistics[name, True] = self._statistics[name, False] = Statistics.of(fit[name])
            if name in held:
                self._statistics[name, False] = Statistics.of(fit.pop(name).merge(held.pop(name)))
        columns = {name: group.columns for name, group in self.groups.items()}
        rows = {name: self.statistics(name).rows for name in self.groups}
        constant = [name for name in self.groups if is_constant(self.statistics(name))]
        self.doubts = (*doubts(columns, rows, variety, constant), *unheld(variety))
        if self.doubts:
            warn("; ".join(self.doubts), CalibrationWarning)

    def _add(self, batch: Batch, parts: dict[str, TallQR]) -> None:
        for activations in self.face.activations([batch], tuple(self.groups)):
            for name, Z in activations.items():
                if not is_finite(Z):
                    raise ValueError(
                        f"activations of {name} must be finite, got NaN or Inf for the calibration samples"
                    )
                parts[name] = gather([Z], parts.get(name))

    def statistics(self, name: str, *, fit: bool = False) -> Statistics:
        """The statistics of one group's activations on all samples, or on those that are not held out.

        Parameters
        ----------
        name : str
            The group.
        fit : bool, default False
            Whether the samples that are held out are left out.

        Returns
        -------
        Statistics
            The triangle of ``[1 Z]``.
        """
        return self._statistics[name, check_flag("fit", fit)]

    def factor(
        self,
        name: str,
        method: Method = "id",
        *,
        affine: bool = False,
        correct: bool = True,
        fit: bool = False,
        seed: int = 0,
    ) -> GroupFactor:
        """The factorization of one group's activations; the last one is remembered.

        Parameters
        ----------
        name : str
            The group.
        method : str, default 'id'
            Which units first, as for `plan`.
        affine : bool, default False
            Fit the activations without their mean.
        correct : bool, default True
            T by least squares; otherwise the other units are dropped.
        fit : bool, default False
            Whether the samples that are held out are left out.
        seed : int, default 0
            Of the method 'random'.

        Returns
        -------
        GroupFactor
            The order of the units, the error for every number of them, and the cuts.

        Raises
        ------
        ValueError
            An unknown method.
        """
        how = method, check_flag("affine", affine), check_flag("correct", correct), seed
        if self._factors.get((name, fit), (None,))[0] != how:
            unit, statistics = self.groups[name].unit, self.statistics(name, fit=fit)
            read, made = self.face.consumers(name), self.face.producers(name)
            chosen = order(method, statistics, unit, affine=affine, consumers=read, producers=made, rng=seed)
            if not len(chosen.units):  # nothing fires: keep one, so that the consumers have an input
                chosen = Order(np.zeros(1, np.intp), np.zeros(1))
            self._factors[name, fit] = how, GroupFactor(statistics, chosen, unit=unit, affine=affine, correct=correct)
        return self._factors[name, fit][1]

    def output_error(self, cuts: Mapping[str, Cut], *, most: int | None = None) -> float:
        """``||Y' - Y||_F / ||Y||_F`` of the outputs on the held-out samples, Y' with these groups cut.

        Parameters
        ----------
        cuts : dict of str to Cut
            What becomes of which group.
        most : int, optional
            Batches to look at. Default: all that are held out.

        Returns
        -------
        float
            ``||Y'||_F`` itself where Y = 0. Of several outputs the root mean square.

        Raises
        ------
        ValueError
            The outputs hold NaN or infinity.
        """
        if self._outputs is None:
            self._outputs = list(self.face.outputs(self.held_out))
            if not all(np.isfinite(Y).all() for batch in self._outputs for Y in batch):
                raise ValueError("outputs of the model must be finite, got NaN or Inf for the calibration samples")
        if not cuts:
            return 0.0
        small, batches = self.face.cut(cuts), self.held_out[:most]
        return output_error(zip(self._outputs[:most], small.outputs(batches), strict=True))

    def again(self) -> list[tuple[Batch, bool]]:
        """The calibration batches once more, each with whether it is held out.

        Returns
        -------
        list of (batch, bool)
            As they were read first.

        Raises
        ------
        ValueError
            They were an iterator's.
        """
        return [(batch, is_held_out(i)) for i, batch in enumerate(read_again(self))]


def output_error(pairs: Iterable[tuple[Sequence[np.ndarray], Sequence[np.ndarray]]]) -> float:
    """``||Y' - Y||_F / ||Y||_F`` over the batches' outputs (Y, Y'); of several outputs the root mean square.

    So each output counts, however small it is beside the others. Of one that is zero it is ``||Y'||_F``.
    """
    errors, sizes = list[float](), list[float]()
    for Y, small in pairs:
        errors, sizes = errors or [0.0] * len(Y), sizes or [0.0] * len(Y)
        for i, (one, two) in enumerate(zip(Y, small, strict=True)):
            errors[i] = math.hypot(errors[i], frobenius(two.astype(np.float64) - one))
            sizes[i] = math.hypot(sizes[i], frobenius(one))
    relative = [error / size if size else error for error, size in zip(errors, sizes, strict=True)]
    return math.hypot(*relative) / math.sqrt(len(relative)) if relative else 0.0


def is_held_out(i: int) -> bool:
    """Whether this batch is kept apart."""
    return i % HELD_OUT == 1 and i < HELD_OUT * MOST_HELD_OUT


def check_analysis(analysis: object) -> None:
    """TypeError for what is none, most likely the model itself."""
    if not isinstance(analysis, Analysis):
        raise TypeError(f"analysis must be what analyze(model, samples) gives, got {type(analysis).__name__}")


def read_again(analysis: Analysis[Model]) -> Iterable[Batch]:
    """The calibration batches once more; ValueError where they were an iterator's."""
    if analysis.batches is None:
        raise ValueError(
            "analysis must have samples that can be read again, got those of an iterator; analyze an array or a list"
        )
    return analysis.batches


def _chosen(face: Face[Model], names: Iterable[str] | None) -> dict[str, Group]:
    groups = {group.name: group for group in face.groups}
    if names is None:
        names = groups
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in groups:
            raise ValueError(f"groups must be among those of this model, {some(groups)}, got {name!r}")
    if not names:
        raise ValueError(f"groups must name at least one of those of this model, {some(groups)}, got none")
    return {name: group for name, group in groups.items() if name in names}
