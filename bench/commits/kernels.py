"""One factorization of each kind: what a commit may not make slower."""

import numpy as np

from rrqr_lapack import TallQR, interpolative_decomposition, qr, qr_truncated, strong_rrqr


class Square:
    """A Gaussian square matrix, all of it and a twentieth of its columns."""

    params = ((16, 64, 200, 500, 1000, 2000), ("float32", "float64", "complex128"))
    param_names = ("n", "dtype")

    def setup(self, n, dtype):
        rng = np.random.default_rng(0)
        a = rng.standard_normal((n, n))
        self.a = np.asfortranarray(a + 1j * rng.standard_normal((n, n)) if dtype == "complex128" else a, dtype)
        self.rank = max(n // 20, 1)

    def time_drop_in_r(self, n, dtype):
        qr(self.a, mode="r", pivoting=True)

    def time_drop_in_economic(self, n, dtype):
        qr(self.a, mode="economic", pivoting=True)

    def time_truncated(self, n, dtype):
        qr_truncated(self.a, rank=self.rank, mode="r")

    def time_truncated_randomized(self, n, dtype):
        qr_truncated(self.a, rank=self.rank, mode="r", driver="randomized", rng=0)

    def time_randomized(self, n, dtype):
        qr_truncated(self.a, mode="r", driver="randomized", rng=0)

    def time_interpolative(self, n, dtype):
        interpolative_decomposition(self.a, rank=self.rank)

    def time_strong(self, n, dtype):
        strong_rrqr(self.a, rank=self.rank)


class Stack:
    """Many small matrices in one call."""

    params = (((10_000, 16, 16), (1_000, 64, 64)),)
    param_names = ("shape",)

    def setup(self, shape):
        self.a = np.random.default_rng(0).standard_normal(shape)

    def time_truncated(self, shape):
        qr_truncated(self.a, mode="r")


class Tall:
    """Rows at once, and in pieces."""

    def setup(self):
        self.a = np.asfortranarray(np.random.default_rng(0).standard_normal((20_000, 500)))

    def time_drop_in_economic(self):
        qr(self.a, mode="economic", pivoting=True)

    def time_in_pieces(self):
        tall = TallQR()
        for rows in np.array_split(self.a, 10):
            tall.update(rows)
        tall.pivoted(rank=25)
