"""Recurrent layers and cells in torch functions that have rules: a hidden unit goes with all of its gates.

Only the products with weights are written out, all steps in one, with the values that they see in the run itself; what
the gates do to a unit is entry by entry. Layers and directions have one number of hidden units, and the final states
show them beside each other: the same ones go.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import linear

from ._private import untraced
from ._registry import Equivalent, rules_for

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


class Run(NamedTuple):
    """One layer in one direction, rows for steps times samples.

    Attributes
    ----------
    out : tensor
        States after each step.
    hidden : tensor
        The same before a projection.
    before : tensor of int
        The row of ``[first states; out]`` that each step starts from.
    last : list of tensor
        Final states.
    """

    out: Tensor
    hidden: Tensor
    before: Tensor
    last: list[Tensor]


def _layers(kind: str, data: Tensor, *given: Any) -> tuple[Tensor, ...]:
    """`torch.lstm` and its like, of padded and of packed sequences."""
    packed = not isinstance(given[2], bool)  # the sizes of the steps come before the states
    sizes, (states, flat, bias, count, _, _, both, *rest) = (given[0], given[1:]) if packed else (None, given)
    batch_first = bool(rest and rest[0])
    starts = (states,) if isinstance(states, Tensor) else tuple(states)
    x, ways = data.transpose(0, 1) if batch_first else data, 1 + both
    each = len(flat) // (count * ways)
    counts = sizes.tolist() if sizes is not None else [x.shape[1]] * x.shape[0]
    finals: list[list[Tensor]] = []
    for layer in range(count):
        outputs = []
        for way in range(ways):
            i = layer * ways + way
            start = [state[i] for state in starts]
            weights = flat[i * each : (i + 1) * each]
            out, last = _direction(kind, x.flatten(0, -2), counts, start, weights, bias, backwards=way == 1)
            outputs.append(out)
            finals.append(last)
        x = torch.cat(outputs, -1).reshape(*x.shape[:-1], -1)
    y = x.transpose(0, 1) if batch_first else x
    return (y, *(torch.stack(state) for state in zip(*finals, strict=True)))


def _cell(
    kind: str, x: Tensor, state: Any, w_in: Tensor, w_back: Tensor, b_in: Tensor | None = None, b_back: Any = None
) -> tuple[Tensor, ...]:
    """`torch.lstm_cell` and its like: one step."""
    start = [state] if isinstance(state, Tensor) else list(state)
    weights = [w_in, w_back] if b_in is None else [w_in, w_back, b_in, b_back]
    return tuple(_direction(kind, x, [len(x)], start, weights, b_in is not None, backwards=False)[1])


def _direction(
    kind: str,
    x: Tensor,
    counts: Sequence[int],
    start: Sequence[Tensor],
    weights: Sequence[Tensor],
    bias: bool,
    backwards: bool,
) -> tuple[Tensor, list[Tensor]]:
    """The outputs and the final states of one layer in one direction; x has rows for steps times samples."""
    steps = torch.arange(len(x), device=x.device).split(list(counts))
    with untraced():
        seen = _run(kind, x, steps[::-1] if backwards else steps, start, weights, bias)
        given = [bool(state.any()) for state in start]  # of zeros nobody knows which units they are
    gates = linear(x, weights[0], weights[2] if bias else None).chunk(GATES[kind], -1)
    unit = gates[0]
    out = _known(unit, seen.hidden)
    if len(weights) in (3, 5):
        out = _known(linear(out, weights[-1]), seen.out)
    nothing = [each[: len(start[0])] * 0 for each in (out, unit)]
    states = [state if some else zero for state, some, zero in zip(start, given, nothing, strict=False)]
    back = linear(torch.cat([states[0], out])[seen.before], weights[1])  # a shift would miss the first states: no bias
    for gate in (back * weights[3] if bias else back).chunk(GATES[kind], -1):
        torch.mul(gate, unit)
    return out, [_known(zero * state, last) for zero, state, last in zip(nothing, states, seen.last, strict=False)]


def _run(
    kind: str, x: Tensor, steps: Sequence[Tensor], start: Sequence[Tensor], weights: Sequence[Tensor], bias: bool
) -> Run:
    """The layer itself, step by step; each step's samples are the first ones of the batch."""
    w_in, w_back, *others = weights
    biases = others[:2] if bias else (None, None)
    last, batch = [state.clone() for state in start], len(start[0])
    out, hidden = x.new_zeros(len(x), last[0].shape[-1]), x.new_zeros(len(x), len(w_in) // GATES[kind])
    before, came = torch.zeros(len(x), dtype=torch.int64, device=x.device), torch.arange(batch, device=x.device)
    for rows in steps:
        n = len(rows)
        before[rows], came[:n] = came[:n], batch + rows
        now = [state[:n] for state in last]
        if len(weights) in (3, 5):  # with a projection
            i, f, g, o = (linear(x[rows], w_in, biases[0]) + linear(now[0], w_back, biases[1])).chunk(4, -1)
            cell = f.sigmoid() * now[1] + i.sigmoid() * g.tanh()
            hidden[rows] = o.sigmoid() * cell.tanh()
            new = [linear(hidden[rows], weights[-1]), cell]
        else:
            given = tuple(now) if kind == "lstm" else now[0]
            found = getattr(torch, f"{kind}_cell")(x[rows], given, w_in, w_back, *biases)
            new = list(found) if kind == "lstm" else [found]
            hidden[rows] = new[0]
        out[rows] = new[0]
        for state, value in zip(last, new, strict=True):
            state[:n] = value
    return Run(out, hidden, before, last)


def _known(like: Tensor, values: Tensor) -> Tensor:
    """The values, whose entries go with those of `like`."""
    result = like.expand(values.shape).clone()
    with untraced():
        result.copy_(values)
    return result


def _one(kind: str, *args: Any) -> Tensor | tuple[Tensor, ...]:
    found = _cell(kind, *args)
    return found if kind == "lstm" else found[0]


for _kind in GATES:
    rules_for(_kind)(Equivalent(partial(_layers, _kind)))
    rules_for(f"{_kind}_cell")(Equivalent(partial(_one, _kind)))
