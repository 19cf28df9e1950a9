"""Matrices on which each guard of the fast kernels acts: without it the pivots are not those of LAPACK's `geqp3`."""

import numpy as np
import pytest
from matrices import algebraic, extreme, gaussian, kahan, scaled
from measures import eps, greedy_slack

from rrqr_lapack import TruncatedQR

every_seed = pytest.mark.parametrize("seed", range(5))
single = pytest.mark.parametrize("dtype", ["float32", "complex64"], indirect=True)
double = pytest.mark.parametrize("dtype", ["float64", "complex128"], indirect=True)


def rotation(m, dtype, seed):
    """Q of a Gaussian matrix, in double."""
    return np.linalg.qr(gaussian(m, m, np.result_type(dtype, "f8"), seed))[0]


def ordered_kahan(n, dtype, angle, drop, seed):
    """Q K with columns that shrink by 1 - drop from one to the next, so that greedy pivots keep their order.

    That order is told by errors of size eps ||R11^{-1}|| for as long as these stay below `drop`. What follows from the
    Gram matrix has errors of size eps ||R11^{-1}||^2.
    """
    shrink = (1 - drop) ** np.arange(n)
    return (rotation(n, dtype, seed) @ (kahan(n, "f8", angle) * shrink)).astype(dtype)


@every_seed
def test_a_block_ends_where_gram_rows_no_longer_tell_the_order(dtype, seed):
    """Measured: the order is right for 34 steps (14 in single), without the bound on a choice's error for 24 to 27
    (9 to 11), and in single for 11 or more where Gram rows are kept although the norms have fallen far."""
    drop, right = (1e-6, 31) if eps(dtype) < 1e-10 else (3e-4, 13)
    f = TruncatedQR(ordered_kahan(80, dtype, 0.9, drop, seed), driver="_prefetch")
    np.testing.assert_array_equal(f.P[:right], np.arange(right))


@every_seed
@double
def test_gram_rows_that_the_panel_does_not_confirm_choose_no_more_pivots(dtype, seed):
    """Their errors are those of R11^{-1} over two blocks. Measured: right for 90 steps, where they are kept for 79 to
    86."""
    f = TruncatedQR(ordered_kahan(200, dtype, 1.35, 1e-8, seed), rank=100, driver="_prefetch")
    np.testing.assert_array_equal(f.P[:88], np.arange(88))


@every_seed
@single
def test_gram_rows_that_the_panel_does_not_confirm_choose_no_more_pivots_in_single_precision(dtype, seed):
    """Measured: columns shorter than the longest by up to 3e-4, where they are kept by 3e-4 to 5e-2."""
    a = ordered_kahan(100, dtype, 1.2, 3e-4, seed)
    assert greedy_slack(a, TruncatedQR(a, driver="_prefetch").P, 27) >= 1 - 5e-4


@every_seed
def test_squared_norms_that_underflow_choose_no_pivot(dtype, seed):
    """The second half of the columns is 1e-22 (1e-161) times the first: its squares are subnormal."""
    small = 2.0**-73 if eps(dtype) > 1e-10 else 2.0**-535
    order = np.random.default_rng(seed).permutation(40)
    a = np.diag(np.append(np.full(40, 1.0), small * (1 - order / 100))).astype(dtype)
    a[:40] += 1e-3 * np.pad(gaussian(40, 40, dtype, seed), ((0, 0), (0, 40)))
    np.testing.assert_array_equal(TruncatedQR(a, driver="_prefetch").P[40:], 40 + np.argsort(order))


@every_seed
@pytest.mark.parametrize("ratio", [1e-2, 1e-1, 1e3])
def test_a_sketch_is_drawn_anew_where_the_downdated_one_is_rounding_error(ratio, dtype, seed):
    """[A, B; 0, C], the columns of C ratio eps long: copies of three but for a thousandth, and sixty others.
    Elimination of A leaves C exactly, and of its downdated sketch nothing if ratio is small."""
    rng = np.random.default_rng(seed)
    block, others, n, wide = 72, 60, 400, np.result_type(dtype, "f8")
    which = rng.permutation(np.append(np.arange(others), rng.integers(others, others + 3, n - block - others)))
    c = np.eye(120, others + 3, dtype=wide)[:, which] + 1e-3 * gaussian(120, n - block, wide, seed)
    a = np.zeros((block + 120, n), wide)
    a[:block, :block] = np.eye(block) + 0.01 * gaussian(block, block, wide, seed)
    a[:block, block:] = 0.02 * gaussian(block, n - block, wide, seed)
    a[block:, block:] = ratio * eps(dtype) * c
    a = a.astype(dtype)
    greedy, f = (TruncatedQR(a, rank=2 * block, driver=driver, rng=seed) for driver in ("greedy", "_randomized"))
    assert f.residual_norm <= 1.5 * greedy.residual_norm


@pytest.mark.parametrize("driver", ["_prefetch", "greedy", "_randomized"])
@pytest.mark.parametrize("make", [gaussian, algebraic])
def test_a_power_of_two_scales_r_in_every_bit(make, driver, dtype):
    """Squares, their bounds and Gram rows are formed of numbers near 1, whatever the matrix."""
    a = make(150, 140, dtype)
    f = TruncatedQR(a, rank=60, driver=driver, rng=0)
    for factor in (*extreme(dtype), 1 / 2, 2, 2.0**20):
        g = TruncatedQR(scaled(a, factor), rank=60, driver=driver, rng=0)
        np.testing.assert_array_equal(g.P, f.P)
        np.testing.assert_array_equal(g.R, scaled(f.R, factor))


def test_a_large_common_part_hides_no_difference_of_the_columns(dtype):
    """a_j = c + d_j with small d_j: all squared norms cancel in the first step."""
    small = np.finfo(dtype).eps ** 0.4
    a = gaussian(150, 1, dtype) + small * gaussian(150, 120, dtype, 1) * np.geomspace(1, 0.01, 120)
    f = TruncatedQR(a.astype(dtype), rank=60, driver="_prefetch")
    assert greedy_slack(a.astype(dtype), f.P, f.rank) >= 1 - 10 * np.sqrt(eps(dtype))


@pytest.mark.parametrize("beside", [5, 0.2])
def test_a_column_counts_as_dependent_at_the_rounding_of_the_matrix(beside, dtype):
    """The last column is the first and, in units of max(M, N) eps, `beside` of a direction of its own."""
    q = np.linalg.qr(gaussian(30, 20, np.result_type(dtype, "f8")))[0]
    q[:, 19] = q[:, 0] + beside * 30 * eps(dtype) * q[:, 19]
    f = TruncatedQR(q.astype(dtype))
    if beside > 1:
        assert f.interpolation().shape == (20, 20)
    else:
        with pytest.raises(np.linalg.LinAlgError, match="rank must be at most the numerical rank, 19"):
            f.interpolation()
