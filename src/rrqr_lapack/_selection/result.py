"""What a selection is: columns, and on request the coefficients and the error."""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .._common.error import PROBES, Error, estimated
from .._common.low_rank import Factored
from .._common.norms import difference_norms, frobenius
from .._common.operand import as_operand, columns, dtype_of
from .._common.products import times
from .._common.random import gaussian
from .._common.scaling import near_one
from .._common.types import Array, DType, Indices, Matrix, Operand, Shape, Sparse
from .._common.words import some
from .._id.column import InterpolativeDecomposition
from .._id.least_squares import least_squares
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .._randomized.sampler import outside
from .constraints import Constraints
from .registry import MethodName


class ColumnSelection(InterpolativeDecomposition):
    """``A ~= A[:, C] @ T`` with the best T, ``T = argmin ||A - A[:, C] T||_F`` and ``T[:, C] = I``.

    Made by `select_columns`. It is an `InterpolativeDecomposition` of which `columns` are known; `coefficients`,
    `skeleton` and the errors are computed when first asked for, from `a` as it is then.

    Attributes
    ----------
    columns : (k,) ndarray of int32
        C, the indices of the chosen columns, in the order in which they were chosen.
    coefficients : (k, N) ndarray
        T; its unit columns are exact. Where columns that had to be in are dependent, the ones that are not needed have
        no part in the other columns.
    skeleton : (M, k) ndarray or sparse array
        ``A[:, C]``, sparse where A is.
    error : float
        ``||A - A[:, C] T||_F``, over all rows and columns.
    error_kind : {'exact', 'estimate'}
        What `error` is: exact to rounding, or for a LinearOperator an estimate from ten random products.
    error_bound : float
        The error is at most this: always where it is exact, with probability 0.9999 where it is an estimate.
    max_column_error : float
        ``max_j ||A[:, j] - A[:, C] T[:, j]||_2``; not known for a LinearOperator.
    max_coefficient : float
        ``max |T_ij|``, 1 or more; small means that C is a well-conditioned basis.
    training_error : float
        The same as `error` over the rows and columns that took part in the choice, with coefficients fitted to these
        rows alone.
    heldout_error : float
        What those coefficients leave of the same columns in the held-out rows.
    method : str
        How C was chosen.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import select_columns
    >>> A = np.outer([1.0, 2.0, 3.0], [1.0, 2.0])
    >>> selection = select_columns(A, 1)
    >>> selection.columns, selection.coefficients
    (array([1], dtype=int32), array([[0.5, 1. ]]))
    >>> selection.max_coefficient
    1.0
    """

    def __init__(
        self, a: Operand, columns: Indices, method: MethodName, constraints: Constraints, rng: np.random.Generator
    ) -> None:
        self._a, self.columns, self.method = a, columns, method
        self._constraints, self._rng = constraints, rng

    @property
    def shape(self) -> Shape:
        return self._a.shape

    @property
    def dtype(self) -> DType:
        return dtype_of(self._a)

    def _about(self) -> str:
        return f"rank {self.rank}, columns by {self.method!r}"

    def _facts(self) -> dict[str, str]:
        """Nothing that would have to be computed."""
        return Factored._facts(self) | {"method": self.method, "columns": some(map(int, self.columns), 12)}

    @cached_property
    def skeleton(self) -> Array | Sparse:  # type: ignore[override]  # of this and others: as late as it is asked for
        return columns(self._a, self.columns)

    @cached_property
    def _fit(self) -> tuple[Matrix, Any]:
        a = as_operand(self._a, check_finite=False, with_adjoint=True)
        a, scale = near_one(a)
        skeleton = self.skeleton if a is self._a else columns(a, self.columns)
        T, left = least_squares(a, self.columns, skeleton)
        return T, None if left is None else left * scale

    @property
    def coefficients(self) -> Matrix:  # type: ignore[override]
        return self._fit[0]

    @cached_property
    def _error(self) -> Error:  # type: ignore[override]
        if not isinstance(self._a, LinearOperator):
            value = frobenius(self._fit[1])
            return Error(value, "exact", value)
        q = TruncatedQR(self.skeleton, rtol=numerical_rtol(self.skeleton)).form_q()
        probes = gaussian(self._rng, PROBES, self.shape[1], self.dtype).T
        return estimated(outside(times(self._a, probes), q))

    @property
    def max_column_error(self) -> float:  # type: ignore[override]
        if isinstance(self._a, LinearOperator):
            raise TypeError("a must be an array or a sparse matrix for max_column_error, got a LinearOperator")
        return float(self._fit[1].max(initial=0))

    @property
    def max_coefficient(self) -> float:
        return float(np.abs(self.coefficients).max(initial=0))

    @cached_property
    def _split(self) -> tuple[float, float]:
        """Training error and held-out error."""
        rows, took_part = self._constraints.rows, self._constraints.columns
        a, scale = near_one(self._a)
        seen, heldout = a[rows], a[self._constraints.heldout_rows]
        T, left = least_squares(seen, self.columns, seen[:, self.columns])
        missed = difference_norms(heldout[:, took_part], heldout[:, self.columns], T[:, took_part])
        return frobenius(left[took_part]) * scale, frobenius(missed) * scale

    @property
    def training_error(self) -> float:
        return self._split[0] if self._constraints else self.error

    @property
    def heldout_error(self) -> float:
        return self._split[1] if self._constraints else 0.0
