"""CQRRPT on SciPy's BLAS: its time is that of products and of LAPACK, so that Python in between costs nothing.

M. Melnichenko, O. Balabanov, R. Murray, J. Demmel, M. W. Mahoney, P. Luszczek, "CholeskyQR with randomization and
pivoting for tall matrices (CQRRPT)" (2023), arXiv:2311.08316: pivoted QR of a sparse sketch gives pivots and a
preconditioner, one pass of Cholesky QR gives Q. The parameters are the paper's.
"""

import numpy as np
import scipy.sparse
from scipy.linalg import get_blas_funcs, get_lapack_funcs

ROWS = 1.25  # of the sketch, for each column
NONZEROS = 4  # of a column of the sketch


def sparse_signs(rows, columns, dtype, rng):
    """A rows x columns matrix with `NONZEROS` random signs in each column, one in each of as many strips of rows."""
    strip = rows // NONZEROS
    places = rng.integers(0, strip, (columns, NONZEROS), np.int32) + np.arange(NONZEROS, dtype=np.int32) * strip
    signs = rng.choice(np.array([-1, 1], dtype), columns * NONZEROS)
    ends = np.arange(0, signs.size + 1, NONZEROS, np.int32)
    return scipy.sparse.csr_array((signs, places.ravel(), ends), (columns, rows)).T


def cqrrpt(a, rng):
    """Q, R and P with ``A[:, P] = Q R``, up to the numerical rank of the sketch."""
    m, n = a.shape
    geqp3, potrf = get_lapack_funcs(("geqp3", "potrf"), (a,))
    trsm, trmm = get_blas_funcs(("trsm", "trmm"), (a,))
    herk = get_blas_funcs("herk" if a.dtype.kind == "c" else "syrk", (a,))
    sketch = np.asfortranarray(sparse_signs(max(int(ROWS * n), NONZEROS), m, a.real.dtype, rng) @ a)
    workspace = int(geqp3(sketch, lwork=-1)[-2][0].real)
    r, p = geqp3(sketch, lwork=workspace, overwrite_a=True)[:2]
    diagonal = np.abs(np.diagonal(r))
    k = int(np.count_nonzero(diagonal > n * np.finfo(a.dtype).eps * diagonal[0]))
    r, p = np.triu(r[:k]), p - 1
    q = trsm(1, r[:, :k], np.asfortranarray(a[:, p[:k]]), side=1, overwrite_b=True)
    gram = herk(1, q, trans=2 if a.dtype.kind == "c" else 1)
    cholesky = potrf(gram, overwrite_a=True)[0]
    return trsm(1, cholesky, q, side=1, overwrite_b=True), trmm(1, cholesky, r), p
