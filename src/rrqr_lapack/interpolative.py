"""`scipy.linalg.interpolative`, function for function, on the kernels of this package.

An interpolative decomposition (ID) of rank k is ``A[:, idx[k:]] ~= A[:, idx[:k]] @ proj``: k columns of A, and what the
others are of them. Every function takes what SciPy's takes and returns what it returns. What is more:

- arrays of any real or complex dtype: float32 and complex64 stay, integers become float64; nested lists too;
- `scipy.sparse` matrices and arrays wherever a LinearOperator is taken, without making them dense;
- ``rank=``, a limit on the rank beside the tolerance;
- ``rand=True`` is random at a fixed rank too, and the tolerance holds for the true residual;
- a rank that A does not have is no failure: the further columns get zero coefficients.

The columns and coefficients are those of `rrqr_lapack.interpolative_decomposition`, which also states the error. H.
Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput. 26(4)
(2005), doi:10.1137/030602678; E. Liberty, F. Woolfe, P. G. Martinsson, V. Rokhlin, M. Tygert, "Randomized algorithms
for the low-rank approximation of matrices", PNAS 104(51) (2007), doi:10.1073/pnas.0709640104.
"""

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike
from scipy.sparse.linalg import aslinearoperator

from ._common.arrays import as_numeric, check_count, check_rng, check_tolerance
from ._common.indices import check_indices
from ._common.operand import as_operand, columns, densified, dtype_of, is_dense
from ._common.types import Array, Matrix, MatrixLike, Reals, Seed, Sparse
from ._id.interpolative import (
    check_goal,
    check_id,
    check_skeleton,
    check_steps,
    decomposed,
    factored,
    orthogonal,
    svd_of,
)
from ._randomized.spectral_norm import spectral_norm

__all__ = [
    "estimate_rank",
    "estimate_spectral_norm",
    "estimate_spectral_norm_diff",
    "id_to_svd",
    "interp_decomp",
    "reconstruct_interp_matrix",
    "reconstruct_matrix_from_id",
    "reconstruct_skel_matrix",
    "svd",
]


def interp_decomp(
    A: MatrixLike, eps_or_k: float, rand: bool = True, rng: Seed = None, *, rank: int | None = None
) -> tuple[Any, ...]:
    """ID, ``A[:, idx[k:]] ~= A[:, idx[:k]] @ proj``, to a relative precision or of a rank.

    Parameters
    ----------
    A : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose; a LinearOperator needs `rmatvec`.
    eps_or_k : float or int
        Below 1 the relative precision: the largest column norm of the error over that of A. From 1 on the rank k, at
        most N.
    rand : bool, optional
        Whether the columns of an array are chosen on a random sketch, which is faster, or by greedy pivoting. What is
        no array is always sketched.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the sketch.
    rank : int, optional
        With a precision, the largest rank; the precision is then met only if this rank suffices.

    Returns
    -------
    k : int
        The rank; returned where `eps_or_k` is a precision.
    idx : (N,) ndarray of int64
        The columns, those of the basis first.
    proj : (k, N - k) ndarray
        Coefficients. Where k exceeds the numerical rank, the further columns of the basis have zero coefficients.

    Raises
    ------
    TypeError
        `A` is no matrix of numbers; `eps_or_k` or `rank` is no number.
    ValueError
        `A` has not two dimensions, or NaN or infinity in a column, which is named; `eps_or_k` is negative or exceeds N;
        the precision is below ten units of rounding of single precision for a float32 or complex64 `A`.

    Notes
    -----
    4 M N k flops to first order; 2k + 20 products with A^H for a LinearOperator, as
    `rrqr_lapack.interpolative_decomposition` says, which returns the error as well. For an array the precision holds
    for the true residual, also with `rand`; otherwise for an estimate of it.

    Pivoting lets the coefficients grow without bounds on a few notorious matrices (Kahan's). Where one exceeds
    ``eps**-0.25``, eps the unit of rounding, columns are exchanged until none exceeds 2, as `rrqr_lapack.strong_rrqr`
    does.

    References
    ----------
    H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices", SIAM J. Sci. Comput.
    26(4) (2005), doi:10.1137/030602678.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.linalg import hilbert
    >>> from rrqr_lapack.interpolative import interp_decomp
    >>> A = hilbert(50)
    >>> k, idx, proj = interp_decomp(A, 1e-6, rand=False)
    >>> k, proj.shape
    (8, (8, 42))
    >>> bool(np.abs(A[:, idx[k:]] - A[:, idx[:k]] @ proj).max() < 1e-6)
    True
    """
    A, k, eps, limit = check_goal(A, eps_or_k, rank)
    if k is not None and k > A.shape[1]:
        raise ValueError(f"eps_or_k must be at most the number of columns, {A.shape[1]}, got {k}")
    d = decomposed(A, limit if k is None else min(k, min(A.shape)), eps, rand, rng)
    idx = np.concatenate([d.columns, np.delete(np.arange(A.shape[1]), d.columns)])
    if k is None:
        return d.rank, idx, d.coefficients[:, idx[d.rank :]]
    proj = np.zeros((k, A.shape[1] - k), d.dtype)
    proj[: d.rank] = d.coefficients[:, idx[k:]]
    return idx, proj


def reconstruct_matrix_from_id(B: MatrixLike, idx: ArrayLike, proj: ArrayLike) -> Matrix:
    """The (M, N) matrix of an ID, ``[B, B @ proj]`` with its columns back in their places.

    Parameters
    ----------
    B : (M, k) array_like, sparse array or matrix
        The basis, ``A[:, idx[:k]]``.
    idx : (N,) array_like of int
        The columns, those of the basis first.
    proj : (k, N - k) array_like
        Coefficients.

    Returns
    -------
    (M, N) ndarray
        The approximation to A.

    Raises
    ------
    TypeError
        `idx` is no vector of integers.
    ValueError
        The shapes do not belong together, or `idx` is no permutation.

    Notes
    -----
    2 M k (N - k) flops.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import reconstruct_matrix_from_id
    >>> reconstruct_matrix_from_id(np.array([[1.0], [2.0]]), [1, 0], np.array([[3.0]]))
    array([[3., 1.],
           [6., 2.]])
    """
    B, (idx, proj) = as_operand(B, "B", check_finite=False), check_id(idx, proj)
    check_skeleton(B, proj)
    k = len(proj)
    a = np.empty((B.shape[0], len(idx)), np.result_type(dtype_of(B), proj))
    a[:, idx[:k]] = densified(B)
    a[:, idx[k:]] = B @ proj
    return a


def reconstruct_interp_matrix(idx: ArrayLike, proj: ArrayLike) -> Matrix:
    """The (k, N) interpolation matrix P of an ID, ``A ~= A[:, idx[:k]] @ P``: ``[I, proj]`` in the order of A.

    Parameters
    ----------
    idx : (N,) array_like of int
        The columns, those of the basis first.
    proj : (k, N - k) array_like
        Coefficients.

    Returns
    -------
    (k, N) ndarray
        The coefficients of all columns.

    Raises
    ------
    TypeError
        `idx` is no vector of integers.
    ValueError
        The shapes do not belong together, or `idx` is no permutation.

    Notes
    -----
    It moves k N numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import reconstruct_interp_matrix
    >>> reconstruct_interp_matrix([2, 0, 1], np.array([[5.0, 7.0]]))
    array([[5., 7., 1.]])
    """
    idx, proj = check_id(idx, proj)
    k = len(proj)
    p = np.zeros((k, len(idx)), proj.dtype)
    p[np.arange(k), idx[:k]] = 1
    p[:, idx[k:]] = proj
    return p


def reconstruct_skel_matrix(A: MatrixLike, k: int, idx: ArrayLike) -> Array | Sparse:
    """The (M, k) basis of an ID, ``A[:, idx[:k]]``.

    Parameters
    ----------
    A : (M, N) array_like, sparse array or matrix, or LinearOperator
        The matrix that was decomposed.
    k : int
        The rank.
    idx : (N,) array_like of int
        The columns, those of the basis first.

    Returns
    -------
    (M, k) ndarray, or sparse where `A` is
        The columns.

    Raises
    ------
    TypeError
        `A` is no matrix of numbers, `k` no integer, or `idx` no vector of integers.
    ValueError
        `k` is not between 0 and the length of `idx`, which holds columns of `A`.

    Notes
    -----
    k products with a LinearOperator, and no work otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import reconstruct_skel_matrix
    >>> reconstruct_skel_matrix(np.arange(6).reshape(2, 3), 1, [2, 0, 1])
    array([[2],
           [5]])
    """
    A = as_numeric(A, "A") if is_dense(A) else as_operand(A, "A", check_finite=False)
    if A.ndim != 2:
        raise ValueError(f"A must have 2 dimensions, got {A.ndim}")
    idx = check_indices("idx", idx, A.shape[1])
    k = check_count("k", k)
    if k > len(idx):
        raise ValueError(f"k must be at most the number of columns in idx, {len(idx)}, got {k}")
    return columns(A, idx[:k])


def id_to_svd(B: MatrixLike, idx: ArrayLike, proj: ArrayLike) -> tuple[Matrix, Reals, Matrix]:
    """The SVD of what an ID stands for, ``U @ diag(S) @ V^H = B @ P``, P its interpolation matrix.

    Parameters
    ----------
    B : (M, k) array_like, sparse array or matrix
        The basis, ``A[:, idx[:k]]``.
    idx : (N,) array_like of int
        The columns, those of the basis first.
    proj : (k, N - k) array_like
        Coefficients.

    Returns
    -------
    U : (M, k) ndarray
        Left singular vectors; min(M, k) of them, as of the others.
    S : (k,) ndarray
        Singular values, the largest first.
    V : (N, k) ndarray
        Right singular vectors, as columns.

    Raises
    ------
    TypeError
        `idx` is no vector of integers.
    ValueError
        The shapes do not belong together, `idx` is no permutation, or there are NaN or infinity.

    Notes
    -----
    O((M + N) k^2) flops: a QR of B, and an SVD of R P.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import id_to_svd
    >>> U, S, V = id_to_svd(np.array([[3.0], [4.0]]), [1, 0], np.array([[0.0]]))
    >>> S.round(12)
    array([5.])
    """
    B = as_operand(B, "B")
    check_skeleton(B, check_id(idx, proj)[1])
    return svd_of(*orthogonal(B, reconstruct_interp_matrix(idx, proj)), min(B.shape))


def estimate_spectral_norm(A: MatrixLike, its: int = 20, rng: Seed = None) -> float:
    """A lower estimate of ``||A||_2`` from `its` products with A and as many with A^H.

    Parameters
    ----------
    A : (M, N) array_like, sparse array or matrix, or LinearOperator
        The matrix.
    its : int, optional
        Steps, at least 1.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the random start.

    Returns
    -------
    float
        The estimate: at most the norm but for rounding, and never further below it than that of as many steps of the
        power method from the same start.

    Raises
    ------
    TypeError, ValueError
        `A` is no matrix of numbers, or not finite; `its` is not an integer of at least 1.

    Notes
    -----
    `its` products with A and with A^H, after Golub and Kahan.

    References
    ----------
    G. H. Golub, W. Kahan, "Calculating the singular values and pseudo-inverse of a matrix", SIAM J. Numer. Anal. 2(2)
    (1965), doi:10.1137/0702016.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import estimate_spectral_norm
    >>> round(estimate_spectral_norm(np.diag([1.0, 2.0, 3.0]), rng=0), 12)
    3.0
    """
    return spectral_norm(as_operand(A, "A", with_adjoint=True), check_steps(its), check_rng(rng))


def estimate_spectral_norm_diff(A: MatrixLike, B: MatrixLike, its: int = 20, rng: Seed = None) -> float:
    """A lower estimate of ``||A - B||_2``, as `estimate_spectral_norm`, without forming the difference.

    Parameters
    ----------
    A, B : (M, N) array_like, sparse array or matrix, or LinearOperator
        The matrices.
    its : int, optional
        Steps, at least 1.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the random start.

    Returns
    -------
    float
        The estimate.

    Raises
    ------
    TypeError, ValueError
        As `estimate_spectral_norm`; the shapes differ.

    Notes
    -----
    `its` products with each of A, B, A^H, B^H.

    References
    ----------
    As `estimate_spectral_norm`.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import estimate_spectral_norm_diff
    >>> round(estimate_spectral_norm_diff(np.eye(3), np.diag([1.0, 1.0, 5.0]), rng=0), 12)
    4.0
    """
    A, B = as_operand(A, "A", with_adjoint=True), as_operand(B, "B", with_adjoint=True)
    if A.shape != B.shape:
        raise ValueError(f"A and B must have the same shape, got {A.shape} and {B.shape}")
    return spectral_norm(aslinearoperator(A) - aslinearoperator(B), check_steps(its), check_rng(rng))


def svd(
    A: MatrixLike, eps_or_k: float, rand: bool = True, rng: Seed = None, *, rank: int | None = None
) -> tuple[Matrix, Reals, Matrix]:
    """Truncated SVD, ``A ~= U @ diag(S) @ V^H``, to a relative precision or of a rank, by pivoted QR.

    Parameters
    ----------
    A : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix to decompose; a LinearOperator needs `rmatvec`.
    eps_or_k : float or int
        As for `interp_decomp`; a rank is at most min(M, N).
    rand, rng, rank : optional
        As for `interp_decomp`.

    Returns
    -------
    U : (M, k) ndarray
        Left singular vectors, orthonormal to rounding.
    S : (k,) ndarray
        Singular values, the largest first.
    V : (N, k) ndarray
        Right singular vectors, as columns.

    Raises
    ------
    TypeError, ValueError
        As `interp_decomp`.

    Notes
    -----
    The SVD of the first k columns of Q times the first k rows of R, so that ``||A - U S V^H||_F = ||R22||_F``, at the
    cost of `interp_decomp` and O((M + N) k^2) flops. What is no array is decomposed first, and the SVD is that of the
    ID.

    References
    ----------
    E. Liberty, F. Woolfe, P. G. Martinsson, V. Rokhlin, M. Tygert, "Randomized algorithms for the low-rank
    approximation of matrices", PNAS 104(51) (2007), doi:10.1073/pnas.0709640104.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import svd
    >>> A = np.outer([3.0, 4.0], [1.0, 0.0, 0.0])
    >>> U, S, V = svd(A, 1, rand=False)
    >>> bool(np.allclose(A, U * S @ V.conj().T))
    True
    """
    A, k, eps, limit = check_goal(A, eps_or_k, rank)
    if k is not None and k > min(A.shape):
        raise ValueError(f"eps_or_k must be at most min(A.shape) = {min(A.shape)}, got {k}")
    factor, g = factored(A, limit if k is None else k, eps, rand, rng)
    return svd_of(factor, g, factor.rank if k is None else k)


def estimate_rank(A: MatrixLike, eps: float, rng: Seed = None) -> int:
    """The number of singular values above ``eps * ||A||_2``, but for those within one per cent of it.

    Parameters
    ----------
    A : (M, N) array_like, sparse array or matrix, or LinearOperator
        The matrix.
    eps : float
        Relative precision, at least 0.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the sketch.

    Returns
    -------
    int
        The rank. For what is no array it rests on estimates of the error.

    Raises
    ------
    TypeError, ValueError
        `A` is no matrix of numbers, or not finite; `eps` is negative.

    Notes
    -----
    The singular values of a QR that is truncated where ``||R22||_F <= eps ||A||_2 / 10``: they are those of A but for
    ``sigma_i(A)^2 - ||R22||_2^2 <= S_i^2 <= sigma_i(A)^2``. Cost as `svd` at the rank where that holds.

    References
    ----------
    As `svd`.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.interpolative import estimate_rank
    >>> estimate_rank(np.diag([1.0, 1e-3, 1e-9]), 1e-6, rng=0)
    2
    """
    A = as_operand(A, "A", with_adjoint=True)
    if eps is None:
        raise TypeError("eps must be a real number, got None")
    precision = check_tolerance("eps", eps) / (10 * max(A.shape[1], 1) ** 0.5)
    _, g = factored(A, min(A.shape), precision, True, rng)
    values = scipy.linalg.svdvals(g, check_finite=False) if g.size else np.zeros(0)
    return int(np.count_nonzero(values > eps * values.max(initial=0)))
