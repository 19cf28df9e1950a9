"""randomized_qr: pivoted QR from two passes."""

import numpy as np
import pytest
from measures import eps
from operands import OPERANDS
from scipy.sparse.linalg import LinearOperator

from rrqr_lapack import qr_truncated, randomized_qr
from rrqr_lapack._common.operand import densified

SHAPES = [(0, 3), (3, 0), (1, 1), (1, 6), (6, 1), (40, 40), (90, 50), (50, 90)]


def gaussian(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal(shape)
    return (a + 1j * rng.standard_normal(shape)).astype(dtype) if np.dtype(dtype).kind == "c" else a.astype(dtype)


def decaying(dtype, shape=(90, 70), ratio=0.7):
    """Singular values `ratio`^j."""
    k = min(shape)
    u, v = (np.linalg.qr(gaussian((side, k), dtype, side))[0] for side in shape)
    return (u * ratio ** np.arange(k)).astype(dtype) @ v.conj().T


def check(a, found):
    """What must hold of any result: Q orthonormal, R that of Q, P a permutation, the error true."""
    q, r, p = found
    k, tolerance = found.rank, 100 * eps(a.dtype) * max(*a.shape, 1)
    norm = np.linalg.norm(a)
    assert (q.shape, r.shape, p.shape) == ((len(a), k), (k, a.shape[1]), (a.shape[1],))
    assert q.dtype == r.dtype == found.dtype == a.dtype
    np.testing.assert_array_equal(np.sort(p), np.arange(a.shape[1]))
    np.testing.assert_array_equal(np.tril(r[:, :k], -1), 0)
    np.testing.assert_allclose(q.conj().T @ q, np.eye(k), atol=tolerance)
    np.testing.assert_allclose(q @ r[:, :k], a[:, p[:k]], atol=tolerance * norm)
    np.testing.assert_allclose(r, q.conj().T @ a[:, p], atol=30 * tolerance * norm)
    left = np.linalg.norm(a - found.reconstruct())
    assert left <= found.error_bound + tolerance * norm
    if found.error_kind == "exact":
        assert found.error == pytest.approx(left, rel=2e-2)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_any_shape_at_any_rank(shape, dtype):
    a = gaussian(shape, dtype)
    for rank in {0, min(shape) // 2, min(shape)}:
        found = randomized_qr(a, rank, rng=0)
        assert found.rank == rank
        check(a, found)


@pytest.mark.parametrize("form", OPERANDS)
def test_every_form_of_a_matrix_gives_the_same(form, dtype):
    a = decaying(dtype)
    found, expected = (randomized_qr(each, 12, rng=0) for each in (OPERANDS[form](a), a))
    check(a, found)
    np.testing.assert_array_equal(found.P, expected.P)
    np.testing.assert_allclose(found.R, expected.R, atol=1e4 * eps(dtype))
    assert found.error_kind == ("estimate" if form == "LinearOperator" else expected.error_kind)


def test_the_error_is_near_that_of_greedy_pivots(dtype):
    a = decaying(dtype)
    for rank in (5, 15):
        r, _ = qr_truncated(a, rank=rank, mode="r")
        greedy = np.sqrt(np.linalg.norm(a) ** 2 - np.linalg.norm(r) ** 2)
        errors = [np.linalg.norm(a - randomized_qr(a, rank, rng=seed).reconstruct()) for seed in range(5)]
        assert max(errors) <= 2 * greedy


@pytest.mark.parametrize("form", ["C order", "CSR", "LinearOperator"])
@pytest.mark.parametrize("rtol", [0.5, 0.1, 0.02])
def test_a_tolerance_is_met_with_few_columns(form, rtol):
    a = decaying("d")
    best = np.sqrt(np.cumsum(np.linalg.svd(a, compute_uv=False)[::-1] ** 2))[::-1]
    for options in ({"rtol": rtol}, {"atol": rtol * np.linalg.norm(a)}):
        found = randomized_qr(OPERANDS[form](a), **options, rng=0)
        left = np.linalg.norm(a - found.reconstruct())
        assert left <= 1.001 * rtol * np.linalg.norm(a)
        assert found.rank <= 6 + 2 * np.count_nonzero(best > rtol * np.linalg.norm(a))
        check(a, found)


def test_the_sketch_grows_until_the_tolerance_is_reached(monkeypatch):
    monkeypatch.setattr("rrqr_lapack._randomized.qr.FIRST_RANK", 4)
    a = decaying("d")
    found = randomized_qr(a, rtol=1e-3, rng=0)
    assert found.rank > 8
    assert np.linalg.norm(a - found.reconstruct()) <= 1e-3 * np.linalg.norm(a)
    assert randomized_qr(a, 6, rtol=1e-3, rng=0).rank == 6


def test_the_rank_never_exceeds_the_numerical_one(dtype):
    a = gaussian((60, 7), dtype) @ gaussian((7, 50), dtype, 1)
    found = randomized_qr(a, rng=0)
    assert found.rank == 7
    check(a, found)
    assert randomized_qr(np.zeros((5, 4), dtype), rng=0).rank == 0


def test_columns_of_very_different_sizes_lose_no_digits():
    a = gaussian((80, 30), "d") * 10.0 ** np.random.default_rng(3).integers(-7, 8, 30)
    found = randomized_qr(a, 20, rng=0)
    q, r, p = found
    np.testing.assert_allclose(q.T @ q, np.eye(20), atol=1e-13)
    error = np.linalg.norm(q @ r[:, :20] - a[:, p[:20]], axis=0) / np.linalg.norm(a[:, p[:20]], axis=0)
    assert error.max() <= 1e-8


def test_interpolation_gives_a_from_the_chosen_columns(dtype):
    a = decaying(dtype)
    found = randomized_qr(a, 12, rng=0)
    T, C = found.interpolation(), found.P[:12]
    np.testing.assert_array_equal(T[:, C], np.eye(12))
    assert np.linalg.norm(a - a[:, C] @ T) == pytest.approx(np.linalg.norm(a - found.reconstruct()), rel=1e-2)


def test_it_multiplies_as_the_matrix():
    a = decaying("d")
    found, x = randomized_qr(a, 12, rng=0), np.arange(70.0)
    np.testing.assert_allclose(found @ x, found.reconstruct() @ x, atol=1e-12)


def test_a_wrong_adjoint_is_noticed():
    a = gaussian((60, 60), "d")
    wrong = LinearOperator(a.shape, matvec=lambda x: a @ x, rmatvec=lambda x: a @ x, dtype=a.dtype)
    with pytest.raises(ValueError, match="must multiply by the adjoint"):
        randomized_qr(wrong, 5, rng=0)
    np.testing.assert_allclose(densified(wrong), a)


def test_the_numbers_come_from_the_generator_alone():
    a = decaying("d")
    one, two = (randomized_qr(a, 9, rng=seed) for seed in (1, 1))
    np.testing.assert_array_equal(one.R, two.R)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"rank": 71}, ValueError, "rank must be between 0 and 70"),
        ({"rank": 2.0}, TypeError, "rank must be an integer"),
        ({"oversample": -1}, ValueError, "oversample must be at least 0"),
        ({"rtol": -1}, ValueError, "rtol must be finite"),
        ({"rng": "x"}, TypeError, "rng must be None"),
        ({"check_finite": 2}, TypeError, "check_finite must be True or False"),
    ],
)
def test_bad_arguments_are_refused(options, error, match):
    with pytest.raises(error, match=match):
        randomized_qr(decaying("d"), **options)
