"""What orthonormal columns Q leave of a matrix, for dense and sparse matrices."""

import numpy as np
from scipy import sparse

from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol

BLOCK = 64  # columns of a sparse matrix that are dense at a time


def norms(a):
    """2-norms of the columns."""
    if sparse.issparse(a):
        return np.sqrt(np.asarray(abs(a).power(2).sum(axis=0)).ravel())
    return np.linalg.norm(a, axis=0)


def residual_norms(a, q, columns):
    """Norms of the columns of (I - Q Q^H) A[:, columns]; A is sparse, and no difference of squares is formed."""
    found = np.empty(len(columns), np.finfo(a.dtype).dtype)
    for start in range(0, len(columns), BLOCK):
        part = slice(start, start + BLOCK)
        block = a[:, columns[part]].toarray()
        block -= q @ (q.conj().T @ block)
        found[part] = np.linalg.norm(block, axis=0)
    return found


def difference_norms(a, x, y):
    """Norms of the columns of A - X Y."""
    if isinstance(a, np.ndarray):
        return np.linalg.norm(a - x @ y, axis=0)
    parts = [slice(start, start + BLOCK) for start in range(0, a.shape[1], BLOCK)]
    blocks = [np.linalg.norm(a[:, part].toarray() - x @ y[:, part], axis=0) for part in parts]
    return np.concatenate(blocks) if blocks else np.empty(0)


def complement(a, first):
    """Columns first.. of the array A, projected orthogonally to its first `first` columns, as coordinates in that
    complement: fewer rows, the same norms and inner products."""
    basis = TruncatedQR(a[:, :first], rtol=numerical_rtol(a), check_finite=False)
    return basis.apply_q(a[:, first:], adjoint=True)[basis.rank :]
