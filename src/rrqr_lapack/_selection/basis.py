"""The leading right singular vectors of a matrix, exact or by a randomized SVD: what spectral methods choose by.

G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.4.8 (QR first where A is tall); N. Halko,
P. G. Martinsson, J. A. Tropp, "Finding structure with randomness", SIAM Review 53(2) (2011), doi:10.1137/090771806.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
import scipy.linalg

from .._common.arrays import as_fortran, check_choice, check_count
from .._common.norms import frobenius
from .._common.rule import Rule
from .._common.types import Matrix, Operand, Reals
from .._qr.qr import factored
from .._qr.truncated import numerical_rtol
from .._randomized.svd import randomized_svd

BasisDriver: TypeAlias = Literal["auto", "exact", "randomized"]


def right_singular_vectors(a: Operand, rule: Rule, driver: str, oversample: int, power: int) -> Matrix:
    """V^H, k x n with orthonormal rows: the least k with ``||A - A V V^H||_F <= max(atol, rtol ||A||_F)``, at most
    rule.rank and the numerical rank."""
    oversample, power = check_count("oversample", oversample), check_count("power", power)
    if not is_exact(a, driver):
        seed = rule.rng.integers(2**63)  # what is drawn afterwards does not depend on how much the SVD draws
        options = {"oversample": oversample, "power": power, "rng": seed, "check_finite": False}
        found = randomized_svd(a, rule.rank, **rule.tolerances, **options)
        return found.Vh[: above_rounding(a, found.s)]
    s, vh = exact_svd(a)
    k = min(rule.rank, above_rounding(a, s))
    left = np.array([frobenius(s[j:]) for j in range(k + 1)])  # by the best approximation of rank j
    small = left <= max(rule.atol, rule.rtol * left[0])
    return vh[: int(np.argmax(small)) if small.any() else k]


def is_exact(a: Operand, driver: str) -> bool:
    """Whether the driver takes the SVD of A; TypeError where it must and A is not dense."""
    check_choice("driver", driver, get_args(BasisDriver))
    dense = isinstance(a, np.ndarray)
    if driver == "exact" and not dense:
        raise TypeError(
            f"a must be dense for driver='exact', got a {type(a).__name__}; pass a.toarray() if it fits in memory, "
            "or driver='randomized'"
        )
    return dense and driver != "randomized"


def exact_svd(a: Matrix) -> tuple[Reals, Matrix]:
    """All singular values of an array and its right singular vectors, V^H."""
    if a.shape[0] > a.shape[1]:  # A and its R share them
        a = factored(as_fortran(a, overwrite=False, check_finite=False)).upper(a.shape[1])
    _, s, vh = scipy.linalg.svd(a, full_matrices=False, check_finite=False)
    return s, vh


def above_rounding(a: Operand, s: Reals) -> int:
    """The numerical rank: how many singular values are above max(m, n) eps sigma_1."""
    return int(np.count_nonzero(s > numerical_rtol(a) * s.max(initial=0)))
