"""Nystrom approximation of a positive semidefinite matrix from few of its columns, with its eigendecomposition.

With test vectors W, unit vectors for landmarks, A<W> = A W (W^H A W)^+ (A W)^H. The shift that makes it stable: J. A.
Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive-semidefinite matrix from streaming
data", NeurIPS 2017, arXiv:1706.05736; the preconditioner: Z. Frangella, J. A. Tropp, M. Udell, "Randomized Nystrom
preconditioning", SIAM J. Matrix Anal. Appl. 44(2) (2023), doi:10.1137/21M1466244, arXiv:2110.02820.

Guarantee: A - A<W> is positive semidefinite, so that its trace norm is tr A - tr A<W>, exactly.
"""

from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import as_numeric, check_choice, check_rank, check_tolerance
from .._common.error import PROBES, Error, estimated, exact
from .._common.indices import check_indices
from .._common.low_rank import LowRank
from .._common.norms import frobenius
from .._common.operand import dtype_of, product
from .._common.products import row_blocks, times
from .._common.random import gaussian
from .._common.rule import check_rule
from .._common.types import Array, Indices, Matrix, MatrixLike, Operand, Reals, Seed
from .psd import as_psd, check_consistent, check_zeros, dense_columns, diagonal, differing, has_diagonal
from .rpcholesky import divide_by_adjoint, rpcholesky

Landmarks: TypeAlias = Literal["rpcholesky", "greedy", "uniform", "gaussian"]


class Nystrom(LowRank):
    """``A ~= U diag(lambda) U^H`` with orthonormal U; made by `nystrom`. Multiplies as the matrix it stands for.

    Attributes
    ----------
    eigenvalues : (k,) ndarray
        Descending and positive.
    eigenvectors : (N, k) ndarray
        U, Fortran-ordered.
    columns : (l,) ndarray of intp or None
        Indices of the columns in use, the landmarks, l >= k; None for Gaussian test vectors.
    extension : (l, k) ndarray or None
        E with ``U = A[:, columns] E``. For a kernel matrix k(x, landmarks) E is the row of U for a new point x.
    error : float
        ``tr(A - U diag(lambda) U^H)``, the trace norm of the error.
    error_kind : {'exact', 'estimate'}
        What `error` is: exact to rounding, but for a LinearOperator without a diagonal.
    error_bound : float
        The error is at most this, to rounding of the trace; where it is an estimate, with probability 0.9999.
    rank : int
        k.
    shape, dtype
        Those of A (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import nystrom
    >>> approximation = nystrom(np.diag([4.0, 1.0, 9.0]), landmarks=[0, 2])
    >>> approximation.eigenvalues, round(approximation.error, 12)
    (array([9., 4.]), 1.0)
    >>> approximation.reconstruct().round(12).diagonal()
    array([4., 0., 9.])
    """

    def __init__(
        self, eigenvalues: Reals, eigenvectors: Matrix, columns: Indices | None, extension: Matrix | None, error: Error
    ) -> None:
        super().__init__(error)
        self.eigenvalues, self.eigenvectors = eigenvalues, eigenvectors
        self.columns, self.extension = columns, extension

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.eigenvectors, self.eigenvalues, self.eigenvectors.conj().T

    def solve(self, b: ArrayLike, shift: float) -> Matrix:
        """``(U diag(lambda) U^H + shift I)^{-1} b``.

        Parameters
        ----------
        b : (N,) or (N, p) array_like
            Right-hand sides.
        shift : float
            Finite and greater than 0.

        Returns
        -------
        ndarray
            The solutions, of the shape of `b`.

        Raises
        ------
        TypeError, ValueError
            `b` does not have N rows or is not finite; `shift` is not positive.
        OverflowError
            The solution is too large for its dtype.

        Notes
        -----
        4 N k p flops. The condition number is (lambda_1 + shift) / shift.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import nystrom
        >>> nystrom(np.diag([4.0, 0.0]), rank=1).solve([10.0, 1.0], shift=1.0)
        array([2., 1.])
        """
        shift, b = check_shift(shift), as_numeric(b, "b")
        if b.ndim not in (1, 2) or len(b) != len(self.eigenvectors):
            n = len(self.eigenvectors)
            raise ValueError(f"b must have the shape ({n},) or ({n}, p), got {b.shape}")
        if not np.isfinite(b).all():
            raise ValueError(f"b must be finite, but holds {b[~np.isfinite(b)][0]}")
        x = self._shrunk(b, shift, shift)
        with np.errstate(over="ignore", invalid="ignore"):
            x = (x / np.float64(shift)).astype(x.dtype)
        if not np.isfinite(x).all():
            raise OverflowError("the solution overflows; scale b down or raise the shift")
        return x

    def preconditioner(self, shift: float) -> LinearOperator:
        """``P^{-1}``, which brings the eigenvalues of A + shift I together for conjugate gradients.

        ``P^{-1} = (lambda_k + shift) U (diag(lambda) + shift I)^{-1} U^H + (I - U U^H)``: with an exact U the condition
        number falls from (lambda_1 + shift) / (lambda_n + shift) to (lambda_k + shift) / (lambda_n + shift).

        Parameters
        ----------
        shift : float
            Finite and greater than 0; the same as in the system to be solved.

        Returns
        -------
        scipy.sparse.linalg.LinearOperator
            N x N and Hermitian: the argument `M` of `scipy.sparse.linalg.cg`.

        Raises
        ------
        TypeError, ValueError
            `shift` is not positive.

        Notes
        -----
        4 N k flops an application. With Gaussian test vectors and a rank of at least 2 ceil(1.5 d) + 1, where d is the
        effective dimension ``tr(A (A + shift I)^{-1})``, the expected condition number is below 28 (Frangella, Tropp,
        Udell 2023, Theorem 1.1).

        Examples
        --------
        >>> import numpy as np
        >>> from scipy.sparse.linalg import aslinearoperator, cg
        >>> from rrqr_lapack import nystrom
        >>> A = np.diag(np.geomspace(1, 1e-8, 100))
        >>> shifted = A + 1e-6 * np.eye(100)
        >>> P = nystrom(A, rank=80).preconditioner(1e-6)
        >>> x, info = cg(shifted, np.ones(100), M=P, maxiter=10)
        >>> info
        0
        """
        shift = check_shift(shift)
        return _Preconditioner(self, shift)

    def _shrunk(self, b: Array, shift: float, rest: float) -> Matrix:
        """``rest (U (diag(lambda) + shift I) U^H + rest (I - U U^H))^{-1} b``."""
        U = self.eigenvectors
        inside = U.conj().T @ b
        factors = (rest / (self.eigenvalues.astype(np.float64) + shift)).astype(self.eigenvalues.dtype)
        return U @ _scale_rows(factors, inside) + (b - U @ inside)


class _Preconditioner(LinearOperator):
    """``P^{-1}`` of a Nystrom approximation."""

    def __init__(self, approximation: Nystrom, shift: float) -> None:
        super().__init__(approximation.dtype, approximation.shape)
        self.approximation, self.shift = approximation, shift
        self.scale = float(approximation.eigenvalues[-1]) + shift if approximation.rank else shift

    def _matmat(self, b: Matrix) -> Matrix:
        return self.approximation._shrunk(b, self.shift, self.scale)

    def _matvec(self, b: Matrix) -> Matrix:
        return self._matmat(b)

    def _adjoint(self) -> Self:
        return self


def nystrom(
    a: MatrixLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    landmarks: Landmarks | ArrayLike = "rpcholesky",
    check_finite: bool = True,
    rng: Seed = None,
) -> Nystrom:
    """Nystrom approximation, ``A ~= A[:, S] A[S, S]^+ A[:, S]^H = U diag(lambda) U^H``, with its trace-norm error.

    Parameters
    ----------
    a : (N, N) array_like, sparse array or LinearOperator
        Hermitian positive semidefinite matrix. A `KernelMatrix` is never formed. Of a LinearOperator the diagonal and
        the columns are asked for as by `rpcholesky`; 'gaussian' needs only products.
    rank : int, optional
        Number of landmarks, 0 to N, which is the default; 'rpcholesky' and 'greedy' may stop before. The rank of the
        result is smaller where the columns are numerically dependent.
    rtol, atol : float, optional
        For 'rpcholesky' and 'greedy': stop where the error, the trace of the residual, is at most `rtol` times the
        trace of `a`, or at most `atol`. Off by default.
    landmarks : {'rpcholesky', 'greedy', 'uniform', 'gaussian'} or (l,) array_like of int, optional
        How the columns S are chosen: by `rpcholesky` with random or greedy pivots, uniformly without replacement, or
        given. 'gaussian' takes `rank` random combinations of all columns instead.
    check_finite : bool, optional
        Refuse NaN and infinity in an array before the start. What is used of `a` is checked anyway.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the random choice.

    Returns
    -------
    Nystrom
        With `eigenvalues`, `eigenvectors`, `columns`, `error`, `solve` and `preconditioner`; float32 stays float32,
        complex stays complex.

    Raises
    ------
    TypeError
        `a` is no matrix of numbers, or a LinearOperator that lacks what the choice needs; `landmarks` are no integers.
    ValueError
        `a` is not square, not finite, or not Hermitian and positive semidefinite as far as that shows; its diagonal is
        not that of its columns; `rank`, a tolerance or `landmarks` is out of its range or does not go with the others.
    OverflowError
        The trace or the eigenvalues overflow.

    Notes
    -----
    6 N k^2 flops, and N (k + 1) entries or k products of A, to first order; memory for N (k + 100) numbers. The
    columns of landmarks are divided by the Cholesky factor of A[S, S] + nu I, where nu is rounding error,
    ``eps ||A[:, S]||_F``, and nu is subtracted from the eigenvalues; those that are rounding error are left out.
    Random pivots need no shift: their factor is F itself.

    References
    ----------
    J. A. Tropp, A. Yurtsever, M. Udell, V. Cevher, "Fixed-rank approximation of a positive-semidefinite matrix from
    streaming data", 2017, arXiv:1706.05736. Z. Frangella, J. A. Tropp, M. Udell, "Randomized Nystrom
    preconditioning", 2023, doi:10.1137/21M1466244. C. K. I. Williams, M. Seeger, "Using the Nystrom method to speed
    up kernel machines", NeurIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import KernelMatrix, nystrom, rbf
    >>> X = np.random.default_rng(0).uniform(size=(1000, 2))
    >>> approximation = nystrom(KernelMatrix(rbf, X), rank=30, rng=0)
    >>> approximation.error < 1e-4 * 1000
    True
    """
    a = as_psd(a, check_finite=check_finite)
    n, rule = a.shape[0], check_rule(a.shape, rank, rtol, atol, rng=rng)
    if isinstance(landmarks, str) and landmarks in ("rpcholesky", "greedy"):
        pivoting = "random" if landmarks == "rpcholesky" else "greedy"
        options = {"pivoting": pivoting, "check_finite": False, "rng": rule.rng}
        f = rpcholesky(a, rank=rule.rank, **rule.tolerances, **options)
        return _decomposed(a, f.F, f.F[f.columns], 0.0, f.columns, rule.rng)
    if rule.by_tolerance:
        raise ValueError(f"landmarks must be 'rpcholesky' or 'greedy' for rtol and atol, got {landmarks!r}")
    if isinstance(landmarks, str) and landmarks == "gaussian":
        W = np.linalg.qr(gaussian(rule.rng, rule.rank, n, dtype_of(a)).T)[0]
        B, landmarks = np.array(times(a, W), dtype_of(a), order="F"), None
        if not np.isfinite(B).all():
            raise ValueError("a must be finite, but its products with finite vectors are not")
        core = W.conj().T @ B
        if differing(core, core.conj().T, core.diagonal(), core.diagonal()):
            raise ValueError("a must be Hermitian, but w^H A v and v^H A w differ for random vectors w and v")
        L, shift = _shifted_cholesky(core, frobenius(B))
        B += shift * W
    else:
        landmarks = _indices(landmarks, rank, n, rule.rng)
        B = dense_columns(a, landmarks)
        core = B[landmarks]
        own = diagonal(a)[landmarks] if has_diagonal(a) else core.diagonal().real
        expected = core.conj().T.copy()
        np.fill_diagonal(expected, own)
        check_consistent(core, expected, own, own, landmarks, landmarks)
        L, shift = _shifted_cholesky(core, frobenius(B))
        B[landmarks, np.arange(len(landmarks))] += shift
    if has_diagonal(a):
        check_zeros(a, diagonal(a))
    divide_by_adjoint(B, L)
    return _decomposed(a, B, L, shift, landmarks, rule.rng)


def _indices(landmarks: Any, rank: int | None, n: int, rng: np.random.Generator) -> Indices:
    """Landmarks that are given or drawn uniformly, as an array of different indices."""
    if isinstance(landmarks, str):
        check_choice("landmarks", landmarks, get_args(Landmarks))
        return rng.choice(n, check_rank(rank, n), replace=False)
    if rank is not None:
        raise ValueError(f"rank must be None for given landmarks, whose number it is, got {rank!r}")
    kind = f"one of {', '.join(map(repr, get_args(Landmarks)))} or a vector of integers"
    return check_indices("landmarks", landmarks, n, kind=kind, distinct=True)


def _shifted_cholesky(core: Array, norm: float) -> tuple[Matrix, float]:
    """L with L L^H = core + nu I, and the shift nu: rounding error of a matrix of the given norm, if that is enough."""
    eps = np.finfo(core.dtype).eps
    shift = float(eps * norm)
    while shift <= np.sqrt(eps) * norm:
        try:
            return scipy.linalg.cholesky(core + shift * np.eye(len(core), dtype=core.dtype), lower=True), shift
        except np.linalg.LinAlgError:
            if shift == 0:  # the zero matrix
                return np.eye(len(core), dtype=core.dtype), shift
            shift *= 10
    raise ValueError("a must be positive semidefinite, but among its landmarks it is not")


def _decomposed(
    a: Operand, B: Array, L: Matrix, shift: float, landmarks: Indices | None, rng: np.random.Generator
) -> Nystrom:
    """The result for A ~= B B^H - shift I and B = A[:, landmarks] L^{-H}; B is overwritten."""
    dtype, order = B.dtype, B.shape[1]
    Q, R = scipy.linalg.qr(B, overwrite_a=True, mode="economic", check_finite=False) if B.size else (B, L)
    u, s, vh = np.linalg.svd(R)
    with np.errstate(over="ignore"):
        eigenvalues = s**2 - shift
    if not np.isfinite(eigenvalues).all():
        raise OverflowError(f"the eigenvalues of a overflow in {dtype}; scale a down")
    noise = max(shift, order * float(np.finfo(dtype).eps) * eigenvalues.max(initial=0))
    k = int(np.count_nonzero(eigenvalues > noise))
    for rows in row_blocks(Q.shape):
        Q[rows, :k] = Q[rows] @ u[:, :k]
    extension = None
    if landmarks is not None:
        extension = scipy.linalg.solve_triangular(L, vh[:k].conj().T / s[:k], lower=True, trans="C") if k else L[:, :0]
    U, eigenvalues = Q[:, :k], eigenvalues[:k]
    return Nystrom(eigenvalues, U, landmarks, extension, _trace(a, U, eigenvalues, rng))


def _trace(a: Operand, U: Matrix, eigenvalues: Reals, rng: np.random.Generator) -> Error:
    """tr(A - U diag(lambda) U^H), from the diagonal, or estimated as ||(A - U diag(lambda) U^H)^{1/2} W||_F^2."""
    if has_diagonal(a):
        return exact(max(float(diagonal(a).sum() - eigenvalues.sum(dtype=np.float64)), 0.0))
    W = gaussian(rng, len(U), PROBES, U.dtype)
    squares = np.vecdot(W.T, (product(a, W) - U @ _scale_rows(eigenvalues, U.conj().T @ W)).T).real
    root = estimated(np.sqrt(np.maximum(squares, 0)).astype(U.dtype)[None])
    return Error(root.value**2, root.kind, root.bound**2)


def _scale_rows(factors: Array, x: Array) -> Matrix:
    """``diag(factors) x`` for a vector or matrix x."""
    return (x.T * factors).T


def check_shift(shift: Any) -> float:
    """The shift as a finite float greater than 0."""
    number = check_tolerance("shift", shift)
    if shift is None or number == 0:
        raise ValueError(f"shift must be greater than 0, got {shift!r}")
    return number
