"""The U of A ~= C U R that minimizes ||A - C U R||_F, from QR factorizations C = Q_c R_c and R^H = Q_r R_r.

G. W. Stewart, "Four algorithms for the efficient computation of truncated pivoted QR approximations to a sparse
matrix", Numer. Math. 83(2) (1999), doi:10.1007/s002110050451:

    U = C^+ A R^+ = R_c^{-1} M R_r^{-H},   M = Q_c^H A Q_r,   ||A - C U R||_F^2 = ||A||_F^2 - ||M||_F^2.

Only M and the triangles are kept: U is applied by solving with them, and neither C^+ nor R^+ is formed. In full
orthogonal bases A is M in the corner, and the error is what stands elsewhere: for an array it is known without
cancellation. For a sparse matrix it is known from the difference of squares as long as that does not cancel.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from scipy.linalg import solve_triangular

from .._common.error import PROBES, Error, estimated, exact, remaining
from .._common.low_rank import Factored
from .._common.norms import frobenius
from .._common.operand import adjoint, densified, dtype_of
from .._common.products import times
from .._common.random import gaussian
from .._common.types import Array, DType, Indices, Matrix, Operand, Shape
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol


class LinkingMatrix(Factored):
    """U of ``A ~= C U R``, as the product ``R_c^{-1} M R_r^{-H}`` that it is; made by `cur`.

    It multiplies from both sides by solving with the triangles. ``numpy.asarray(U)`` is the matrix itself, which has
    the large entries that C and R of small singular values demand.

    Attributes
    ----------
    shape, dtype
        Number of columns in C and of rows in R; the LAPACK dtype of A.
    ndim : int
        2.
    rank : int
        Number of independent columns or rows, the fewer of them.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import cur
    >>> C, U, R = cur(np.outer([1.0, 2.0], [1.0, 2.0, 4.0]), rank=1)
    >>> np.asarray(U)
    array([[0.125]])
    """

    def __init__(self, left: "Side", core: Matrix, right: "Side") -> None:
        self._parts = left, core, right

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self._parts

    @property
    def rank(self) -> int:
        return min(self._factors[1].shape)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError("copy must not be False for a LinkingMatrix, of which an array is a copy, got False")
        return np.asarray(self.reconstruct(), dtype)


@dataclass(frozen=True)
class Side:
    """E R^{-1}, or its adjoint R^{-H} E^T, where B = Q R E^T for B = C or R^H and E selects its independent columns."""

    triangle: Matrix  # R
    order: Indices  # what E selects
    size: int  # number of columns of B
    conjugated: bool = False  # whether it is the adjoint

    __array_ufunc__: ClassVar[None] = None  # x @ self is ours
    ndim: ClassVar[int] = 2

    @property
    def shape(self) -> Shape:
        return (len(self.order), self.size) if self.conjugated else (self.size, len(self.order))

    @property
    def dtype(self) -> DType:
        return self.triangle.dtype

    def adjoint(self) -> "Side":
        """The adjoint of it."""
        return replace(self, conjugated=not self.conjugated)

    def __matmul__(self, x: Any) -> Matrix:
        x = x.toarray() if sparse.issparse(x) else np.asarray(x)
        if self.conjugated:
            return _solve(self.triangle, x[self.order], "C")
        y = np.zeros((self.size, *x.shape[1:]), np.result_type(x, self.triangle))
        y[self.order] = _solve(self.triangle, x, "N")
        return y

    def __rmatmul__(self, x: Any) -> Matrix:
        x = x.toarray() if sparse.issparse(x) else np.asarray(x)
        return (self.adjoint() @ x.conj().T).conj().T


class Projection(NamedTuple):
    """An array A on the columns C: their side, Q_c^H A, and ||A - Q_c Q_c^H A||_F."""

    side: Side
    coordinates: Matrix
    error: float


def projection_of(factor: TruncatedQR) -> Projection:
    """The projection on the columns that a TruncatedQR of A has chosen, in the order of its choice."""
    k = factor.rank
    side = Side(factor.R[:, :k], np.arange(k), k)
    return Projection(side, factor.R[:, np.argsort(factor.P)], factor.residual_norm)


def projection_on(a: Matrix, C: Matrix) -> Projection:
    """The projection of the array `a` on given columns C."""
    basis = _basis(C)
    rotated = basis.apply_q(a, adjoint=True)
    return Projection(_side(basis), rotated[: basis.rank], frobenius(rotated[basis.rank :]))


def linked_array(projection: Projection, R: Matrix) -> tuple[LinkingMatrix, Error]:
    """U, and ||A - C U R||_F, from the array's projection on C."""
    basis = _basis(adjoint(R))
    rotated = basis.apply_q(projection.coordinates, side="right")
    error = math.hypot(projection.error, frobenius(rotated[:, basis.rank :]))
    return LinkingMatrix(projection.side, rotated[:, : basis.rank].copy(), _side(basis).adjoint()), exact(error)


def linked_products(a: Operand, C: Any, R: Any, rng: np.random.Generator) -> tuple[LinkingMatrix, Error]:
    """U, and ||A - C U R||_F, of a sparse array or LinearOperator."""
    left, right = _basis(C), _basis(adjoint(R))
    q, p = left.form_q(), right.form_q()
    core = q.conj().T @ times(a, p)
    error = remaining(frobenius(a), frobenius(core), core.dtype) if sparse.issparse(a) else None
    if error is None:
        x = gaussian(rng, a.shape[1], PROBES, dtype_of(a))
        error = estimated(times(a, x) - q @ (core @ (p.conj().T @ x)))
    return LinkingMatrix(_side(left), core, _side(right).adjoint()), error


def _basis(b: Operand) -> TruncatedQR:
    """QR of the independent columns of b."""
    return TruncatedQR(densified(b), rtol=numerical_rtol(b))


def _side(basis: TruncatedQR) -> Side:
    return Side(basis.R[:, : basis.rank], basis.P[: basis.rank], basis.shape[1])


def _solve(triangle: Matrix, y: Matrix, trans: str) -> Matrix:
    return solve_triangular(triangle, y, trans=trans, check_finite=False) if y.size else y
