"""What chosen columns guarantee for one matrix: bounds of the least ``||A - A_C T||``, computed from it.

Let C be k columns, V any matrix of j <= k orthonormal columns, such as the leading right singular vectors,
E = A - A V V^H, V_1 = V[C], and l_i = ||V[i]||^2 the leverage scores, whose sum is j. T is the best one, so that
A - A_C T = (I - P) A with the orthogonal projector P onto the span of A_C, and P A_C = A_C. All four hold in the
spectral and in the Frobenius norm.

`residual`. Let V_1 have full column rank, X = (V_1^H)^+ V^H and W = E_C (V_1^H)^+. As A_C = A V V_1^H + E_C and
V_1^H (V_1^H)^+ = I, A - A_C X = E - W V^H. Since E V = 0, (E - W V^H)(E - W V^H)^H = E E^H + W W^H. So

    ||(I - P) A|| = ||(I - P)(A - A_C X)|| <= ||A - A_C X|| <= (||E||^2 + ||W||^2)^(1/2).

`singular_vectors`. Let S be the columns C of the identity and Z = S (V_1^H)^+, so that V^H Z = I and
||Z||_2 = 1 / s, s the least singular value of V_1. Z^H Z = I + Z^H (I - V V^H) Z, hence
||(I - V V^H) Z||_2^2 = 1 / s^2 - 1, and W = E Z = E (I - V V^H) Z. With the bound above

    ||(I - P) A|| <= ||E|| / s,   and where j = k   1 / s = (1 + ||V_2 V_1^{-1}||_2^2)^(1/2), V_2 the other rows.

`leverage`. No singular value of V_1 exceeds 1, and the sum of their squares is that of l_i over C. So s^2 is at least
that sum less j - 1, which is 1 less the sum over the columns that are not in C:

    ||(I - P) A|| <= ||E|| / (1 - sum_{i not in C} l_i)^(1/2), where that is a number.

`coefficients`. Let A P = Q R with C first, T_2 = R11^{-1} R12 the coefficients of the other columns and
a = ||R22||_2 ||R11^{-1}||_2. Then diag(a R11, R22) = R M with M = [[a I, -T_2], [0, I]]. No singular value of a R11 is
less than one of R22, which are therefore the last ones on the left: sigma_i(R22) <= sigma_{k+i}(A) ||M||_2. M is, in
the singular vectors of T_2, blocks [[a, -t], [0, 1]], of which the largest t has the largest norm:

    ||(I - P) A|| <= ||M||_2 ||A - [A]_k||,   ||M||_2^2 <= 1 + ||T_2||_2^2 + a^2 <= 1 + k (n - k) max rho_ij^2,

with rho_ij^2 = |T_ij|^2 + (||R22[:, j]|| ||R11^{-1}[i]||)^2: the last is what strong rank-revealing QR bounds. No other
approximation of rank j <= k is nearer than [A]_k, so ||A - [A]_k|| <= ||E||.

R. Armstrong, A. Buzali, A. Damle, "Structure-aware analyses and algorithms for interpolative decompositions", 2023,
arXiv:2310.09452; S. Chandrasekaran, I. C. F. Ipsen, "On rank-revealing factorisations", SIAM J. Matrix Anal. Appl.
15(2) (1994), doi:10.1137/S0895479891223781; G. H. Golub, V. Klema, G. W. Stewart, Stanford TR STAN-CS-76-559 (1976);
M. Gu, S. C. Eisenstat, SIAM J. Sci. Comput. 17(4) (1996), doi:10.1137/0917055.
"""

import math

import numpy as np

from .._common.norms import frobenius
from .._common.types import Indices, Matrix


def spectral(a: Matrix) -> float:
    """||A||_2 of an array near 1."""
    return float(np.linalg.norm(a, 2)) if a.size else 0.0


NORMS = {2: spectral, "fro": frobenius}


def from_vectors(
    v: Matrix, C: Indices, outside: Matrix, norm: int | str, left: float, rounding: float
) -> dict[str, float]:
    """The bounds `residual`, `singular_vectors` and `leverage`, infinite where they say nothing.

    `outside` is E_C to within `rounding`, and ||E|| is at most `left`.
    """
    slack = 10 * len(v) * float(np.finfo(v.real.dtype).eps)  # by which what is computed of V may be off
    p, s, _ = np.linalg.svd(v[C], full_matrices=False)
    least = float(s.min(initial=1)) - slack
    kept = 1 - frobenius(np.delete(v, C, axis=0)) ** 2 - slack
    known = len(C) >= v.shape[1] and least > 0
    return {
        "residual": math.hypot(left, NORMS[norm](outside @ p / s) + rounding / least) if known else math.inf,
        "singular_vectors": left / least if known else math.inf,
        "leverage": left / math.sqrt(kept) if kept > 0 else math.inf,
    }


def from_coefficients(residual: float, least: float, others: float) -> float:
    """||M||_2 for ||R22||_2, sigma_min(R11) and ||T_2||_2.

    The singular values of a block [[a, -t], [0, 1]] have the product a, and their squares the sum 1 + a^2 + t^2.
    """
    a = residual / least
    return (math.hypot(1 + a, others) + math.hypot(1 - a, others)) / 2
