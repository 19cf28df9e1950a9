"""Matrices of rank 0 and without elements: each of the family answers, and none hands LAPACK what it has no word for.

`svd`, `svdvals`, `eigh`, `cholesky` and `solve_triangular` of SciPy answer for them since 1.15; before, they fail in
the query for a workspace. The wrappers of single LAPACK routines never do, so whoever calls one looks first.
"""

import numpy as np
import pytest
import scipy.linalg
from scipy import sparse

import rrqr_lapack as rl

SHAPES = [(0, 0), (0, 3), (3, 0), (3, 3), (5, 3), (3, 5)]
FAMILY = [
    rl.interpolative_decomposition,
    rl.row_interpolative_decomposition,
    rl.two_sided_interpolative_decomposition,
    rl.strong_rrqr,
    rl.cur,
    rl.randomized_svd,
    rl.TruncatedQR,
]
SQUARE = [rl.randomized_eigh, rl.nystrom, rl.rpcholesky]


def zeros(shape, dtype):
    """Nothing but zeros, as an array in both orders and as a sparse matrix."""
    return [np.zeros(shape, dtype), np.zeros(shape, dtype, order="F"), sparse.csc_array(shape, dtype=dtype)]


@pytest.mark.parametrize("options", [{"rank": 0}, {"rtol": 0.1}, {"atol": 1.0}], ids=str)
@pytest.mark.parametrize(
    ("function", "shape"),
    [(f, shape) for f in FAMILY for shape in SHAPES] + [(f, (n, n)) for f in SQUARE for n in (0, 3)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_matrix_of_zeros_has_rank_zero(function, shape, options, dtype):
    sparse_too = function not in (rl.strong_rrqr, rl.TruncatedQR, *SQUARE)
    for a in zeros(shape, dtype)[: 3 if sparse_too else 2]:
        assert function(a, **options).rank == 0


@pytest.mark.parametrize("method", ["greedy", "strong", "gks", "arp", "osinsky", "sketch", "leverage"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_of_a_matrix_of_zeros_no_column_is_selected(method, shape, dtype):
    assert rl.select_columns(np.zeros(shape, dtype), rank=0, method=method, rng=0).rank == 0


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)], ids=str)
def test_scipys_decompositions_answer_for_matrices_without_elements(shape, dtype):
    a, k = np.zeros(shape, dtype), 0
    u, s, vh = scipy.linalg.svd(a, full_matrices=False)
    assert (u.shape, s.shape, vh.shape) == ((shape[0], k), (k,), (k, shape[1]))
    assert scipy.linalg.svdvals(a).shape == (k,)
    square = np.zeros((0, 0), dtype)
    assert [x.shape for x in scipy.linalg.eigh(square)] == [(0,), (0, 0)]
    assert scipy.linalg.cholesky(square, lower=True).shape == (0, 0)
    assert scipy.linalg.solve_triangular(square, np.zeros((0, 3), dtype)).shape == (0, 3)
    assert scipy.linalg.solve_triangular(np.eye(3, dtype=dtype), np.zeros((3, 0), dtype)).shape == (3, 0)
