"""One sweep from front to back: every group fitted to what the groups before it have left of the activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._common.progress import Progress
from ._analyze import Analysis, output_error
from ._face import Batch, Cut, Pairs
from ._residence import Activations, namespace, on_host
from ._units.factor import GroupFactor
from ._units.forward import forward_choice
from ._units.ridge import Moments, Ridge
from ._units.select import Order, columns_of

Batches: TypeAlias = list[tuple[Batch, bool]]  # each with whether it is held out
Parts: TypeAlias = Sequence[tuple[Activations, Activations, bool]]  # (Z', Z, held out)

ENOUGH = 64  # rows a column to choose units by


@dataclass(frozen=True)
class Swept:
    """What a sweep gives.

    Attributes
    ----------
    cuts : dict of str to Cut
    error : float
        ``||Y' - Y||_F / ||Y||_F`` of the outputs on the batches that are held out.
    """

    cuts: dict[str, Cut]
    error: float


def sweep(
    analysis: Analysis[Any],
    units: Mapping[str, Sequence[int]],
    batches: Batches,
    *,
    drift: float,
    affine: bool,
    choose: bool = False,
    everything: bool = False,
    progress: Progress | None = None,
) -> Swept:
    """Fit ``min ||Z'_C T + shift - (Z' + drift (Z - Z'))||_F``, Z' of the model cut so far, group by group.

    Each batch goes once through the original, which gives Z, and once through the model that is cut on the way.

    Parameters
    ----------
    analysis : Analysis
    units : mapping of str to sequence of int
        The units C that stay, of the groups to cut.
    batches : list of (batch, bool)
        Each with whether it is held out: these choose the penalties.
    drift : float
        The share of what the groups before have changed that a group makes up for.
    affine : bool
        With a shift, where the group takes one.
    choose : bool
        Whether as many units as those are chosen on the way by forward selection, the ones that say most about what
        the next layers should read: ``(Z' + drift (Z - Z')) W``. Not of groups that are read in several places.
    everything : bool
        Whether what is held out is fitted too, once the penalty is chosen.
    progress : callable, optional
        Called as ``progress("refitting", done, total)`` with the number of groups done.

    Notes
    -----
    Two forward passes, and 2 m k (k + n) flops for k of n columns and m rows, a few (k^3 / 3 + 4 k^2 n) more. What the
    models hold of all batches between two layers stays in memory.
    """
    held, done = {number for number, (_, out) in enumerate(batches) if out}, set[str]()

    def fold(name: str, pairs: Pairs, alone: bool) -> Cut:
        parts = [(*pair, number in held) for number, pair in pairs.items() if len(pair[1])]
        kept = np.array(units[name], np.intp)
        if choose and alone and parts:
            kept = _chosen(analysis, name, kept, parts, drift, affine)
        cut = _fitted(analysis, name, kept, parts, drift, affine, everything)
        if progress and name not in done:
            done.add(name)
            progress("refitting", len(done), len(units))
        return cut

    if progress:
        progress("refitting", 0, len(units))
    forward = [name for name in analysis.groups if name in units]
    cuts, outputs = analysis.face.sweep([batch for batch, _ in batches], forward, fold)
    return Swept(cuts, output_error(outputs[number] for number in sorted(held)))


def _fitted(
    analysis: Analysis[Any],
    name: str,
    kept: np.ndarray,
    parts: Parts,
    drift: float,
    affine: bool,
    everything: bool,
) -> Cut:
    """The cut of a group, or of some of the weights that read it, from what these see of it: (Z', Z, held out)."""
    group, scale = analysis.groups[name], analysis.statistics(name).scale
    C, affine = columns_of(kept, group.unit), affine and group.affine
    if not parts:  # nothing runs here, or it is read in more than one place: fitted to the original's activations
        statistics = analysis.statistics(name, fit=not everything)
        return GroupFactor(statistics, Order(kept), unit=group.unit, affine=affine).cut(len(kept))
    moments: dict[bool, Moments] = {}
    for drifted, Z, out in parts:
        A, B = _scaled(drifted, Z, drift, scale)
        at = namespace(Z).asarray(C, device=Z.device)
        A = A[:, at]
        B[:, at] -= A  # what the units that stay are short of, should they be taken as they are
        centre = next(iter(moments.values())).centre if moments else _centre(A, B, affine)
        found = Moments.of(A, B, centre)
        moments[out] = moments[out] + found if out in moments else found
    seen = moments.get(False) or moments[True]
    apart = moments.get(True) or seen
    weights = np.square(np.hstack(analysis.face.consumers(name)).astype(np.float64)).sum(axis=1)
    ridge = Ridge(seen, apart, weights, affine=affine, eps=float(namespace(Z).finfo(Z.dtype).eps))
    D, shift = ridge.solve(seen + apart if everything and len(moments) > 1 else seen)
    D[np.arange(len(C)), C] += 1
    return Cut(kept, D, None if shift is None else shift * scale)


def _chosen(
    analysis: Analysis[Any], name: str, kept: np.ndarray, parts: Parts, drift: float, affine: bool
) -> np.ndarray:
    """As many units as `kept`, by forward selection on rows that are not held out; `kept` where these say nothing."""
    group, scale = analysis.groups[name], analysis.statistics(name).scale
    fit, affine = [each for each in parts if not each[2]] or parts, affine and group.affine
    step = max(1, sum(len(Z) for _, Z, _ in fit) // (ENOUGH * group.columns))
    seen: Moments | None = None
    for drifted, Z, _ in fit:
        A, B = _scaled(drifted[::step], Z[::step], drift, scale)
        found = Moments.of(A, B, seen.centre if seen else _centre(A, B, affine))
        seen = seen + found if seen else found
    assert seen is not None
    a, b = seen.mean() if affine else (-seen.centre[0], -seen.centre[1])
    gram, products, _ = seen.about(a, b)
    weights = np.hstack(analysis.face.consumers(name)).astype(np.float64)
    found_units = forward_choice(gram, products @ weights, group.unit, len(kept))
    rest = kept[~np.isin(kept, found_units)]
    return np.append(found_units, rest)[: len(kept)]


def _scaled(drifted: Activations, Z: Activations, drift: float, scale: float) -> tuple[Activations, Activations]:
    """Z' and what it should be, ``Z' + drift (Z - Z')``, near 1."""
    return drifted / scale, (drifted + drift * (Z - drifted)) / scale


def _centre(A: Activations, B: Activations, affine: bool) -> tuple[np.ndarray, np.ndarray]:
    """Near the means of the rows, or the origin."""
    if affine:
        xp = namespace(A)
        return on_host(xp.mean(A, axis=0, dtype=xp.float64)), on_host(xp.mean(B, axis=0, dtype=xp.float64))
    return np.zeros(A.shape[1]), np.zeros(B.shape[1])
