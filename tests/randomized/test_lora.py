"""Low-rank factors of a weight matrix, and the rest beside them."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from matrices import DTYPES, algebraic, extreme, gaussian, geometric, rank_deficient, relu, scaled
from measures import eps

from rrqr_lapack import low_rank_factors

MATRICES = {
    "gaussian": lambda t: gaussian(60, 40, t),
    "wide": lambda t: gaussian(30, 70, t),
    "algebraic": lambda t: algebraic(60, 50, t),
    "geometric": lambda t: geometric(60, 50, t),
    "relu": lambda t: relu(80, 50, t),
    "rank-deficient": lambda t: rank_deficient(50, 40, t, rank=9),
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_factors_are_the_best_of_their_rank_and_the_rest_is_exact(name, dtype):
    w = MATRICES[name](dtype)
    before, (m, n), values = w.copy(), w.shape, np.linalg.svdvals(w.astype(np.result_type(w, np.float64)))
    for rank in (0, 1, 8, 30):
        f = low_rank_factors(w, rank=rank)
        assert (f.rank, f.shape, f.dtype) == (rank, w.shape, dtype)
        assert (f.U.shape, f.s.shape, f.Vh.shape) == ((m, rank), (rank,), (rank, n))
        assert (f.B.shape, f.A.shape, f.residual.shape) == ((m, rank), (rank, n), (m, n))
        assert {x.dtype for x in (f.U, f.Vh, f.B, f.A, f.residual)} == {dtype}
        assert f.s.dtype == w.real.dtype
        rounding = 100 * eps(dtype) * values[0]
        np.testing.assert_allclose(f.U * f.s @ f.Vh, f.B @ f.A, rtol=0, atol=rounding)
        np.testing.assert_allclose(f.B @ f.A + f.residual, w, rtol=0, atol=rounding)
        np.testing.assert_allclose(f.s, values[:rank], rtol=0, atol=rounding)
        np.testing.assert_allclose(np.linalg.norm(f.B, axis=0), np.linalg.norm(f.A, axis=1), rtol=100 * eps(dtype))
        best = np.linalg.norm(values[rank:])
        assert f.error == pytest.approx(best, rel=100 * eps(dtype), abs=10 * rounding)
        assert f.error == pytest.approx(
            np.linalg.norm(f.residual.astype(np.result_type(w, np.float64))), rel=10 * eps(dtype)
        )
    np.testing.assert_array_equal(w, before)


@given(st.sampled_from(DTYPES), st.integers(1, 20), st.integers(1, 20), st.floats(0, 1.2), st.integers(0, 100))
def test_a_tolerance_takes_the_least_rank_that_holds_it(dtype, m, n, rtol, seed):
    w = gaussian(m, n, dtype, seed)
    norm = np.linalg.norm(w)
    f = low_rank_factors(w, rtol=rtol)
    rounding = 1e3 * eps(dtype) * norm
    assert f.error <= rtol * norm + rounding
    assert f.rank == 0 or low_rank_factors(w, rank=f.rank - 1).error > rtol * norm - rounding
    assert abs(low_rank_factors(w, atol=rtol * norm).rank - f.rank) <= (min(m, n) if rtol == 0 else 1)
    assert low_rank_factors(w, rtol=rtol, rank=1).rank == min(f.rank, 1)


@pytest.mark.parametrize("name", MATRICES)
def test_randomized_factors_are_nearly_the_best_and_their_error_is_exact(name, dtype):
    w = MATRICES[name](dtype)
    f, best = (low_rank_factors(w, rank=8, driver=driver, rng=0) for driver in ("randomized", "exact"))
    rounding = 100 * eps(dtype) * best.s[0]
    assert (f.rank, f.dtype, f.error_kind) == (8, dtype, "exact")
    assert best.error * (1 - 10 * eps(dtype)) - rounding <= f.error <= 1.2 * best.error + 10 * rounding
    assert f.error == pytest.approx(np.linalg.norm(w - f.B @ f.A), rel=100 * eps(dtype))
    np.testing.assert_allclose(f.B @ f.A + f.residual, w, rtol=0, atol=rounding)
    np.testing.assert_array_equal(f.B, low_rank_factors(w, rank=8, driver="randomized", rng=0).B)


def test_randomized_factors_hold_a_tolerance(dtype):
    w = algebraic(80, 70, dtype)
    f = low_rank_factors(w, rtol=0.2, driver="randomized", rng=0)
    assert f.error <= 0.2 * np.linalg.norm(w) * (1 + 100 * eps(dtype))
    assert low_rank_factors(w, rtol=0.2).rank <= f.rank <= low_rank_factors(w, rtol=0.2).rank + 2


def test_the_factors_multiply_as_what_they_stand_for(dtype):
    w = gaussian(20, 15, dtype)
    f = low_rank_factors(w, rank=6)
    for x in (gaussian(15, 3, dtype), gaussian(15, 1, dtype)[:, 0]):
        np.testing.assert_allclose(f @ x, f.B @ f.A @ x, rtol=0, atol=1e3 * eps(dtype))
    assert repr(f).startswith(f"<LowRankFactors of shape (20, 15), {dtype}: rank 6, exact error ")


def test_of_two_tolerances_the_wider_one_holds():
    w = np.diag([8.0, 4.0, 2.0, 1.0])
    assert low_rank_factors(w, atol=1.5).rank == 3
    assert low_rank_factors(w, atol=1.5, rtol=0.3).rank == 2
    assert low_rank_factors(w, atol=5, rtol=0.3).rank == 1
    assert low_rank_factors(w, rtol=1).rank == 0


def test_a_zero_matrix_needs_no_rank_for_a_tolerance(dtype):
    w = np.zeros((5, 3), dtype)
    assert low_rank_factors(w, rtol=0).rank == 0
    f = low_rank_factors(w, rank=2)
    assert f.rank == 2
    assert not f.B.any()
    assert not f.A.any()
    assert f.error == 0


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (0, 0), (1, 5), (5, 1)], ids=str)
def test_matrices_without_or_with_a_single_row_or_column(shape, dtype):
    w = gaussian(*shape, dtype)
    f = low_rank_factors(w, rtol=0.0)
    assert f.rank == min(shape)
    np.testing.assert_allclose(f.B @ f.A, w, rtol=0, atol=100 * eps(dtype))
    assert f.error <= 100 * eps(dtype)


@pytest.mark.parametrize("which", [0, 1], ids=["tiny", "huge"])
def test_the_scale_does_not_matter(which, dtype):
    w, factor = gaussian(30, 20, dtype), extreme(dtype)[which]
    f, g = low_rank_factors(w, rtol=0.3), low_rank_factors(scaled(w, factor), rtol=0.3)
    assert f.rank == g.rank > 0
    assert g.error / factor == pytest.approx(f.error, rel=1e3 * eps(dtype))


def test_integers_become_double_and_lists_are_taken():
    assert low_rank_factors([[1, 2], [3, 4]], rank=1).dtype == np.float64


def test_the_residual_is_the_callers_own():
    w = gaussian(6, 5, "f4")
    f = low_rank_factors(w, rank=0)
    f.residual[...] = 0
    assert w.all()


def test_bad_input_is_refused():
    w = gaussian(6, 5, "f4")
    for error, match, argument, options in (
        (ValueError, r"\bw must have 2 dimensions, got 1", np.ones(3), {}),
        (TypeError, r"\bw must be dense, got a sparse", scipy.sparse.eye_array(3).tocsr(), {}),
        (TypeError, r"\bw must be boolean, .* got the dtype object", [[None]], {}),
        (ValueError, r"\bw must be finite, but column 1", [[1, np.inf]], {}),
        (ValueError, r"\brank must be between 0 and 5 .*got 6", w, {"rank": 6}),
        (TypeError, r"\brank must be an integer", w, {"rank": 2.0}),
        (ValueError, r"\brtol must be finite and at least 0", w, {"rtol": -1}),
        (TypeError, r"\batol must be a real number", w, {"atol": "1"}),
        (ValueError, r"\bdriver must be one of 'exact', 'randomized', got 'svd'", w, {"driver": "svd"}),
    ):
        with pytest.raises(error, match=match):
            low_rank_factors(argument, **options)
