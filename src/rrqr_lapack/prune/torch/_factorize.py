"""Layers as products of two smaller ones, in one shot: the alternative to removing units."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch

from rrqr_lapack import TallQR

from ..._common.arrays import check_tolerance
from ..._common.atomic import FilePath, write_json
from ..._common.types import Seed
from ..._common.warn import warn
from ..._common.words import some
from ..._randomized.lora import Driver
from .._analyze import is_held_out
from .._doubts import FEW, CalibrationWarning, Variety, doubts
from .._face import Batch
from .._residence import is_finite
from .._tables import Contents, Tabled, change
from .._units.lowrank import LowRankLayer, allocate_ranks
from ._calls import Args, Kwargs, argument
from ._factored import Factored, can_be_factored, matrix, read_by, replace_layer
from ._plain import plain
from ._ranks import best_ranks
from ._samples import (
    Calibration,
    Call,
    Caller,
    Output,
    Samples,
    check_model,
    fingerprints,
    mask_of,
    peek,
    prepare,
    resident,
    rows,
)

MOST_INPUTS = 4096  # of a layer whose activations are looked at: channels times kernel


@dataclass(frozen=True)
class LayerRank:
    """One layer of a `FactorReport`.

    Attributes
    ----------
    layer : str
    inputs, outputs : int
        Shape of its weights as a matrix.
    rank : int or None
        None where the layer stays as it is.
    error : float
        ``||X (W - A B)||_F / ||X W||_F`` on the calibration samples, or without X where there were none.
    """

    layer: str
    inputs: int
    outputs: int
    rank: int | None
    error: float


@dataclass(frozen=True)
class FactorReport(Tabled):
    """What `factorize` did. ``print(report)`` is a table, `to_json` a file.

    Made by `factorize`.

    Attributes
    ----------
    layers : tuple of LayerRank
    parameters_before, parameters_after : int
    doubts : tuple of str
        What the calibration samples cannot tell, so that the errors may be too small.
    held_out : dict of str to float
        ``||Y' - Y||_F / ||Y||_F`` of the outputs on samples that were held out, for each way to spread `params`.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import factorize
    >>> _, report = factorize(torch.nn.Sequential(torch.nn.Linear(16, 16)), ranks={"0": 4})
    >>> report.parameters_before, report.parameters_after
    (272, 144)
    >>> report.to_json("report.json")
    """

    layers: tuple[LayerRank, ...]
    parameters_before: int
    parameters_after: int
    doubts: tuple[str, ...] = ()
    held_out: dict[str, float] = field(default_factory=dict)

    def _contents(self) -> Contents:
        rows = [
            [r.layer, f"{r.inputs} x {r.outputs}", "all" if r.rank is None else f"{r.rank}", f"{r.error:.2e}"]
            for r in self.layers
        ]
        facts = [
            ("parameters", change(self.parameters_before, self.parameters_after)),
            *(("tried", f"{name}: error {error:.2e} on held-out samples") for name, error in self.held_out.items()),
            *(("beware", doubt) for doubt in self.doubts),
        ]
        return Contents("Layers as products of two", ["layer", "weights", "rank", "relative error"], rows, facts)

    def to_json(self, path: FilePath, *, overwrite: bool = False) -> None:
        """Write every attribute to a JSON file, whole or not at all.

        Parameters
        ----------
        path : path
            The file.
        overwrite : bool, default False
            Whether an existing file may be replaced.

        Raises
        ------
        FileExistsError
            The file exists and `overwrite` is False.
        """
        write_json(path, asdict(self), overwrite)


def factorize(
    model: torch.nn.Module,
    calibration: Calibration | None = None,
    *,
    params: float | int | None = None,
    rtol: float | None = None,
    ranks: Mapping[str, int] | None = None,
    layers: Iterable[str] | None = None,
    driver: Driver = "exact",
    rng: Seed = None,
    call: Call | None = None,
    output: Output | None = None,
    batch_size: int = 64,
) -> tuple[torch.nn.Module, FactorReport]:
    """Replace weights by products of two, ``W ~= A B``, where that is smaller.

    Linear layers (those of GPT-2 in transformers too), convolutions in one group, transposed ones too, and embeddings
    that are named; exactly one of `params`, `rtol` and `ranks` says how small. With calibration samples the error of a
    layer is that of its outputs, ``||X (W - A B)||_F``, and A B is the best of its rank for them; without, for layers
    of more than 4,096 inputs and for those that do not run, it is that of the weights, ``||W - A B||_F``. The inputs of
    a convolution are channels times kernel, the rows of its X are patches; a transposed one is taken as the products
    before they are added up.

    Parameters
    ----------
    model : torch.nn.Module
        Not modified.
    calibration : optional
        As for `analyze`.
    params : float or int, optional
        What the whole model may have: a fraction of its parameters (float, in (0, 1]) or a number of them (int).
        Ranks differ by layer: those of the least sum of squared relative errors, the same fraction everywhere, or what
        is halfway, whichever has the smaller error of the outputs on samples that were held out (with samples).
    rtol : float, optional
        Each layer gets the least rank with an error of at most `rtol` times ``||X W||_F``, or ``||W||_F`` without
        samples, if that is smaller.
    ranks : mapping of str to int, optional
        The rank of each layer, by the module's name.
    layers : iterable of str, optional
        Names of the modules to look at. Default: all that can be factored but embeddings, those of `ranks`.
    driver : {'exact', 'randomized'}, default 'exact'
        Singular vectors of LAPACK's SVD, or of `rrqr_lapack.randomized_svd`, a fraction of the time for low ranks.
    rng : None, int or Generator, optional
        Of the 'randomized' driver.
    call, output, batch_size : optional
        As for `find_groups`.

    Returns
    -------
    model : torch.nn.Module
        New; a factored layer is a `Factored`, two layers one after the other.
    report : FactorReport
        The rank and the error of each layer.

    Raises
    ------
    ValueError
        Not exactly one budget, one out of range, or a layer that cannot be factored; weights, samples or what a layer
        reads (it is named) with NaN; samples that the model does not run on.
    TypeError
        `model` is no module, or one that was scripted or compiled; a budget is of the wrong type.

    Warns
    -----
    CalibrationWarning
        Fewer than three rows of activations an input, repeated samples not counted.
    UserWarning
        Layers whose weights the model's code uses by themselves: they stay as they are.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import factorize
    >>> model = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
    >>> small, report = factorize(model, ranks={"0": 4})
    >>> [tuple(weight.shape) for weight in small[0].parameters()]
    [(4, 32), (32, 4), (32,)]
    """
    check_model(model)
    model = plain(model)
    given = [name for name, value in (("params", params), ("rtol", rtol), ("ranks", ranks)) if value is not None]
    if len(given) != 1:
        raise ValueError(
            f"exactly one of params, rtol, ranks must be given, got {' and '.join(given) or 'none of them'}"
        )
    if ranks is not None and not isinstance(ranks, Mapping):
        raise TypeError(f"ranks must be a mapping, the rank of each layer by its name, got {type(ranks).__name__}")
    chosen = _layers(model, "ranks", ranks) if layers is None else _layers(model, "layers", layers)
    if ranks is not None:
        _check_ranks(model, ranks, chosen)
    seen: dict[str, TallQR] = {}
    held: dict[str, TallQR] = {}
    doubt: tuple[str, ...] = ()
    if calibration is not None:
        caller, like = Caller(model, call, output), prepare(model)
        example, calibration = peek(calibration, like)
        caller.try_out(model, example)
        few = [name for name in chosen if len(matrix(model.get_submodule(name))) <= MOST_INPUTS]
        seen, held, batches, doubt = _activations(model, few, Samples(calibration, batch_size, like), caller)
        if doubt:
            warn("; ".join(doubt), CalibrationWarning)
    errors: dict[str, float] = {}

    def layers_of(tall: Mapping[str, TallQR]) -> dict[str, LowRankLayer]:
        largest: Mapping[str, int] = ranks or {}
        weights = {name: matrix(model.get_submodule(name)) for name in chosen}
        return {
            name: LowRankLayer(weight, tall.get(name), largest=largest.get(name), driver=driver, rng=rng)
            for name, weight in weights.items()
        }

    everything = held | {name: each.merge(held[name]) if name in held else each for name, each in seen.items()}
    found, broken = layers_of(everything), list[str]()
    if calibration is not None:
        broken = _broken(model, found, dict.fromkeys(found, 1), caller, example)
        if broken:
            warn(f"left as they are, their code uses the weights itself: {some(broken)}")
    able = {name: each for name, each in found.items() if name not in broken}
    total = sum(parameter.numel() for parameter in model.parameters())
    wanted: dict[str, int | None]
    if ranks is not None:
        wanted = {name: ranks[name] for name in able}
    elif params is not None:
        other, limit = total - sum(math.prod(each.shape) for each in able.values()), _budget(params, total)
        least = other + sum(each.size(1) for each in able.values())
        if limit < least:
            raise ValueError(
                f"params must allow rank 1 everywhere, {least:,} parameters, got {params}, which allows {limit:,}"
            )
        if held:
            fitted = {name: each for name, each in layers_of(seen).items() if name in able}
            wanted, errors = best_ranks(model, caller, batches, fitted, limit - other, _factored)
        else:
            wanted = allocate_ranks(able, limit - other)
    else:
        wanted = {name: _least(each, rtol) for name, each in able.items()}
    small = _factored(model, found, wanted)
    reported = tuple(_reported(name, each, wanted.get(name)) for name, each in found.items())
    after = sum(parameter.numel() for parameter in small.parameters())
    return small, FactorReport(reported, total, after, doubt, errors)


def _reported(name: str, each: LowRankLayer, rank: int | None) -> LayerRank:
    inputs, outputs = each.shape
    error = 0.0 if rank is None else float(each.errors[rank] / (each.norm or 1.0))
    return LayerRank(name, inputs, outputs, rank, error)


def _layers(model: torch.nn.Module, given: str, names: Iterable[str] | None) -> list[str]:
    """Those named, or all that can be factored, but embeddings; weights that are shared between modules cannot."""
    uses = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    able = [
        name
        for name, module in model.named_modules()
        if name and can_be_factored(module) and uses[id(module.weight)] == 1 and min(matrix(module).shape) > 1
    ]
    if names is None:
        return [name for name in able if not isinstance(model.get_submodule(name), torch.nn.Embedding)]
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        if name not in able:
            raise ValueError(f"{given} must name layers that can be factored, {some(able)}, got {name!r}")
    return names


def _check_ranks(model: torch.nn.Module, ranks: Mapping[str, Any], chosen: Iterable[str]) -> None:
    """Every layer that is looked at has a rank, an integer from 1 to its smaller side."""
    for name in chosen:
        if name not in ranks:
            raise ValueError(f"ranks must have one for each of layers, got none for {name!r}")
        rank, most = ranks[name], min(matrix(model.get_submodule(name)).shape)
        if isinstance(rank, bool) or not isinstance(rank, int | np.integer):
            raise TypeError(f"ranks must be integers, got {rank!r} for {name!r}")
        if not 1 <= rank <= most:
            raise ValueError(f"ranks must be between 1 and {most} for {name!r}, got {rank}")


def _activations(
    model: torch.nn.Module, names: Sequence[str], batches: Iterable[Batch], caller: Caller
) -> tuple[dict[str, TallQR], dict[str, TallQR], list[Batch], tuple[str, ...]]:
    """The triangles of what each layer reads, of those that run, without what is held out, and of that.

    With the batches that are held out, and what the samples cannot tell of the layers.
    """
    parts = {held: {name: TallQR() for name in names} for held in (False, True)}
    apart = []
    variety = Variety(FEW * max((len(matrix(model.get_submodule(name))) for name in names), default=0))
    for number, batch in enumerate(batches):
        mask, out = mask_of(batch), is_held_out(number)
        apart += [batch] if out else []

        def collect(
            layer: torch.nn.Module,
            args: Args,
            kwargs: Kwargs,
            name: str,
            mask: torch.Tensor | None = mask,
            tall: dict[str, TallQR] = parts[out],
        ) -> None:
            X = rows(read_by(layer, argument(args, kwargs, 0, "input").detach()), mask)
            X = resident(X.reshape(-1, X.shape[-1]))
            if not is_finite(X):
                raise ValueError(f"inputs of {name} must be finite, got NaN or Inf for the calibration samples")
            tall[name].update(X)

        with ExitStack() as hooks:
            for name in names:
                hook = model.get_submodule(name).register_forward_pre_hook(
                    partial(collect, name=name), with_kwargs=True
                )
                hooks.callback(hook.remove)
            caller(model, batch)
        variety.add(fingerprints(caller.inputs(batch)), held_out=False)
    tall, held = ({name: each for name, each in parts[out].items() if each.shape[0]} for out in (False, True))
    rows_of = {name: each.shape[0] + (held[name].shape[0] if name in held else 0) for name, each in tall.items()}
    inputs = {name: each.shape[1] for name, each in tall.items()}
    return tall, held, apart, doubts(inputs, rows_of, variety)


def _budget(params: Any, total: int) -> int:
    if isinstance(params, bool) or not isinstance(params, Real):
        raise TypeError(f"params must be a number, got {params!r}")
    if isinstance(params, Integral):
        return int(params)
    if not 0 < float(params) <= 1:
        raise ValueError(
            f"params must be a fraction above 0 and up to 1, or a number of parameters as an int, got {params}"
        )
    return int(float(params) * total)


def _least(each: LowRankLayer, rtol: Any) -> int | None:
    """The least rank within `rtol`, None where the factors are no smaller than the weights."""
    tolerance = check_tolerance("rtol", rtol)
    if tolerance >= 1:
        raise ValueError(f"rtol must be at least 0 and less than 1, got {rtol!r}")
    rank = max(1, int(np.argmax(each.errors <= tolerance * each.norm)))
    return rank if each.size(rank) < math.prod(each.shape) else None


def _factored(
    model: torch.nn.Module, found: Mapping[str, LowRankLayer], wanted: Mapping[str, int | None]
) -> torch.nn.Module:
    small = copy.deepcopy(model)
    for name, rank in wanted.items():
        if rank is not None:
            replace_layer(small, name, Factored.of(model.get_submodule(name), *found[name].factors(rank)))
    return small


def _broken(
    model: torch.nn.Module,
    found: Mapping[str, LowRankLayer],
    wanted: Mapping[str, int | None],
    caller: Caller,
    example: Batch,
) -> list[str]:
    """The layers that the model cannot do without, found by running it."""

    def runs(names: Iterable[str]) -> bool:
        try:
            caller(_factored(model, found, {name: wanted[name] for name in names}), example)
        except (RuntimeError, AttributeError, TypeError):
            return False
        return True

    return [] if runs(wanted) else [name for name in wanted if not runs([name])]
