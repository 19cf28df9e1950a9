"""What matrix completion results in, Z = U diag(s) Vh from few observed entries of A, and what its methods share."""

from typing import NamedTuple

import numpy as np

from ._arrays import check_tolerance
from ._error import exact
from ._low_rank import LowRank
from ._observed import Observed, entries


class Completion(LowRank):
    """``Z = U diag(s) Vh ~= A`` from observed entries of A; made by `soft_impute`, `alternating_least_squares` and
    `complete`.

    Unpacks to ``(U, s, Vh)`` and multiplies as the matrix it stands for.

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
        ``||P_Omega(A - Z)||_F``, exact, but only over the entries that were fitted.
    iterations : int
        How many it took.
    converged : bool
        Whether the last one changed Z by no more than the tolerance.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

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

    def __init__(self, U, s, Vh, penalty, error, iterations, converged):
        super().__init__(exact(error))
        self.U, self.s, self.Vh = U, s, Vh
        self.penalty, self.iterations, self.converged = penalty, iterations, converged

    @property
    def _factors(self):
        return self.U * self.s, self.Vh

    @property
    def rank(self):
        return len(self.s)

    def __iter__(self):
        return iter((self.U, self.s, self.Vh))

    def __repr__(self):
        what = f"<Completion of shape {self.shape}, {self.dtype}: rank {self.rank}, penalty {self.penalty:.3g}, "
        return f"{what}error {self.error:.3g}{'' if self.converged else ', not converged'}>"

    def reconstruct(self):
        """Z as an (M, N) array; 2 M N k flops."""
        return (self.U * self.s) @ self.Vh

    def entries(self, rows, columns):
        """``Z[rows[i], columns[i]]`` for each i, as a vector; 2 k flops an entry.

        Parameters
        ----------
        rows, columns : (L,) array_like of int
            Indices, negative ones from the end.

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
        rows, columns = np.asarray(rows), np.asarray(columns)
        if rows.ndim != 1 or rows.shape != columns.shape:
            raise ValueError(f"rows and columns must be vectors of one length, got {rows.shape} and {columns.shape}")
        if rows.size and not (rows.dtype.kind in "iu" and columns.dtype.kind in "iu"):
            raise TypeError(f"rows and columns must be integers, got {rows.dtype} and {columns.dtype}")
        return entries(self.U * self.s, self.Vh.conj().T, rows.astype(np.intp), columns.astype(np.intp))

    def rms_error(self, a):
        """Root mean square of ``A - Z`` over the stored entries of a sparse matrix, explicit zeros among them.

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
            raise ValueError("a must hold at least one entry")
        wrong = observed.values - self.entries(observed.rows, observed.columns)
        return root_of_squares(wrong) / float(np.sqrt(len(wrong)))


class Factors(NamedTuple):
    """U diag(s) V^H while it changes."""

    U: np.ndarray
    s: np.ndarray
    V: np.ndarray


def root_of_squares(x):
    """||x||_2 without overflow or underflow."""
    largest = float(np.abs(x).max(initial=0))
    return largest * float(np.linalg.norm(x / largest)) if largest else 0.0


def unit_scaled(a):
    """The observed entries divided by a power of two that brings the largest near 1, and that power."""
    observed = Observed(a)
    largest = np.abs(observed.values).max(initial=0)
    scale = float(2.0 ** np.clip(np.frexp(largest)[1], -1021, 1023)) if largest else 1.0
    observed.values = (observed.values / scale).astype(observed.dtype)
    return observed, scale


def started(start, observed, scale, rank):
    """The factors of the Completion to start from, at most `rank` of its singular values; or of zero."""
    if start is None:
        U, s, V = np.zeros((observed.shape[0], 0)), np.zeros(0), np.zeros((observed.shape[1], 0))
    elif not isinstance(start, Completion):
        raise TypeError(f"start must be a Completion or None, got {type(start).__name__}")
    elif start.shape != observed.shape:
        raise ValueError(f"start must have the shape {observed.shape} of a, got {start.shape}")
    else:
        U, s, V = start.U[:, :rank], start.s[:rank] / scale, start.Vh[:rank].conj().T
    return Factors(U.astype(observed.dtype), s.astype(np.finfo(observed.dtype).dtype), V.astype(observed.dtype))


def distance(one, other):
    """||Z_1 - Z_2||_F of two `Factors`, without cancellation: inside the range of Z_1's columns, and outside."""
    (U, s, V), (u, t, v) = one, other
    inside = U.conj().T @ u
    left = V * s - (v * t) @ inside.conj().T
    right = (u - U @ inside) * t
    return float(np.hypot(np.linalg.norm(left), np.linalg.norm(right)))


def check_penalty(penalty, *, positive):
    """The penalty as a finite float, >= 0 or > 0."""
    number = check_tolerance("penalty", penalty)
    if penalty is None or (positive and number == 0):
        raise ValueError(f"penalty must be greater than 0, got {penalty!r}" if positive else "penalty must be a number")
    return number
