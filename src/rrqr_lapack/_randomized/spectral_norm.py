"""The spectral norm from products.

G. H. Golub, W. Kahan, "Calculating the singular values and pseudo-inverse of a matrix", SIAM J. Numer. Anal. 2(2)
(1965), doi:10.1137/0702016. From a random v, j steps build orthonormal U and V with U^H A = B V^H, B bidiagonal, and
||B||_2 = max ||A^H y|| over the unit vectors y of span{A v, (A A^H) A v, .., (A A^H)^(j-1) A v}. So it is never above
||A||_2 but for rounding, and never below the estimate of the power method, which takes the last of these vectors alone
and costs the same.

J. D. Dixon, "Estimating extremal eigenvalues and condition numbers of matrices", SIAM J. Numer. Anal. 20(4) (1983),
doi:10.1137/0720053, for a bound from above. Let v be the leading right singular vector and w standard normal. Then
``||A (A^H A)^p w|| >= ||A||_2^(2p+1) |v^H w|``, and ``|v^H w|^2`` is chi-square with one degree of freedom (two where
it is complex), below t^2 with a probability that is known. Of r independent w all are with its r-th power.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import gammaincinv

from .._common.error import DOUBT, PROBES
from .._common.norms import frobenius
from .._common.operand import dtype_of
from .._common.products import adjoint_times, times
from .._common.random import gaussian
from .._common.scaling import power_of_two
from .._common.types import DType, Matrix, Operand

POWER = 4  # 2 POWER + 1 products with ten vectors: of a flat spectrum of 300 the bound is about 1.5 times the norm


def spectral_norm(a: Operand, steps: int, rng: np.random.Generator) -> float:
    """A lower estimate of ||A||_2 by at most `steps` products with A and as many with A^H."""
    n = a.shape[1]
    v, alphas, betas = _unit(gaussian(rng, n, 1, dtype_of(a))[:, 0])[0], [], []
    u, beta = np.zeros(a.shape[0], dtype_of(a)), 0.0
    for _ in range(min(steps, *a.shape)):
        u, alpha = _unit(times(a, v) - u * u.real.dtype.type(beta))
        alphas.append(alpha)
        if not np.isfinite(alpha):
            raise ValueError(f"A must be finite, but a product with it has the norm {alpha}")
        v, beta = _unit(adjoint_times(a, u) - v * v.real.dtype.type(alpha))
        betas.append(beta)
        if alpha == 0 or beta == 0:
            break
    bidiagonal = np.zeros((len(alphas), len(alphas) + 1))
    np.fill_diagonal(bidiagonal, alphas)
    np.fill_diagonal(bidiagonal[:, 1:], betas)
    scale = power_of_two(bidiagonal)
    return scale * float(np.linalg.svd(bidiagonal / scale, compute_uv=False).max(initial=0))


def spectral_bound(
    multiply: Callable[[Matrix], Matrix],
    multiply_adjoint: Callable[[Matrix], Matrix],
    columns: int,
    dtype: DType,
    rng: np.random.Generator,
) -> float:
    """What ||B||_2 does not exceed, with probability 0.9999, from products with B, of so many columns, and B^H."""
    x = gaussian(rng, columns, PROBES, dtype)
    steps = [multiply, *[multiply_adjoint, multiply] * POWER]
    logarithms = np.zeros(PROBES)
    for step in steps:
        x, norms = zip(*(_unit(column) for column in step(x).T), strict=True)
        x = np.column_stack(x)
        with np.errstate(divide="ignore"):  # zero has the logarithm -inf
            logarithms += np.log(norms)
    degrees = 2 if dtype.kind == "c" else 1
    least = math.sqrt(2 * gammaincinv(degrees / 2, DOUBT ** (1 / PROBES)))  # |v^H w| of one of them is above it
    return math.exp((logarithms.max() - math.log(least)) / len(steps))


def _unit(x: Matrix) -> tuple[Matrix, float]:
    """x / ||x|| and ||x||; zero stays zero."""
    norm = frobenius(x)
    return (x / x.real.dtype.type(norm), norm) if norm > 0 else (x, norm)
