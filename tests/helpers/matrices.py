"""The matrices that the tests factor: each is made from its shape, dtype and seed alone."""

import numpy as np

DTYPES = [np.dtype(t) for t in ("float32", "float64", "complex64", "complex128")]


def gaussian(m, n, dtype, seed=0):
    """Independent standard normal entries."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        a = a + 1j * rng.standard_normal((m, n))
    return a.astype(dtype)


def with_singular_values(m, n, values, dtype, seed=0):
    """U diag(values) V^H with random orthonormal U and V, formed in double."""
    wide = np.result_type(dtype, np.float64)
    k = len(values)
    u = np.linalg.qr(gaussian(m, k, wide, seed))[0]
    v = np.linalg.qr(gaussian(n, k, wide, seed + 1))[0]
    return ((u * np.asarray(values)) @ v.conj().T).astype(dtype)


def rank_deficient(m, n, dtype, rank=9, seed=0):
    """A product of an m x rank and a rank x n Gaussian matrix."""
    return gaussian(m, rank, dtype, seed) @ gaussian(rank, n, dtype, seed + 1)


def kahan(n, dtype, angle=1.2):
    """W. Kahan, "Numerical linear algebra", 1966: greedy pivoting keeps its order, missing a small singular value."""
    s, c = np.sin(angle), np.cos(angle)
    triangle = np.triu(np.full((n, n), -c), 1) + np.eye(n)
    return (s ** np.arange(n)[:, None] * triangle).astype(dtype)


def rotated_kahan(n, dtype, angle, seed=3):
    """Q K with a random orthonormal Q, K's columns shrunk a little to keep greedy pivoting from leaving their order."""
    shrink = 1 - 30 * np.finfo(dtype).eps * np.arange(n)
    return (np.linalg.qr(gaussian(n, n, "f8", seed))[0] @ (kahan(n, "f8", angle) * shrink)).astype(dtype)


def graded(m, n, dtype, seed=0):
    """Columns whose norms fall evenly over half of the digits of the dtype, in random order."""
    decades = -np.log10(np.finfo(dtype).eps) / 2
    scale = np.random.default_rng(seed + 2).permutation(np.logspace(0, -decades, n))
    return (gaussian(m, n, dtype, seed) * scale).astype(dtype)


def geometric(m, n, dtype, last=None, seed=0):
    """Singular values falling geometrically from 1 to `last`, by default to 100 eps."""
    last = 100 * np.finfo(dtype).eps if last is None else last
    return with_singular_values(m, n, np.geomspace(1, last, min(m, n)), dtype, seed)


def algebraic(m, n, dtype, seed=0):
    """Singular values 1/j."""
    return with_singular_values(m, n, 1 / np.arange(1, min(m, n) + 1), dtype, seed)


def duplicated(m, n, dtype, seed=0):
    """Every column of a Gaussian matrix several times, exactly."""
    return gaussian(m, n, dtype, seed)[:, np.random.default_rng(seed).integers(0, max(n // 3, 1), n)]


def with_zero_columns(m, n, dtype, seed=0):
    """A Gaussian matrix with every third column zero."""
    a = gaussian(m, n, dtype, seed)
    a[:, ::3] = 0
    return a


def relu(m, n, dtype, seed=0):
    """Activations max(0, X W) of a layer with random weights; a few neurons are dead."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((m, 20)) @ rng.standard_normal((20, n)) + rng.standard_normal(n)
    z[:, ::17] = -1
    z = np.maximum(z, 0)
    return (z * (1 + 1j) if np.dtype(dtype).kind == "c" else z).astype(dtype)


def extreme(dtype):
    """The small and the large power of two near 1e-300 and 1e+300 (1e-30 and 1e+30 in single)."""
    exponent = 100 if np.finfo(dtype).nmant < 30 else 997
    return 2.0**-exponent, 2.0**exponent


def scaled(a, factor):
    """a * factor in a's own dtype."""
    return a * a.real.dtype.type(factor)


def tiny(m, n, dtype, seed=0):
    return scaled(gaussian(m, n, dtype, seed), extreme(dtype)[0])


def huge(m, n, dtype, seed=0):
    return scaled(gaussian(m, n, dtype, seed), extreme(dtype)[1])


# name: function of the dtype
ZOO = {
    "gaussian tall": lambda t: gaussian(90, 40, t),
    "gaussian wide": lambda t: gaussian(40, 90, t),
    "gaussian square": lambda t: gaussian(70, 70, t),
    "several panels": lambda t: gaussian(150, 140, t),
    "one row": lambda t: gaussian(1, 7, t),
    "one column": lambda t: gaussian(7, 1, t),
    "one element": lambda t: gaussian(1, 1, t),
    "rank-deficient": lambda t: rank_deficient(60, 50, t),
    "kahan": lambda t: kahan(60, t),
    "graded": lambda t: graded(80, 60, t),
    "geometric": lambda t: geometric(60, 80, t),
    "algebraic": lambda t: algebraic(80, 60, t),
    "duplicated columns": lambda t: duplicated(50, 60, t),
    "zero columns": lambda t: with_zero_columns(50, 40, t),
    "relu": lambda t: relu(120, 60, t),
    "tiny": lambda t: tiny(50, 40, t),
    "huge": lambda t: huge(40, 50, t),
    "zero": lambda t: np.zeros((20, 30), t),
    "identity": lambda t: np.eye(45, dtype=t),
    "ones": lambda t: np.ones((30, 20), t),
    "no rows": lambda t: np.zeros((0, 4), t),
    "no columns": lambda t: np.zeros((4, 0), t),
}
