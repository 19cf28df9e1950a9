"""Kahan's matrices: R11^{-1} grows by (1 + cos t) a step while the diagonal of R hardly falls.

Whatever follows from the Gram matrix alone, A^H A = R^H R, loses that growth in accuracy; Householder's QR does not."""

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import kahan, rotated_kahan
from measures import THRESHOLD, eps, greedy_slacks, orthogonality_ratio, qr_ratio

from rrqr_lapack import TruncatedQR, interpolative_decomposition, qr_truncated

ANGLES = [0.9, 1.2, 1.3, 1.35, 1.4, 1.45, 1.5]
N = 130

every_kahan = pytest.mark.parametrize("make", [kahan, rotated_kahan])
every_angle = pytest.mark.parametrize("angle", ANGLES)


@every_kahan
@every_angle
def test_the_factorization_is_backward_stable(make, angle, dtype, driver):
    a = make(N, dtype, angle=angle)
    for rank in (N // 2, N):
        q, r, p = qr_truncated(a, rank=rank, mode="full", driver=driver)
        assert qr_ratio(a, q, r, p) <= THRESHOLD
        assert orthogonality_ratio(q) <= THRESHOLD


@every_kahan
@every_angle
@greedy_pivots
def test_every_chosen_column_has_the_largest_residual(make, angle, dtype, driver):
    """Residual norms, and so the choice, are defined to the rounding of A times the growth of R11^{-1}."""
    a = make(N, dtype, angle=angle)
    f = TruncatedQR(a, driver=driver)
    growth = ((1 + np.cos(angle)) / np.sin(angle)) ** np.arange(N)
    slack = 10 * np.sqrt(eps(dtype)) + 10 * eps(dtype) * growth
    defined = int(np.argmax(np.append(slack, 1) > 0.1))
    assert defined >= 10
    found = greedy_slacks(a, f.P, defined)
    assert np.all(found >= 1 - slack[: len(found)])


@every_angle
def test_an_untouched_kahan_matrix_keeps_its_order(angle, dtype):
    """All norms of the residual columns tie in exact arithmetic, and the first of those that tie is taken."""
    p = TruncatedQR(kahan(60, dtype, angle), rank=20, tie_tol=1e4 * eps(dtype)).P
    np.testing.assert_array_equal(p[:20], np.arange(20))


@every_angle
def test_the_error_of_a_decomposition_is_the_residual_though_its_coefficients_are_huge(angle, dtype, driver):
    a = rotated_kahan(N, dtype, angle)
    d = interpolative_decomposition(a, rank=20, driver=driver)
    error = np.linalg.norm(a - a[:, d.columns] @ d.coefficients)
    assert d.error == pytest.approx(error, rel=1e3 * eps(dtype) * float(np.abs(d.coefficients).max()))
