"""A kernel matrix K_ij = k(x_i, x_j) that is never formed: its diagonal, columns, submatrices and products."""

import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import as_numeric, check_tolerance, lapack_dtype
from .._common.products import row_blocks
from .._common.types import Array, Matrix, Sparse
from .psd import differing

DIAGONAL_BLOCK = 32  # points whose K is formed for the sake of its diagonal: fewer calls against fewer entries


class KernelMatrix(LinearOperator):
    """``K_ij = k(x_i, x_j)``, N x N and Hermitian, evaluated where it is needed and never formed.

    A `scipy.sparse.linalg.LinearOperator` that also has a diagonal, columns and submatrices. Products evaluate all of K
    in blocks of rows.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, Y)`` returns the matrix of all k(x, y), one row for each point of X. Scikit-learn's pairwise kernels
        are such functions, and so are its kernels of Gaussian processes, but for parts that belong to the diagonal
        alone, such as a WhiteKernel: K has the diagonal of ``kernel(X, X)``.
    x : (N, ...) array_like or (N, d) sparse array
        The points, one in each row; sparse ones for a kernel that takes them, which `rbf` does not.

    Attributes
    ----------
    kernel, x
        As given.
    shape, dtype
        (N, N), and that of the kernel's values (as a LAPACK dtype).

    Raises
    ------
    TypeError
        `kernel` is not callable, or what it returns is not numeric.
    ValueError
        `x` is a scalar, or the kernel returns a wrong shape. When the diagonal is asked for: the kernel is not
        Hermitian, or its method ``diag``, if it has one, says otherwise.

    Notes
    -----
    A product costs N^2 kernel values, k columns cost N k, the diagonal 32 N. Beside the results, memory holds 4 million
    values.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import KernelMatrix
    >>> K = KernelMatrix(lambda X, Y: X @ Y.T, np.array([[1.0, 0.0], [3.0, 4.0]]))
    >>> K.diagonal(), K @ np.array([1.0, 1.0])
    (array([ 1., 25.]), array([ 4., 28.]))
    """

    def __init__(self, kernel: Callable[..., ArrayLike], x: ArrayLike | Sparse) -> None:
        if not callable(kernel):
            raise TypeError(f"kernel must be callable, as kernel(X, Y), got {kernel!r}")
        self.kernel, self.x = kernel, as_points(x)
        x, n = self.x, self.x.shape[0]
        sample = as_numeric(kernel(x[:1], x[:1]), "kernel(X, Y)") if n else np.empty((0, 0))
        super().__init__(lapack_dtype(sample.dtype), (n, n))

    def submatrix(self, rows: Any, columns: Any) -> Matrix:
        """``K[rows][:, columns]`` as an array.

        Parameters
        ----------
        rows, columns : slice or array_like of int
            Which points.

        Returns
        -------
        (m, n) ndarray
            In the dtype of K.

        Raises
        ------
        ValueError
            The kernel returned an array of another shape.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import KernelMatrix
        >>> K = KernelMatrix(np.minimum.outer, np.array([1.0, 2.0, 3.0]))
        >>> K.submatrix([0, 2], [1])
        array([[1.],
               [2.]])
        """
        return kernel_values(self.kernel, self.x[rows], self.x[columns]).astype(self.dtype, copy=False)

    def columns(self, indices: Any) -> Matrix:
        """``K[:, indices]``, a Fortran-ordered array.

        Parameters
        ----------
        indices : slice or array_like of int
            Which points.

        Returns
        -------
        (N, n) ndarray
            In the dtype of K.

        Raises
        ------
        ValueError
            As `submatrix`.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import KernelMatrix
        >>> KernelMatrix(np.minimum.outer, np.array([1.0, 2.0, 3.0])).columns([1])
        array([[1.],
               [2.],
               [2.]])
        """
        result = np.empty((self.shape[0], self.x[indices].shape[0]), self.dtype, order="F")
        for rows in row_blocks(result.shape):
            result[rows] = self.submatrix(rows, indices)
        return result

    def diagonal(self) -> Matrix:
        """All k(x_i, x_i), from small blocks of K, which must be Hermitian.

        Returns
        -------
        (N,) ndarray
            In the dtype of K.

        Raises
        ------
        ValueError
            The blocks are not Hermitian, or the kernel's method `diag` gives another diagonal.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import KernelMatrix
        >>> KernelMatrix(np.minimum.outer, np.array([1.0, 2.0, 3.0])).diagonal()
        array([1., 2., 3.])
        """
        result = np.empty(self.shape[0], self.dtype)
        for rows in row_blocks((len(result), DIAGONAL_BLOCK), entries=DIAGONAL_BLOCK**2):
            block = self.submatrix(rows, rows)
            difference = differing(block, block.conj().T, *[block.diagonal()] * 2)
            if difference:
                i, j = difference
                raise ValueError(
                    f"kernel must be Hermitian, k(x, y) = conj(k(y, x)), but for the points {rows.start + i} and "
                    f"{rows.start + j} the values are {block[i, j]} and {block[j, i]}"
                )
            result[rows] = block.diagonal()
        if hasattr(self.kernel, "diag"):
            self._check_diagonal(np.asarray(self.kernel.diag(self.x)), result)
        return result

    def _check_diagonal(self, given: Array, true: Array) -> None:
        """Refuse a kernel whose method `diag` adds what k(x, x) has not: a matrix has one diagonal."""
        wrong = np.abs(given - true) > np.sqrt(np.finfo(self.dtype).eps) * np.abs(true)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(
                f"kernel must have the diagonal of kernel(X, X), but its diag(X) is {given[i]:.6g} for point {i} where "
                f"k(x, x) is {true[i]:.6g}; leave out what belongs to the diagonal alone, such as a WhiteKernel, and "
                "add that noise to the shift"
            )

    def _matmat(self, v: Matrix) -> Matrix:
        result = np.empty((self.shape[0], v.shape[1]), np.result_type(self.dtype, v.dtype))
        for rows in row_blocks(self.shape):
            result[rows] = self.submatrix(rows, slice(None)) @ v
        return result

    def _adjoint(self) -> Self:
        return self


def as_points(x: Any) -> Any:
    """Points of any kind as an array with one in each row, sparse ones as CSR."""
    if sparse.issparse(x):
        if x.ndim != 2:
            raise ValueError(f"x must have 2 dimensions where it is sparse, got {x.ndim}")
        return sparse.csr_array(x)
    x = as_numeric(x, "x") if isinstance(x, np.ma.MaskedArray) else np.asarray(x)
    if x.ndim == 0:
        raise ValueError("x must hold a point in each row, got a scalar")
    return x


def kernel_values(kernel: Callable[..., ArrayLike], x: Any, y: Any) -> Array:
    """The matrix of all k(x, y), of the right shape; without points there is no call, which some kernels refuse."""
    if not (x.shape[0] and y.shape[0]):
        return np.zeros((x.shape[0], y.shape[0]), bool)  # which takes any dtype that it meets
    values = np.asarray(kernel(x, y))
    if values.shape != (x.shape[0], y.shape[0]):
        raise ValueError(
            f"kernel(X, Y) must return a {x.shape[0]} x {y.shape[0]} matrix for as many points, "
            f"but returned the shape {values.shape}"
        )
    return values


def rbf(x: ArrayLike, y: ArrayLike, *, length_scale: float = 1.0) -> Matrix:
    """The Gaussian kernel ``k(x, y) = exp(-||x - y||^2 / (2 length_scale^2))``, from differences, without cancellation.

    Parameters
    ----------
    x, y : (M, d) and (N, d) array_like
        Real points, one in each row; not sparse, for their differences are not.
    length_scale : float, optional
        Greater than 0.

    Returns
    -------
    (M, N) ndarray
        The kernel's values, float32 for float32 points, else float64.

    Raises
    ------
    TypeError
        The points are sparse or not real.
    ValueError
        `length_scale` is not positive; the points do not have two dimensions of the same d, or are not finite, also in
        units of `length_scale`.

    Notes
    -----
    3 M N d flops and M N exponentials.

    Examples
    --------
    >>> import functools
    >>> import numpy as np
    >>> from rrqr_lapack import KernelMatrix, rbf
    >>> rbf([[0.0]], [[0.0], [2.0]], length_scale=2.0).round(4)
    array([[1.    , 0.6065]])
    >>> KernelMatrix(functools.partial(rbf, length_scale=2.0), np.zeros((3, 1)))
    <3x3 KernelMatrix with dtype=float64>
    """
    if not check_tolerance("length_scale", length_scale) > 0:
        raise ValueError(f"length_scale must be greater than 0, got {length_scale!r}")
    from scipy.spatial.distance import cdist  # takes as long to import as the rest of the package

    x, y = _vectors(x, "x"), _vectors(y, "y")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x and y must hold points of the same dimension, got {x.shape[1]} and {y.shape[1]}")
    dtype = np.result_type(lapack_dtype(x.dtype), lapack_dtype(y.dtype))
    length, exponent = math.frexp(length_scale)  # a power of two takes the squares into range, and rounds nothing
    x, y = (_in_units(z, name, exponent) for z, name in ((x, "x"), (y, "y")))
    values = cdist(x, y, "sqeuclidean")
    values *= -0.5 / length**2
    np.exp(values, out=values)
    return values.astype(dtype, copy=False)


def _vectors(x: Any, name: str) -> Array:
    """Points of `rbf`: real numbers in two dimensions."""
    x = as_numeric(x, name)
    if x.ndim != 2:
        cure = f"; for points on a line pass {name}[:, None]" if x.ndim == 1 else ""
        raise ValueError(f"{name} must have 2 dimensions, a point in each row, got {x.ndim}{cure}")
    if x.dtype.kind == "c":
        raise TypeError(f"{name} must be real, got {x.dtype}; give real and imaginary parts as coordinates")
    return x


def _in_units(x: Array, name: str, exponent: int) -> Array:
    """The points in units of 2^exponent."""
    with np.errstate(over="ignore"):
        scaled = np.ldexp(x.astype(np.float64), -exponent)
    finite = np.isfinite(scaled).all(axis=1)
    if not finite.all():
        i = int(np.argmin(finite))
        where = " in units of length_scale" if np.isfinite(x[i]).all() else ""
        raise ValueError(f"{name} must be finite{where}, but point {i} is {x[i]}")
    return scaled
