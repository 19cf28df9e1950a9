"""Eigenvectors of the random walk on a graph of affinities, by subspace iteration on its edges alone."""

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from .. import randomized_eigh
from .._common.types import Array, Matrix

OVERSAMPLE = 40
FIRST, FACTOR = 50, 4  # power iterations at first, and by how much they grow until the residual is small; measured on
# graphs of 2,000 images and of a rolled sheet, with 10 to 80 columns beyond those asked for


class Deflated(LinearOperator):
    """``(I + S) / 2 - u u^T`` for ``S = D^{-1/2} A D^{-1/2}``, positive semidefinite, without its trivial vector u."""

    def __init__(self, a: Any, degrees: Array) -> None:
        super().__init__(np.float64, a.shape)
        self.a, self.alone = a, (degrees == 0)[:, None]  # a vertex without edges has one to itself
        self.roots = np.sqrt(np.where(self.alone, 1, degrees[:, None]))
        self.trivial = self.roots / np.linalg.norm(self.roots)

    def _matmat(self, x: Matrix) -> Matrix:
        walked = np.where(self.alone, x, self.a @ (x / self.roots) / self.roots)
        result: Matrix = (x + walked) / 2 - self.trivial * (self.trivial.T @ x)
        return result

    def _adjoint(self) -> "Deflated":
        return self


def walk(
    a: Any, components: int, tol: float, maxiter: int, rng: np.random.Generator
) -> tuple[Matrix, Array, int, float]:
    """``D^{-1/2} V`` beside the constant vector, eigenvalues of S, iterations, and the largest ``||S v - lambda v||``.

    A is symmetric in double precision.
    """
    operator = Deflated(a, np.asarray(a.sum(axis=1)).ravel())
    power = min(FIRST, maxiter)
    while True:
        w, V = randomized_eigh(operator, components, oversample=OVERSAMPLE, power=power, rng=rng)
        residual = 2 * float(np.linalg.norm(operator @ V - V * w, axis=0).max())
        if residual <= tol or power == maxiter:
            return V / operator.roots, 2 * w - 1, power, residual
        power = min(FACTOR * power, maxiter)
