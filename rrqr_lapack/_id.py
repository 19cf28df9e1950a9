"""Interpolative decomposition: a matrix from a few of its own columns."""

import numpy as np

from . import _core
from ._arrays import as_fortran, check_choice
from ._factored import TruncatedQR
from ._strong import check_bound
from ._truncated import _checked, _root_of_squares, numerical_rtol, run


class InterpolativeDecomposition:
    """``A ~= A[:, C] @ T`` with ``T[:, C] = I``; made by `interpolative_decomposition`.

    Unpacks to ``(C, T)`` and multiplies as the matrix it stands for.

    Attributes
    ----------
    C : (k,) ndarray of int32
        Indices of the chosen columns, in the order in which they were chosen.
    T : (k, N) ndarray
        Coefficients; the unit columns are exact.
    skeleton : (M, k) ndarray
        ``A[:, C]``.
    error : float
        ``||A - A[:, C] T||_F``.
    max_column_error : float
        ``max_j ||A[:, j] - A[:, C] T[:, j]||_2``.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import interpolative_decomposition
    >>> A = np.outer([1.0, 2.0, 3.0], [1.0, 2.0])
    >>> C, T = interpolative_decomposition(A, rank=1)
    >>> C, T
    (array([1], dtype=int32), array([[0.5, 1. ]]))
    """

    __array_ufunc__ = None  # x @ self is ours, not an object array of NumPy's

    def __init__(self, C, T, skeleton, error, max_column_error):
        self.C, self.T, self.skeleton = C, T, skeleton
        self.error, self.max_column_error = error, max_column_error

    @property
    def rank(self):
        return len(self.C)

    @property
    def shape(self):
        return self.skeleton.shape[0], self.T.shape[1]

    @property
    def dtype(self):
        return self.T.dtype

    def __iter__(self):
        return iter((self.C, self.T))

    def __repr__(self):
        what = f"<InterpolativeDecomposition of shape {self.shape}, {self.dtype}"
        return f"{what}: rank {self.rank}, error {self.error:.3g}>"

    def __matmul__(self, x):
        return self.skeleton @ (self.T @ x)

    def __rmatmul__(self, x):
        return (x @ self.skeleton) @ self.T

    def reconstruct(self):
        """The approximation ``A[:, C] @ T`` as an (M, N) array; 2 M N k flops."""
        return self.skeleton @ self.T


def interpolative_decomposition(
    a,
    *,
    rank=None,
    rtol=None,
    atol=None,
    f=None,
    refit=None,
    overwrite_a=False,
    check_finite=True,
    driver="auto",
    tie_tol=0.0,
    rng=None,
):
    """Interpolative decomposition, ``A ~= A[:, C] @ T`` with ``T[:, C] = I`` and error ``||R22||_F``.

    The columns C are the first pivots of a truncated pivoted QR and ``T[:, P[k:]] = R11^{-1} R12``. The rank never
    exceeds the numerical rank: the factorization also stops where ``|r_kk| <= max(M, N) eps |r_11|``, so that T stays
    meaningful for exactly dependent columns.

    Parameters
    ----------
    a : (M, N) array_like
        Matrix to decompose.
    rank : int, optional
        Largest number of columns, 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        Stop where the largest residual column norm is at most `rtol` times that of `a`, or at most `atol`.
    f : float, optional
        Exchange columns until ``|T| <= f``, as `strong_rrqr` does; at least 1. Off by default.
    refit : {None, 'lstsq'}, optional
        'lstsq' solves for T anew, ``min_T ||A - A[:, C] T||_F`` by a second QR of the chosen columns. In exact
        arithmetic it gives the same T; it removes rounding that an ill-conditioned R11 let in.
    overwrite_a : bool, optional
        Allow the contents of `a` to be destroyed.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'auto', 'greedy', 'randomized', 'lapack'}, optional
        As for `qr_truncated`.
    tie_tol : float, optional
        Relative width of a tie between column norms.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver's sketch.

    Returns
    -------
    InterpolativeDecomposition
        With `C`, `T`, `rank`, the exact `error`; float32 stays float32, complex stays complex.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `qr_truncated`; stacks of matrices are not taken.

    Notes
    -----
    4 M N k flops to first order. Greedy pivoting almost always gives small entries of T, but not on every matrix; with
    `f`, ``||A - A[:, C] T||_2 <= sqrt(1 + f^2 k (N - k)) sigma_{k+1}(A)``.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
    26(4) (2005), doi:10.1137/030602678.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import interpolative_decomposition
    >>> x = np.linspace(0, 1, 100)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> approximation = interpolative_decomposition(A, rtol=1e-6)
    >>> approximation.rank < 10
    True
    >>> bool(np.linalg.norm(A - approximation.reconstruct()) <= 1.001 * approximation.error)
    True
    """
    a, (rank, rtol, atol, *choice) = _checked(a, rank, rtol, atol, driver, tie_tol, rng)
    if a.ndim != 2:
        raise ValueError(f"a must have 2 dimensions, got {a.ndim}")
    f = None if f is None else check_bound(f)
    check_choice("refit", refit, (None, "lstsq"))
    work = as_fortran(a, overwrite=overwrite_a and refit is None, check_finite=check_finite)
    factor = _core.Factor(work)
    stop = rank, max(rtol, numerical_rtol(a)), atol
    run(factor, driver, *stop, *choice)
    if f is not None:
        factor.strong(*stop, choice[0], f)
    C = factor.pivots[: factor.rank].copy()
    skeleton = _chosen_columns(factor) if np.shares_memory(a, work) else a[:, C].astype(work.dtype, copy=False)
    if refit:
        T, norms = _refit(skeleton, a, C)
    else:
        T, norms = factor.interpolation(), factor.residual_norms()
    return InterpolativeDecomposition(C, T, skeleton, _root_of_squares(norms), float(norms.max(initial=0)))


def _chosen_columns(factor):
    """A[:, C] = Q [R11; 0], where A itself was overwritten."""
    k = factor.rank
    columns = np.zeros((factor.a.shape[0], k), factor.a.dtype, order="F")
    columns[:k] = factor.upper(k)[:, :k]
    factor.apply_q(columns, True, False)
    return columns


def _refit(skeleton, a, C):
    """argmin_T ||A - A[:, C] T||_F, its unit columns exact, and the norms of the residual's columns."""
    basis = TruncatedQR(skeleton)
    z, norms = basis.lstsq(a)
    T = np.zeros_like(z)
    T[basis.P] = z
    T[:, C] = np.eye(len(C))
    norms[C] = 0
    return T, norms
