"""Compress a trained network in one call: analyze, plan, apply."""

from __future__ import annotations

import operator
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._common.progress import Progress
from ._analyze import Analysis
from ._apply import Refit, apply, check_refit
from ._calibration import Samples
from ._face import Face, Model
from ._network.dense import NetworkFace
from ._network.network import Network
from ._planning.alike import Alike
from ._planning.options import AllocationName, EpsScale, Options
from ._planning.plan import planned
from ._planning.recipe import Correction
from ._planning.request import Request
from ._report import Report
from ._units.select import Method


def analyze(
    network: Network, X: Samples, *, layers: Sequence[int] | None = None, progress: Progress | None = None
) -> Analysis[Network]:
    """Stream samples through the network and keep what `plan` and `apply` need to know of each hidden layer.

    Parameters
    ----------
    network : Network
        At least one hidden layer. It is not modified.
    X : (samples, inputs) array_like, memmap or sparse array, or an iterable of such batches
        Calibration samples without labels, best several for each neuron of the widest layer. Never held whole, and an
        iterator is consumed once.
    layers : sequence of int, optional
        Indices into ``network.layers`` of the layers to look at. Default: all but the last, whose outputs are the
        network's.
    progress : callable, optional
        Called as ``progress("reading activations", batches done, None)``.

    Returns
    -------
    Analysis
        Its groups are named ``layers[i]``.

    Raises
    ------
    ValueError
        A layer that is not hidden; samples of the wrong shape or with NaN or Inf; activations with NaN or Inf (the
        layer is named).
    TypeError
        `network` is not a `Network`; samples that are not real numbers, or are masked.

    Warns
    -----
    CalibrationWarning
        Samples that cannot tell what is asked, as `Analysis` says: fewer than three different ones a neuron.

    Notes
    -----
    One forward pass, 2 m n^2 flops for m samples and a layer of n neurons (half as many in single precision), and
    O(n^2) memory a layer.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, analyze
    >>> rng = np.random.default_rng(0)
    >>> network = Network([Dense(rng.standard_normal((8, 32)), activation="relu"), Dense(rng.standard_normal((32, 3)))])
    >>> analysis = analyze(network, rng.standard_normal((500, 8)))
    >>> errors = analysis.factor("layers[0]").errors  # ||Z - Z[:, C] T||_F for every number of neurons
    >>> errors.shape, bool(errors[16] < 0.3 * errors[0])
    ((33,), True)
    """
    face = NetworkFace(network)
    return Analysis(face, X, groups=chosen_groups(face, layers), progress=progress)


def compress(
    network: Network,
    X: Samples,
    *,
    eps: float | None = None,
    keep: float | None = None,
    ranks: Sequence[int] | Mapping[str, int] | None = None,
    params: float | None = None,
    flops: float | None = None,
    max_error: float | None = None,
    method: Method = "id",
    correction: Correction | None = None,
    affine: bool = False,
    allocation: AllocationName | None = None,
    round_to: int = 1,
    skip: Iterable[str] = (),
    alike: Alike = None,
    eps_scale: EpsScale = None,
    seed: int = 0,
    layers: Sequence[int] | None = None,
    refit: Refit = None,
    progress: Progress | None = None,
) -> tuple[Network, Report]:
    """Remove neurons and correct the next layer: ``Z ~= Z[:, C] @ T``, ``W_next -> T @ W_next``.

    Z holds a layer's activations, one row a calibration sample. A column-pivoted QR chooses k of its columns, the
    neurons C that stay, and writes all columns in terms of them. An activation acts entry by entry, so removing a
    neuron leaves the others as they are, and the next layer reads ``Z[:, C] @ (T @ W_next)`` in place of ``Z @
    W_next``. The network keeps its form and its outputs, and nothing is trained (Chee, Renz, Damle, De Sa, NeurIPS
    2022, arXiv:2108.00065).

    It is `analyze`, `plan` and `apply` in one call.

    Parameters
    ----------
    network : Network
        At least one hidden layer. It is not modified, and the result shares no memory with it.
    X : (samples, inputs) array_like, memmap or sparse array, or an iterable of such batches
        Calibration samples without labels, best several for each neuron of the widest layer. They are read a few
        times; only those of an iterator, which is consumed once, are held.
    eps, keep, ranks, params, flops, max_error : optional
        The budget, exactly one of them, as for `plan`.
    method, correction, affine, allocation, round_to, skip, alike, eps_scale, seed : optional
        As for `plan`.
    layers : sequence of int, optional
        Indices into ``network.layers`` of the layers to compress. Default: all but the last, whose outputs
        are the network's. `ranks` follows their order.
    refit : {None, 'asymmetric'}, optional
        As for `apply`.
    progress : callable, optional
        Called as ``progress(what, done, total)`` from time to time; total may be None.

    Returns
    -------
    compressed : Network
        Of the same dtype. A layer never keeps more neurons than the numerical rank of Z, where
        ``|r_kk| > n eps |r_11|`` for n neurons and the dtype's machine eps, and never fewer than one.
    report : Report
        What was kept and what it cost. ``print(report)`` is a table.

    Raises
    ------
    ValueError
        Not exactly one budget, or one of them out of range; a layer that is not hidden;
        samples of the wrong shape or with NaN or Inf; activations with NaN or Inf (the layer is named).
    TypeError
        `network` is not a `Network`; samples, tolerances or ranks that are not numbers of the right kind.

    Warns
    -----
    CalibrationWarning
        Samples that cannot tell what is asked: fewer than three different ones a neuron (no more neurons than samples
        can be told apart), or too few to hold some out and predict the error of new ones. The report says so too.

    Notes
    -----
    Cost: that of `analyze` and `plan`, and two forward passes for the report.

    Examples
    --------
    Of these 32 neurons 16 repeat the other 16, and half suffice:

    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network, compress
    >>> rng = np.random.default_rng(0)
    >>> half = rng.standard_normal((8, 16))
    >>> hidden = Dense(np.hstack([half, half]), activation="relu")
    >>> network = Network([hidden, Dense(rng.standard_normal((32, 3)))])
    >>> X = rng.standard_normal((200, 8))
    >>> small, report = compress(network, X, eps=1e-8)
    >>> small.widths
    (8, 16, 3)
    >>> bool(np.allclose(small(X), network(X)))
    True
    """
    arguments, began = locals(), time.perf_counter()
    face = NetworkFace(network)
    names, request = requested(face, layers, arguments)
    check_refit(refit, request.recipe)
    X = deque(X) if isinstance(X, Iterator) else X
    analysis = Analysis(face, X, groups=names, progress=progress)
    plan = planned(analysis, request, progress)
    small = apply(analysis, plan, refit=refit, progress=progress)
    return small, Report.of(analysis, plan, small, time.perf_counter() - began)


def requested(face: Face[Model], layers: Sequence[int] | None, options: Mapping[str, Any]) -> tuple[list[str], Request]:
    """The groups with these indices, in the order given, and what is asked of them, checked.

    Raises
    ------
    ValueError, TypeError
        As `compress`.
    """
    names = chosen_groups(face, layers)
    groups = {group.name: group for group in face.groups if group.name in names}
    return names, Request.of(face, groups, Options.among({**options, "ranks": _by_group(options["ranks"], names)}))


def chosen_groups(face: Face[Model], layers: Sequence[int] | None) -> list[str]:
    """The names of the face's groups with these indices, in the order given; None means all.

    Raises
    ------
    ValueError, TypeError
        As `compress`.
    """
    hidden = len(face.groups)
    if layers is None:
        return [group.name for group in face.groups]
    try:
        chosen = [operator.index(value) for value in layers]
    except TypeError:
        raise TypeError(f"layers must be a sequence of integers, got {layers!r}") from None
    if not chosen:
        raise ValueError("layers must name at least one layer, got none; leave it out for all hidden layers")
    for i in chosen:
        if not 0 <= i < hidden:
            raise ValueError(f"layers must be between 0 and {hidden - 1}, those that can be cut, got {i}")
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"layers must hold each index once, got {chosen}")
    return [face.groups[i].name for i in chosen]


def _by_group(ranks: Any, names: list[str]) -> Any:
    """Ranks in the order of the layers as a mapping; what is wrong with them is said later."""
    try:
        return dict(zip(names, ranks, strict=True))
    except (TypeError, ValueError):
        return ranks
