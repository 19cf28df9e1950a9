"""Where a matrix came from, and where results go: its library, dtype and device."""

import copy
import functools
from typing import Any

import numpy as np

from .._common.foreign import foreign
from .._common.html import Shown
from .._common.low_rank import LowRank
from .._common.types import Array
from .._qr.factored import TruncatedQR
from .._qr.tall import TallQR
from .._selection.result import ColumnSelection
from .libraries import HALF, WORKING, Library, dtype_name, library

LATE = (TruncatedQR, TallQR, ColumnSelection)  # results that go on computing when they are asked
PLAIN = (bool, int, float, str, np.ndarray)  # what needs no conversion
HOST = True  # False sends arrays of the CPU, too, to the algorithms for other devices: tests try these so


class Home:
    """Of the foreign array `a`: TypeError where it holds no numbers of a floating dtype."""

    def __init__(self, a: Any, name: str = "a") -> None:
        self.library: Library = library(a)
        self.library.check(a, name)
        self.dtype, self.device, self.name = a.dtype, a.device, name
        self.half = check_floating(a, name) in HALF
        self.on_host = HOST and self.library.on_host(a)

    def follows(self, a: Any) -> bool:
        """Whether what is computed of `a` is to have a gradient."""
        return self.library.follows(a)

    def working(self, a: Any) -> Any:
        """`a` in the dtype that is computed in."""
        return self.library.single(a) if self.half else a

    def host(self, value: Any, name: str = "an argument") -> Any:
        """An argument as the kernels take it: a foreign array as an ndarray, a result of ours as that of the host."""
        if value is None or isinstance(value, PLAIN):
            return value
        if isinstance(value, Housed):
            return value._host
        return self.on_host_memory(value, name) if foreign(value) else value

    def on_host_memory(self, a: Any, name: str) -> Array:
        """A foreign array as an ndarray; ValueError where it is on another device, TypeError where it cannot be."""
        theirs = library(a)
        theirs.check(a, name)
        if not theirs.on_host(a):
            raise ValueError(f"{name} must be on {self.device} as {self.name} is, got {a.device}; move it")
        return theirs.to_host(theirs.single(a) if dtype_name(a) in HALF else a)

    def out(self, value: Any) -> Any:
        """A result of the kernels: ndarrays as arrays of the library, inside tuples and results too."""
        if isinstance(value, np.ndarray):
            return self.rounded(self.library.from_host(value, self.device))
        if isinstance(value, np.dtype):
            return self.dtype
        if isinstance(value, tuple | list):
            return tuple(map(self.out, value))
        if isinstance(value, LATE):
            return house(value, self)
        if isinstance(value, LowRank):
            twin = object.__new__(type(value))
            parts, put = vars(twin), self.library.from_host
            for name, part in vars(value).items():
                parts[name] = self.rounded(put(part, self.device)) if type(part) is np.ndarray else part
            return twin
        return value

    def indices(self, a: Any) -> Any:
        """Indices as the host gives them, of 32 bits."""
        return self.library.cast(a, self.library.int32(a))

    def alike(self, value: Any, name: str) -> Any:
        """Another array for a product with those that are computed with, on the same device and of the same library."""
        if not foreign(value) or library(value) != self.library or value.device != self.device:
            where = f"on {value.device}" if foreign(value) else f"a {type(value).__name__}"
            raise ValueError(f"{name} must be an array on {self.device} like the matrix, got one {where}; move it")
        other = Home(value, name)
        return other.library.detached(other.working(value))

    def rounded(self, a: Any) -> Any:
        """A result in the dtype that came in, where that is half precision."""
        return self.library.cast(a, self.dtype) if self.half and dtype_name(a) in WORKING else a


def check_floating(a: Any, name: str) -> str:
    """The name of the array's dtype; TypeError where that is not floating."""
    kind = dtype_name(a)
    if kind not in WORKING and kind not in HALF:
        raise TypeError(
            f"{name} must be of a floating dtype, got {a.dtype}; convert it, to double precision for example"
        )
    return kind


class Housed:
    """A result that the host computes with, whose arrays come out as those that came in; first base of its class."""

    _host: Any
    _home: Home

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_"):
            return object.__getattribute__(self, name)
        value = getattr(self._host, name)
        return self._calling(value) if callable(value) else self._home.out(value)

    def _calling(self, method: Any) -> Any:
        """A method of the host's, between conversions of what it takes and gives."""

        @functools.wraps(method)
        def call(*arguments: Any, **options: Any) -> Any:
            host = self._home.host
            given = [host(value) for value in arguments]
            result = method(*given, **{name: host(value, name) for name, value in options.items()})
            return self if result is self._host else self._home.out(result)

        return call

    def __matmul__(self, x: Any) -> Any:
        return self._home.out(self._host @ self._home.host(x, "x"))

    def __rmatmul__(self, x: Any) -> Any:
        return self._home.out(self._home.host(x, "x") @ self._host)

    def __iter__(self) -> Any:
        return map(self._home.out, self._host)

    def __repr__(self) -> str:
        return repr(self._host)

    def _repr_html_(self) -> str | None:
        return self._host._repr_html_() if isinstance(self._host, Shown) else None

    def __copy__(self) -> Any:
        return house(copy.copy(self._host), self._home)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return house(copy.deepcopy(self._host, memo), self._home)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _restored, (self._host, self._home.out(np.empty(0, self._host.dtype)))


def house(host: Any, home: Home) -> Any:
    """The host's result as one that gives arrays of the library."""
    result: Any = object.__new__(housed_class(host.__class__))
    vars(result).update(_host=host, _home=home)
    return result


@functools.cache
def housed_class(kind: Any) -> Any:
    """The class of such results, which is a subclass of their own."""
    return type(kind.__name__, (Housed, kind), {"__module__": kind.__module__, "__doc__": kind.__doc__})


def _restored(host: Any, example: Any) -> Any:
    return house(host, Home(example))
