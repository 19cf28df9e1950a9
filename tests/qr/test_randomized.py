"""`driver='randomized'`: as stable as greedy pivoting, stopped by the true residual, and nearly as good a choice."""

import numpy as np
import pytest
import threadpoolctl
from matrices import (
    ZOO,
    algebraic,
    duplicated,
    extreme,
    gaussian,
    geometric,
    kahan,
    rank_deficient,
    scaled,
    with_singular_values,
    with_zero_columns,
)
from measures import THRESHOLD, eps, factor_ratio, orthogonality_ratio, qr_ratio

from rrqr_lapack import TruncatedQR, _core, interpolative_decomposition, qr_truncated

# name: function of the dtype; more than one block of 128 columns each
LARGE = {
    "gaussian tall": lambda t: gaussian(320, 290, t),
    "gaussian wide": lambda t: gaussian(200, 310, t),
    "gaussian wider than a block is high": lambda t: gaussian(129, 400, t),
    "geometric": lambda t: geometric(260, 280, t),
    "algebraic": lambda t: algebraic(290, 200, t),
    "rank-deficient": lambda t: rank_deficient(280, 270, t, rank=130),
    "duplicated columns": lambda t: duplicated(300, 330, t),
    "zero columns": lambda t: with_zero_columns(250, 300, t),
    "kahan": lambda t: kahan(250, t),
    "a sketch that is pivoted by prefetching": lambda t: gaussian(120, 820, t),
}


def factor(a, seed=0, **rule):
    return TruncatedQR(a, driver="_randomized", rng=seed, **rule)


def column_norms(a):
    return np.linalg.norm(a, axis=0)


def residual_norms(a, f, k):
    """Norms of the columns P[k:] once the first k of Q are projected out, in double."""
    wide = np.result_type(a, np.float64)
    return column_norms(a[:, f.P[k:]].astype(wide) - f.form_q()[:, :k].astype(wide) @ f.R[:k, k:].astype(wide))


def assert_is_factorization(a, f):
    """Backward stable, with true residual norms."""
    k, largest = f.rank, column_norms(a.astype(np.result_type(a, np.float64))).max(initial=0)
    np.testing.assert_array_equal(np.sort(f.P), np.arange(a.shape[1]))
    assert np.isfinite(f.R).all()
    assert factor_ratio(a[:, f.P[:k]], f.form_q() @ f.R[:, :k]) <= THRESHOLD
    assert orthogonality_ratio(f.form_q()) <= THRESHOLD
    norms, rounding = residual_norms(a, f, k), THRESHOLD * max(a.shape) * eps(a.dtype) * largest
    np.testing.assert_allclose(f.residual_column_norms, norms, rtol=0, atol=rounding)
    # downdated norms are known to sqrt(eps), see LAPACK Working Note 176
    assert f.maxresid == pytest.approx(norms.max(initial=0), rel=10 * np.sqrt(eps(a.dtype)), abs=rounding)


@pytest.mark.parametrize("name", [*LARGE, *(f"small {name}" for name in ZOO)])
def test_the_factorization_is_backward_stable(name, dtype):
    a = LARGE[name](dtype) if name in LARGE else ZOO[name.removeprefix("small ")](dtype)
    for rank in {min(a.shape), min(a.shape) // 2}:
        q, r, p = qr_truncated(a, rank=rank, mode="full", driver="_randomized", rng=5)
        assert qr_ratio(a, q, r, p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD


SHAPES = [(m, n) for m in (1, 127, 128, 129, 136, 137, 256, 257) for n in (1, 127, 128, 129, 256, 257, 273)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_shape_around_the_blocks_is_factored(shape):
    for dtype in ("f4", "c16"):
        a = gaussian(*shape, dtype)
        f = factor(a)
        assert f.rank == min(shape)
        assert_is_factorization(a, f)
        assert_is_factorization(a, factor(a, rtol=0.5))


# A full factorization of 384 columns has blocks of 32 and applies its deferred updates at 256.
CUTS = [0, 1, 30, 31, 32, 33, 50, 64, 100, 127, 128, 129, 150, 200, 255, 256, 257, 300, 330, 382]


@pytest.mark.parametrize("make", [geometric, algebraic])
def test_the_rank_is_the_first_at_which_the_largest_residual_norm_meets_the_tolerance(make, dtype):
    a = make(400, 384, dtype)
    f = factor(a, atol=0)
    # with the same seed and a tolerance, by which norms are kept exact, pivots are the same: R tells every norm
    left = np.sqrt(np.cumsum(np.abs(f.R[::-1].astype(np.result_type(dtype, np.float64))) ** 2, axis=0))[::-1]
    largest = left.max(axis=1)
    clear = largest[1:] < (1 - 4 * np.sqrt(eps(dtype))) * largest[:-1]  # of the rounding of a downdated norm
    steps = sorted({k + 1 + int(np.argmax(clear[k:])) for k in CUTS if clear[k:].any()})
    assert len(steps) >= 10
    for k in steps:
        tolerance = float(np.sqrt(largest[k]) * np.sqrt(largest[k - 1]))
        f = factor(a, **({"atol": tolerance} if k % 2 else {"rtol": tolerance / largest[0]}))
        assert f.rank == k
        assert residual_norms(a, f, k).max() <= tolerance < residual_norms(a, f, k - 1).max()
        assert_is_factorization(a, f)


def test_a_tolerance_and_a_rank_hold_together(dtype):
    a = geometric(300, 280, dtype)
    for rank in CUTS[2:-3:2]:
        for rtol in (0.3, 1e-3):
            f = factor(a, rank=rank, rtol=rtol)
            limit = rtol * column_norms(a).max()
            assert f.rank == rank or residual_norms(a, f, f.rank).max() <= limit
            assert residual_norms(a, f, f.rank - 1).max() > limit
            assert_is_factorization(a, f)


# name: (function of the dtype, rank of the exact factorization), with a residual that is exactly zero there
EXHAUSTED = {
    "zero": (lambda t: np.zeros((150, 200), t), 0),
    "one row": (lambda t: np.eye(150, 1, dtype=t) @ gaussian(1, 200, t), 1),
    "repeated identity": (lambda t: np.tile(np.eye(120, dtype=t), (1, 3)), 120),
    "a block of zeros": (lambda t: np.pad(gaussian(150, 220, t), ((0, 100), (0, 40))), 150),
    "zero columns": (lambda t: np.where(np.arange(300) % 2, gaussian(250, 300, t), 0).astype(t), 150),
    "repeated diagonal": (
        lambda t: np.tile(np.diag(np.logspace(0, 8 * np.log10(eps(t)) / 3, 110)), (1, 3)).astype(t),
        110,
    ),
}


@pytest.mark.parametrize("name", EXHAUSTED)
def test_the_rank_stops_where_the_residual_is_exactly_zero(name, dtype):
    make, rank = EXHAUSTED[name]
    a = make(dtype)
    for seed in range(3):
        f = factor(a, seed)
        assert (f.rank, f.maxresid, f.residual_norm) == (rank, 0, 0)
        assert np.diagonal(f.R).all()
        assert_is_factorization(a, f)
        assert f.extend().rank == rank


@pytest.mark.parametrize("rank", [1, 60, 128, 129, 200])
def test_a_tolerance_finds_the_rank_of_a_product(rank, dtype):
    a = rank_deficient(280, 260, dtype, rank=rank)
    assert factor(a, rtol=300 * eps(dtype)).rank == rank
    d = interpolative_decomposition(a, rtol=300 * eps(dtype), driver="_randomized", rng=0)
    assert d.rank == rank
    assert np.abs(d.coefficients).max() < 100
    assert factor_ratio(a, d.reconstruct()) <= 100 * THRESHOLD  # R11 may be ill-conditioned by 100


def test_a_small_tolerance_holds_beside_much_larger_columns(dtype):
    """Squares of these residual norms relative to the largest column underflow."""
    decades = -0.9 * np.log10(float(np.finfo(dtype).tiny))
    a = np.diag(np.logspace(0, -decades, 150)).astype(dtype)
    assert factor(a, rtol=0).rank == 150
    assert factor(a, atol=float(np.abs(a[120, 120])) * 1.01).rank == 120


@pytest.mark.parametrize("rtol", [0.8, 0.5, 0.3])
def test_a_tolerance_holds_for_subnormal_numbers(rtol, dtype):
    root = 2.0 ** (515 if np.finfo(dtype).nmant > 30 else 67)  # its square is too large a number
    a = scaled(scaled(gaussian(120, 110, dtype), 1 / root), 1 / root)
    assert 0 < np.abs(a).max() < np.finfo(dtype).tiny
    f, near_one = factor(a, rtol=rtol), scaled(scaled(a, root), root)
    q, limit = f.form_q(), rtol * column_norms(near_one).max()
    after, before = (
        column_norms(near_one - q[:, :k] @ (q[:, :k].conj().T @ near_one)).max() for k in (f.rank, f.rank - 1)
    )
    assert after <= 1.001 * limit  # subnormal numbers have few digits
    assert before >= 0.999 * limit


def test_an_extension_goes_on(dtype):
    for make in (gaussian, geometric, rank_deficient):
        a = make(230, 240, dtype)
        f = factor(a, rank=0)
        for k in (1, 7, 127, 128, 129, 200, 230):
            before = f.P[: f.rank]
            assert f.extend(rank=k).rank == k
            np.testing.assert_array_equal(f.P[: len(before)], before)
            assert_is_factorization(a, f)


def test_an_extension_stops_at_its_tolerance(dtype):
    a = geometric(300, 290, dtype)
    f = factor(a, rank=5)
    for rtol in (0.1, 1e-2, 1e-3):
        limit = rtol * column_norms(a).max()
        f.extend(rtol=rtol)
        assert residual_norms(a, f, f.rank).max() <= limit < residual_norms(a, f, f.rank - 1).max()
        assert_is_factorization(a, f)


@pytest.mark.parametrize("rule", [{}, {"rank": 130}, {"rtol": 0.2}], ids=str)
def test_a_seed_gives_one_result(rule, dtype):
    a = algebraic(230, 200, dtype)
    first, second = factor(a, 3, **rule), factor(a, np.random.default_rng(3), **rule)
    np.testing.assert_array_equal(first.qr, second.qr)
    np.testing.assert_array_equal(first.P, second.P)


def test_two_threads_give_the_result_of_one(dtype):
    a = algebraic(140, 120, dtype)
    one = factor(a)
    with threadpoolctl.threadpool_limits(2):
        two, again = factor(a), factor(a)
    np.testing.assert_array_equal(two.qr, again.qr)
    np.testing.assert_array_equal(two.P, again.P)
    np.testing.assert_array_equal(one.P, two.P)
    np.testing.assert_allclose(two.R, one.R, rtol=0, atol=200 * eps(dtype) * np.abs(one.R).max())


def test_the_seed_makes_the_sketch():
    a = gaussian(200, 200, "f8")
    assert len({tuple(factor(a, seed).P) for seed in range(4)}) > 1
    assert len({tuple(factor(a, None).P) for _ in range(4)}) > 1


def test_a_stack_takes_its_sketches_from_one_generator():
    a = gaussian(3 * 110, 100, "f8").reshape(3, 110, 100)
    q, r, p = qr_truncated(a, driver="_randomized", rng=2)
    rng = np.random.default_rng(2)
    for i in range(3):
        for stacked, alone in zip((q, r, p), qr_truncated(a[i], driver="_randomized", rng=rng), strict=True):
            np.testing.assert_array_equal(stacked[i], alone)


def test_the_scale_changes_nothing(dtype):
    a = gaussian(230, 240, dtype)
    expected = factor(a)
    decades = 300 if np.finfo(dtype).nmant > 30 else 30
    for factor_of_two in extreme(dtype):
        f = factor(scaled(a, factor_of_two))
        np.testing.assert_array_equal(f.P, expected.P)
        np.testing.assert_array_equal(f.R, scaled(expected.R, factor_of_two))
    for factor_of_ten in (10.0**-decades, 10.0**decades):
        np.testing.assert_array_equal(factor(scaled(a, factor_of_ten)).P, expected.P)


def stairs(n, dtype, steps=12):
    """Singular values that are equal over n / steps and then fall tenfold."""
    return with_singular_values(n, n, 10.0 ** -(np.arange(n) * steps // n), dtype)


def devils_stairs(n, dtype, length=20):
    """G. W. Stewart's: singular values in many plateaus with small gaps."""
    return with_singular_values(n, n, 0.6 ** (np.arange(n) // length), dtype)


def kernel(n, dtype):
    """exp(-10 |x - y|) on an interval."""
    x = np.linspace(0, 1, n)
    return np.exp(-10 * np.abs(np.subtract.outer(x, x))).astype(dtype)


# name: (function of order and dtype, ranks)
SPECTRA = {
    "gaussian": (lambda n, t: gaussian(n, n, t), (10, 60, 100, 130, 200)),
    "algebraic": (lambda n, t: algebraic(n, n, t), (10, 60, 100, 130, 200)),
    "geometric": (lambda n, t: geometric(n, n, t), (10, 60, 100, 130, 200)),
    "kernel": (kernel, (10, 60, 100, 130, 200)),
    "stairs": (stairs, (10, 60, 100, 130, 200)),
    "devil's stairs": (devils_stairs, (10, 60, 100, 130, 200)),
    # from rank 90 on the order of the columns, which greedy pivoting keeps, is within 1.2 of the best choice of all
    # here; any perturbation of its ties is up to three times worse, however many rows the sketch has
    "kahan": (lambda n, t: kahan(n, t) * (1 - 1e-13 * np.arange(n)), (10, 30, 60, 75)),
}


@pytest.mark.parametrize("name", SPECTRA)
def test_the_error_is_near_that_of_greedy_pivots(name):
    make, ranks = SPECTRA[name]
    a = make(240, np.dtype("f8"))
    for k in ranks:
        greedy = TruncatedQR(a, rank=k, driver="greedy").residual_norm
        ratios = [factor(a, seed, rank=k).residual_norm / greedy for seed in range(7)]
        assert np.median(ratios) <= 1.5
        assert max(ratios) <= 2


FAILING = {
    "to the end": ({}, gaussian),
    "to a tolerance, with stale norms": ({"rtol": 1e-3}, geometric),
    "past the numerical rank": ({}, lambda m, n, t: rank_deficient(m, n, t, rank=20)),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_failed_allocation_leaves_a_factor_that_goes_on(name, dtype):
    rule, make = FAILING[name]
    a = make(200, 190, dtype)
    reached, allowed = factor(a, rank=10, seed=1), 0
    f = reached
    while True:
        _core.fail_allocation(allowed)
        try:
            f.extend(**rule)
            break
        except MemoryError:
            allowed += 1
        finally:
            _core.fail_allocation(-1)
        assert_is_factorization(a, f)
    assert allowed >= 5
    assert_is_factorization(a, f)
    assert f.maxresid <= rule.get("rtol", 0) * column_norms(a).max() or f.rank == 190


@pytest.mark.parametrize("shape", [(30, 20), (300, 320), (330, 320), (5, 40_000)])
def test_a_sketch_is_drawn_where_it_saves_time(shape, dtype):
    a = gaussian(*shape, dtype)
    sketched = shape[0] * shape[1] >= 320 * 320
    f, again, other = (TruncatedQR(a, rank=5, driver="randomized", rng=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(f.P, again.P)
    assert np.array_equal(f.P, other.P) != sketched
    if not sketched:
        np.testing.assert_array_equal(f.P, TruncatedQR(a, rank=5).P)
        np.testing.assert_array_equal(qr_truncated(a[None], rank=5, driver="randomized")[2][0], f.P)
    assert_is_factorization(a, f)


@pytest.mark.parametrize("matrix", [gaussian, geometric])
def test_blocks_whose_updates_wait_and_blocks_after_them_are_one_factorization(matrix, dtype):
    a = matrix(420, 410, dtype)
    f = factor(a, rank=80)  # a fifth at most is wanted: blocks of 32 columns or less, whose updates are deferred
    assert_is_factorization(a, f)
    f.extend(rank=150)  # from here on they are not
    assert_is_factorization(a, f)
