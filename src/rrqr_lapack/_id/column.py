"""Interpolative decomposition: a matrix from a few of its own columns."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np

from .. import _core
from .._common.arrays import check_choice, check_flag, lapack_dtype
from .._common.draw import axes_of, draw_columns
from .._common.error import Error, exact
from .._common.foreign import elsewhere, foreign
from .._common.low_rank import LowRank
from .._common.norms import frobenius
from .._common.operand import as_operand, is_dense
from .._common.progress import Progress, check_progress
from .._common.rule import check_rule
from .._common.types import Array, Indices, Matrix, MatrixLike, Seed, Sparse
from .._common.words import some
from .._qr.strong import check_bound
from .._qr.truncated import DRIVERS, Driver, checked, factor_of, numerical_rtol, run, sketches
from .least_squares import least_squares
from .sketched import sketched

Refit: TypeAlias = Literal["lstsq"] | None


class InterpolativeDecomposition(LowRank):
    """``A ~= A[:, C] @ T`` with ``T[:, C] = I``; made by `interpolative_decomposition`.

    Unpacks to ``(columns, coefficients)``, C and T, and multiplies as the matrix it stands for.

    Attributes
    ----------
    columns : (k,) ndarray of int32
        C, the indices of the chosen columns, in the order in which they were chosen.
    coefficients : (k, N) ndarray
        T; its unit columns are exact.
    skeleton : (M, k) ndarray or sparse array
        ``A[:, C]``, sparse where A is sparse.
    error : float
        ``||A - A[:, C] T||_F``.
    max_column_error : float
        ``max_j ||A[:, j] - A[:, C] T[:, j]||_2``.
    error_kind : {'exact', 'estimate'}
        Whether these errors are known or estimated from a few products with A.
    error_bound : float
        What `error` does not exceed: itself where it is exact, with probability 0.9999 where it is an estimate.
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

    def __init__(
        self, columns: Indices, coefficients: Matrix, skeleton: Array | Sparse, error: Error, max_column_error: float
    ) -> None:
        super().__init__(error)
        self.columns, self.coefficients, self.skeleton = columns, coefficients, skeleton
        self.max_column_error = max_column_error

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.skeleton, self.coefficients

    @property
    def rank(self) -> int:
        return self.columns.shape[0]

    def __iter__(self) -> Iterator[Array]:
        return iter((self.columns, self.coefficients))

    def _facts(self) -> dict[str, str]:
        return super()._facts() | {"columns": some(map(int, self.columns), 12)}

    def plot(self, axes: Any = None) -> Any:
        """Draw which columns were chosen, and the norm of the coefficients ``T[i]`` of each.

        Parameters
        ----------
        axes : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            The axes.

        Raises
        ------
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import interpolative_decomposition
        >>> interpolative_decomposition(np.eye(5), rank=2).plot()  # doctest: +SKIP
        """
        weights = np.linalg.norm(self.coefficients, axis=1)
        return draw_columns(axes_of(axes), self.columns, weights, self.shape[1])


def interpolative_decomposition(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    f: float | None = None,
    refit: Refit = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    driver: Driver = "auto",
    tie_tol: float = 0.0,
    rng: Seed = None,
    progress: Progress | None = None,
) -> InterpolativeDecomposition:
    """Interpolative decomposition, ``A ~= A[:, C] @ T`` with ``T[:, C] = I`` and error ``||R22||_F``.

    The columns C are the first pivots of a truncated pivoted QR and ``T[:, P[k:]] = R11^{-1} R12``. The rank never
    exceeds the numerical rank: the factorization also stops where ``|r_kk| <= max(M, N) eps |r_11|``, so that T stays
    meaningful for exactly dependent columns.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose. The columns of what is no array are chosen on a random sketch of its rows, that is on
        products with A^H.
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
        Seed or generator of the 'randomized' driver's sketch, and of the sketch of a sparse matrix or LinearOperator.
    progress : callable, optional
        Called as ``progress("eliminating columns", done, total)`` between blocks of an array and at the end.

    Returns
    -------
    InterpolativeDecomposition
        With `columns`, `coefficients`, `rank`, the `error`; float32 stays float32, complex stays complex. The error is
        exact for an array, otherwise the estimate ``||W (A - A[:, C] T)||_F / sqrt(10)`` from ten Gaussian rows W that
        took no part in the choice, beside its bound; `error_kind` says which.

    Raises
    ------
    TypeError, ValueError, OverflowError, MemoryError
        As `qr_truncated`; stacks of matrices are not taken. TypeError for a LinearOperator without `rmatvec`,
        ValueError where that is seen not to be the adjoint of `matvec`.

    Notes
    -----
    4 M N k flops to first order. Greedy pivoting almost always gives small entries of T, but not on every matrix; with
    `f`, ``||A - A[:, C] T||_2 <= sqrt(1 + f^2 k (N - k)) sigma_{k+1}(A)``.

    For a sparse matrix or LinearOperator 2k + 20 products with A^H, up to max(84, 4k + 20) where a tolerance decides,
    and 16 N k^2 flops; k more products with A for the columns of a LinearOperator, k more with A^H for `refit`. With
    the sketch's own T the squared error exceeds the least that these columns allow, which `refit` reaches, by a factor
    of ``1 + k / (k + 9)`` in expectation, if the columns do not depend on the sketch. The tolerances hold for estimates
    on the sketch, halved to be on the safe side. With fewer than 2k + 20 rows a sketch is no smaller than A, which is
    then taken as it is.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
    26(4) (2005), doi:10.1137/030602678. P. G. Martinsson, V. Rokhlin, M. Tygert, "A randomized algorithm for the
    decomposition of matrices", Appl. Comput. Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003.

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
    if type(a) is not np.ndarray and foreign(a):
        return elsewhere(interpolative_decomposition, locals())
    check_choice("refit", refit, (None, "lstsq"))
    check_flag("overwrite_a", overwrite_a)
    f, progress = None if f is None else check_bound(f), check_progress(progress)
    if not is_dense(a):
        a = as_operand(a, check_finite=check_finite, with_adjoint=True)
        check_choice("driver", driver, DRIVERS)
        rule = check_rule(a.shape, rank, rtol, atol, tie_tol, rng)
        choice = {"f": f, "driver": driver, "tie_tol": rule.tie_tol, "check_finite": check_finite, "rng": rule.rng}
        return InterpolativeDecomposition(*sketched(a, rule, refit, partial(interpolative_decomposition, **choice)))
    a, rule = checked(a, rank, rtol, atol, driver, tie_tol, rng)
    if a.ndim != 2:
        raise ValueError(f"a must have 2 dimensions, got {a.ndim}")
    factor = factor_of(a, overwrite_a and refit is None, check_finite, sketches(driver, *a.shape))
    work = factor.a
    tiny = float(np.finfo(lapack_dtype(a.dtype)).tiny)  # below it nothing can be divided by
    rule = rule.at_least(numerical_rtol(a), tiny)
    run(factor, driver, rule, progress)
    if f is not None:
        factor.strong(rule.rank, rule.rtol, rule.atol, rule.tie_tol, f)
    C = factor.pivots[: factor.rank].copy()
    skeleton = _chosen_columns(factor) if np.shares_memory(a, work) else a[:, C].astype(work.dtype, copy=False)
    if refit:
        T, norms = least_squares(a, C, skeleton)
    else:
        T, norms = factor.interpolation(), factor.residual_norms()
    return InterpolativeDecomposition(C, T, skeleton, exact(frobenius(norms)), float(norms.max(initial=0)))


def _chosen_columns(factor: _core.Factor) -> Matrix:
    """A[:, C] = Q [R11; 0], where A itself was overwritten."""
    k = factor.rank
    columns = np.zeros((factor.a.shape[0], k), factor.a.dtype, order="F")
    columns[:k] = factor.upper(k)[:, :k]
    factor.apply_q(columns, True, False)
    return columns
