"""A matrix as low-rank algorithms see it: products, columns and rows of an array, sparse array or LinearOperator."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from ._arrays import as_numeric, check_finite_columns, check_flag, lapack_dtype

WITHOUT_ADJOINT = "a must offer products with itself and with its adjoint (matvec and rmatvec)"


def as_operand(a, name="a", *, check_finite=True, with_adjoint=False):
    """`a` as a 2-D ndarray, CSC array or LinearOperator of one of the four LAPACK dtypes; copied only to convert.

    Raises TypeError for what is no matrix of numbers or does not multiply by A^H `with_adjoint`, ValueError where it is
    not 2-D or, if stored, not finite.
    """
    check_flag("check_finite", check_finite)
    if isinstance(a, LinearOperator):
        as_numeric(np.empty(0, a.dtype), name)
        if with_adjoint and not _has_adjoint(a):
            raise TypeError(WITHOUT_ADJOINT)
        return a
    if sparse.issparse(a):
        if a.ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, got {a.ndim}")
        dtype = as_numeric(np.empty(0, a.dtype), name).dtype
        a = sparse.csc_array(a, dtype=lapack_dtype(dtype))
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


def _has_adjoint(a):
    """Whether a LinearOperator says how to multiply by A^H. Of one made of others a product will tell."""
    given = [getattr(a, f"_CustomLinearOperator__{name}_impl", True) for name in ("rmatvec", "rmatmat")]
    defined = (getattr(type(a), name) != getattr(LinearOperator, name) for name in ("_rmatvec", "_rmatmat", "_adjoint"))
    return given != [None, None] and any(defined)


def is_dense(a):
    """Whether `a` is neither sparse nor a LinearOperator."""
    return not (sparse.issparse(a) or isinstance(a, LinearOperator))


def dtype_of(a):
    """The LAPACK dtype of an operand."""
    return lapack_dtype(np.dtype(a.dtype or "d"))


def adjoint(a):
    """A^H of an operand, an operand itself."""
    return a.H if isinstance(a, LinearOperator) else a.conj().T


def product(a, x):
    """A x for a LinearOperator, as an ndarray of its LAPACK dtype."""
    if 0 in x.shape[1:]:
        return np.empty((a.shape[0], 0), dtype_of(a))  # an operator that knows only vectors has no empty product
    try:
        y = np.asarray(a @ x)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(WITHOUT_ADJOINT) from error
    if not np.can_cast(y.dtype, dtype_of(a), "same_kind"):
        raise TypeError(
            f"a has dtype {a.dtype}, but its products are {y.dtype}; give the LinearOperator its true dtype"
        )
    return y.astype(dtype_of(a), copy=False)


def columns(a, indices):
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


def rows(a, indices):
    """A[indices, :], as `columns`."""
    if not isinstance(a, LinearOperator):
        return a[indices, :]
    return adjoint(columns(adjoint(a), indices))


def densified(a):
    """A as an ndarray, for what has few rows or few columns."""
    if isinstance(a, LinearOperator):
        return rows(a, np.arange(a.shape[0])) if a.shape[0] < a.shape[1] else columns(a, np.arange(a.shape[1]))
    return a.toarray() if sparse.issparse(a) else a
