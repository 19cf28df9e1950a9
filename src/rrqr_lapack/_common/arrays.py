"""What comes in: any array-like to a matrix that the kernels can take, or an error that says why not."""

import math
import numbers
import operator
import os
from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np

from .. import _core
from .types import Array, DType, Matrix

Choice = TypeVar("Choice", bound=str | None)

# SciPy's rule for LAPACK: the narrowest of the four dtypes that holds the input, at most double.
_LAPACK_DTYPE: dict[str, DType] = dict.fromkeys("?bBhHef", np.dtype("f")) | dict.fromkeys("iIlLqQdg", np.dtype("d"))
_LAPACK_DTYPE |= {"F": np.dtype("F"), "D": np.dtype("D"), "G": np.dtype("D")}


def as_ndarray(a: Any, name: str = "a") -> Array:
    """`a` as an ndarray of any dtype; TypeError for what NumPy would misread (sparse or masked arrays, operators)."""
    if type(a) is not np.ndarray:
        if hasattr(a, "tocsc") and hasattr(a, "nnz"):
            kind = type(a).__name__
            raise TypeError(f"{name} must be dense, got a sparse {kind}; pass {name}.toarray() if it fits in memory")
        if isinstance(a, np.ma.MaskedArray) and np.ma.is_masked(a):
            raise TypeError(f"{name} must have no masked entries, got some; fill them first, as with {name}.filled(0)")
        if hasattr(a, "matvec"):
            raise TypeError(f"{name} must be an array, got a {type(a).__name__}, which gives products only; form it")
        a = np.asarray(a)
    return a


def as_numeric(a: Any, name: str = "a") -> Array:
    """`a` as an ndarray of numbers; TypeError for what is none (objects, strings, sparse or masked arrays)."""
    a = as_ndarray(a, name)
    if a.dtype.char not in _LAPACK_DTYPE:
        raise TypeError(f"{name} must be boolean, integer, real or complex, got the dtype {a.dtype}")
    return a


def lapack_dtype(dtype: DType) -> DType:
    """float32, float64, complex64 or complex128, as SciPy chooses it for a numeric dtype."""
    return _LAPACK_DTYPE[dtype.char]


def is_fortran(a: Array) -> bool:
    """Whether the kernels can read `a` where it lies: one of LAPACK's dtypes, Fortran-ordered, aligned."""
    return a.dtype == _LAPACK_DTYPE[a.dtype.char] and a.flags.f_contiguous and a.flags.aligned


def is_contiguous(a: Array) -> bool:
    """The same for kernels that need products alone, and take row-major matrices too."""
    return is_fortran(a) or is_fortran(a.T)


def as_fortran(a: Array, *, overwrite: bool, check_finite: bool, name: str = "a") -> Matrix:
    """A Fortran-ordered LAPACK matrix holding the 2-D array `a`: a copy unless `overwrite` and `a` is one."""
    _core.check_lengths(a, name)
    dtype = _LAPACK_DTYPE[a.dtype.char]
    flags = a.flags
    if not (overwrite and is_fortran(a) and flags.writeable):
        if flags.c_contiguous and flags.aligned and a.dtype == dtype and a.size:
            a = _core.transposed(a)
        else:
            a = np.array(a, dtype=dtype, order="F", copy=True, subok=False)
    if check_finite:
        check_finite_columns(a, name)
    return a


def as_rows(a: Array, dtype: np.dtype[Any]) -> Array:
    """A C-ordered, aligned array of this native dtype that holds `a`: `a` itself if it is one."""
    if a.dtype == dtype and a.flags.c_contiguous and a.flags.aligned:
        return a
    return np.array(a, dtype, order="C", copy=True)


def check_finite_items(a: Array, name: str, first: int = 0) -> None:
    """ValueError that names the first matrix of the C-ordered stack `a`, counted from `first`, with NaN or infinity."""
    item = _core.first_nonfinite_column(a.reshape(len(a), -1).T)
    if item >= 0:
        check_finite_columns(a[item], f"{name} (matrix {first + item} of the stack)")


def check_finite_columns(a: Array, name: str) -> None:
    """ValueError that names the first column of the 2-D array `a` with NaN or infinity."""
    if a.flags.f_contiguous and a.flags.aligned:
        column = _core.first_nonfinite_column(a)
    else:
        finite = np.isfinite(a).all(axis=0)
        column = -1 if finite.all() else int(np.argmin(finite))
    if column >= 0:
        value = a[:, column][~np.isfinite(a[:, column])][0]
        raise ValueError(
            f"{name} must be finite, but column {column} holds {value}; "
            "clean the data (check_finite=False lets it pass)"
        )


def _integer(name: str, value: Any, kind: str = "an integer") -> int:
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be {kind}, got {value!r}") from None


def check_count(name: str, value: Any, smallest: int = 0) -> int:
    """`value` as an int, at least `smallest`."""
    count = _integer(name, value)
    if count < smallest:
        raise ValueError(f"{name} must be at least {smallest}, got {count}")
    return count


def check_rank(rank: Any, largest: int, smallest: int = 0) -> int:
    """`rank` as an int in smallest..largest; None means largest."""
    if rank is None:
        return largest
    value = _integer("rank", rank, "an integer or None")
    if not smallest <= value <= largest:
        raise ValueError(f"rank must be between {smallest} and {largest} for this matrix, got {value}")
    return value


def check_tolerance(name: str, value: Any) -> float:
    """A tolerance as a finite float >= 0; None means off, which the kernels read as -1."""
    if value is None:
        return -1.0
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a real number or None, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    return number


def check_tie_tol(tie_tol: Any) -> float:
    """The relative width of a tie, in [0, 1)."""
    number = check_tolerance("tie_tol", tie_tol)
    if tie_tol is None or number >= 1:
        raise ValueError(f"tie_tol must be at least 0 and less than 1, got {tie_tol!r}")
    return number


def check_workers(workers: Any) -> int:
    """A number of threads, at least 1; -1 means one a core."""
    number = _integer("workers", workers)
    if number < 1 and number != -1:
        raise ValueError(f"workers must be at least 1, or -1 for one a core, got {workers!r}")
    return os.cpu_count() or 1 if number == -1 else number


def check_rng(rng: Any) -> np.random.Generator:
    """`rng` as a Generator."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        wrong = f"rng must be None, an integer of at least 0 or a numpy Generator, got {rng!r}"
        raise type(error)(wrong) from None


def check_flag(name: str, value: Any) -> bool:
    """`value`, which must be True or False, or the integer that stands for it."""
    if not isinstance(value, (int, np.bool_)) or value not in (0, 1):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_choice(name: str, value: Choice, allowed: Collection[Any]) -> Choice:
    """`value`, which must be one of the `allowed` strings; private ones, with an underscore, are not offered."""
    if not (value is None or isinstance(value, str)) or value not in allowed:
        offered = ", ".join(repr(each) for each in allowed if not str(each).startswith("_"))
        raise ValueError(f"{name} must be one of {offered}, got {value!r}")
    return value
