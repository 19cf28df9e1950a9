"""Orthonormal bases of tall thin matrices, by Cholesky's factor of the Gram matrix where it is accurate enough.

Y = Q R with R^H R = Y^H Y costs matrix products only, and loses about kappa^2 eps of Q's orthogonality, kappa being the
condition number of Y with its columns scaled to norm 1: in subspace iteration columns soon differ in size, not in much
else. Two passes are orthonormal to rounding: Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, "Roundoff error
analysis of the CholeskyQR2 algorithm", Electron. Trans. Numer. Anal. 44 (2015). Otherwise Householder's QR.
"""

import numpy as np
from scipy.linalg import get_lapack_funcs

from .._common.arrays import as_fortran
from .._common.products import adjoint_times, times
from .._common.types import Matrix
from .._qr.qr import factored

SAFE = 100  # a scaled Gram matrix is well conditioned while its reciprocal condition number is above SAFE eps


def well_conditioned_basis(y: Matrix) -> Matrix:
    """A basis of the range of Y, orthonormal to a few digits or better: enough to go on iterating with."""
    q, _ = _cholesky_qr(y) or _householder_qr(y)
    return q


def tall_qr(y: Matrix) -> tuple[Matrix, Matrix]:
    """Y = Q R with Q orthonormal to rounding and R upper triangular, for a tall ndarray of any rank."""
    first = _cholesky_qr(y)
    second = _cholesky_qr(first[0]) if first else None
    return (second[0], second[1] @ first[1]) if first and second else _householder_qr(y)


def _householder_qr(y: Matrix) -> tuple[Matrix, Matrix]:
    if not np.isfinite(y).all():
        raise ValueError(
            "products with a must be finite, but one is not; "
            "check what the LinearOperator returns, or scale a down if it overflows"
        )
    factor = factored(as_fortran(y, overwrite=False, check_finite=False))
    return factor.form_q(min(y.shape)), factor.upper(min(y.shape))


def _cholesky_qr(y: Matrix) -> tuple[Matrix, Matrix] | None:
    """Q and R by one pass, or None where that is not accurate."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        gram = adjoint_times(y, y)
    squares = np.diagonal(gram).real
    limits = np.finfo(squares.dtype)
    if not (squares.size and squares.min() > limits.tiny / limits.eps and squares.max() < np.inf):
        return None
    lengths = np.sqrt(squares)
    gram = gram / lengths / lengths[:, None]
    potrf, pocon, trtri = get_lapack_funcs(("potrf", "pocon", "trtri"), (gram,))
    r, failed = potrf(gram)
    if failed or pocon(r, np.abs(gram).sum(axis=0).max())[0] < SAFE * limits.eps:
        return None
    inverse = trtri(r)[0] / lengths[:, None]
    q = y @ inverse if y.flags.c_contiguous else times(y, inverse)  # in Y's layout: sparse products want rows
    return q, r * lengths
