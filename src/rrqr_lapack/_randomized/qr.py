"""Randomized pivoted QR from two passes over the matrix: pivots on a sketch of its rows, then the chosen columns.

The sketch and its pivots: P. G. Martinsson, V. Rokhlin, M. Tygert, "A randomized algorithm for the decomposition of
matrices", Appl. Comput. Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003. The chosen columns times the
inverse of the sketch's triangle are well conditioned, so that products make Q of them: M. Melnichenko, O. Balabanov, R.
Murray, J. Demmel, M. W. Mahoney, P. Luszczek, "CholeskyQR with randomization and pivoting for tall matrices",
arXiv:2311.08316 (2023). R = Q^H A P is read off the same pass: ``Q = C W`` for the columns C, ``R = W^H (C^H A) P``.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import solve_triangular

from .._common.arrays import check_count
from .._common.error import PROBES, Error, estimated, remaining
from .._common.low_rank import LowRank
from .._common.norms import frobenius
from .._common.operand import Streamed, columns, dtype_of, settle
from .._common.products import adjoint_times, divided, times
from .._common.random import gaussian
from .._common.rule import Rule, check_rule
from .._common.types import Array, Indices, Matrix, MatrixLike, Operand, Seed
from .._qr.factored import TruncatedQR
from .._qr.truncated import numerical_rtol
from .orthonormal import tall_qr
from .sampler import fewest, measured

FIRST_RANK = 128  # the first guess where a tolerance decides; doubled until it is enough


class RandomizedQR(LowRank):
    """``A[:, P] ~= Q R``; made by `randomized_qr`.

    Unpacks to ``(Q, R, P)`` and multiplies as the matrix it stands for, A itself.

    Attributes
    ----------
    Q : (M, k) ndarray
        Orthonormal to rounding, a basis of the columns ``A[:, P[:k]]``.
    R : (k, N) ndarray
        ``Q^H A[:, P]``, upper trapezoidal.
    P : (N,) ndarray of int32
        Permutation; ``P[:k]`` are the chosen columns.
    error : float
        ``||A[:, P] - Q R||_F``.
    error_kind : {'exact', 'estimate'}
        What `error` is.
    error_bound : float
        The error is at most this: always where it is exact, with probability 0.9999 where it is an estimate.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_qr
    >>> randomized_qr(np.diag([1.0, 3.0, 2.0]), rank=2, rng=0)
    <RandomizedQR of shape (3, 3), float64: rank 2, exact error 1>
    """

    def __init__(self, Q: Matrix, R: Matrix, P: Indices, error: Error) -> None:
        super().__init__(error)
        self.Q, self.R, self.P = Q, R, P

    @property
    def _factors(self) -> tuple[Any, ...]:
        unpermuted = np.empty_like(self.R)
        unpermuted[:, self.P] = self.R
        return self.Q, unpermuted

    def __iter__(self) -> Iterator[Array]:
        return iter((self.Q, self.R, self.P))

    def interpolation(self) -> Matrix:
        """T of the interpolative decomposition ``A ~= A[:, P[:k]] T``, with the same error.

        Returns
        -------
        (k, N) ndarray
            ``R11^{-1} R``, its columns in the order of A's: ``T[:, P[:k]] = I``.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import randomized_qr
        >>> abs(randomized_qr(np.outer([1.0, 2.0], [1.0, 2.0]), rank=1, rng=0).interpolation())
        array([[0.5, 1. ]])
        """
        return interpolation_of(self.R, self.P)


def interpolation_of(R: Matrix, P: Indices) -> Matrix:
    """``R11^{-1} R`` with its columns in the order of A's, from R and P alone."""
    k = len(R)
    T = np.zeros(R.shape, R.dtype)
    T[:, P[:k]] = np.eye(k)
    if k:
        T[:, P[k:]] = solve_triangular(R[:, :k], R[:, k:], check_finite=False)
    return T


def randomized_qr(
    a: MatrixLike,
    rank: int | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    oversample: int = 10,
    check_finite: bool = True,
    rng: Seed = None,
) -> RandomizedQR:
    """Pivoted QR from two passes over the matrix, ``A[:, P] ~= Q R``.

    For matrices that do not fit in memory (`BlockMatrix`), sparse matrices and LinearOperators. The first pass takes a
    random sketch of the rows, on which pivoted QR chooses the columns; the second reads these and projects all others.
    Without a tolerance there are `rank` columns. With one there are as few of them as
    ``||A[:, P] - Q R||_F <= max(atol, rtol ||A||_F)`` takes, and at most `rank`.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix; a LinearOperator needs its adjoint.
    rank : int, optional
        Number of columns, or the most with a tolerance; 0 to min(M, N), which is the default. It is never above the
        numerical rank of the sketch.
    rtol, atol : float, optional
        Tolerances for the Frobenius norm of the error, `rtol` relative to ``||A||_F``; finite and >= 0, off by default.
        They are never taken below rounding, ``max(M, N) eps ||A||_F``. For a LinearOperator ``||A||_F`` is itself an
        estimate.
    oversample : int, optional
        The sketch has rank + oversample rows.
    check_finite : bool, optional
        Refuse NaN and infinity in an array or sparse array.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator.

    Returns
    -------
    RandomizedQR
        Float32 stays float32, complex stays complex. The error is exact where `a` is no LinearOperator, or a
        `BlockMatrix`, and it is above about ``1e-6 ||A||_F`` (single precision: ``1e-2``), and otherwise an estimate
        from ten further rows of the sketch, which took no part in the choice.

    Raises
    ------
    TypeError, ValueError
        As `range_finder`.

    See Also
    --------
    qr_truncated : for an array, with greedy pivots.
    interpolative_decomposition : the chosen columns and T, from products alone.
    TallQR : one pass over any number of rows, exact.

    Notes
    -----
    2 M N (l + 10) flops for the sketch of l = rank + oversample rows, 2 M N k for the projection, and O((M + N) l^2).
    Memory O((M + N) l). A `BlockMatrix` stored by rows is read twice; one stored by columns twice and the chosen
    columns once more. With a tolerance and no rank the sketch begins with 128 columns and doubles, one pass a time,
    until it sees the tolerance reached. The columns are those of pivoted QR of a Gaussian sketch: the error is at most
    ``(1 + k (N - k) c)^(1/2)`` times the optimum with a moderate c, and usually not twice the optimum.

    References
    ----------
    P. G. Martinsson, V. Rokhlin, M. Tygert, Appl. Comput. Harmon. Anal. 30(1) (2011), doi:10.1016/j.acha.2010.02.003.
    M. Melnichenko et al., arXiv:2311.08316 (2023).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import randomized_qr
    >>> x = np.linspace(0, 1, 200)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> Q, R, P = randomized_qr(A, rtol=1e-4, rng=0)
    >>> bool(np.linalg.norm(A[:, P] - Q @ R) <= 1e-4 * np.linalg.norm(A))
    True
    """
    a, norm = measured(a, check_finite, with_adjoint=True)
    rule = check_rule(a.shape, rank, rtol, atol, rng=rng)
    P, triangle, omega, tests = _pivots(a, norm, rule, check_count("oversample", oversample))
    w, products = _column_products(a, P[: len(triangle)], triangle)
    return _projected(a, norm, rule, P, triangle, w, products, omega, tests)


def _pivots(a: Operand, norm: float | None, rule: Rule, oversample: int) -> tuple[Indices, Matrix, Matrix, Matrix]:
    """P and R11 of the sketch Omega A in the scale of A, and other rows Omega with their Omega A."""
    dtype, rank = dtype_of(a), rule.rank
    guess = min(rank, FIRST_RANK) if rule.by_tolerance else rank
    sketch = tests = np.empty((0, a.shape[1]), dtype)
    omega = gaussian(rule.rng, PROBES, a.shape[0], dtype)
    while True:
        more = gaussian(rule.rng, guess + oversample - len(sketch), a.shape[0], dtype)
        first = not len(tests)  # these come along, and take no part in the choice
        rows = adjoint_times(a, np.vstack([more, omega] if first else [more]).conj().T).conj().T
        sketch = np.vstack([sketch, rows[: len(more)]])
        tests = rows[len(more) :] if first else tests
        size = len(sketch) * (2 if dtype.kind == "c" else 1)  # the squared norm of the coefficients of each row of A
        factor = TruncatedQR(sketch / sketch.real.dtype.type(np.sqrt(size)), rank=guess, rtol=numerical_rtol(a))
        k = _enough(factor, len(sketch), _tolerance(a, norm, rule, tests) / 2)
        if k is not None or guess == rank or factor.rank < guess:
            break
        guess = min(2 * guess, rank)
    k = factor.rank if k is None or not rule.by_tolerance else k
    if not k:
        settle(a)
    return factor.P, factor.R[:k, :k], omega, tests


def _tolerance(a: Operand, norm: float | None, rule: Rule, tests: Matrix) -> float:
    """``max(rtol ||A||_F, atol)``, no less than rounding; the norm may be an estimate."""
    norm = a.norm if isinstance(a, Streamed) else norm
    rule = rule.at_least(numerical_rtol(a))
    return max(rule.rtol * (estimated(tests.T).value if norm is None else norm), rule.atol)


def _enough(factor: TruncatedQR, rows: int, tolerance: float) -> int | None:
    """The least k for which the sketch sees the tolerance reached, or None.

    What k columns leave of a sketch of l rows is fitted to it, and smaller than what they leave of A by
    ``(1 - k / l)^(1/2)``.
    """
    left = factor.residual_norm
    for k in range(factor.rank, -1, -1):
        if left > tolerance * np.sqrt(1 - k / rows):
            return k + 1 if k < factor.rank else None
        left = np.hypot(left, frobenius(factor.R[k - 1 : k]))
    return 0


def _column_products(a: Operand, chosen: Indices, triangle: Matrix) -> tuple[Matrix, Matrix]:
    """``W = A[:, chosen] triangle^{-1}``, which is well conditioned, and A^H W."""
    if isinstance(a, Streamed):
        return a._column_products(chosen, triangle)
    taken = columns(a, chosen)
    w = divided(taken.toarray() if sparse.issparse(taken) else taken, triangle)
    return w, adjoint_times(a, w)


def _projected(
    a: Operand,
    norm: float | None,
    rule: Rule,
    P: Indices,
    triangle: Matrix,
    w: Matrix,
    products: Matrix,
    omega: Matrix,
    tests: Matrix,
) -> RandomizedQR:
    """Q and R from W = Q S: ``C = W triangle = Q (S triangle)`` and ``Q^H A = S^{-H} W^H A``; and what they leave."""
    k = len(triangle)
    q, s = tall_qr(w)
    r = np.zeros((k, len(P)), q.dtype)
    r[:, :k] = np.triu(s @ triangle)
    r[:, k:] = solve_triangular(s, products.conj().T[:, P[k:]], trans="C", check_finite=False)
    norm = a.norm if isinstance(a, Streamed) else norm
    error = None if norm is None else remaining(norm, frobenius(r), r.dtype)
    error = error or estimated((tests[:, P] - times(omega, q) @ r).T)
    if rule.by_tolerance:
        sizes = np.linalg.norm(r, axis=1)
        k = fewest(sizes, error.bound, _tolerance(a, norm, rule, tests))
        error = error.plus(frobenius(r[k:]))
    return RandomizedQR(q[:, :k], r[:k], P, error)
