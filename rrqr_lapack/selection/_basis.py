"""The leading right singular vectors of a matrix, exact or by a randomized SVD: what spectral methods choose by.

G. H. Golub, C. F. Van Loan, "Matrix Computations", 4th ed. (2013), section 5.4.8 (R-bidiagonalization); N. Halko,
P. G. Martinsson, J. A. Tropp, "Finding structure with randomness", SIAM Review 53(2) (2011), doi:10.1137/090771806.
"""

import numpy as np
import scipy.linalg

from .._arrays import check_choice, check_count
from .._qr import qr
from .._randomized_svd import randomized_svd
from .._truncated import numerical_rtol


def right_singular_vectors(a, stop, rng, basis, oversample, power):
    """V^H, k x n with orthonormal rows; k is at most the numerical rank, and the tolerances count singular values."""
    check_choice("basis", basis, (None, "exact", "randomized"))
    oversample, power = check_count("oversample", oversample), check_count("power", power)
    dense = isinstance(a, np.ndarray)
    if basis == "exact" and not dense:
        raise TypeError(
            "basis='exact' needs a dense array; pass a.toarray() if it fits in memory, or basis='randomized'"
        )
    if basis == "randomized" or not dense:
        found = randomized_svd(a, stop.rank, oversample=oversample, power=power, rng=rng, check_finite=False)
        s, vh = found.s, found.Vh
    else:
        if a.shape[0] > a.shape[1]:  # A and its R share them
            a = qr(a, mode="r")[0][: a.shape[1]]
        _, s, vh = scipy.linalg.svd(a, full_matrices=False, check_finite=False)
    largest = s[0] if s.size else 0
    above = s > max(max(stop.rtol, numerical_rtol(a)) * largest, stop.atol)
    return vh[: min(stop.rank, np.count_nonzero(above))]
