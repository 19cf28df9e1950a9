"""The rules by operation: what calls mean for the index spaces, those of PyTorch's functions and those of the user's.

A rule is called as ``rule(tape, func, args, kwargs)`` in place of the operation, and returns its result. Those that are
registered from outside are `Equivalent`: the operation written in torch functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch.overrides import TorchFunctionMode, wrap_torch_function

from ._calls import Args, Function, Kwargs, tensors
from ._calls import operation as name_of
from ._private import library_name
from ._tape import Tape

Rule: TypeAlias = Callable[[Tape, Function, Args, Kwargs], Any]

RULES: dict[str | Function, Rule] = {}  # by the operation's name, or by the function itself
BUILT_IN: set[str] = set()


def rules_for(names: str) -> Callable[[Rule], Rule]:
    """A decorator: the rule of all these operations of PyTorch's."""

    def register(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(names.split(), rule))
        BUILT_IN.update(names.split())
        return rule

    return register


def rule_of(func: Function) -> Rule | None:
    """The rule of a function that a mode sees; None where there is none."""
    return RULES.get(func) or RULES.get(name_of(func))


class Inside(TorchFunctionMode):
    """What is called here is seen by a mode that is itself at work, and so sees nothing otherwise."""

    def __init__(self, mode: TorchFunctionMode) -> None:
        super().__init__()
        self._mode = mode

    def __torch_function__(self, func: Function, types: Any, args: Args = (), kwargs: Kwargs | None = None) -> Any:
        return self._mode.__torch_function__(func, types, args, kwargs or {})


@dataclass(frozen=True)
class Equivalent:
    """An operation as torch functions, which are recorded in its place.

    Attributes
    ----------
    function : callable
        Takes what the operation takes, and returns tensors of the same shapes.
    """

    function: Callable[..., Any]

    def __call__(self, tape: Tape, func: Function, args: Args, kwargs: Kwargs) -> Any:
        result = func(*args, **kwargs)
        given, drawn = tensors(result), self.seen_by(tape, args, kwargs)
        one, two = ([tuple(tensor.shape) for tensor in each] for each in (given, drawn))
        if one != two:
            raise ValueError(f"the rule of {name_of(func)} must give tensors of its shapes, {one}, got {two}")
        for tensor, like in zip(given, drawn, strict=True):
            tape.set_axes(tensor, tape.axes(like))
        return result

    def seen_by(self, mode: TorchFunctionMode, args: Args, kwargs: Kwargs) -> list[torch.Tensor]:
        """The tensors that the function returns; the mode sees how it makes them."""
        with Inside(mode):
            return tensors(self.function(*args, **kwargs))


def register_rule(operation: str | Callable[..., Any] | type, rule: Callable[..., Any]) -> None:
    """Say what an operation of your own means, so that the units that pass through it can be removed.

    `analyze` and `find_groups` see every torch function that a model calls and know what becomes of the units. What an
    operation without a rule touches keeps its size. The rule of such an operation is a function that takes the same
    arguments and is written in torch functions that have rules: while the model is recorded, these count in the
    operation's place. Of an operation without weights only that matters which entries depend on which, not the values:
    for any activation `torch.relu` is as good a rule as the true formula. What a rule multiplies weights with must have
    the true values, since the cut is fitted to them.

    Parameters
    ----------
    operation : str, callable or type
        What PyTorch dispatches: an operator of `torch.library`, itself or by its name ``"namespace::name"``; a subclass
        of `torch.autograd.Function`; a function that `torch.overrides.wrap_torch_function` made; or the name of a
        function of PyTorch's that has no rule here. Other Python functions are seen through: what they call counts.
    rule : callable
        Called as ``rule(*args, **kwargs)`` with the arguments of each call (those of ``apply`` for an autograd
        Function). Returns tensors of the shapes that the operation returns, in their order, made from the arguments by
        torch functions. It must not change its arguments.

    Raises
    ------
    TypeError
        `operation` is none of these, or `rule` is not callable.
    ValueError
        `operation` is a function of PyTorch's that has a rule already.

    See Also
    --------
    find_groups : names what has no rule in a warning, and in ``left_alone``.

    Notes
    -----
    The rule holds for all models of this process; registering again replaces it. It is run once when groups are
    sought, and for an operation that is given weights once a batch. Each group is
    tried out on the model itself before it counts, so that a rule which is wrong about the dependence finds none.

    The ``forward`` of an autograd Function is replaced by one that PyTorch's modes can see, and that is otherwise the
    same.

    Examples
    --------
    >>> import torch
    >>> from rrqr_lapack.prune.torch import find_groups, register_rule
    >>> class Cube(torch.autograd.Function):  # NumPy's, which PyTorch cannot see into
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return torch.from_numpy(x.detach().numpy() ** 3)
    >>> class Model(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.up, self.down = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)
    ...
    ...     def forward(self, x):
    ...         return self.down(Cube.apply(self.up(x)))
    >>> register_rule(Cube, torch.relu)  # entry by entry, as relu
    >>> find_groups(Model(), torch.randn(10, 3))[0].groups
    (Group(name='up', width=8, unit=1, affine=True),)
    """
    if not callable(rule):
        raise TypeError(f"rule must be a function that takes the operation's arguments, got {rule!r}")
    if isinstance(operation, type) and issubclass(operation, torch.autograd.Function):
        function: Any = operation
        if function.forward not in RULES:
            visible = wrap_torch_function(lambda *args, **kwargs: tensors((args, kwargs)))
            function.forward = staticmethod(visible(function.forward))
        one_step = function.setup_context is torch.autograd.Function.setup_context
        RULES[function.forward] = Equivalent(_after_context(rule) if one_step else rule)
        return
    key: Any = name_of(operation) if library_name(operation) else operation
    key = key.removeprefix("aten::") if isinstance(key, str) else key
    if isinstance(key, type) or not (isinstance(key, str) or callable(key)):
        raise TypeError(f"operation must be an operator, an autograd Function, a function or a name, got {operation!r}")
    if (key if isinstance(key, str) else name_of(key)) in BUILT_IN:
        raise ValueError(f"operation must be one without a rule, got {operation!r}, whose rule is built in")
    RULES[key] = Equivalent(rule)


def _after_context(rule: Callable[..., Any]) -> Callable[..., Any]:
    """The rule of a ``forward`` that takes a context before the arguments."""
    return lambda context, *args, **kwargs: rule(*args, **kwargs)
