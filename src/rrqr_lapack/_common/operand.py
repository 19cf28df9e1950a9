"""A matrix as low-rank algorithms see it: products, columns and rows of an array, sparse array or LinearOperator."""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .arrays import as_numeric, check_finite_columns, check_flag, lapack_dtype
from .scaling import power_of_two
from .scipy_private import adjoint_was_left_out
from .types import Array, DType, Matrix, Operand

TOO_FAR = 1e-2  # share of what chance makes of <y, A x>: no operator is so inexact, and a wrong adjoint is beyond it


class Streamed(LinearOperator):
    """A LinearOperator of which every product reads all of the matrix: those that can share a pass do."""

    norm: float | None = None  # ||A||_F, once all was read

    def _both(self, x: Any, y: Any) -> tuple[Any, Any]:
        """A X and A^H Y from one pass."""
        raise NotImplementedError

    def columns(self, indices: Any) -> Matrix:
        """A[:, indices]."""
        raise NotImplementedError

    def _column_products(self, indices: Any, triangle: Matrix) -> tuple[Matrix, Matrix]:
        """``W = A[:, indices] triangle^{-1}`` and ``A^H W``, from one pass where that can be."""
        raise NotImplementedError

    def _matmat(self, x: Matrix) -> Matrix:
        return self._both(x, None)[0]

    def _rmatmat(self, y: Matrix) -> Matrix:
        return self._both(None, y)[1]

    def _matvec(self, x: Array) -> Matrix:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, y: Array) -> Matrix:
        return self._rmatmat(y.reshape(-1, 1))[:, 0]


def as_operand(a: Any, name: str = "a", *, check_finite: bool = True, with_adjoint: bool = False) -> Operand:
    """`a` as a 2-D ndarray, CSC array or LinearOperator of one of the four LAPACK dtypes; copied only to convert.

    Each entry of a CSC array is stored once, in order. Raises TypeError for what is no matrix of numbers or does not
    multiply by A^H `with_adjoint`, ValueError where it is not 2-D, its A^H is not its adjoint, or, if stored, it is not
    finite.
    """
    check_flag("check_finite", check_finite)
    if isinstance(a, LinearOperator):
        as_numeric(np.empty(0, a.dtype), name)
        return _watched(a, name) if with_adjoint else a
    if sparse.issparse(a):
        if a.ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, got {a.ndim}")
        a = _as_csc(a, name)
        if check_finite and not np.isfinite(a.data).all():
            column = int(np.searchsorted(a.indptr, np.argmin(np.isfinite(a.data)), side="right")) - 1
            raise ValueError(f"{name} must be finite, but column {column} is not; clean the data")
        return a
    a = as_numeric(a, name)
    if a.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {a.ndim}")
    a = a.astype(lapack_dtype(a.dtype), copy=False)
    if check_finite:
        check_finite_columns(a, name)
    return a


def _as_csc(a: Any, name: str) -> sparse.csc_array:
    """A sparse matrix as a CSC array that stores each entry once, in order; the caller's stays as it is.

    Entries in pieces are summed in their own dtype, as by ``a.toarray()``.
    """
    dtype = lapack_dtype(as_numeric(np.empty(0, a.dtype), name).dtype)
    a = sparse.csc_array(a)  # another object, with the caller's arrays where `a` is CSC
    if not a.has_canonical_format:
        a = a.copy()
        a.sum_duplicates()
    return a.astype(dtype, copy=False)


def _watched(a: LinearOperator, name: str) -> LinearOperator:
    """A LinearOperator that multiplies by A^H, as far as can be seen without products, as one that checks how."""
    defined = (getattr(type(a), way) != getattr(LinearOperator, way) for way in ("_rmatvec", "_rmatmat", "_adjoint"))
    if adjoint_was_left_out(a) or not any(defined):  # of one made of others a product will tell
        raise _refusal(_without_adjoint(name))
    return a if isinstance(a, (Watched, Streamed)) or a.H is a else Watched(a, name)


class Watched(LinearOperator):
    """A LinearOperator of which the first products with A and with A^H must agree, ``<Y, A X> = <A^H Y, X>``.

    Whoever multiplies by both, as all must who would be misled, finds out at no cost but that of the comparison.
    """

    _forward: tuple[Matrix, ...] | None
    _backward: tuple[Matrix, ...] | None

    def __init__(self, operator: LinearOperator, name: str) -> None:
        super().__init__(operator.dtype, operator.shape)
        self._operator, self._name = operator, name
        self._forward = self._backward = None  # the first pairs (X, A X) and (Y, A^H Y), both dropped once compared
        if hasattr(operator, "columns"):
            self.columns = operator.columns

    def _matmat(self, x: Matrix) -> Matrix:
        ax = product(self._operator, x, self._name)
        if self._forward is None:
            self._forward = x, ax
            self._compare()
        return ax

    def _rmatmat(self, y: Matrix) -> Matrix:
        ahy = product(self._operator.H, y, self._name)
        if self._backward is None:
            self._backward = y, ahy
            self._compare()
        return ahy

    _matvec, _rmatvec = _matmat, _rmatmat

    def settle(self) -> None:
        """Compare now: where all products with A^H are zero nobody may ask for one with A."""
        if self._forward is None and self._backward:
            self @ np.ones((self.shape[1], 1), self.dtype)

    def _compare(self) -> None:
        if not (self._forward and self._backward):
            return
        (x, ax), (y, ahy) = self._forward, self._backward
        self._forward = self._backward = ()
        if 0 in (*ax.shape, *ahy.shape):
            return
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            scale = max(power_of_two(ax), power_of_two(ahy))  # divided by it no square overflows
            ax, ahy = ax / scale, ahy / scale
            apart = np.linalg.norm(y.conj().T @ ax - ahy.conj().T @ x)
            norms = [np.linalg.norm(y) * np.linalg.norm(ax), np.linalg.norm(ahy) * np.linalg.norm(x)]
        if apart > max(norms) * (TOO_FAR / max(self.shape) ** 0.5 + 1e3 * np.finfo(dtype_of(self)).eps):
            raise ValueError(
                f"rmatvec of {self._name} must multiply by the adjoint A^H, the conjugate transpose, but <y, A x> and "
                f"<rmatvec(y), x> differ, by {apart / max(norms):.2g} of ||y|| ||A x||; mend rmatvec (and rmatmat)"
            )


def settle(a: Operand) -> None:
    """Have an operand that nobody has multiplied by show that it is zero, as its adjoint is."""
    if isinstance(a, Watched):
        a.settle()


def _without_adjoint(name: str) -> str:
    """What an operand must offer, as a sentence."""
    return f"{name} must offer products with itself and with its adjoint (matvec and rmatvec), but one is not defined"


def is_dense(a: Any) -> bool:
    """Whether `a` is neither sparse nor a LinearOperator."""
    return not (sparse.issparse(a) or isinstance(a, LinearOperator))


def dtype_of(a: Operand) -> DType:
    """The LAPACK dtype of an operand."""
    return lapack_dtype(np.dtype(a.dtype or "d"))


def adjoint(a: Operand) -> Operand:
    """A^H of an operand, an operand itself."""
    return a.H if isinstance(a, LinearOperator) else a.conj().T


def product(a: LinearOperator, x: Matrix, name: str = "the LinearOperator") -> Matrix:
    """A x for a LinearOperator, as an ndarray of its LAPACK dtype, or of that of x where it is wider."""
    if 0 in x.shape[1:]:
        return np.empty((a.shape[0], 0), dtype_of(a))  # an operator that knows only vectors has no empty product
    try:
        y = np.asarray(_multiplied(a, x))
    except (TypeError, NotImplementedError) as error:
        if hasattr(error, "refused"):  # by the product with a part of A
            raise
        raise _refusal(_without_adjoint(name)) from error
    dtype = np.result_type(dtype_of(a), x)
    if not np.can_cast(y.dtype, dtype, "same_kind"):
        raise _refusal(f"{name} must have the dtype of its products, {y.dtype}, got {a.dtype}; give it that dtype")
    return y.astype(dtype, copy=False)


def _multiplied(a: LinearOperator, x: Matrix) -> Any:
    """A x; of an operator that defines products with matrices only SciPy before 1.16 has none with A^H and a vector."""
    if x.ndim == 2:
        return a.matmat(x)
    try:
        return a.matvec(x)
    except NotImplementedError:
        return a.matmat(x[:, None])[:, 0]


def _refusal(message: str) -> TypeError:
    error: Any = TypeError(message)
    error.refused = True
    return error


def columns(a: Operand, indices: Any) -> Any:
    """A[:, indices]: an ndarray, sparse where A is sparse; of a LinearOperator by its own method `columns`, or by
    products with unit vectors."""
    if hasattr(a, "columns"):
        return a.columns(indices)
    if not isinstance(a, LinearOperator):
        return a[:, indices]
    if not len(indices):
        return np.empty((a.shape[0], 0), dtype_of(a))  # an operator that knows only vectors has no empty product
    units = np.zeros((a.shape[1], len(indices)), dtype_of(a))
    units[indices, np.arange(len(indices))] = 1
    return product(a, units)


def rows(a: Operand, indices: Any) -> Any:
    """A[indices, :], as `columns`."""
    if not isinstance(a, LinearOperator):
        return a[indices, :]
    return adjoint(columns(adjoint(a), indices))


def densified(a: Operand) -> Matrix:
    """A as an ndarray, for what has few rows or few columns."""
    if isinstance(a, LinearOperator):
        return rows(a, np.arange(a.shape[0])) if a.shape[0] < a.shape[1] else columns(a, np.arange(a.shape[1]))
    return a.toarray() if sparse.issparse(a) else a
