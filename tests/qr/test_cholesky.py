"""Tall matrices with an explicit Q, or R alone: by Cholesky's factor where that is accurate, and as ever where not."""

import numpy as np
import pytest
import scipy.linalg
from matrices import (
    algebraic,
    duplicated,
    gaussian,
    geometric,
    graded,
    huge,
    rank_deficient,
    relu,
    tiny,
    with_singular_values,
    with_zero_columns,
)
from measures import THRESHOLD, assert_same, assert_same_choices, eps, orthogonality_ratio, qr_ratio

from rrqr_lapack import TruncatedQR, _core, qr, qr_truncated

M, N = 900, 75

# matrix: the passes that make Q of it, in single and in double precision; 0 where Cholesky's factor is not trusted
MATRICES = {
    "gaussian": (gaussian, 1, 1),
    "graded": (graded, 1, 1),
    "condition 3": (lambda m, n, t: geometric(m, n, t, 0.3), 1, 1),
    "condition 30": (lambda m, n, t: geometric(m, n, t, 0.03), 2, 2),
    "condition 1e4": (lambda m, n, t: geometric(m, n, t, 1e-4), 0, 2),
    "algebraic": (algebraic, 2, 2),
    "geometric": (geometric, 0, 0),
    "rank-deficient": (rank_deficient, 0, 0),
    "duplicated columns": (duplicated, 0, 0),
    "zero columns": (with_zero_columns, 0, 0),
    "relu": (relu, 0, 0),
    "tiny": (tiny, 0, 0),
    "huge": (huge, 0, 0),
    "zero": (lambda m, n, t: np.zeros((m, n), t), 0, 0),
}


def passes(a):
    return _core.gram_triangle(np.asfortranarray(a))[1]


@pytest.fixture
def made(monkeypatch):
    """The passes of every Q that Cholesky's factor has made."""
    made, cholesky_q = [], _core.cholesky_q

    def seen(a, pivots, r, passes, wanted):
        made.append(passes)
        return cholesky_q(a, pivots, r, passes, wanted)

    monkeypatch.setattr(_core, "cholesky_q", seen)
    return made


@pytest.mark.parametrize("name", MATRICES)
def test_passes_are_as_many_as_the_condition_needs(name, dtype):
    make, single, double = MATRICES[name]
    with np.errstate(over="ignore"):
        assert passes(make(M, N, dtype)) == (single if eps(dtype) > 1e-10 else double)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("order", "FC")
def test_the_drop_in_gives_what_scipy_gives(name, order, dtype):
    """Pivots, the signs of R, shapes and memory order; of R every entry."""
    a = np.array(MATRICES[name][0](M, N, dtype), order=order)
    before = a.copy(order="K")
    q, r, p = qr(a, mode="economic", pivoting=True)
    rest = qr(a, mode="r", pivoting=True)
    np.testing.assert_array_equal(a, before)
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    expected = scipy.linalg.qr(a, mode="economic", pivoting=True)
    for found, theirs in ((q, expected[0]), (r, expected[1]), (p, expected[2])):
        assert (found.shape, found.dtype) == (theirs.shape, theirs.dtype)
        assert found.flags.c_contiguous == theirs.flags.c_contiguous
    if 0 in MATRICES[name][1:]:
        return  # beyond the rounding level the order is arbitrary, and test_qr.py has looked at it
    for p2, r2 in ((p, r), (rest[1], rest[0][:N])):
        assert_same_choices(a, p2, expected[2], N)
        if (p2 == expected[2]).all():
            assert_same(r2, expected[1])
    assert not rest[0][N:].any()


@pytest.mark.parametrize("rank", [38, 60, N])
@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("how", ["auto", "greedy", "_randomized"])
def test_a_truncated_factorization_is_as_accurate_as_by_reflectors(name, rank, how, dtype, one_sketch):
    a = np.asfortranarray(MATRICES[name][0](M, N, dtype))
    q, r, p = qr_truncated(a, rank=rank, driver=how)
    r2, p2 = qr_truncated(a, rank=rank, driver=how, mode="r")
    k = len(r)
    assert (q.shape, r.shape) == ((M, k), (k, N))
    np.testing.assert_array_equal(np.sort(p), np.arange(N))
    assert qr_ratio(a[:, p[:k]], q, r[:, :k], np.arange(k)) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    if np.isfinite(a).all() and k and k < N and name not in ("tiny", "huge"):
        left = a[:, p[k:]] - q @ r[:, k:]
        assert np.abs(q.conj().T @ left).max() <= THRESHOLD * M * eps(dtype) * np.linalg.norm(a, axis=0).max()
    if how != "_randomized" and 0 not in MATRICES[name][1:]:
        expected = TruncatedQR(a, rank=rank, driver=how)
        assert_same_choices(a, p, expected.P, rank)
        if (p[:rank] == expected.P[:rank]).all() and (p2[:rank] == p[:rank]).all():
            assert_same(r[:, :rank], expected.R[:, :rank])
            assert_same(r2[:, :rank], expected.R[:, :rank])


@pytest.mark.parametrize("rank", [6, 8])
@pytest.mark.parametrize("name", ["gaussian", "condition 30"])
def test_rows_that_come_in_several_pieces_make_the_same_factors(name, rank, dtype, made):
    """Each quarter of them is more than a piece, and the last is no whole one."""
    m, n = 20001, 8
    a = np.asfortranarray(MATRICES[name][0](m, n, dtype))
    q, r, p = qr_truncated(a, rank=rank)
    r2, p2 = qr_truncated(a, rank=rank, mode="r")
    assert made == ([1] if name == "gaussian" else [2, 2])
    expected = TruncatedQR(a, rank=rank, driver="greedy")
    for found, pivots in ((r, p), (r2, p2)):
        np.testing.assert_array_equal(pivots[:rank], expected.P[:rank])
        assert_same(found[:, :rank], expected.R[:, :rank])
    assert orthogonality_ratio(q) <= THRESHOLD
    assert qr_ratio(a[:, p[:rank]], q, r[:, :rank], np.arange(rank)) <= THRESHOLD
    left = a[:, p[rank:]] - q @ r[:, rank:]
    assert np.abs(q.conj().T @ left).max(initial=0) <= THRESHOLD * m * eps(dtype) * np.linalg.norm(a, axis=0).max()


def test_cholesky_takes_what_is_tall_well_conditioned_and_wanted_explicitly(made):
    a = gaussian(M, N, "f8")
    qr(a, mode="economic", pivoting=True)
    qr_truncated(a)
    qr_truncated(a, rank=38, driver="_randomized")
    assert made == [1, 1, 1]
    b = algebraic(M, N, "f8")
    qr_truncated(b)
    qr_truncated(b, rank=38)
    qr_truncated(b, mode="r")
    assert made == [1, 1, 1, 2, 2, 2]
    for other in (
        lambda: qr(a, mode="full", pivoting=True),
        lambda: qr(a, mode="raw", pivoting=True),
        lambda: qr(a, mode="economic"),
        lambda: qr(a[:400], mode="economic", pivoting=True),
        lambda: qr_truncated(a, mode="raw"),
        lambda: qr_truncated(a, mode="full"),
        lambda: qr_truncated(a, rank=5),
        lambda: qr_truncated(a, rtol=0.1),
        lambda: qr_truncated(a, driver="lapack"),
        lambda: qr_truncated(algebraic(M, 110, "f8"), mode="r"),
        lambda: TruncatedQR(a),
    ):
        other()
    assert made == [1, 1, 1, 2, 2, 2]


def test_what_cholesky_has_made_is_not_made_by_reflectors_as_well(monkeypatch):
    shapes, factor = [], _core.Factor
    monkeypatch.setattr(_core, "Factor", lambda a, *rest: shapes.append(a.shape) or factor(a, *rest))
    for make in (gaussian, algebraic):  # one pass and two
        for mode in ("economic", "r"):
            qr(make(M, N, "f8"), mode=mode, pivoting=True)
            qr_truncated(make(M, N, "f8"), mode=mode)
    assert shapes == [(N, N)] * 8


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("least", [0.9, 0.2, 0.1, 0.03, 1e-2, 1e-3, 1e-4, 1e-5])
def test_one_bad_direction_costs_no_orthogonality(least, seed, dtype):
    """A single small singular value is what a condition estimate misses most easily."""
    a = with_singular_values(M, N, np.r_[np.ones(N - 1), least], dtype, seed)
    q, r, p = qr_truncated(a)
    assert qr_ratio(a, q, r, p) <= THRESHOLD
    assert orthogonality_ratio(q) <= 1  # measured: at most 0.2
    assert (passes(a) == 1) == (least > 0.22)


def test_a_first_pass_that_went_wrong_is_found_out(dtype):
    """A triangle that is not that of A: the second pass sees that its Q is far from orthonormal."""
    a = np.asfortranarray(gaussian(M, N, dtype))
    r, one = _core.gram_triangle(a)
    pivots = np.arange(N, dtype=np.int32)
    assert one == 1
    for wanted in (True, False):
        assert _core.cholesky_q(a, pivots, r.copy("F"), 2, wanted)[1]
        wrong = r.copy("F")
        wrong[3, 3] *= 2
        assert not _core.cholesky_q(a, pivots, wrong, 2, wanted)[1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (M - 1, N - 1), (5, 57)])
def test_what_is_not_finite_is_named_as_ever(value, place, dtype):
    a = np.asfortranarray(gaussian(M, N, dtype))
    a[place] = value
    with pytest.raises(ValueError, match=rf"column {place[1]} holds"):
        qr_truncated(a)
    with pytest.raises(ValueError, match="infs or NaNs"):
        qr(a, mode="r", pivoting=True)
    assert passes(a) == 0


@pytest.mark.parametrize("mode", ["economic", "r"])
@pytest.mark.parametrize("make", [gaussian, duplicated])
def test_a_matrix_that_may_be_overwritten_gives_the_same(make, mode, dtype):
    a = np.asfortranarray(make(M, N, dtype))
    for found, expected in zip(
        qr(a.copy("F"), overwrite_a=True, mode=mode, pivoting=True), qr(a, mode=mode, pivoting=True), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(
        qr_truncated(a.copy("F"), overwrite_a=True, mode=mode), qr_truncated(a, mode=mode), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_ties_go_to_the_column_that_comes_first():
    a = np.linalg.qr(gaussian(M, N, "f8"))[0]
    np.testing.assert_array_equal(qr_truncated(a, tie_tol=1e-8)[2], np.arange(N))


@pytest.mark.parametrize("shape", [(21900, 3), (7001, 24), (2000, 300)])
def test_columns_of_equal_norm_tie_although_their_norms_in_the_triangle_differ_by_rounding(shape, dtype):
    a = np.sign(np.random.default_rng(1).standard_normal(shape)).astype(dtype)
    assert qr(a, mode="economic", pivoting=True)[2][0] == 0
    assert qr_truncated(a, driver="greedy")[2][0] == 0


def coherent(m, n, t):
    """Ill-conditioned, with all that counts in n of the rows, which a sketch of few signs a row sees unevenly."""
    a = 1e-9 * gaussian(m, n, t)
    a[:n] += geometric(n, n, t)
    return a


# matrix: whether the triangle of a sketch makes it well-conditioned, in single and in double precision
ILL = {
    "geometric": (geometric, True, True),
    "condition 1e12": (lambda m, n, t: geometric(m, n, t, 1e-12), True, True),
    "graded and ill-conditioned": (lambda m, n, t: geometric(m, n, t) * np.geomspace(1, 1e-6, n).astype(t), True, True),
    "nearly parallel columns": (lambda m, n, t: gaussian(m, n, t) + t.type(0.01 / eps(t)), True, True),
    "huge": (huge, True, True),
    "relu": (relu, False, False),
    "zero columns": (with_zero_columns, False, False),
    "zero": (lambda m, n, t: np.zeros((m, n), t), False, False),
}


@pytest.mark.parametrize("name", ILL)
def test_an_ill_conditioned_matrix_is_preconditioned_where_it_can_be(name, dtype):
    make, single, double = ILL[name]
    with np.errstate(over="ignore"):
        a = np.asfortranarray(make(M, N, dtype))
    found = _core.precondition(a, True)
    assert (found is not None) == (single if eps(dtype) > 1e-10 else double)
    if found:
        r, c, y = found
        q = scipy.linalg.solve_triangular(c, y.T, trans="T").T
        assert orthogonality_ratio(q) <= THRESHOLD
        assert qr_ratio(a, q, r, np.arange(N)) <= THRESHOLD
        np.testing.assert_array_equal(_core.precondition(a, False)[2], y[:N])


@pytest.mark.parametrize("make", [*(make for make, *_ in ILL.values()), coherent])
@pytest.mark.parametrize("rank", [40, N])
def test_preconditioned_or_not_a_factorization_is_backward_stable(make, rank, dtype):
    with np.errstate(over="ignore"):
        a = np.asfortranarray(make(M, N, dtype))
    q, r, p = qr_truncated(a, rank=rank)
    k = len(r)
    assert qr_ratio(a[:, p[:k]], q, r[:, :k], np.arange(k)) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    left = a[:, p[k:]] - q @ r[:, k:]
    scale = np.abs(a).max() or 1
    assert (np.abs(q.conj().T @ left) / scale).max(initial=0) <= THRESHOLD * M * eps(dtype)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ["economic", "r"])
def test_a_preconditioned_matrix_has_lapacks_pivots_and_signs(mode, seed, dtype, monkeypatch):
    """Of a spectrum that ends four digits above rounding: nearer to it a sign may hang on a number that is about 0."""
    kept, precondition = [], _core.precondition
    monkeypatch.setattr(_core, "precondition", lambda a, wanted: kept.append(wanted) or precondition(a, wanted))
    a = geometric(1000, N, dtype, 1e4 * eps(dtype), seed)
    *_, r, p = qr(a, mode=mode, pivoting=True)
    _, expected, pivots = scipy.linalg.qr(a, mode="economic", pivoting=True)
    assert kept == [mode == "economic"]
    assert_same_choices(a, p, pivots, N)
    if (p == pivots).all():
        assert_same(r[:N], expected)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("size", [0, "tiny", "huge"])
def test_few_columns_whose_squares_are_no_normal_numbers(n, size, dtype):
    """What the Gram matrix cannot tell goes on to the sketch, however narrow it is."""
    limits = np.finfo(dtype)
    factor = {"tiny": float(limits.tiny) * 8, "huge": float(limits.max) / 1e4}.get(size, size)
    a = np.asfortranarray((gaussian(70_000, n, np.result_type(dtype, "f8")) * factor).astype(dtype))
    q, r, p = qr_truncated(a)
    assert len(r) == (n if factor else 0)
    if factor:
        scaled = a / dtype.type(factor)
        assert qr_ratio(scaled, q, r / dtype.type(factor), p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD
