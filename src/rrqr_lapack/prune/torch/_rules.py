"""What each torch function means for the index spaces: rules by the function's name, whoever calls it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from . import _attention, _products, _recurrent  # noqa: F401 - they register their rules
from ._calls import Args, Function, Kwargs, argument, operation, tensors
from ._probe import moved
from ._registry import Equivalent, rule_of, rules_for
from ._spaces import Axis, fix, leaf_places, match, side_by_side
from ._tape import Tape

SAME_SHAPE = frozenset(["softmax", "log_softmax", "softmin", "cumsum", "cumprod", "normalize", "sort", "argsort"])
EQUAL_PARTS = {"chunk": ("chunks",), "split": ("split_size_or_sections", "split_size"), "tensor_split": ("sections",)}


class Recording(Tape):
    """A tape that runs: ``with Recording(model) as tape: tape.close(model(x))``."""

    def __torch_function__(self, func: Function, types: Any, args: Args = (), kwargs: Kwargs | None = None) -> Any:
        """Run a function and note what becomes of the spaces of its arguments."""
        operands = tensors((args, kwargs))
        rule = rule_of(func) or unknown if any(map(self.known, operands)) else _nothing
        result = rule(self, func, args, kwargs or {})
        if operands and all(map(self.constant, operands)):
            for tensor in tensors(result):
                self.set_constant(tensor)
        if tensors(result):
            self.met.update(self.names[id(each)] for each in operands if id(each) in self.names)
        return result


@rules_for("""
    size dim ndimension numel nelement stride is_contiguous get_device is_floating_point is_complex element_size
    storage_offset data_ptr len repr format hash new_zeros new_ones new_empty new_full new_tensor
""")
def _nothing(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Sizes and the like, and new tensors: nothing of the entries."""
    return func(*args, **kwargs)


def unknown(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """A function without a rule: everything it touches keeps its size."""
    result = func(*args, **kwargs)
    operands = tensors((args, kwargs))
    if not tensors(result) and func.__name__ == "__get__":
        return result  # a property such as shape or dtype
    tape.leave(operation(func), [axis for tensor in operands for axis in tape.axes(tensor)])
    return result


@rules_for("""
    view reshape flatten unflatten ravel permute transpose swapaxes swapdims movedim moveaxis t T mT unsqueeze squeeze
    expand broadcast_to repeat repeat_interleave tile contiguous clone detach data chunk split split_with_sizes
    tensor_split unbind getitem narrow select index_select roll flip diagonal pixel_shuffle pixel_unshuffle
    channel_shuffle view_as reshape_as expand_as
""")
def _move(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Entries change places: follow the coordinates."""
    name = operation(func)
    x = args[0] if args else kwargs["input"]
    why = tape.why(name)
    for other in tensors((args[1:], {k: v for k, v in kwargs.items() if k != "input"})):
        if not name.endswith("_as"):
            for axis in tape.axes(other):
                fix(axis, why)
    axes = tape.axes(x)

    def again(probe: torch.Tensor) -> Any:
        return func(probe, *args[1:], **kwargs) if args else func(**{**kwargs, "input": probe})

    found = moved(again, x, axes, why)
    result = func(*args, **kwargs)
    if name in EQUAL_PARTS and isinstance(argument(args, kwargs, 1, *EQUAL_PARTS[name]), int):
        for a in range(x.ndim):  # they stay equal only if the same units of each do
            for other in found[1:]:
                match(found[0][a], other[a], why)
        found = [tuple(tuple(leaf_places(axis)) for axis in each) for each in found]
    for tensor, where in zip(tensors(result), found, strict=False):
        tape.set_axes(tensor, where)
        tape.note_view(tensor, x)
    return result


@rules_for("glu")
@Equivalent
def _gate(input: torch.Tensor, dim: int = -1) -> torch.Tensor:
    """Half of the entries times a function of the other half."""
    return torch.mul(*input.chunk(2, dim))


@rules_for("""
    relu relu6 gelu silu mish tanh sigmoid elu selu celu leaky_relu rrelu softplus softsign tanhshrink hardtanh
    hardswish hardsigmoid hardshrink softshrink logsigmoid log_sigmoid threshold clamp clip clamp_min clamp_max
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout native_dropout
    add sub subtract mul multiply div divide truediv floordiv floor_divide pow mod remainder fmod neg positive pos
    abs absolute sign exp exp2 expm1 log log2 log10 log1p sqrt rsqrt square reciprocal sin cos tan sinh cosh asinh acosh
    atan atan2 erf erfc erfinv floor ceil round trunc frac hypot logaddexp lerp addcmul addcdiv maximum minimum fmax
    fmin where masked_fill nan_to_num gt ge lt le eq ne greater less logical_and logical_or logical_not logical_xor and
    or xor invert isnan isinf isfinite zeros_like ones_like full_like rand_like randn_like empty_like bernoulli copy
""")
def _entrywise(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Every entry for itself: spaces in the same place, after broadcasting, are one."""
    return _pointwise(tape, func, args, kwargs, tensors((args, kwargs)))


@rules_for("to type type_as float double half bfloat16 int long bool cpu cuda")
def _cast(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Another dtype or device; that of another tensor says nothing about its entries."""
    return _pointwise(tape, func, args, kwargs, tensors((args, kwargs))[:1])


def _pointwise(tape: Tape, func: Function, args: Args, kwargs: Kwargs, operands: Sequence[torch.Tensor]) -> Any:
    """Spaces of the operands in the same place, after broadcasting, are one."""
    name = operation(func)
    inputs = [(tape.axes(t), tuple(t.shape), not tape.constant(t)) for t in operands]
    result = func(*args, **kwargs)
    outputs = tensors(result)
    shape = torch.broadcast_shapes(*(shape for _, shape, _ in inputs))
    if not outputs or tuple(outputs[0].shape) != tuple(shape):
        tape.leave(name, [axis for axes, _, _ in inputs for axis in axes])
        return result
    why = tape.why(name)
    axes: list[Axis] = [()] * len(shape)
    for a, size in enumerate(shape):
        met = None
        for places, sizes, activation in inputs:
            at = a - len(shape) + len(sizes)
            if at < 0 or sizes[at] != size or size == 1:
                continue
            mine = (places[at], activation)
            if met is None:
                met = mine
            else:
                summed = name in ("add", "sub", "subtract") and met[1] and activation
                met = (match(met[0], places[at], why, summed=summed), met[1] or activation)
        axes[a] = met[0] if met else ()
    for tensor in outputs:
        tape.set_axes(tensor, axes)
    return result


@rules_for("batch_norm instance_norm prelu")
def _channels(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """One scale and shift, or slope, a channel: the second axis of x is the only axis of the others."""
    name = operation(func)
    x = argument(args, kwargs, 0, "input")
    axes = list(tape.axes(x))
    channel = 1 if x.ndim > 1 else 0
    for other in tensors((args, kwargs)):
        if other is not x and other.numel() > 1:
            axes[channel] = match(axes[channel], tape.axes(other)[0], tape.why(name))
    if name != "prelu":
        tape.has_size("num_features", axes[channel], x.shape[channel])
        for axis in axes[channel + 1 :]:
            fix(axis, tape.why(name))
    result = func(*args, **kwargs)
    for tensor in tensors(result):
        tape.set_axes(tensor, axes)
    return result


@rules_for("""
    mean sum prod std var max min amax amin any all logsumexp median argmax argmin nanmean nansum count_nonzero
    std_mean var_mean softmax log_softmax softmin cumsum cumprod norm vector_norm normalize sort argsort topk
""")
def _reduce(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Entries along some axes are mixed: their spaces stay whole."""
    name = operation(func)
    if name in ("max", "min") and len(tensors((args, kwargs))) == 2:
        return _entrywise(tape, func, args, kwargs)
    x = argument(args, kwargs, 0, "input", "x")
    axes = tape.axes(x)
    at = 2 if name in ("norm", "vector_norm", "normalize") else 1
    if name == "topk":
        at = 2
    dim = argument(args, kwargs, at, "dim", "axis")
    if name == "normalize" and dim is None:
        dim = 1
    if name in ("topk", "sort", "argsort") and dim is None:
        dim = -1
    dims = range(x.ndim) if dim is None or isinstance(dim, bool) else dim
    dims = {d % x.ndim for d in ([dims] if isinstance(dims, int) else dims)}
    for d in dims:
        fix(axes[d], tape.why(name))
    result = func(*args, **kwargs)
    for tensor in tensors(result):
        if tensor.ndim == x.ndim:
            keep = name in SAME_SHAPE
            tape.set_axes(tensor, [() if d in dims and not keep else axis for d, axis in enumerate(axes)])
        elif tensor.ndim == x.ndim - len(dims):
            tape.set_axes(tensor, [axis for d, axis in enumerate(axes) if d not in dims])
    return result


@rules_for("""
    max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
    max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices interpolate upsample pad
""")
def _positions(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Pooling, resampling, padding: the last axes change, channel by channel."""
    name = operation(func)
    x = argument(args, kwargs, 0, "input")
    axes = list(tape.axes(x))
    if name == "pad":
        pad = argument(args, kwargs, 1, "pad")
        touched = {x.ndim - 1 - i // 2 for i, amount in enumerate(pad) if amount}
    elif "pool" in name:
        touched = {x.ndim - 1 - i for i in range(int(name.split("pool")[1][0]))}
    else:
        touched = set(range(2, x.ndim))
    for a in touched:
        fix(axes[a], tape.why(name))
        axes[a] = ()
    result = func(*args, **kwargs)
    for tensor in tensors(result):
        tape.set_axes(tensor, axes)
    return result


@rules_for("cat concat concatenate")
def _concatenate(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Segments side by side along one axis; the other axes are those of all parts."""
    name = operation(func)
    parts = list(argument(args, kwargs, 0, "tensors"))
    dim = argument(args, kwargs, 1, "dim", "axis", default=0) % max(part.ndim for part in parts)
    result = func(*args, **kwargs)
    parts = [part for part in parts if part.ndim == result.ndim]
    why, axes = tape.why(name), list(tape.axes(parts[0]))
    for part in parts[1:]:
        for a in range(result.ndim):
            if a != dim:
                axes[a] = match(axes[a], tape.axes(part)[a], why)
    axes[dim] = side_by_side((tape.axes(part)[dim], part.shape[dim]) for part in parts)
    tape.set_axes(result, axes)
    return result


@rules_for("pack_padded_sequence pad_packed_sequence")
def _packing(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Steps and samples on one axis, or on two again; the last axis is that of the features."""
    axes = tape.axes(args[0])
    for axis in axes[:-1]:
        fix(axis, tape.why(operation(func)))
    result = func(*args, **kwargs)
    tape.set_axes(result[0], (*((),) * (result[0].ndim - 1), axes[-1]))
    return result


@rules_for("stack")
def _stack(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Side by side along a new axis."""
    name = operation(func)
    parts = list(argument(args, kwargs, 0, "tensors"))
    result = func(*args, **kwargs)
    dim, axes = argument(args, kwargs, 1, "dim", default=0) % result.ndim, list(tape.axes(parts[0]))
    for part in parts[1:]:
        axes = [match(*pair, tape.why(name)) for pair in zip(axes, tape.axes(part), strict=True)]
    tape.set_axes(result, (*axes[:dim], (), *axes[dim:]))
    return result


@rules_for("layer_norm rms_norm group_norm local_response_norm")
def _normalize(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Statistics over features: none of them can go without changing the others."""
    name = operation(func)
    x = argument(args, kwargs, 0, "input")
    axes, why = tape.axes(x), tape.why(name)
    count = len(argument(args, kwargs, 1, "normalized_shape")) if name in ("layer_norm", "rms_norm") else x.ndim - 1
    for other in tensors((args, kwargs)):
        for axis in tape.axes(other) if other is not x else axes[x.ndim - count :]:
            fix(axis, why)
    result = func(*args, **kwargs)
    for tensor in tensors(result):
        tape.set_axes(tensor, axes)
    return result
