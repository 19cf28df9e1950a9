"""What a positive semidefinite matrix is asked for: its diagonal, columns and submatrices, each checked."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.operand import as_operand, columns, dtype_of
from .._common.types import Array, Matrix, MatrixLike, Operand

LOOKED_AT = 32  # columns of an operator read beside zeros on its diagonal, and of an array at a time
ROUNDED = 3e-4  # relative difference of entries that should be equal, amply what rounding to single precision does


def as_psd(a: MatrixLike, *, check_finite: bool = True) -> Operand:
    """`a` as a square operand. Whether it is Hermitian and positive semidefinite is not checked here."""
    operand = as_operand(a, check_finite=check_finite)
    if operand.shape[0] != operand.shape[1]:
        raise ValueError(f"a must be square, got the shape {operand.shape}")
    return operand


def has_diagonal(a: Operand) -> bool:
    """Whether the diagonal can be had without products."""
    return hasattr(a, "diagonal") or not isinstance(a, LinearOperator)


def diagonal(a: Operand) -> NDArray[np.float64]:
    """The diagonal, which must be real, finite and not negative, as must be its sum; in double precision."""
    if not has_diagonal(a):
        raise TypeError(
            "a must have a diagonal, got a LinearOperator without; give it a method diagonal() that returns N entries"
        )
    d = np.asarray(a.diagonal())
    if not np.isfinite(d).all():
        index = int(np.argmin(np.isfinite(d)))
        raise ValueError(f"a must be finite, but its diagonal entry {index} is {d[index]}")
    wrong = (d.real < 0) | (np.abs(d.imag) > np.sqrt(np.finfo(dtype_of(a)).eps) * np.abs(d.real))
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ValueError(f"a must be positive semidefinite, but its diagonal entry {index} is {d[index]}")
    d = d.real.astype(np.float64)
    with np.errstate(over="ignore"):
        if not np.isfinite(d.sum()):
            raise OverflowError("the trace of a overflows; scale a down")
    return d


def check_zeros(a: Operand, d: Array) -> None:
    """Refuse what is not zero beside a zero of the diagonal d; of a LinearOperator a few such columns are looked at."""
    zeros = np.flatnonzero(d == 0)
    if isinstance(a, LinearOperator):
        zeros = zeros[:: max(-(-len(zeros) // LOOKED_AT), 1)]
    limit = np.sqrt(np.finfo(dtype_of(a)).eps) * d.max(initial=0)
    step = max(len(zeros), 1) if sparse.issparse(a) else LOOKED_AT
    for start in range(0, len(zeros), step):
        part = zeros[start : start + step]
        block = abs(columns(a, part))
        if block.max() > limit:
            i, j = np.unravel_index(block.argmax(), block.shape)
            raise ValueError(
                f"a must be positive semidefinite, but beside the zero on its diagonal column {part[j]} holds an entry "
                f"of modulus {block[i, j]:.3g} in row {i}"
            )


def dense_columns(a: Operand, indices: Any) -> Matrix:
    """A[:, indices] as a Fortran-ordered ndarray of finite numbers."""
    block = columns(a, indices)
    block = np.array(block.toarray() if sparse.issparse(block) else block, dtype_of(a), order="F", copy=None)
    finite = np.array([np.isfinite(column).all() for column in block.T], bool)
    if not finite.all():
        raise ValueError(f"a must be finite, but column {indices[np.argmin(finite)]} is not")
    return block


def has_submatrix(a: Operand) -> bool:
    """Whether single entries can be had without their whole columns."""
    return hasattr(a, "submatrix") or not isinstance(a, LinearOperator)


def submatrix(a: Operand, rows: Any, columns: Any) -> Matrix:
    """A[rows][:, columns], a new ndarray."""
    if hasattr(a, "submatrix"):
        return np.array(a.submatrix(rows, columns))
    if sparse.issparse(a):
        return a[rows][:, columns].toarray()
    return a[np.ix_(rows, columns)]


def differing(
    found: Matrix, expected: Matrix, row_diagonal: Array, column_diagonal: Array
) -> tuple[np.intp, ...] | None:
    """Where entries differ beyond rounding, as (row, column) or None; rounding is relative to (a_ii a_jj)^(1/2)."""
    rows, columns = (np.sqrt(np.abs(d)) for d in (row_diagonal, column_diagonal))
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        wrong = np.abs(found - expected) > ROUNDED * rows[:, None] * columns
    return np.unravel_index(np.argmax(wrong), wrong.shape) if wrong.any() else None


def check_consistent(
    found: Matrix, expected: Matrix, row_diagonal: Array, column_diagonal: Array, rows: Array, columns: Array
) -> None:
    """Refuse entries in `rows` of the residual's `columns` that are not as its diagonal and its other entries say."""
    difference = differing(found, expected, row_diagonal, column_diagonal)
    if difference:
        i, j = rows[difference[0]], columns[difference[1]]
        by = abs(found[difference] - expected[difference])
        raise ValueError(
            f"a must be Hermitian and the same wherever it is read, but entry {i} of its column {j} differs by "
            f"{by:.3g} from " + ("its diagonal()" if i == j else f"entry {j} of its column {i}")
        )
