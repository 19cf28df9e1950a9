"""What low-rank approximations have in common: a few factors that stand for their product, and an error.

A `Factored` matrix is its factors, an `Approximate` one has an error, and a `LowRank` approximation is both.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .draw import Curves
from .error import Error
from .html import Shown
from .types import DType, Matrix, MatrixLike, Reals, Shape


class Approximate:
    """What leaves an error. A subclass gives `_error`, an `Error`, computed as late as it likes.

    Attributes
    ----------
    error : float
        Norm of what the approximation leaves.
    error_kind : {'exact', 'bound', 'estimate'}
        What `error` is.
    error_bound : float
        What it does not exceed, with probability 0.9999 where it is an estimate.
    """

    _error: Error

    @property
    def error(self) -> float:
        return self._error.value

    @property
    def error_kind(self) -> str:
        return self._error.kind

    @property
    def error_bound(self) -> float:
        return self._error.bound


class Factored(Shown):
    """A matrix held as a product of factors; it multiplies as the matrix that it stands for.

    A subclass gives `_factors`, from left to right: arrays, sparse arrays, other factored matrices; a vector is the
    diagonal of a matrix.

    Attributes
    ----------
    shape, ndim, dtype
        Those of the matrix that it stands for.
    rank : int
        Number of columns of the first factor.
    """

    __array_ufunc__ = None  # x @ self is ours, not an object array of NumPy's
    ndim = 2

    @property
    def _factors(self) -> tuple[Any, ...]:
        raise NotImplementedError

    @property
    def shape(self) -> Shape:
        return self._factors[0].shape[0], self._factors[-1].shape[1]

    @property
    def dtype(self) -> DType:
        return self._factors[0].dtype

    @property
    def rank(self) -> int:
        return self._factors[0].shape[1]

    def reconstruct(self) -> Matrix:
        """The matrix itself, the product of the factors.

        Returns
        -------
        (M, N) ndarray
            2 M N k flops.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import randomized_svd
        >>> randomized_svd(np.diag([1.0, 4.0]), rank=1, rng=0).reconstruct().round(3) + 0.0
        array([[0., 0.],
               [0., 4.]])
        """
        *others, last = self._factors
        return _product(others, last)

    def __matmul__(self, x: MatrixLike) -> Matrix:
        if np.ndim(x) not in (1, 2) or np.shape(x)[0] != self.shape[1]:
            raise ValueError(self._mismatch(x, f"{self.shape[1]} rows"))
        return _product(self._factors, x)

    def __rmatmul__(self, x: MatrixLike) -> Matrix:
        if np.ndim(x) not in (1, 2) or np.shape(x)[-1] != self.shape[0]:
            raise ValueError(self._mismatch(x, f"{self.shape[0]} columns"))
        product: Any = x
        for factor in self._factors:
            product = product * factor if factor.ndim == 1 else product @ factor
        return product

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.shape}, {self.dtype}: {self._about()}>"

    def _about(self) -> str:
        """What `repr` says of it."""
        return f"rank {self.rank}"

    def _facts(self) -> dict[str, str]:
        m, n = self.shape
        return {"shape": f"{m:,} x {n:,}", "dtype": str(self.dtype), "rank": f"{self.rank:,}"}

    def _mismatch(self, x: Any, length: str) -> str:
        what = f"{type(self).__name__} of shape {self.shape}"
        return f"x must be a matrix of {length} or such a vector for a product with {what}, got the shape {np.shape(x)}"


class LowRank(Approximate, Factored):
    """An approximation of low rank: factors whose product comes near a matrix, to within an error."""

    def __init__(self, error: Error) -> None:
        self._error = error

    def _about(self) -> str:
        return f"rank {self.rank}, {self.error_kind} error {self.error:.3g}"

    def _facts(self) -> dict[str, str]:
        kind = self.error_kind
        bound = f", at most {self.error_bound:.3g}" if kind == "estimate" else ""
        return super()._facts() | {"error": f"{self.error:.3g} ({kind}{bound})"}


class TruncatedSVD(LowRank):
    """``U diag(s) Vh``; unpacks to its parts."""

    def __init__(self, U: Matrix, s: Reals, Vh: Matrix, error: Error) -> None:
        super().__init__(error)
        self.U, self.s, self.Vh = U, s, Vh

    @property
    def _factors(self) -> tuple[Any, ...]:
        return self.U, self.s, self.Vh

    def __iter__(self) -> Iterator[Matrix]:
        return iter((self.U, self.s, self.Vh))

    def _curves(self) -> Curves | None:
        if not isinstance(self.s, np.ndarray):
            return None  # on a device, from which nothing is fetched unasked
        return Curves(np.arange(1, len(self.s) + 1), {"": self.s}, "j", "singular value j")


def error_of(approximation: Approximate) -> Error:
    """The `Error` of an approximation, for another one that has the same."""
    return approximation._error


def _product(factors: Sequence[Any], x: Any) -> Any:
    for factor in reversed(factors):
        diagonal = factor.ndim == 1
        x = (factor[:, None] if x.ndim > 1 else factor) * x if diagonal else factor @ x
    return x
