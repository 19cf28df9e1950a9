"""Arrays of other libraries: told by the module of their type, and answered in the room `_tensors`.

Nothing is imported for it: an array of a library exists only where its library has been imported. A public function
asks at its head, and for an ndarray pays for one comparison.
"""

import functools
from importlib import import_module
from typing import Any

TENSORS = f"{__package__.rpartition('.')[0]}._tensors"
KNOWN = {"torch": "torch", "jax": "jax", "jaxlib": "jax", "cupy": "cupy"}  # others follow the array API standard


@functools.lru_cache(maxsize=256)
def library_of(kind: Any) -> str | None:
    """The name of the array library that a type belongs to, subclasses of its arrays too; None of NumPy's and others'.

    Arrays of a library that is not `KNOWN` must offer the namespace of the array API standard, and DLPack.
    """
    roots = [base.__module__.partition(".")[0] for base in kind.__mro__]
    known = [KNOWN[root] for root in roots if root in KNOWN]
    namespace, dlpack = hasattr(kind, "__array_namespace__"), hasattr(kind, "__dlpack__")
    if "numpy" in roots or not ((namespace and dlpack) or (known and (namespace or dlpack))):
        return None
    return (known or roots)[0]


def foreign(a: Any) -> bool:
    """Whether `a` is an array of another library than NumPy."""
    return library_of(a.__class__) is not None


def elsewhere(function: Any, arguments: dict[str, Any]) -> Any:
    """What a public function answers to a foreign array, the first of its arguments."""
    return _faces().answer(function, arguments)


def become(result: Any, name: str, a: Any, options: dict[str, Any]) -> None:
    """Make an object one of its class for foreign arrays, that of the argument `a` and of the options of its class."""
    _faces().become(result, name, a, options)


@functools.cache
def _faces() -> Any:
    return import_module(f"{TENSORS}.faces")


def adjoint_of(a: Any) -> Any:
    """A^H of an array of any library, or of each in a stack."""
    return (a.conj() if hasattr(a, "conj") else a.__array_namespace__().conj(a)).mT
