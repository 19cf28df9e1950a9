"""What the columns that must be in leave of the others."""

from .._common.types import Matrix
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol


def complement(a: Matrix, first: int) -> Matrix:
    """Columns first.. of the array A, projected orthogonally to its first `first` columns, as coordinates in that
    complement: fewer rows, the same norms and inner products."""
    basis = TruncatedQR(a[:, :first], rtol=numerical_rtol(a), check_finite=False)
    return basis.apply_q(a[:, first:], adjoint=True)[basis.rank :]
