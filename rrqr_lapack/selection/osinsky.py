"""Adaptive randomized pivoting with its conditional expectations minimized: a deterministic choice.

A. I. Osinsky, "Close to optimal column approximation using a single SVD", Linear Algebra Appl. 725 (2025),
doi:10.1016/j.laa.2025.07.016, arXiv:2308.09068; as a derandomization: A. Cortinovis, D. Kressner, 2024,
arXiv:2412.13992.

Guarantee, for any V with k orthonormal columns: ||A - A_C T||_F^2 <= (k + 1) ||A - A V V^H||_F^2.

With E = A - A V V^H, so that E V = 0, the oblique error is E - E_C V[C]^{-H} V^H and its square ||E||^2 + ||W||^2
with W = E_C V[C]^{-H}. Let V^H P = Q R. W has a column for each pivot j, w = e_j / r_j, with the row r of R that the
pivot adds, and E becomes E - w r. The pivot of the least ||e_j||^2 / |r_j|^2 lets the expectation grow least.
"""

import numpy as np
import scipy.linalg

from .._qr import qr
from .._truncated import numerical_rtol
from ._basis import right_singular_vectors
from ._scale import near_one
from .arp import eliminate


def osinsky(a, stop, rng, *, basis=None, oversample=10, power=2):
    if not isinstance(a, np.ndarray):
        raise TypeError("method 'osinsky' needs a dense array; pass a.toarray() if it fits in memory, or method='arp'")
    a, scale = near_one(a)
    stop = stop._replace(atol=stop.atol * scale)
    if a.shape[0] > a.shape[1]:  # only norms and inner products of columns count
        a = qr(a, mode="r")[0][: a.shape[1]]
    vh = right_singular_vectors(a, stop, rng, basis, oversample, power)
    return eliminate(vh, _LeastGrowth(a, vh))


class _LeastGrowth:
    """The pivot whose column of the residual is least for its score."""

    def __init__(self, a, vh):
        self.e = np.asfortranarray(a - (a @ vh.conj().T) @ vh)
        self.ger = scipy.linalg.get_blas_funcs("gerc" if a.dtype.kind == "c" else "ger", (a,))
        norms = _squares(a)
        # below this E is rounding error, and the scores alone decide
        self.floor = numerical_rtol(a) ** 2 * norms.max(initial=0)
        self.pivot = None

    def __call__(self, scores, row):
        if row is not None:
            w = self.e[:, self.pivot] / row[self.pivot]
            self.ger(-1, w, row.conj(), a=self.e, overwrite_a=1)
        growth = np.full(len(scores), np.inf)
        np.divide(_squares(self.e) + self.floor, scores, out=growth, where=scores > 0)
        self.pivot = int(np.argmin(growth))
        return self.pivot


def _squares(a):
    return np.einsum("ij,ij->j", a.conj(), a).real.astype(np.float64)
