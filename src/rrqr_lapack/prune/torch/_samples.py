"""Calibration data for models in torch: batches in any form, and how a model is called with one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike

from rrqr_lapack._common.arrays import as_ndarray, check_count

from ..._common.types import Sparse
from ..._tensors.home import Home
from .._face import Batch
from .._reals import is_sparse
from .._residence import Activations
from ._calls import tensors
from ._private import changes, compiled_from, untraced

Calibration: TypeAlias = ArrayLike | Sparse | torch.Tensor | Mapping[str, Any] | Iterable[Any]
Call: TypeAlias = Callable[[torch.nn.Module, Batch], Any]  # runs a model on a batch
Output: TypeAlias = Callable[[Any], torch.Tensor]  # picks the tensor to preserve from a model's result
Prepare: TypeAlias = Callable[[Any], Batch]

LABELS = ("labels", "label")
PARTS, LEAST = 8, 16  # batches that samples are dealt into if each gets so many, so that some can be held out
DEALT = 4096  # samples that are dealt out at a time, so that a memory map is read in order
EXAMPLES = 4  # samples that a structure is found and tried out with


class Samples:
    """Calibration samples in batches of at most `size`, ready for the model.

    Parameters
    ----------
    calibration : array, tensor, mapping of such, or an iterable of batches (a DataLoader)
        A batch is an array (samples first), a tuple of positional arguments, or a mapping of keyword arguments. Rows of
        SciPy's sparse arrays are filled in.
    size : int
        Samples in a batch.
    prepare : callable
        Applied to each batch.

    Raises
    ------
    TypeError
        Neither arrays nor an iterable of batches that hold some; masked entries; tensors that are not strided (sparse,
        nested); `size` is no integer.
    ValueError
        No samples, or NaN; `size` below 1.
    """

    def __init__(self, calibration: Calibration, size: int, prepare: Prepare) -> None:
        if isinstance(calibration, str | bytes) or not (_is_batch(calibration) or isinstance(calibration, Iterable)):
            raise TypeError(f"calibration must be an array or batches, got {type(calibration).__name__}")
        self._calibration: Any = [calibration] if _is_batch(calibration) else calibration
        self._size = check_count("batch_size", size, 1)
        self._prepare = prepare

    def __iter__(self) -> Iterator[Batch]:
        empty = True
        for number, given in enumerate(self._calibration):
            batch = _checked(given)
            if not _arrays(batch):
                raise TypeError(
                    f"calibration must hold arrays or tensors, got none in batch {number}, a {type(given).__name__}"
                )
            for piece in pieces(batch, self._size):
                ready = self._prepare(piece)
                if _has_nan(ready):
                    one = next(i for i, sample in enumerate(pieces(batch, 1)) if _has_nan(self._prepare(sample)))
                    raise ValueError(f"calibration must have no NaN, got one in sample {one} of batch {number}")
                empty = False
                yield ready
        if empty:
            raise ValueError("calibration must hold samples, got none; give at least one batch")


def _has_nan(batch: Batch) -> bool:
    return any(bool(tensor.isnan().any()) for tensor in tensors(batch) if tensor.is_floating_point())


def _is_batch(data: object) -> bool:
    return isinstance(data, np.ndarray | torch.Tensor | Mapping) or hasattr(data, "__array__") or is_sparse(data)


def _checked(batch: Any) -> Any:
    """The batch with sparse arrays by rows, without what would be misread."""
    if isinstance(batch, Mapping):
        return {key: _checked(value) for key, value in batch.items()}
    if isinstance(batch, list | tuple):
        return tuple(map(_checked, batch))
    if is_sparse(batch):
        return batch.tocsr() if batch.ndim == 2 else batch.toarray()
    if isinstance(batch, np.ma.MaskedArray):
        return as_ndarray(batch, "calibration")
    if isinstance(batch, torch.Tensor):
        if torch.masked.is_masked_tensor(batch):
            raise TypeError(
                "calibration must have no masked entries, got a masked tensor; fill it first: tensor.to_tensor(0)"
            )
        if batch.layout is not torch.strided or batch.is_nested:
            what = "nested" if batch.is_nested else str(batch.layout).removeprefix("torch.")
            cure = "tensor.to_padded_tensor(0)" if batch.is_nested else "tensor.to_dense()"
            raise TypeError(f"calibration must hold strided tensors, got one that is {what}; pass {cure}")
    return batch


def fingerprints(batch: Batch) -> Iterator[bytes]:
    """The bytes of each sample of a batch, by which repeated ones are known; -0.0 is 0.0."""
    total = length(batch)
    flat = [
        _positive_zeros(tensor).reshape(total, -1).contiguous().cpu().view(torch.uint8).numpy()
        for tensor in tensors(batch)
        if tensor.ndim and len(tensor) == total and tensor.numel()
    ]
    return (b"".join(part[i].tobytes() for part in flat) for i in range(total))


def pieces(batch: Any, size: int) -> Iterator[Any]:
    """Deal the samples of a batch out into batches of at most `size`, like cards.

    So each is a fair sample of all, also where they are sorted by class. What has no axis of samples, or one of
    another length, goes with every piece.
    """
    total = length(batch)

    def part(item: Any, where: slice) -> Any:
        if isinstance(item, Mapping):
            return {key: part(value, where) for key, value in item.items()}
        if isinstance(item, list | tuple):
            return tuple(part(value, where) for value in item)
        return item[where] if hasattr(item, "shape") and np.ndim(item) and item.shape[0] == total else item

    for first in range(0, total, DEALT):
        end = min(first + DEALT, total)
        parts = max(-(-(end - first) // size), min(PARTS, (end - first) // LEAST), 1)
        for i in range(parts):
            yield part(batch, slice(first + i, end, parts))


def length(batch: Any) -> int:
    """Samples in a batch: the length of its first array."""
    return next((array.shape[0] for array in _arrays(batch) if np.ndim(array)), 0)


def _arrays(batch: Any) -> list[Any]:
    if isinstance(batch, Mapping):
        return [array for value in batch.values() for array in _arrays(value)]
    if isinstance(batch, list | tuple):
        return [array for value in batch for array in _arrays(value)]
    return [batch] if hasattr(batch, "shape") else []


def check_module(model: object) -> None:
    """TypeError for what is no module."""
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The module inside what compiles it or spreads it over devices."""
    while True:
        if isinstance(model, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
            model = model.module
        elif (inside := compiled_from(model)) is not None:
            model = inside
        else:
            return model


def check_model(model: Any) -> None:
    """Refuse what cannot be taken apart.

    Raises
    ------
    TypeError
        No module, or one that was scripted or compiled.
    ValueError
        Parameters without values, or with NaN or Inf.
    """
    check_module(model)
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule) or compiled_from(module) is not None:
            what = name or "one"
            raise TypeError(
                f"model must be neither scripted nor compiled, got {what} that was; "
                "give the module that it was made from"
            )
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise ValueError(f"model must have values, got {name} on the meta device; load the model's weights first")
        if parameter.is_floating_point() and not bool(torch.isfinite(parameter).all()):
            raise ValueError(f"model must be finite, got NaN or Inf in {name}")


def prepare(model: torch.nn.Module) -> Prepare:
    """A function that turns a batch of arrays into tensors on the model's device.

    Floating-point numbers take the dtype of the model's parameters.
    """
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.empty(0))
    return partial(_prepared, device=like.device, dtype=like.dtype)


def _prepared(item: Any, device: torch.device, dtype: torch.dtype) -> Any:
    if isinstance(item, Mapping):
        return {key: _prepared(value, device, dtype) for key, value in item.items()}
    if isinstance(item, list | tuple):
        return tuple(_prepared(value, device, dtype) for value in item)
    if not hasattr(item, "shape"):
        return item
    item = item.toarray() if is_sparse(item) else item
    item = item if isinstance(item, torch.Tensor) else torch.as_tensor(np.array(item))
    return item.to(device, dtype if item.is_floating_point() else None)


def peek(calibration: Calibration, prepare: Prepare) -> tuple[Batch, Calibration]:
    """The first few samples, and the calibration data as it was."""
    if not isinstance(calibration, Iterator):
        return next(iter(Samples(calibration, EXAMPLES, prepare))), calibration
    first = next(calibration, None)
    if first is None:
        raise ValueError("calibration must hold samples, got none; give at least one batch")
    return next(iter(Samples([first], EXAMPLES, prepare))), chain([first], calibration)


class Caller:
    """How a model is called with a batch, and which of its outputs count.

    Parameters
    ----------
    model : Module
    call : callable, optional
        ``call(model, batch)``. By default a mapping gives keyword arguments, a tuple or list positional ones, and
        what ``forward`` does not take (labels) is dropped.
    output : callable, optional
        ``output(result)``: the tensor to preserve. Default: every floating-point tensor of the result.
    """

    def __init__(self, model: torch.nn.Module, call: Call | None = None, output: Output | None = None) -> None:
        self._call = call or self._default
        self._output = output
        signature = inspect.signature(model.forward).parameters.values()
        positional = [p for p in signature if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self._positional = None if any(p.kind is p.VAR_POSITIONAL for p in signature) else len(positional)
        takes_all = any(p.kind is p.VAR_KEYWORD for p in signature)
        self._keywords = None if takes_all else {p.name for p in signature}

    def __call__(self, model: torch.nn.Module, batch: Batch) -> Any:
        """The model's result, in evaluation mode and without gradients."""
        with evaluation(model):
            return self.bare(model, batch)

    def bare(self, model: torch.nn.Module, batch: Batch) -> Any:
        """The model's result, in the mode that it is in."""
        return self._call(model, batch)

    def try_out(self, model: torch.nn.Module, batch: Batch) -> Any:
        """The model's result when it runs for the first time.

        Raises
        ------
        ValueError
            It fails.
        """
        try:
            return self(model, batch)
        except Exception as error:  # the model's own code, with samples it may not expect
            raise ValueError(
                f"calibration must be what the model runs on, got {type(error).__name__}: {error}; give arrays as "
                "forward takes them, a list of tuples or mappings for several arguments, or call=, which runs the model"
            ) from error

    def inputs(self, batch: Batch) -> Batch:
        """What `forward` takes of a batch, or all where `call` runs the model."""
        if self._call != self._default:
            return batch
        if isinstance(batch, Mapping):
            return {
                key: value
                for key, value in batch.items()
                if key not in LABELS and (self._keywords is None or key in self._keywords)
            }
        return batch[: self._positional] if isinstance(batch, tuple) else batch

    def _default(self, model: torch.nn.Module, batch: Batch) -> Any:
        batch = self.inputs(batch)
        if isinstance(batch, Mapping):
            return model(**batch)
        return model(*batch) if isinstance(batch, tuple) else model(batch)

    def outputs(self, result: Any) -> list[torch.Tensor]:
        """The tensors of a result that should stay as they are."""
        if self._output is not None:
            chosen = self._output(result)
            if not (isinstance(chosen, torch.Tensor) and chosen.is_floating_point()):
                what = chosen.dtype if isinstance(chosen, torch.Tensor) else type(chosen).__name__
                raise TypeError(f"output must give a floating-point tensor of the model's result, got {what}")
            return [chosen]
        floating = [tensor for tensor in tensors(result) if tensor.is_floating_point() and tensor.ndim]
        if not floating:
            raise TypeError(
                "model must return a floating-point tensor, got none; give output=, which picks one from its result"
            )
        return floating


def _positive_zeros(x: torch.Tensor) -> torch.Tensor:
    """The tensor with 0.0 for -0.0, in a precision that can be added to."""
    return at_least_single(x) + 0 if x.is_floating_point() else x


def at_least_single(x: torch.Tensor) -> torch.Tensor:
    """The tensor in the precision that it is computed with: double if it has it, otherwise single."""
    return x if x.dtype == torch.float64 else x.float()


def resident(x: torch.Tensor) -> Activations:
    """The tensor where it is: on the CPU as an ndarray of the same memory, elsewhere itself."""
    x = x.contiguous()
    return x.numpy() if Home(x).on_host else x


def mask_of(batch: Batch) -> torch.Tensor | None:
    """(samples, positions) of bool: which positions count; None for all."""
    mask = batch.get("attention_mask") if isinstance(batch, Mapping) else None
    return mask.bool() if isinstance(mask, torch.Tensor) and mask.ndim == 2 else None


def rows(x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """`x` without masked positions, where it has a row for each position; the last axis stays the last."""
    if mask is not None and x.shape[: mask.ndim] == mask.shape and x.ndim > mask.ndim:
        return x[mask]
    if mask is not None and x.ndim == 2 and len(x) == mask.numel():
        return x[mask.reshape(-1)]
    return x


def preserved(caller: Caller, result: Any, batch: Batch) -> list[np.ndarray]:
    """What of a model's result should stay as it is: a row for each sample, or for each position that is not masked.

    Raises
    ------
    ValueError
        NaN or infinity.
    """
    found, mask = [], mask_of(batch)
    for y in caller.outputs(result):
        y = y.detach()
        if mask is not None and y.ndim == 3 and y.shape[:2] == mask.shape:
            y = rows(y, mask)
        found.append(at_least_single(y).reshape(len(y), -1).cpu().numpy())
        if not np.isfinite(found[-1]).all():
            raise ValueError("outputs of the model must be finite, got NaN or Inf; output= picks those that count")
    return found


@contextmanager
def evaluation(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; each module gets its own mode back, and buffers that `forward` changes."""
    modes = [(module, module.training) for module in model.modules()]
    with untraced():  # no call of the model's that a tape should see
        buffers = [
            (module, name, buffer, changes(buffer), buffer.detach().clone())
            for module in model.modules()
            for name, buffer in module.named_buffers(recurse=False)
        ]
    try:
        for module, _ in modes:
            module.training = False
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
        with untraced(), torch.no_grad():
            for module, name, buffer, count, before in buffers:
                setattr(module, name, buffer)
                if changes(buffer) != count:
                    buffer.copy_(before)
