"""What low-rank approximations have in common: a few factors that stand for their product."""

from .error import Error


class LowRank:
    """A matrix held as a product of factors; it multiplies as the matrix that it stands for.

    A subclass gives `_factors`, the factors from left to right, and `rank`.
    """

    __array_ufunc__ = None  # x @ self is ours, not an object array of NumPy's

    def __init__(self, error):
        self.error, self.error_kind, self.error_bound = error

    @property
    def shape(self):
        return self._factors[0].shape[0], self._factors[-1].shape[1]

    @property
    def dtype(self):
        return self._factors[0].dtype

    def __repr__(self):
        what = f"<{type(self).__name__} of shape {self.shape}, {self.dtype}"
        return f"{what}: rank {self.rank}, {self.error_kind} error {self.error:.3g}>"

    def __matmul__(self, x):
        for factor in reversed(self._factors):
            x = factor @ x
        return x

    def __rmatmul__(self, x):
        for factor in self._factors:
            x = x @ factor
        return x


def error_of(approximation):
    """The `Error` of an approximation, for another one that has the same."""
    return Error(approximation.error, approximation.error_kind, approximation.error_bound)
