"""The error curves: for every k what is left of the activations, from one factorization."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from rrqr_lapack.prune._units.factor import GroupFactor
from rrqr_lapack.prune._units.select import METHODS, PIVOTED, Order, columns_of, order
from rrqr_lapack.prune._units.statistics import Statistics, gather


def activations(rng, rows=300, n=24, rank=None, offset=1.0):
    """Rows of Z with a mean, correlated columns, and all singular values above 1e-3 of the largest."""
    mix = rng.standard_normal((rank or n, n)) * np.logspace(0, -2, rank or n)[:, None]
    return np.tanh(rng.standard_normal((rows, rank or n))) @ mix + offset * rng.standard_normal(n)


def chosen(method, Z, unit=1, affine=False, correct=True, seed=3):
    """The factorization of Z by this method, its consumers and producers random."""
    rng, n = np.random.default_rng(seed), Z.shape[1]
    statistics = Statistics.of(gather(np.array_split(Z, 4)))
    weights = {"consumers": [rng.standard_normal((n, 5)), rng.standard_normal((n, 2))]}
    weights["producers"] = [rng.standard_normal((7, n))]
    units = order(method, statistics, unit, affine=affine, rng=seed, **weights)
    return GroupFactor(statistics, units, unit=unit, affine=affine, correct=correct)


def left(Z, cut, unit=1):
    """||Z - Z[:, C] T - shift||_F, computed from Z itself."""
    shift = 0 if cut.shift is None else cut.shift
    return np.linalg.norm(Z - Z[:, columns_of(cut.units, unit)] @ cut.coefficients - shift)


@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("unit", [1, 3])
@pytest.mark.parametrize("method", METHODS)
def test_the_error_is_exact_for_every_k(rng, method, unit, affine, correct):
    Z = activations(rng)
    factor = chosen(method, Z, unit, affine, correct)
    assert len(factor.errors) == len(factor.units) + 1 == 24 // unit + 1
    for k in range(1, len(factor.units)):
        assert factor.errors[k] == pytest.approx(left(Z, factor.cut(k), unit), rel=1e-12)
    assert factor.errors[-1] <= 1e-12 * factor.norm
    assert factor.norm == pytest.approx(np.linalg.norm(Z), rel=1e-12)
    assert factor.errors[0] == pytest.approx(np.linalg.norm(Z - affine * Z.mean(axis=0)), rel=1e-12)


@pytest.mark.parametrize("decades", [2, 5, 8])
def test_small_errors_do_not_cancel(rng, decades):
    """R22 is summed, never ||Z||^2 minus something: errors are exact to eps ||Z||, whatever they are."""
    U, V = (np.linalg.qr(rng.standard_normal((n, 20)))[0] for n in (400, 20))
    Z = (U * np.logspace(0, -decades, 20)) @ V.T
    factor = chosen("id", Z)
    for k in range(1, 20):
        assert abs(factor.errors[k] - left(Z, factor.cut(k))) <= 1e-14 * factor.norm
    assert factor.errors[19] <= 10.0 ** (1 - decades) * factor.norm


@pytest.mark.parametrize(("beside", "rank"), [(5, 24), (0.2, 23)])
def test_a_unit_counts_as_dependent_at_the_rounding_of_the_activations(rng, beside, rank):
    """What the last one has beside the first, in units of n eps ||z||."""
    Z = np.linalg.qr(rng.standard_normal((300, 24)))[0]
    Z[:, 23] = Z[:, 0] + beside * 24 * np.finfo(float).eps * Z[:, 23]
    assert len(chosen("id", Z).units) == rank


@given(seed=st.integers(0, 2**32 - 1), method=st.sampled_from(METHODS), affine=st.booleans())
def test_t_is_the_best_there_is(seed, method, affine):
    rng = np.random.default_rng(seed)
    Z = activations(rng, n=12)
    factor = chosen(method, Z, affine=affine)
    k = int(rng.integers(1, 12))
    cut = factor.cut(k)
    basis = np.hstack([Z[:, cut.units], np.ones((len(Z), 1))]) if affine else Z[:, cut.units]
    best = np.linalg.lstsq(basis, Z, rcond=None)[0]
    assert left(Z, cut) <= np.linalg.norm(Z - basis @ best) * (1 + 1e-10) + 1e-12 * factor.norm
    np.testing.assert_array_equal(cut.coefficients[:, cut.units], np.eye(k))
    assert cut.shift is None or not cut.shift[cut.units].any()


def test_without_correction_the_others_are_dropped_or_their_means(rng):
    Z = activations(rng)
    for affine in (False, True):
        cut = chosen("variance", Z, affine=affine, correct=False).cut(5)
        np.testing.assert_array_equal(cut.coefficients, np.eye(24)[cut.units])
    dropped = np.setdiff1d(np.arange(24), cut.units)
    np.testing.assert_allclose(cut.shift[dropped], Z.mean(axis=0)[dropped], rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_chosen_curves_fall_and_start_at_the_whole(rng, method):
    for unit in (1, 2):
        errors = chosen(method, activations(rng), unit).errors
        assert (np.diff(errors) <= 0).all()


@pytest.mark.parametrize("method", PIVOTED)
def test_pivots_are_those_of_pivoted_qr(rng, method):
    Z = activations(rng)
    factor = chosen(method, Z)
    again = np.random.default_rng(3)
    weights = np.hstack([again.standard_normal((24, 5)), again.standard_normal((24, 2))])
    scaled = Z * np.linalg.norm(weights, axis=1) if method == "weighted" else Z
    R, P = scipy.linalg.qr(scaled, mode="r", pivoting=True)
    np.testing.assert_array_equal(factor.units, P)
    np.testing.assert_allclose(factor.diagonal, abs(np.diagonal(R)), rtol=1e-8)


@pytest.mark.parametrize("method", ["id", "weighted", "forward"])
@pytest.mark.parametrize("unit", [1, 2])
def test_the_order_ends_at_the_numerical_rank(rng, method, unit):
    """Of 24 columns of rank 10 (with units of two: 5 units) two are dead and two repeated.

    The second column of a unit may be nearly dependent on the first, which magnifies rounding: one unit more may seem
    to be left.
    """
    Z = activations(rng, rank=10, offset=0)
    Z[:, [4, 5]] = 0
    Z[:, [8, 9]] = Z[:, [2, 3]]
    factor = chosen(method, Z, unit)
    assert 10 // unit <= len(factor.units) < 10 // unit + unit
    assert factor.errors[-1] <= 1e-10 * factor.norm
    assert abs(factor.cut(len(factor.units)).coefficients).max() <= 1e3
    assert left(Z, factor.cut(len(factor.units)), unit) <= 1e-10 * factor.norm


def test_forward_selection_ends_at_the_rank_also_behind_columns_that_are_nearly_dependent():
    """Two of three such matrices seem to have rank 11 behind the columns that the gains choose."""
    for seed in range(12):
        Z = activations(np.random.default_rng(seed), rank=10, offset=0)
        factor = chosen("forward", Z)
        assert len(factor.units) == 10
        assert factor.errors[-1] <= 1e-12 * factor.norm


@pytest.mark.parametrize("method", ["magnitude", "random", "activation", "variance"])
def test_baselines_that_keep_dependent_units_still_get_the_best_t(rng, method):
    """A dead and a repeated column are kept; neither may take anything out of the residual."""
    Z = activations(rng, n=12, offset=0)
    Z[:, 3] = 0
    Z[:, 7] = Z[:, 1]
    factor = chosen(method, Z)
    assert len(factor.units) == 12
    for k in range(1, 13):
        cut = factor.cut(k)
        best = np.linalg.lstsq(Z[:, cut.units], Z, rcond=1e-10)[0]
        expected = np.linalg.norm(Z - Z[:, cut.units] @ best)
        assert left(Z, cut) == pytest.approx(expected, rel=1e-9, abs=1e-10)
        assert factor.errors[k] == pytest.approx(expected, rel=1e-9, abs=1e-10)


def test_equal_samples_leave_one_unit_or_only_the_mean(rng):
    Z = np.tile(rng.standard_normal(8), (30, 1))
    factor = chosen("id", Z)
    assert len(factor.units) == 1
    assert left(Z, factor.cut(1)) <= 1e-12 * factor.norm
    assert not len(order("id", Statistics.of(gather([Z])), 1, affine=True).units)
    cut = GroupFactor(Statistics.of(gather([Z])), Order(np.array([2])), affine=True).cut(1)
    assert left(Z, cut) <= 1e-12 * factor.norm


@pytest.mark.parametrize("rows", [1, 2, 5, 11, 12, 13])
@pytest.mark.parametrize("affine", [True, False])
def test_few_rows_limit_the_rank(rng, rows, affine):
    Z = rng.standard_normal((rows, 12))
    statistics = Statistics.of(gather([Z]))
    units = order("id", statistics, 1, affine=affine).units
    assert len(units) == min(12, rows - affine)


def test_the_mean_comes_without_cancellation(rng):
    """Columns that vary by 1e-9 about 1: their variance has digits, as it would not from the sum of squares."""
    Z = 1 + 1e-9 * rng.standard_normal((1000, 5))
    statistics = Statistics.of(gather(np.array_split(Z, 7)))
    np.testing.assert_allclose(statistics.mean, Z.mean(axis=0), rtol=1e-14)
    deviation = statistics.scale * np.linalg.norm(statistics.matrix(affine=True), axis=0)
    np.testing.assert_allclose(deviation, np.linalg.norm(Z - Z.mean(axis=0), axis=0), rtol=1e-5)
