"""What low-rank approximations have in common: a few factors that stand for their product."""

import numpy as np


class LowRank:
    """A matrix held as a product of factors; it multiplies as the matrix that it stands for.

    A subclass gives `_factors`, the factors from left to right, and `rank`, `error` and `error_kind`: 'exact' where the
    algorithm knows the error (to rounding), 'estimate' where a few random products speak for all of it.
    """

    __array_ufunc__ = None  # x @ self is ours, not an object array of NumPy's

    @property
    def shape(self):
        return self._factors[0].shape[0], self._factors[-1].shape[1]

    @property
    def dtype(self):
        return self._factors[0].dtype

    def __repr__(self):
        error = f"error {self.error:.3g}" if self.error_kind == "exact" else f"error about {self.error:.3g}"
        return f"<{type(self).__name__} of shape {self.shape}, {self.dtype}: rank {self.rank}, {error}>"

    def __matmul__(self, x):
        for factor in reversed(self._factors):
            x = factor @ x
        return x

    def __rmatmul__(self, x):
        for factor in self._factors:
            x = x @ factor
        return x


def column_norms(a):
    """2-norms of the columns, without overflow or underflow, in double."""
    size = np.abs(a).astype(np.float64)
    largest = size.max(axis=0, initial=0)
    return largest * np.linalg.norm(size / np.where(largest > 0, largest, 1), axis=0)
