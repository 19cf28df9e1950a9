"""Spectral embedding: the leading eigenvectors of a normalized affinity matrix, from a Nystrom approximation of it.

C. Fowlkes, S. Belongie, F. Chung, J. Malik, "Spectral grouping using the Nystrom method", IEEE Trans. Pattern Anal.
Mach. Intell. 26(2) (2004), doi:10.1109/TPAMI.2004.1262185. With A ~= U diag(lambda) U^H the normalized matrix is G G^H
for G = D^{-1/2} U diag(lambda)^{1/2}, and its eigenvectors are the left singular vectors of G.

Guarantee (Weyl): with the same degrees D each eigenvalue is at most that of D^{-1/2} A D^{-1/2}, and smaller by at most
||D^{-1/2} (A - U diag(lambda) U^H) D^{-1/2}||_2.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import check_count
from .._common.operand import dtype_of
from .._common.products import times
from .._common.types import Array, Indices, Matrix, MatrixLike, Operand, Reals, Seed
from .nystrom import Landmarks, nystrom
from .psd import as_psd, dense_columns, diagonal, has_submatrix, submatrix

COLUMNS = 256  # of a stored matrix that are looked at together
ROUNDING = 100  # an affinity is negative below -ROUNDING eps of the largest in its column


def check_affinities(block: Any, indices: Indices) -> None:
    """ValueError for the first entry of A[:, indices] that is no affinity, by more than rounding."""
    if not len(indices):
        return
    largest = abs(block).max(axis=0)
    if sparse.issparse(block):
        largest, stored = largest.toarray().ravel(), block.tocoo()
        rows, places, values = stored.row, stored.col, stored.data
    else:
        places, rows = np.divmod(np.arange(block.size), len(block))
        values = block.T.ravel()
    noise = ROUNDING * np.finfo(block.dtype).eps * largest[places]
    wrong = (values.real < -noise) | (np.abs(values.imag) > noise)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"a must hold affinities, real and not negative, but its entry ({rows[first]}, {indices[places[first]]}) "
            f"is {values[first]}; take a kernel without negative values, such as rbf, or set them to 0"
        )


class Affinities(LinearOperator):
    """A plus a diagonal; whatever column of an operator A is read must hold affinities."""

    def __init__(self, a: Operand, own: Array, added: Array) -> None:
        super().__init__(dtype_of(a), a.shape)
        self.a, self.own, self.added = a, own, added
        if has_submatrix(a):
            self.submatrix = self._submatrix

    def diagonal(self) -> Array:
        return self.own + self.added

    def columns(self, indices: Indices) -> Matrix:
        block = dense_columns(self.a, indices)
        if isinstance(self.a, LinearOperator):  # what is stored was looked at as a whole
            check_affinities(block, indices)
        block[indices, np.arange(len(indices))] += self.added[indices].astype(block.real.dtype)
        return block

    def _submatrix(self, rows: Indices, columns: Indices) -> Matrix:
        added = np.where(np.equal.outer(rows, columns), self.added[columns], 0)
        return submatrix(self.a, rows, columns) + added.astype(np.finfo(self.dtype).dtype)

    def _matmat(self, x: Matrix) -> Matrix:
        return times(self.a, x) + self.added.astype(np.finfo(self.dtype).dtype)[:, None] * x

    def _adjoint(self) -> Self:
        return self


def spectral_embedding(
    a: MatrixLike,
    components: int,
    *,
    rank: int | None = None,
    landmarks: Landmarks | ArrayLike = "rpcholesky",
    check_finite: bool = True,
    rng: Seed = None,
) -> tuple[Matrix, Reals]:
    """Eigenvectors of the random walk ``D^{-1} A`` on an affinity matrix, ``D = diag(A 1)``, A never formed.

    Parameters
    ----------
    a : (N, N) array_like, sparse array or LinearOperator
        Symmetric matrix of affinities >= 0 with a diagonal: positive semidefinite, such as a `KernelMatrix`, or a graph
        without loops, of which the diagonal is zero.
    components : int
        Number of eigenvectors, at least 1 and at most the number of landmarks. The first is constant up to the
        approximation, and belongs to the eigenvalue 1.
    rank, landmarks, check_finite, rng : optional
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
        An argument is out of its range, as for `nystrom`; an affinity is negative (of a LinearOperator, one that was
        read); the approximation has a rank below `components`, or a degree that is not positive.

    Notes
    -----
    N (k + 1) entries of A and 10 N k^2 flops. The degrees are those of the approximation with its diagonal made exact:
    a point far from all landmarks keeps its own affinity, and is placed near 0.

    Where a point has no affinity to itself but some to others, A is not positive semidefinite, while A + D is: for
    zeros on the diagonal ``x^H (A + D) x`` is the sum of ``a_ij |x_i + x_j|^2`` over all edges. The walk of A + D has
    the same eigenvectors, and the eigenvalues (1 + mu) / 2 for mu. So A + D is approximated then, with the exact D,
    which takes a product with A. Its rank is near N, and so should be `rank`.

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
    own = diagonal(a)
    if not isinstance(a, LinearOperator):
        for first in range(0, len(own), COLUMNS):
            block = a[:, first : first + COLUMNS]
            check_affinities(block, np.arange(first, first + block.shape[1]))
    degrees = times(a, np.ones((len(own), 1), dtype_of(a)))[:, 0].real.astype(np.float64) if (own == 0).any() else own
    without_loops = ((own == 0) & (degrees != 0)).any()
    affinities = Affinities(a, own, degrees if without_loops else np.zeros_like(own))
    approximation = nystrom(affinities, rank=rank, landmarks=landmarks, check_finite=False, rng=rng)
    if approximation.rank < components:
        raise ValueError(
            f"components must be at most the rank of the approximation, {approximation.rank}, got {components}; raise "
            "rank, the number of landmarks. If that does not help, a has this rank, or is not positive semidefinite: "
            "a + diag(a 1) always is, with the same eigenvectors"
        )
    G = approximation.eigenvectors * np.sqrt(approximation.eigenvalues)
    if without_loops:
        degrees = 2 * degrees
    else:
        inside = (np.abs(G) ** 2).sum(axis=1)
        degrees = (G @ G.sum(axis=0).conj()).real + np.maximum(own - inside, 0)
    if not (degrees > 0).all():
        index = int(np.argmin(degrees > 0))
        raise ValueError(
            f"the degree of point {index} must be positive, got {degrees[index]:.3g}; "
            "raise the rank, or leave out a point without affinities"
        )
    weights = (1 / np.sqrt(degrees)).astype(approximation.eigenvalues.dtype)[:, None]
    Q, R = np.linalg.qr(G * weights)
    u, s, _ = np.linalg.svd(R)
    V, eigenvalues = Q @ u[:, :components], s[:components] ** 2
    if without_loops:
        degrees, eigenvalues = degrees / 2, 2 * eigenvalues - 1
    return V / np.sqrt(degrees).astype(eigenvalues.dtype)[:, None], eigenvalues
