"""A kernel matrix K_ij = k(x_i, x_j) that is never formed: its diagonal, columns, submatrices and products."""

import math

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from ._arrays import as_numeric, check_tolerance, lapack_dtype
from ._products import row_blocks

DIAGONAL_BLOCK = 32  # points whose K is formed for the sake of its diagonal: fewer calls against fewer entries


class KernelMatrix(LinearOperator):
    """``K_ij = k(x_i, x_j)``, N x N and Hermitian, evaluated where it is needed and never formed.

    A `scipy.sparse.linalg.LinearOperator` that also has a diagonal, columns and submatrices. Products evaluate all of K
    in blocks of rows.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, Y)`` returns the matrix of all k(x, y), one row for each point of X. Scikit-learn's pairwise kernels
        are such functions, and so are its kernels of Gaussian processes, whose method ``diag`` is used.
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
        `x` is a scalar, or the kernel returns a wrong shape.

    Notes
    -----
    A product costs N^2 kernel values, k columns cost N k. Beside the results, memory holds 4 million values.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import KernelMatrix
    >>> K = KernelMatrix(lambda X, Y: X @ Y.T, np.array([[1.0, 0.0], [3.0, 4.0]]))
    >>> K.diagonal(), K @ np.array([1.0, 1.0])
    (array([ 1., 25.]), array([ 4., 28.]))
    """

    def __init__(self, kernel, x):
        if not callable(kernel):
            raise TypeError(f"kernel must be callable, as kernel(X, Y), got {kernel!r}")
        x = sparse.csr_array(x) if sparse.issparse(x) else np.asarray(x)
        if x.ndim == 0:
            raise ValueError("x must hold a point in each row, got a scalar")
        self.kernel, self.x = kernel, x
        n = x.shape[0]
        sample = as_numeric(kernel(x[:1], x[:1]), "kernel(X, Y)") if n else np.empty((0, 0))
        super().__init__(lapack_dtype(sample.dtype), (n, n))

    def submatrix(self, rows, columns):
        """``K[rows][:, columns]`` as an array, for slices or index arrays.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import KernelMatrix
        >>> K = KernelMatrix(np.minimum.outer, np.array([1.0, 2.0, 3.0]))
        >>> K.submatrix([0, 2], [1])
        array([[1.],
               [2.]])
        """
        x, y = self.x[rows], self.x[columns]
        values = np.asarray(self.kernel(x, y))
        if values.shape != (x.shape[0], y.shape[0]):
            raise ValueError(
                f"kernel(X, Y) must return a {x.shape[0]} x {y.shape[0]} matrix for as many points, "
                f"but returned the shape {values.shape}"
            )
        return values.astype(self.dtype, copy=False)

    def columns(self, indices):
        """``K[:, indices]``, a Fortran-ordered array; indices as in `submatrix`.

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

    def diagonal(self):
        """All k(x_i, x_i), from the kernel's method ``diag(X)`` if it has one, else from small blocks of K.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import KernelMatrix
        >>> KernelMatrix(np.minimum.outer, np.array([1.0, 2.0, 3.0])).diagonal()
        array([1., 2., 3.])
        """
        if hasattr(self.kernel, "diag"):
            return np.array(self.kernel.diag(self.x), self.dtype)
        result = np.empty(self.shape[0], self.dtype)
        for rows in row_blocks((len(result), DIAGONAL_BLOCK), entries=DIAGONAL_BLOCK**2):
            result[rows] = self.submatrix(rows, rows).diagonal()
        return result

    def _matmat(self, v):
        result = np.empty((self.shape[0], v.shape[1]), np.result_type(self.dtype, v.dtype))
        for rows in row_blocks(self.shape):
            result[rows] = self.submatrix(rows, slice(None)) @ v
        return result

    def _adjoint(self):
        return self


def rbf(x, y, *, length_scale=1.0):
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
        float32 for float32 points, else float64.

    Raises
    ------
    TypeError
        The points are sparse or not real.
    ValueError
        `length_scale` is not positive, or the points do not have two dimensions of the same d.

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

    x, y = as_numeric(x, "x"), as_numeric(y, "y")
    dtype = np.result_type(lapack_dtype(x.dtype), lapack_dtype(y.dtype))
    length, exponent = math.frexp(length_scale)  # a power of two takes the squares into range, and rounds nothing
    x, y = (np.ldexp(z.astype(float, casting="same_kind"), -exponent) for z in (x, y))
    values = cdist(x, y, "sqeuclidean")
    values *= -0.5 / length**2
    np.exp(values, out=values)
    return values.astype(dtype, copy=False)
