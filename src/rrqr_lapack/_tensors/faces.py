"""What the public functions answer to foreign arrays: the kernels' results on the CPU, other devices' own elsewhere."""

from importlib import import_module
from typing import Any

from .home import Home, housed_class
from .libraries import Traced


def answer(function: Any, arguments: dict[str, Any]) -> Any:
    """The function's result for a foreign array, the first argument, as arrays like it."""
    (name, a), *others = arguments.items()
    options = dict(others)
    options |= options.pop("options", {})
    try:
        home = Home(a, name)
    except Traced:
        rule = import_module(f"{__package__}.jax_traced").RULES.get(function.__name__)
        if not (rule and (found := rule(a, name, options, function))):
            raise
        return found
    if home.follows(a):
        rule = import_module(f"{__package__}.torch_gradients").RULES.get(function.__name__)
        if rule:
            return rule(home, a, options, lambda x, **changed: answer(function, {name: x, **options, **changed}))
    work = home.working(a)
    if home.on_host:
        host = {key: home.host(value, key) for key, value in options.items()}
        return home.out(function(home.library.to_host(work), **host))
    return _device().call(function.__name__, home, home.library.detached(work), options)


def become(result: Any, name: str, a: Any, options: dict[str, Any]) -> None:
    """Make an object one of its class for foreign arrays, that of `a` and of the options of its class."""
    home = Home(a, name)
    work = home.working(a)
    if home.on_host:
        host = type(result)(home.library.to_host(work), **options)
        result.__class__ = housed_class(result.__class__)
        vars(result).clear()
        vars(result).update(_host=host, _home=home)
    else:
        _device().become(result, home, home.library.detached(work), options)


def _device() -> Any:
    return import_module(f"{__package__}.device")
