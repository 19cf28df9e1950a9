"""Low-rank approximation from a single pass over the matrix: its rows and its columns are sketched, and no product
depends on another.

``A ~= A X (Y A X)^+ Y A`` for random X and Y: Y. Nakatsukasa, "Fast and stable randomized low-rank matrix
approximation", arXiv:2009.11392 (2020). With Q an orthonormal basis of A X it is ``Q (Y Q)^+ Y A``, which is stable
without his truncation of the pseudo-inverse, because Y Q is well conditioned: J. A. Tropp, A. Yurtsever, M. Udell, V.
Cevher, "Practical sketching algorithms for low-rank matrix approximation", SIAM J. Matrix Anal. Appl. 38(4) (2017),
doi:10.1137/17M1111590.
"""

import numpy as np

from .._common.products import times
from .._common.rule import check_rule
from .._common.types import MatrixLike, Seed
from .._qr.factored import TruncatedQR
from .sampler import Sampler, basis_columns, measured
from .sketch import SketchName, sketch_of_columns
from .svd import RandomizedSVD, svd_of_product


def generalized_nystrom(
    a: MatrixLike,
    rank: int,
    *,
    oversample: int = 10,
    sketch: SketchName = "gaussian",
    check_finite: bool = True,
    rng: Seed = None,
) -> RandomizedSVD:
    """Truncated SVD from one pass over the matrix, ``A ~= U diag(s) Vh``, by generalized Nystrom approximation.

    For matrices that are expensive to read or to multiply with: A X, Y A and ten products for the error estimate, all
    with random X and Y that do not depend on A, are all that is needed of it.

    Parameters
    ----------
    a : (M, N) array_like, sparse array or matrix, or LinearOperator
        Matrix; a LinearOperator needs its adjoint.
    rank : int
        Number of singular values, 0 to min(M, N).
    oversample : int, optional
        X has ``l = rank + oversample`` columns, and Y has l + l // 2 rows.
    sketch, check_finite, rng : optional
        As for `range_finder`.

    Returns
    -------
    RandomizedSVD
        Its error is an estimate. Float32 stays float32, complex stays complex.

    Raises
    ------
    TypeError, ValueError
        As `range_finder`.

    See Also
    --------
    randomized_svd : closer to the best approximation, from products that follow each other.

    Notes
    -----
    5 M N l flops for a dense matrix and a Gaussian sketch, and O((M + N) l^2). The singular values may exceed A's own.
    For Gaussian sketches and B the approximation before it is truncated to `rank`, with any k < l - 1,
    ``E ||A - B||_F^2 <= (1 + l / (l // 2 - 1)) (1 + k / (l - k - 1)) sum_{j>k} sigma_j^2``. The truncation leaves at
    most ``(sum_{j>rank} sigma_j^2)^(1/2) + 2 ||A - B||_F``.

    References
    ----------
    Y. Nakatsukasa, arXiv:2009.11392 (2020). J. A. Tropp, A. Yurtsever, M. Udell, V. Cevher, SIAM J. Matrix Anal. Appl.
    38(4) (2017), doi:10.1137/17M1111590, Theorem 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import generalized_nystrom
    >>> x = np.linspace(0, 1, 200)
    >>> A = np.exp(-np.subtract.outer(x, x) ** 2)
    >>> approximation = generalized_nystrom(A, rank=5, rng=0)
    >>> bool(np.linalg.norm(A - approximation.reconstruct()) <= approximation.error_bound)
    True
    """
    a, norm = measured(a, check_finite, with_adjoint=True)
    rule = check_rule(a.shape, rank, None, None, rng=rng)
    rank, columns = rule.rank, basis_columns(a.shape, rule, oversample)
    sampler = Sampler(a, norm, rule, 0, sketch)
    q, psi, rows = sampler.both_sketches(columns, min(columns + columns // 2, a.shape[0]))
    basis = TruncatedQR(sketch_of_columns(psi, q))
    solution, _ = basis.lstsq(rows)
    z = np.zeros((a.shape[1], columns), q.dtype)
    z[:, basis.P[: basis.rank]] = solution.conj().T
    u, s, vh = svd_of_product(q, z)
    u, s, vh = times(q, u[:, :rank]), s[:rank], vh[:rank]
    return RandomizedSVD(u, s, vh, sampler.estimated_error(lambda x: times(u, s[:, None] * times(vh, x))))
