"""The kernel matrix of training points under scikit-learn's names of kernels, which is never formed."""

import functools
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.metrics.pairwise import pairwise_kernels

from .. import KernelMatrix
from .._common.types import Array, Matrix
from .._kernel.matrix import kernel_values

PRECOMPUTED = "precomputed"
OF_ONE = ("rbf", "laplacian", "chi2")  # kernels with k(x, x) = 1: small blocks of K would take the time of many columns


class Pairwise:
    """``k(X, Y)`` as `sklearn.metrics.pairwise.pairwise_kernels` computes it; an object, so that it goes into pickles.

    `of` is an estimator whose parameters are `kernel`, `gamma`, `degree`, `coef0`, `kernel_params` and maybe `n_jobs`.
    """

    def __init__(self, of: Any) -> None:
        self.metric, self.n_jobs = of.kernel, getattr(of, "n_jobs", None)
        self.parameters = dict(of.kernel_params or {})
        if not callable(self.metric):
            given = {"gamma": of.gamma, "degree": of.degree, "coef0": of.coef0}
            self.parameters |= {name: value for name, value in given.items() if value is not None}

    def __call__(self, x: Any, y: Any) -> Matrix:
        how = {"metric": self.metric, "filter_params": True, "n_jobs": self.n_jobs}
        values: Matrix = pairwise_kernels(x, y, **how, **self.parameters)
        return values

    def beside(self, x: Any, fitted: Any, indices: Array) -> Matrix:
        """The kernel between points and those that were fitted; of a stored kernel the columns of these."""
        return _dense(x[:, indices]) if self.metric == PRECOMPUTED else kernel_values(self, x, fitted)

    def gram(self, x: Any, roots: Array | None = None) -> "Gram":
        """The kernel of the indices of points, of which a stored kernel is the matrix."""
        if self.metric == PRECOMPUTED and x.shape[0] != x.shape[1]:
            raise ValueError(f"X must be square where kernel='precomputed', got the shape {x.shape}")
        return Gram(self, x, roots)


class Gram:
    """``k(i, j) = w_i k(x_i, x_j) w_j`` of the indices i and j, columns of integers; without roots w they are 1."""

    def __init__(self, pairwise: Pairwise, x: Any, roots: Array | None) -> None:
        self.pairwise, self.x, self.roots = pairwise, x, roots

    def __call__(self, i: Array, j: Array) -> Matrix:
        rows, columns = i[:, 0], j[:, 0]
        if self.pairwise.metric == PRECOMPUTED:
            values = _dense(self.x[rows][:, columns])
        else:
            values = self.pairwise(self.x[rows], self.x[columns])
        return values if self.roots is None else self.roots[rows][:, None] * values * self.roots[columns]

    @property
    def indices(self) -> Array:
        """Those of all points, as `kernel_ridge` takes points."""
        return np.arange(self.x.shape[0])[:, None]

    def matrix(self) -> KernelMatrix:
        return GramMatrix(self)


class GramMatrix(KernelMatrix):
    """The matrix of a `Gram` without weights, of which the diagonal is found once, or known."""

    def __init__(self, gram: Gram) -> None:
        self.gram = gram
        super().__init__(gram, gram.indices)

    def diagonal(self) -> Matrix:
        return self._diagonal

    @functools.cached_property
    def _diagonal(self) -> Matrix:
        if self.gram.pairwise.metric in OF_ONE:
            return np.ones(self.shape[0], self.dtype)
        return super().diagonal()


def _dense(values: Any) -> Matrix:
    array: Matrix = values.toarray() if sparse.issparse(values) else values
    return array
