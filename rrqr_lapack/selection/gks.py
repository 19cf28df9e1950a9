"""Golub-Klema-Stewart: pivoted QR on the leading right singular vectors.

G. H. Golub, V. Klema, G. W. Stewart, "Rank degeneracy and least squares problems", Stanford TR STAN-CS-76-559 (1976). With
a randomized basis: J. J. M. Broadbent, M. E. Brown, K. Penner, "Subset selection algorithms: randomized vs.
deterministic", SIAM Undergrad. Res. Online 3 (2010), doi:10.1137/09S010435.

Guarantee, with V the k leading right singular vectors: ||A - A_C T|| <= ||V[C]^{-1}||_2 sigma_{k+1} in the spectral norm,
and the same in the Frobenius norm with the best error of rank k in place of sigma_{k+1}.
"""

from .._truncated import TruncatedQR
from ._basis import right_singular_vectors


def gks(a, stop, rng, *, basis=None, oversample=10, power=2):
    vh = right_singular_vectors(a, stop, rng, basis, oversample, power)
    return TruncatedQR(vh).P[: len(vh)]
