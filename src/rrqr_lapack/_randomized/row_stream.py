"""Right singular vectors of a centred matrix whose rows arrive in blocks, from what is kept of the rows.

Blocks of m_1 and m_2 rows with the means mu_1 and mu_2, each centred by its own, have together the X^H X of all rows
centred by the mean of all, but for ``m_1 m_2 / (m_1 + m_2) d^H d`` with ``d = mu_2 - mu_1``, one more row: T. F. Chan,
G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance", Amer. Statist. 37(3) (1983),
doi:10.1080/00031305.1983.10483115.
"""

import math
from collections.abc import Iterator

import numpy as np
import scipy.linalg
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import as_fortran
from .._common.error import Error, exact
from .._common.norms import frobenius
from .._common.operand import dtype_of
from .._common.products import adjoint_times, row_blocks, times
from .._common.random import gaussian
from .._common.scaling import power_of_two
from .._common.types import Array, DType, Matrix, Operand, Reals, Shape
from .._qr.qr import factored
from .._qr.truncated import numerical_rtol
from .eigh import nystrom
from .orthonormal import tall_qr


class Centred(LinearOperator):
    """``A - 1 mu`` for an operand A and the mean mu of its rows, or a given row mu.

    Where mu is larger than the spread a difference of products has lost the spread. So an array is centred before it is
    multiplied, some rows at a time, and a sparse matrix in its columns without a zero: the other ones spread as far as
    their mean is. A LinearOperator offers nothing but products.
    """

    def __init__(self, a: Operand, mean: Array | None = None) -> None:
        super().__init__(dtype_of(a), a.shape)
        self._wide = np.result_type(self.dtype, np.float64)
        self.a, shift = _centred_where_full(a, _first_row(a, self._wide) if mean is None else mean)
        if mean is None:
            with np.errstate(over="ignore", invalid="ignore"):
                mean = shift + self._sum_of_rows() / max(a.shape[0], 1)
            _check_overflow(np.isfinite(mean).all())
        self.mean, self._rest = mean, mean - shift

    def _sum_of_rows(self) -> Array:
        """Of the A that is kept: in double precision, for an array from differences with its first row."""
        a, rows = self.a, self.shape[0]
        if isinstance(a, LinearOperator):
            return adjoint_times(a, np.ones((rows, 1), self.dtype))[:, 0].conj().astype(self._wide)
        if sparse.issparse(a):
            return a.astype(self._wide).sum(axis=0)  # with a dtype SciPy would sum first and convert then
        first = _first_row(a, self._wide)
        return sum(((a[part] - first).sum(axis=0) for part in row_blocks(a.shape)), rows * first)

    def _block(self, rows: slice) -> Matrix:
        part = self.a[rows]
        part = part.toarray() if sparse.issparse(part) else part
        return (part - self._rest).astype(self.dtype, copy=False)

    def _matmat(self, x: Matrix) -> Matrix:
        if not isinstance(self.a, np.ndarray):
            return times(self.a, x) - (self._rest @ x).astype(self.dtype)
        y = np.empty((self.shape[0], x.shape[1]), self.dtype, order="F")
        for rows in row_blocks(self.shape):
            y[rows] = times(self._block(rows), x)
        return y

    def _rmatmat(self, y: Matrix) -> Matrix:
        if not isinstance(self.a, np.ndarray):
            return adjoint_times(self.a, y) - np.outer(self._rest.conj(), y.sum(axis=0)).astype(self.dtype)
        x = np.zeros((self.shape[1], y.shape[1]), self.dtype)
        for rows in row_blocks(self.shape):
            x += adjoint_times(self._block(rows), y[rows])
        return x

    def blocks(self, least: int = 1) -> Iterator[Matrix]:
        """The rows of an array or sparse matrix A as dense centred blocks."""
        return (self._block(rows) for rows in row_blocks(self.shape, least))

    def norm(self) -> float | None:
        """``||A - 1 mu||_F`` without cancellation, None for a LinearOperator."""
        if isinstance(self.a, LinearOperator):
            return None
        if not sparse.issparse(self.a):
            return frobenius(np.array([frobenius(block) for block in self.blocks()]))
        a = self.a.tocoo()
        zeros = np.sqrt(a.shape[0] - np.bincount(a.col, minlength=a.shape[1])) * self._rest
        return math.hypot(frobenius(a.data - self._rest[a.col]), frobenius(zeros))


def _first_row(a: Operand, dtype: DType) -> Array:
    """The first row of an array or sparse matrix; zeros where there is none."""
    return np.zeros(a.shape[1], dtype) if isinstance(a, LinearOperator) else a[:1].sum(axis=0, dtype=dtype)


def _centred_where_full(a: Operand, row: Array) -> tuple[Operand, Array]:
    """A sparse A less `row` in the columns that store every entry, and what was subtracted; nothing of another A."""
    shift = np.zeros_like(row)
    if not sparse.issparse(a) or a.nnz < a.shape[0]:
        return a, shift
    column = a.tocoo(copy=False).col
    full = np.bincount(column, minlength=a.shape[1]) == a.shape[0]
    if not full.any():
        return a, shift
    shift[full] = row[full]
    centred = (a.data - shift[column]).astype(a.dtype, copy=False)
    return type(a)((centred, a.indices, a.indptr), shape=a.shape), shift


class RowStream:
    """Rows seen: their number, their mean, and what is kept of the rows centred by it."""

    def __init__(self, columns: int, dtype: DType, kept: "Triangle | Covariance | Sketch") -> None:
        self.count, self.mean = 0, np.zeros(columns, np.result_type(dtype, np.float64))
        self.dtype, self.kept = dtype, kept

    def add(self, centred: Centred) -> None:
        """Take in a block of rows, centred by its own mean."""
        more = centred.shape[0]
        if more:
            together = self.count + more
            shift = centred.mean - self.mean
            row = math.sqrt(self.count / together) * math.sqrt(more) * shift
            self.kept.add(centred, row.astype(self.dtype)[None])
            self.mean = self.mean + more / together * shift
            self.count = together


class Triangle:
    """R of the QR factorization of all rows: 2 N^2 numbers, singular values and vectors exact to rounding.

    Rows wait until there are N of them, so that rows that come one by one cost no more than all at once.
    """

    def __init__(self, columns: int, dtype: DType) -> None:
        self.rows = [np.empty((0, columns), dtype)]
        self.columns = columns
        self.waiting = 0

    def add(self, centred: Centred, row: Matrix) -> None:
        """Take in a block's centred rows, and one more."""
        self.rows.append(row)
        for block in centred.blocks(least=self.columns):
            self.rows.append(block)
            self.waiting += len(block) + 1
            if self.waiting >= self.columns:
                self.reduce()

    def reduce(self) -> None:
        """R alone in place of it and the rows that wait."""
        rows = as_fortran(np.vstack(self.rows), overwrite=False, check_finite=False)
        r = factored(rows).upper(min(rows.shape))
        _check_overflow(np.isfinite(r).all())
        self.rows, self.waiting = [r], 0

    def svd(self) -> tuple[Reals, Matrix, Error]:
        """Singular values, right singular vectors, and what these leave."""
        self.reduce()
        scale = power_of_two(self.rows[0])  # LAPACK's own would round
        _, s, vh = scipy.linalg.svd(self.rows[0] / scale, full_matrices=False, check_finite=False)
        with np.errstate(over="ignore"):
            s *= s.dtype.type(scale)
        _check_overflow(np.isfinite(s).all())
        return s, vh, exact(0.0)


class Squares:
    """``X^H X W / scale^2`` of the rows X for a fixed W, and ||X||_F, from which the power of two `scale` is not far.

    So no square overflows, and none underflows that matters beside the others. The scale of most data is 1.
    """

    def __init__(self, shape: Shape, wide: DType, dtype: DType) -> None:
        self.total, self.dtype = np.zeros(shape, wide), dtype
        self.norm, self.scale = 0.0, 1.0

    def make_room(self, *norms: float) -> None:
        """Scale for more rows, of such norms."""
        norm = frobenius(np.array([self.norm, *norms]))
        _check_overflow(norm <= float(np.finfo(self.dtype).max))
        largest = np.finfo(self.total.dtype).maxexp
        exponent = min(max(math.frexp(norm)[1], 1 - largest), largest - 1)
        scale = 2.0 ** (largest // 4 * int(exponent / (largest // 4)))
        if scale != self.scale:
            self.total *= self.scale / scale  # twice, for its square may overflow while the total is zero
            self.total *= self.scale / scale
        self.norm, self.scale = norm, scale


class Covariance(Squares):
    """X^H X of all rows in double precision: N^2 numbers, singular values to about ``eps s_1^2 / s_j``."""

    def __init__(self, columns: int, dtype: DType) -> None:
        super().__init__((columns, columns), np.result_type(dtype, np.float64), dtype)

    def add(self, centred: Centred, row: Matrix) -> None:
        """Take in a block's centred rows, and one more."""
        for block in (row, *centred.blocks()):
            self.make_room(frobenius(block))
            wide = block.astype(self.total.dtype, copy=False)
            scaled = wide if self.scale == 1 else wide / self.scale
            self.total += adjoint_times(scaled, scaled)

    def svd(self) -> tuple[Reals, Matrix, Error]:
        """As of a `Triangle`."""
        w, v = scipy.linalg.eigh(self.total, overwrite_a=True, check_finite=False)
        s = np.sqrt(np.maximum(w[::-1], 0)) * self.scale
        return s.astype(self.dtype.char.lower()), v.T[::-1].conj().astype(self.dtype), exact(0.0)


class Sketch(Squares):
    """``X^H X Q`` of the rows X for a random orthonormal Q: N l numbers, and the Nystrom approximation from them.

    ``X^H X - V diag(s^2) V^H`` is positive semidefinite, so that ``||X - X V V^H||_F^2 <= ||X||_F^2 - sum s_j^2``.
    """

    def __init__(self, columns: int, dtype: DType, kept: int, rng: np.random.Generator) -> None:
        self.q, _ = tall_qr(gaussian(rng, kept, columns, dtype).T)
        super().__init__(self.q.shape, dtype, dtype)

    def add(self, centred: Centred, row: Matrix) -> None:
        """Take in a block's centred rows, and one more."""
        self.make_room(centred.norm(), frobenius(row))  # type: ignore[arg-type]  # no LinearOperator comes here
        for x in (centred, row):
            self.total += adjoint_times(x, times(x, self.q) / self.scale / self.scale)

    def svd(self) -> tuple[Reals, Matrix, Error]:
        """As of a `Triangle`, with a bound for what they leave."""
        w, v = nystrom(self.q, self.total, numerical_rtol(self.q))
        s = np.sqrt(w) * w.dtype.type(self.scale)
        captured = min(frobenius(s) / self.norm, 1.0) if self.norm else 1.0
        bound = self.norm * math.sqrt((1 - captured) * (1 + captured) + numerical_rtol(self.q))
        return s, v.conj().T, Error(bound, "bound", bound)


def _check_overflow(finite: bool | np.bool_) -> None:
    if not finite:
        raise ValueError("X must be finite, and its sums too, but they overflow; scale X down")
