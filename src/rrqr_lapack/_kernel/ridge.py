"""Kernel ridge regression, the mean of Gaussian-process regression, with a Nystrom approximation or preconditioner.

f(x) = k(x, X) c with (K + shift I) c = y. On landmarks S alone, f(x) = k(x, S) c: A. Rudi, R. Camoriano, L. Rosasco,
"Less is more: Nystrom computational regularization", NeurIPS 2015, arXiv:1507.04717. With K itself, by preconditioned
conjugate gradients: M. Diaz, E. N. Epperly, Z. Frangella, J. A. Tropp, R. J. Webber, "Robust, randomized
preconditioning for kernel ridge regression", 2023, arXiv:2304.12465.

Guarantee: with K itself, as the kernel returns it, ||y - (K + shift I) c|| <= rtol ||y|| for each column of y, or
LinAlgError. In double precision also for kernels in single, where rounding c alone would break it.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator, cg

from .._common.arrays import as_numeric, check_choice, check_count, check_tolerance
from .._common.products import row_blocks
from .._common.scaling import power_of_two
from .._common.types import Matrix, Seed, Sparse
from .matrix import KernelMatrix, as_points, kernel_values
from .nystrom import Landmarks, Nystrom, check_shift, nystrom

Method: TypeAlias = Literal["nystrom", "cg"]
ROOM = 0.5  # of the tolerance: what the residual that conjugate gradients update may be, for the true one to keep it


class KernelRidge:
    """``f(x) = k(x, points) @ coefficients``; made by `kernel_ridge`.

    Attributes
    ----------
    points : (l, ...) ndarray
        The landmarks, or all training points.
    coefficients : (l,) or (l, p) ndarray
        One column for each column of y; from conjugate gradients in double precision.
    approximation : Nystrom
        Of the kernel matrix: its `error` tells what was given up, or how well conjugate gradients were preconditioned.
    iterations : int
        Of conjugate gradients, over all columns of y; 0 for 'nystrom'.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import kernel_ridge, rbf
    >>> x = np.linspace(0, 3, 50)[:, None]
    >>> model = kernel_ridge(rbf, x, np.sin(x[:, 0]), shift=1e-6, rank=10, rng=0)
    >>> model.predict([[1.0]]).round(3)
    array([0.841])
    """

    def __init__(
        self,
        kernel: Callable[..., ArrayLike],
        points: Any,
        coefficients: Matrix,
        approximation: Nystrom,
        iterations: int = 0,
    ) -> None:
        self.kernel, self.points, self.coefficients = kernel, points, coefficients
        self.approximation, self.iterations = approximation, iterations

    def __repr__(self) -> str:
        return f"<KernelRidge on {self.points.shape[0]} points: {self.approximation!r}>"

    def predict(self, x: ArrayLike | Sparse) -> Matrix:
        """``f(x)`` for each row of x, evaluated in blocks.

        Parameters
        ----------
        x : (M, ...) array_like or sparse array
            Points of the same kind as those that were fitted.

        Returns
        -------
        (M,) or (M, p) ndarray
            As many values as points, in as many columns as were fitted.

        Raises
        ------
        ValueError
            The points are of another shape than those that were fitted.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import kernel_ridge
        >>> kernel_ridge(np.minimum.outer, [1.0, 2.0], [3.0, 6.0], shift=1e-12, rank=2).predict([1.5]).round(6)
        array([4.5])
        """
        x = as_points(x)
        if x.shape[1:] != self.points.shape[1:]:
            shape = ", ".join(["M", *map(str, self.points.shape[1:])])
            raise ValueError(f"x must have the shape ({shape}), as the points that were fitted, got {x.shape}")
        result = np.empty((x.shape[0], *self.coefficients.shape[1:]), self.approximation.dtype)
        for rows in row_blocks((x.shape[0], self.points.shape[0])):
            result[rows] = kernel_values(self.kernel, x[rows], self.points) @ self.coefficients
        return result


def kernel_ridge(
    kernel: Callable[..., ArrayLike],
    x: ArrayLike | Sparse,
    y: ArrayLike,
    *,
    shift: float,
    rank: int | None = None,
    rtol: float = 1e-8,
    maxiter: int | None = None,
    landmarks: Landmarks | ArrayLike = "rpcholesky",
    method: Method = "nystrom",
    rng: Seed = None,
) -> KernelRidge:
    """Kernel ridge regression: ``f(x) = k(x, X) c`` with ``(K + shift I) c = y``, K never formed.

    f minimizes ``sum_i |f(x_i) - y_i|^2 + shift ||f||_H^2`` over the kernel's space, or with the 'nystrom' method over
    the span of k(., s) for the landmarks s; it is the mean of a Gaussian process under noise of variance `shift`.

    Parameters
    ----------
    kernel : callable
        ``kernel(X, Y)``, Hermitian positive semidefinite, as for `KernelMatrix`.
    x : (N, ...) array_like or sparse array
        The training points, one in each row; sparse ones for a kernel that takes them, which `rbf` does not.
    y : (N,) or (N, p) array_like
        What to fit.
    shift : float
        Finite and greater than 0.
    rank : int, optional
        As for `nystrom`, of the approximation or the preconditioner.
    rtol : float, optional
        For 'cg': the residual of each column, formed from K in double precision, is at most `rtol` times the norm of
        that column of y.
    maxiter : int, optional
        For 'cg': largest number of iterations for each column, by default 10 N.
    landmarks : optional
        As for `nystrom`.
    method : {'nystrom', 'cg'}, optional
        'nystrom' solves on the landmarks directly. 'cg' solves with all of K by conjugate gradients, preconditioned
        with the approximation.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the landmarks.

    Returns
    -------
    KernelRidge
        With `predict`, `coefficients` and the `approximation`.

    Raises
    ------
    TypeError, ValueError
        `y` does not have N rows or is not finite; `shift` is not positive; another argument is out of its range, as for
        `nystrom`.
    numpy.linalg.LinAlgError
        Conjugate gradients did not reach `rtol` within `maxiter` iterations, or rounding error keeps them from it.
    OverflowError
        The coefficients overflow.

    Notes
    -----
    'nystrom': N k kernel values, 6 N k^2 flops, memory for N k numbers. 'cg': N^2 kernel values for each iteration and
    column beside that, in blocks.

    References
    ----------
    A. Rudi, R. Camoriano, L. Rosasco, 2015, arXiv:1507.04717. M. Diaz, E. N. Epperly, Z. Frangella, J. A. Tropp, R. J.
    Webber, 2023, arXiv:2304.12465.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import kernel_ridge, rbf
    >>> x = np.random.default_rng(0).uniform(-2, 2, (300, 2))
    >>> y = np.cos(x[:, 0]) * x[:, 1]
    >>> direct = kernel_ridge(rbf, x, y, shift=1e-3, rank=80, rng=0)
    >>> exact = kernel_ridge(rbf, x, y, shift=1e-3, rank=80, method="cg", rng=0)
    >>> exact.iterations < 20
    True
    >>> bool(np.allclose(exact.predict(x), direct.predict(x), atol=1e-3))
    True
    """
    shift = check_shift(shift)
    if check_tolerance("rtol", rtol) < 0:
        raise ValueError("rtol must be a number, got None")
    if maxiter is not None:
        check_count("maxiter", maxiter, 1)
    check_choice("method", method, get_args(Method))
    K = KernelMatrix(kernel, x)
    y = as_numeric(y, "y")
    if y.ndim not in (1, 2) or len(y) != K.shape[0]:
        raise ValueError(f"y must have the shape ({K.shape[0]},) or ({K.shape[0]}, p), got {y.shape}")
    if y.dtype.kind == "c" and K.dtype.kind != "c":
        raise TypeError(f"y must be real as the kernel is, got {y.dtype}; fit y.real and y.imag")
    right = y.astype(np.result_type(K.dtype, np.float64), copy=False)
    with np.errstate(over="ignore"):
        y = y.astype(K.dtype, copy=False)
    if not np.isfinite(y).all():
        raise ValueError(f"y must be finite in the kernel's dtype, {K.dtype}, but holds {y[~np.isfinite(y)][0]}")
    approximation = nystrom(K, rank=rank, landmarks=landmarks, rng=rng)
    if method == "cg":
        coefficients, iterations = _conjugate_gradients(K, right, shift, approximation, rtol, maxiter)
        return KernelRidge(kernel, K.x, _finite(coefficients), approximation, iterations)
    if approximation.columns is None:
        raise ValueError(f"landmarks must be columns of K for method='nystrom', got {landmarks!r}")
    eigenvalues = approximation.eigenvalues.astype(np.float64)
    factors = (eigenvalues / (eigenvalues + shift)).astype(approximation.eigenvalues.dtype)
    shrunk = (approximation.eigenvectors.conj().T @ y).T * factors
    with np.errstate(over="ignore", invalid="ignore"):
        coefficients = approximation.extension @ shrunk.T
    return KernelRidge(kernel, K.x[approximation.columns], _finite(coefficients), approximation)


def _finite(coefficients: Matrix) -> Matrix:
    if not np.isfinite(coefficients).all():
        raise OverflowError("the coefficients overflow; scale y down, or the kernel and the shift up")
    return coefficients


def _conjugate_gradients(
    K: KernelMatrix, y: Matrix, shift: float, approximation: Nystrom, rtol: float, maxiter: int | None
) -> tuple[Matrix, int]:
    """(K + shift I)^{-1} y by columns, and the number of iterations; restarted until the true residuals are small."""
    unit = power_of_two(np.append(approximation.eigenvalues.astype(np.float64), shift))
    shifted = LinearOperator(K.shape, matvec=lambda v: (K @ v) / unit + (shift / unit) * v, dtype=y.dtype)
    preconditioner, iterations, solutions = approximation.preconditioner(shift), 0, np.empty_like(y)

    def count(_: Any) -> None:
        nonlocal iterations
        iterations += 1

    for b, c in zip(np.atleast_2d(y.T), np.atleast_2d(solutions.T), strict=True):
        scale = power_of_two(b)  # its squares would overflow or underflow
        x, b = np.zeros_like(b), b / scale
        residual, goal, begin = b, rtol * np.linalg.norm(b), iterations
        while np.linalg.norm(residual) > goal:
            left = (10 * len(b) if maxiter is None else maxiter) - (iterations - begin)
            with np.errstate(all="ignore"):  # whatever it does, the residual will tell
                step, unfinished = cg(
                    shifted, residual, rtol=0.0, atol=ROOM * goal, maxiter=left, M=preconditioner, callback=count
                )
            x, before = x + step, np.linalg.norm(residual)
            residual = b - shifted @ x
            ratio = np.linalg.norm(residual) / np.linalg.norm(b)
            if not np.linalg.norm(residual) <= (goal if unfinished else max(before / 2, goal)):
                why = f"within {left} iterations" if unfinished else "for rounding error"
                single = ", or give points in double precision" if np.finfo(K.dtype).eps > 1e-10 else ""
                raise np.linalg.LinAlgError(
                    f"conjugate gradients did not reach rtol={rtol:g} {why}, but {ratio:.1e}: K + shift I is too "
                    f"ill-conditioned or not positive definite; raise the rank, the shift or rtol{single}"
                )
        with np.errstate(over="ignore"):
            c[:] = x * (scale / unit)
    return solutions, iterations
