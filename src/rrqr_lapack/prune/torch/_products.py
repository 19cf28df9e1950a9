"""What sums over an axis mean for the index spaces: where weights read activations and where they make new ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ._calls import Args, Function, Kwargs, Product, argument, operation, product, tensors
from ._registry import rules_for
from ._spaces import Axis, Space, fix, leaf_places, match, side_by_side, stretched, whole
from ._tape import Tape


@rules_for("""
    linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d matmul mm bmm addmm baddbmm
""")
def multiply(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Linear layers, convolutions and matrix products."""
    name = operation(func)
    call = product(name, args, kwargs)
    result = func(*args, **kwargs)
    weight = tape.weight(call.weight)
    if weight is not None and (call.weight.ndim == 2 or name.startswith("conv")):
        _weighted(tape, name, call, result, *weight)
    elif (
        name in ("matmul", "bmm", "baddbmm")
        and call.x.ndim > 1
        and call.weight.ndim > 1
        and tape.weight(call.x) is None
    ):
        _of_activations(tape, name, call, result)
    else:
        operands = [tensor for tensor in (call.x, call.weight, call.bias) if tensor is not None]
        tape.leave(f"{name} with computed weights", [axis for tensor in operands for axis in tape.axes(tensor)])
    return result


def _weighted(tape: Tape, name: str, call: Product, result: torch.Tensor, parameter: str, transposed: bool) -> None:
    """The weight's one axis reads an axis of x, its other axis takes that one's place."""
    why = tape.why(name)
    read, made = (axis % call.weight.ndim for axis in (call.weight_axis, call.out_axis))
    at = call.x.ndim + call.x_axis
    axes, weights = list(tape.axes(call.x)), tape.axes(call.weight)
    for axis in axes[at + 1 :]:  # positions of a convolution
        fix(axis, why)
    channels = call.x.shape[at]
    if call.groups == 1:
        key = (parameter, 1 - read if transposed else read)
        axes[at] = match(axes[at], weights[read], why)
        counted, out = axes[at], weights[made]
        tape.read(key, call)
        tape.made((parameter, 1 - made if transposed else made))
    else:
        counted, out = weights[1], _in_groups(call, axes[at], weights, "transpose" in name, why)
        channels = call.weight.shape[1]
        if call.weight.shape[1] * call.groups < math.prod(call.weight.shape[:2]) or call.weight.shape[1] > 1:
            tape.made((parameter, made))
    axes[at + 1 :] = [()] * (len(axes) - at - 1)
    if call.bias is not None:
        out = match(out, tape.axes(call.bias)[-1], why)
    axes[at] = out
    tape.set_axes(result, axes)
    sums = call.weight.numel() // call.weight.shape[made]
    lengths = (*zip(axes, result.shape, strict=True), (counted, channels))
    if "transpose" in name:  # every entry of x meets the whole filter
        tape.products.append((call.x.numel() * sums // call.weight.shape[0] * call.weight.shape[1], lengths))
    else:
        tape.products.append((result.numel() * sums, lengths))


def _in_groups(call: Product, channels: Axis, weights: Sequence[Axis], transposed: bool, why: str) -> Axis:
    """The channels that a convolution in groups makes: a group of them goes with the group that it reads.

    The first axis of the weights is that of all groups, a after a, the second the b channels of any group.
    """
    a, b = call.weight.shape[0] // call.groups, call.weight.shape[1]
    groups, each, one = whole(Space(call.groups)), whole(Space(a)), f"{why}, whose groups are units as a whole"
    fix((*each, *weights[1]), one)
    if not channels:
        fix(groups, f"{why}, whose groups read what no weight makes")
    first = match(weights[0], (*stretched(groups, a), *_repeated(each, a, call.groups)), why)
    second = (*stretched(groups, b), *_repeated(weights[1], b, call.groups))
    made, read = (second, first) if transposed else (first, second)
    match(channels, read, why)
    return tuple(leaf_places(made))


def _repeated(axis: Axis, length: int, times: int) -> Axis:
    """An axis several times, one after the other."""
    if len(leaf_places(axis)) == 1:
        return tuple(place._replace(stop=length * times) for place in leaf_places(axis))
    return side_by_side((axis, length) for _ in range(times))


def _of_activations(tape: Tape, name: str, call: Product, result: torch.Tensor) -> None:
    """A matrix product of two activations: rows and columns pass through, what is summed over stays whole."""
    why = tape.why(name)
    a, b = tape.axes(call.x), tape.axes(call.weight)
    fix((*a[-1], *b[-2]), why)
    stacked = _stacked([(a[:-2], call.x.shape[:-2]), (b[:-2], call.weight.shape[:-2])], why)
    axes = [*stacked, a[-2], b[-1]]
    if call.bias is not None:
        for i, axis in enumerate(reversed(tape.axes(call.bias)), start=1):
            if call.bias.shape[-i] > 1:
                axes[-i] = match(axes[-i], axis, why)
    tape.set_axes(result, axes)
    lengths = (*zip(axes, result.shape, strict=True), (a[-1], call.x.shape[-1]))
    tape.products.append((result.numel() * call.x.shape[-1], lengths))


def _stacked(operands: Sequence[tuple[tuple[Axis, ...], tuple[int, ...]]], why: str) -> list[Axis]:
    """The leading axes of a product, where one of size 1 goes with any."""
    rank = max(len(shape) for _, shape in operands)
    result: list[Axis] = []
    for a in range(-rank, 0):
        there = [(axes[a], shape[a]) for axes, shape in operands if len(shape) >= -a]
        size = max(size for _, size in there)
        met = [axis for axis, n in there if n == size and size > 1]
        axis = met[0] if met else ()
        for other in met[1:]:
            axis = match(axis, other, why)
        for place in leaf_places(axis):
            place.space.stacked = True
        result.append(axis)
    return result


@rules_for("scaled_dot_product_attention")
def attend(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """``softmax(Q K^T) V`` head by head: a head of V and of the result is that of Q and K, or of their group.

    The columns of V are those of the result.
    """
    q, k, v = (argument(args, kwargs, i, key) for i, key in enumerate(("query", "key", "value")))
    mask = argument(args, kwargs, 3, "attn_mask")
    result = func(*args, **kwargs)
    why = tape.why("attention")
    for tensor in (q, k, v):
        fix(tape.axes(tensor)[-2], why)
    fix((*tape.axes(q)[-1], *tape.axes(k)[-1]), why)
    operands = []
    for tensor in (q, k, v):
        axes, shape = list(tape.axes(tensor)), list(tensor.shape)
        if tensor.ndim > 2 and shape[-3] != q.shape[-3] and shape[-3] > 1:  # grouped queries
            times = q.shape[-3] // shape[-3]
            shape[-3] = q.shape[-3]
            axes[-3] = stretched(axes[-3], times)
        operands.append((tuple(axes[:-2]), tuple(shape[:-2])))
    if mask is not None and tape.known(mask):
        operands.append((tape.axes(mask)[:-2], tuple(mask.shape[:-2])))
    elif mask is not None and mask.ndim > 2:
        operands.append((((),) * (mask.ndim - 2), tuple(mask.shape[:-2])))
    stacked = _stacked(operands, why)
    tape.set_axes(result, (*stacked, tape.axes(q)[-2], tape.axes(v)[-1]))
    scores = math.prod(q.shape[:-1]) * k.shape[-2]
    lengths = tuple(zip(stacked, result.shape[:-2], strict=True))
    columns = (*lengths, (tape.axes(v)[-1], v.shape[-1]))
    tape.products += [(scores * q.shape[-1], lengths), (scores * v.shape[-1], columns)]
    return result


@rules_for("einsum")
def einsum(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """A product of activations: what the result has passes through, what is summed over stays whole."""
    result = func(*args, **kwargs)
    equation, operands = args[0], tensors(args[1:])
    letters = equation.replace(" ", "").replace("->", ",").split(",") if isinstance(equation, str) else []
    if len(letters) != len(operands) + 1 or "." in "".join(letters) or any(map(tape.weight, operands)):
        tape.leave("einsum", [axis for tensor in operands for axis in tape.axes(tensor)])
        return result
    why = tape.why("einsum")
    met: dict[str, Axis] = {}
    for names, tensor in zip(letters, operands, strict=False):
        for letter, axis in zip(names, tape.axes(tensor), strict=True):
            if letter not in letters[-1]:
                fix(axis, why)
            met[letter] = match(met[letter], axis, why) if letter in met else axis
    tape.set_axes(result, [met[letter] for letter in letters[-1]])
    sizes = {
        letter: n
        for names, tensor in zip(letters, operands, strict=False)
        for letter, n in zip(names, tensor.shape, strict=True)
    }
    lengths = tuple((axis, sizes[letter]) for letter, axis in met.items())
    tape.products.append((math.prod(sizes.values()), lengths))
    return result


@rules_for("embedding")
def embed(tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
    """Rows of a table: its columns are the new features."""
    table = argument(args, kwargs, 1, "weight")
    result = func(*args, **kwargs)
    axes = tape.axes(table)
    fix(axes[0], tape.why("embedding"))
    if argument(args, kwargs, 3, "max_norm") is not None:
        fix(axes[1], tape.why("max_norm of embedding"))
    weight = tape.weight(table)
    if weight is not None:
        tape.made((weight[0], 1))
    tape.set_axes(result, (*((),) * (result.ndim - 1), axes[1]))
    return result
