"""The truncated factorization beside LAPACK's ?geqp3rk."""

import numpy as np
import pytest
from matrices import ZOO
from measures import between, eps, full_diagonal

from bench.geqp3rk import available, geqp3rk
from rrqr_lapack import TruncatedQR

pytestmark = pytest.mark.skipif(
    not available(), reason="no LAPACK 3.12 with 32-bit integers is loaded, so there is no ?geqp3rk to compare with"
)

NAMES = ["gaussian tall", "gaussian wide", "several panels", "graded", "geometric", "algebraic", "relu", "tiny", "huge"]


@pytest.fixture(params=["float32", "float64"])
def real(request):
    return np.dtype(request.param)


def assert_agree(a, f, expected):
    k, p, r = expected.rank, expected.pivots, np.triu(expected.factor[: expected.rank])
    assert f.rank == k
    np.testing.assert_array_equal(f.P[:k], p[:k])
    accuracy = 100 * eps(a.dtype)
    order = np.argsort(p[k:]), np.argsort(f.P[k:])
    found = np.hstack([f.R[:, :k], f.R[:, k:][:, order[1]]])
    r = np.hstack([r[:, :k], r[:, k:][:, order[0]]])
    np.testing.assert_allclose(found, r, rtol=0, atol=accuracy * np.abs(r).max(initial=0))
    slack = 10 * np.sqrt(eps(a.dtype))  # how well downdated norms are known
    assert f.maxresid == pytest.approx(expected.maxresid, rel=slack)
    assert f.relmaxresid == pytest.approx(expected.relmaxresid, rel=slack)


@pytest.mark.parametrize("name", NAMES)
def test_a_rank_gives_what_geqp3rk_gives(name, real):
    a = ZOO[name](real)
    for k in (0, 1, 5, 31, 32, 33):
        assert_agree(a, TruncatedQR(a, rank=k), geqp3rk(a, rank=k))


@pytest.mark.parametrize("name", NAMES)
def test_a_tolerance_gives_what_geqp3rk_gives(name, real):
    a = ZOO[name](real)
    diagonal = full_diagonal(a).astype(float)
    for j in (1, 4, 20, 32, 35):
        tolerance = between(diagonal, j)
        assert_agree(a, TruncatedQR(a, atol=tolerance), geqp3rk(a, atol=tolerance))
        rtol = tolerance / diagonal[0]
        assert_agree(a, TruncatedQR(a, rtol=rtol), geqp3rk(a, rtol=rtol))
        assert_agree(a, TruncatedQR(a, rank=25, rtol=rtol), geqp3rk(a, rank=25, rtol=rtol))


@pytest.mark.parametrize("name", ["zero", "no rows", "no columns", "one row", "one column"])
def test_degenerate_matrices_have_the_rank_of_geqp3rk(name, real):
    a = ZOO[name](real)
    assert TruncatedQR(a).rank == geqp3rk(a).rank
