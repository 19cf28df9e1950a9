"""Spectral embedding: the leading eigenvectors of a normalized affinity matrix, from a Nystrom approximation of it.

C. Fowlkes, S. Belongie, F. Chung, J. Malik, "Spectral grouping using the Nystrom method", IEEE Trans. Pattern Anal.
Mach. Intell. 26(2) (2004), doi:10.1109/TPAMI.2004.1262185. With A ~= U diag(lambda) U^H the normalized matrix is G G^H
for G = D^{-1/2} U diag(lambda)^{1/2}, and its eigenvectors are the left singular vectors of G.

Guarantee (Weyl): with the same degrees D each eigenvalue is at most that of D^{-1/2} A D^{-1/2}, and smaller by at most
||D^{-1/2} (A - U diag(lambda) U^H) D^{-1/2}||_2.
"""

import numpy as np

from ._arrays import check_count
from ._nystrom import nystrom
from ._psd import as_psd, diagonal


def spectral_embedding(a, components, *, rank=None, landmarks="rpcholesky", check_finite=True, rng=None):
    """Eigenvectors of the random walk ``D^{-1} A`` on an affinity matrix, ``D = diag(A 1)``, A never formed.

    Parameters
    ----------
    a : (N, N) array_like, sparse array or LinearOperator
        Positive semidefinite matrix of affinities >= 0, such as a `KernelMatrix`, with a diagonal.
    components : int
        Number of eigenvectors, at least 1 and at most the number of landmarks. The first is constant up to the
        approximation, and belongs to the eigenvalue 1.
    rank, landmarks, check_finite, rng
        As for `nystrom`.

    Returns
    -------
    embedding : (N, components) ndarray
        ``D^{-1/2} V``, one point in each row, V orthonormal.
    eigenvalues : (components,) ndarray
        Descending.

    Raises
    ------
    TypeError, ValueError
        An argument is out of its range, as for `nystrom`; the approximation has a rank below `components`, or a degree
        that is not positive.

    Notes
    -----
    N (k + 1) entries of A and 10 N k^2 flops. The degrees are those of the approximation with its diagonal made exact:
    a point far from all landmarks keeps its own affinity, and is placed near 0.

    References
    ----------
    C. Fowlkes, S. Belongie, F. Chung, J. Malik, 2004, doi:10.1109/TPAMI.2004.1262185.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import KernelMatrix, rbf, spectral_embedding
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-4, 1, (500, 2)), rng.normal(4, 1, (500, 2))])
    >>> embedding, eigenvalues = spectral_embedding(KernelMatrix(rbf, X), 2, rank=100, rng=0)
    >>> left = embedding[:500, 1] < 0
    >>> bool(abs(left.mean() - (embedding[500:, 1] < 0).mean()) > 0.99)
    True
    """
    a = as_psd(a, check_finite=check_finite)
    components = check_count("components", components, 1)
    approximation = nystrom(a, rank=rank, landmarks=landmarks, check_finite=False, rng=rng)
    if approximation.rank < components:
        raise ValueError(
            f"components must be at most the rank of the approximation, {approximation.rank}, got {components}"
        )
    G = approximation.eigenvectors * np.sqrt(approximation.eigenvalues)
    inside = (np.abs(G) ** 2).sum(axis=1)
    degrees = (G @ G.sum(axis=0).conj()).real + np.maximum(diagonal(a) - inside, 0)
    if not (degrees > 0).all():
        index = int(np.argmin(degrees > 0))
        raise ValueError(f"the degree of point {index} must be positive, got {degrees[index]:.3g}; raise the rank")
    weights = (1 / np.sqrt(degrees)).astype(approximation.eigenvalues.dtype)[:, None]
    Q, R = np.linalg.qr(G * weights)
    u, s, _ = np.linalg.svd(R)
    return weights * (Q @ u[:, :components]), s[:components] ** 2
