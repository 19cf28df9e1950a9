"""Least squares on chosen columns: T = argmin ||A - A[:, C] T||_F, and what it leaves."""

from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from .._common.norms import column_norms, outside_norms
from .._common.operand import densified
from .._common.products import adjoint_times
from .._common.types import Indices, Matrix, Operand, Reals
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol


def least_squares(a: Operand, C: Indices, skeleton: Any, *, with_norms: bool = True) -> tuple[Matrix, Any]:
    """T, its unit columns exact, and the norms of the residual's columns; None for a LinearOperator and if not wanted.

    `skeleton` is A[:, C]. Where it is numerically dependent, a column that is not needed has a zero row in T but for
    its unit column. Of what is no array, T is made from products of A^H with an orthonormal basis.
    """
    dense = densified(skeleton)
    basis = TruncatedQR(dense, rtol=numerical_rtol(dense))
    norms = None
    if isinstance(a, np.ndarray):
        z, norms = basis.lstsq(a)
    else:
        q = basis.form_q()
        z = solve_triangular(basis.R[:, : basis.rank], adjoint_times(a, q).conj().T, check_finite=False)
        if with_norms and sparse.issparse(a):
            norms = _norms_outside(a, q)
    T = np.zeros((len(C), a.shape[1]), z.dtype)
    T[basis.P[: basis.rank]] = z
    T[:, C] = np.eye(len(C))
    if norms is not None:
        norms[C] = 0
    return T, norms


def _norms_outside(a: Any, q: Matrix) -> Reals:
    """Norms of the columns of (I - Q Q^H) A, A sparse and near 1: by downdating, and afresh where that cancels half the
    digits."""
    before = column_norms(a).astype(np.float64) ** 2
    after = before - (np.abs(a.T @ q.conj()) ** 2).sum(axis=1)
    cancelled = np.flatnonzero(after < np.sqrt(np.finfo(a.dtype).eps) * before)
    norms = np.sqrt(np.maximum(after, 0))
    norms[cancelled] = outside_norms(a, q, cancelled)
    return norms
