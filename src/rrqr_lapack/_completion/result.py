"""What matrix completion results in, Z = U diag(s) Vh from few observed entries of A, and what its methods share."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._common.arrays import check_tolerance
from .._common.error import exact
from .._common.indices import as_indices
from .._common.low_rank import TruncatedSVD
from .._common.norms import frobenius
from .._common.scaling import power_of_two
from .._common.types import Matrix, Reals, Sparse
from .._common.warn import ConvergenceWarning, warn
from .observed import Observed, entries


class Step(NamedTuple):
    """A penalty on the path, the rank it led to, and its error on the held-out entries."""

    penalty: float
    rank: int
    held_out_error: float


class Completion(TruncatedSVD):
    """``Z = U diag(s) Vh ~= A`` from observed entries of A.

    Made by `soft_impute`, `alternating_least_squares` and `complete`. Unpacks to ``(U, s, Vh)`` and
    multiplies as the matrix it stands for.

    Attributes
    ----------
    U : (M, k) ndarray
        Orthonormal columns.
    s : (k,) ndarray
        Descending and positive.
    Vh : (k, N) ndarray
        Orthonormal rows.
    penalty : float
        The factor of the nuclear norm.
    error : float
        ``||P_Omega(A - Z)||_F``, only over the entries that were fitted.
    error_kind, error_bound
        'exact', and the error again.
    iterations : int
        How many it took.
    converged : bool
        Whether the last one changed Z by no more than the tolerance.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).
    held_out_error, path
        Of `complete` alone: the error on the entries that it held out, and a list of the steps that it tried.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import alternating_least_squares
    >>> A = sparse.coo_array(([1.0, 2.0, 2.0], ([0, 0, 1], [0, 1, 0])))
    >>> alternating_least_squares(A, rank=1).reconstruct().round(3)
    array([[1., 2.],
           [2., 4.]])
    """

    held_out_error: float
    path: list[Step]

    def __init__(
        self, U: Matrix, s: Reals, Vh: Matrix, penalty: float, error: float, iterations: int, converged: bool
    ) -> None:
        super().__init__(U, s, Vh, exact(error))
        self.penalty, self.iterations, self.converged = penalty, iterations, converged

    def _about(self) -> str:
        return f"{super()._about()}, penalty {self.penalty:.3g}{'' if self.converged else ', not converged'}"

    def entries(self, rows: ArrayLike, columns: ArrayLike) -> Matrix:
        """``Z[rows[i], columns[i]]`` for each i, as a vector; 2 k flops an entry.

        Parameters
        ----------
        rows, columns : (L,) array_like of int
            Indices, negative ones from the end.

        Returns
        -------
        (L,) ndarray
            In the dtype of Z.

        Raises
        ------
        TypeError, IndexError, ValueError
            They are not integers, out of range, or not vectors of one length.

        Examples
        --------
        >>> from scipy import sparse
        >>> from rrqr_lapack import alternating_least_squares
        >>> A = sparse.coo_array(([1.0, 2.0, 2.0], ([0, 0, 1], [0, 1, 0])))
        >>> alternating_least_squares(A, rank=1).entries([1], [1]).round(3)
        array([4.])
        """
        rows, columns = as_indices("rows", rows), as_indices("columns", columns)
        if len(rows) != len(columns):
            raise ValueError(f"rows and columns must be of the same length, got {len(rows)} and {len(columns)}")
        return entries(self.U * self.s, self.Vh.conj().T, rows, columns)

    def rms_error(self, a: Sparse) -> float:
        """Root mean square of ``A - Z`` over the stored entries of a sparse matrix, explicit zeros among them.

        Parameters
        ----------
        a : (M, N) sparse array
            A, at entries that were held out, or at any others.

        Returns
        -------
        float
            0 where all of them agree.

        Raises
        ------
        TypeError, ValueError
            `a` is not sparse, not of the shape of Z, not finite, without entries or with one of them twice.

        Examples
        --------
        >>> from scipy import sparse
        >>> from rrqr_lapack import alternating_least_squares
        >>> A = sparse.coo_array(([1.0, 2.0, 2.0], ([0, 0, 1], [0, 1, 0])))
        >>> held_out = sparse.coo_array(([5.0], ([1], [1])))
        >>> round(alternating_least_squares(A, rank=1).rms_error(held_out), 3)
        1.0
        """
        observed = Observed(a)
        if observed.shape != self.shape:
            raise ValueError(f"a must have the shape {self.shape} of what was completed, got {observed.shape}")
        if not len(observed):
            raise ValueError("a must hold at least one entry, got none")
        wrong = observed.values - self.entries(observed.rows, observed.columns)
        return frobenius(wrong) / float(np.sqrt(len(wrong)))


class Factors(NamedTuple):
    """U diag(s) V^H while it changes."""

    U: Matrix
    s: Reals
    V: Matrix


def unit_scaled(a: Sparse) -> tuple[Observed, float]:
    """The observed entries divided by a power of two that brings the largest near 1, and that power."""
    observed = Observed(a)
    scale = power_of_two(observed.values)
    observed.values = observed.values / scale
    return observed, scale


def scaled_penalty(penalty: float, observed: Observed, scale: float) -> float:
    """The penalty for entries divided by the scale, at most ||P_Omega(A)||_F / eps, of which Z is zero anyway."""
    return min(penalty / scale, frobenius(observed.values) / float(np.finfo(observed.dtype).eps) or 1.0)


def started(start: Any, observed: Observed, scale: float, rank: int) -> Factors:
    """The factors of the Completion to start from, at most `rank` of its singular values; or of zero."""
    limits = np.finfo(observed.dtype)
    if start is None:
        U, s, V = np.zeros((observed.shape[0], 0)), np.zeros(0), np.zeros((observed.shape[1], 0))
    elif not isinstance(start, Completion):
        raise TypeError(f"start must be a Completion or None, got {type(start).__name__}")
    elif start.shape != observed.shape:
        raise ValueError(f"start must have the shape {observed.shape} of a, got {start.shape}")
    else:
        with np.errstate(over="ignore"):
            s = start.s[:rank].astype(np.float64) / scale
        if s.max(initial=0) > 1 / limits.eps:
            raise ValueError(
                f"start must not be so large that the entries of a are its rounding error, got the singular value "
                f"{start.s[0]:.3g} for entries up to {scale:.1g}; leave it out, or give both the same unit"
            )
        s = s[s > limits.eps]  # the rest is rounding error of the entries
        U, V = start.U[:, : len(s)], start.Vh[: len(s)].conj().T
    return Factors(U.astype(observed.dtype), s.astype(limits.dtype), V.astype(observed.dtype))


def completion(
    Z: Factors, observed: Observed, scale: float, penalty: float, iterations: int, converged: bool
) -> Completion:
    """The result in the unit of A, for factors in that of the scaled entries."""
    with np.errstate(over="ignore"):
        s = Z.s * Z.s.dtype.type(scale)
    if not np.isfinite(s).all():
        raise OverflowError(f"the singular values of Z overflow in {observed.dtype}; scale a down")
    error = scale * frobenius(observed.values - observed.entries(Z.U * Z.s, Z.V))
    return Completion(Z.U, s, Z.V.conj().T, penalty, error, iterations, converged)


def told(Z: Completion, method: str, rtol: float, cure: str) -> Completion:
    """The result, with a warning unless it converged."""
    if not Z.converged:
        warn(
            f"{method} stopped after {Z.iterations} iterations, before one changed Z by at most rtol={rtol:g}; "
            f"go on with start=, raise maxiter or rtol, or {cure}",
            ConvergenceWarning,
        )
    return Z


def distance(one: Factors, other: Factors) -> float:
    """||Z_1 - Z_2||_F of two `Factors`, without cancellation: inside the range of Z_1's columns, and outside."""
    (U, s, V), (u, t, v) = one, other
    inside = U.conj().T @ u
    left = V * s - (v * t) @ inside.conj().T
    right = (u - U @ inside) * t
    return float(np.hypot(np.linalg.norm(left), np.linalg.norm(right)))


def check_penalty(penalty: Any, *, positive: bool) -> float:
    """The penalty as a finite float, >= 0 or > 0."""
    number = check_tolerance("penalty", penalty)
    if penalty is None or (positive and number == 0):
        raise ValueError(
            f"penalty must be greater than 0, got {penalty!r}" if positive else "penalty must be a number, got None"
        )
    return number
