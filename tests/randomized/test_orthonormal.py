"""Orthonormal bases of tall matrices: to rounding, whatever the matrix."""

import numpy as np
import pytest
from matrices import ZOO, gaussian, geometric, with_singular_values
from measures import THRESHOLD, eps, factor_ratio, orthogonality_ratio

from rrqr_lapack._randomized.orthonormal import tall_qr, well_conditioned_basis

TALL = {name: make for name, make in ZOO.items() if np.greater_equal(*make(np.dtype("f8")).shape)}
TALL |= {
    "a condition of 1e4": lambda t: with_singular_values(300, 20, np.geomspace(1, 1e-4, 20), t),
    "columns of very different size": lambda t: (gaussian(200, 20, t) * np.geomspace(1, 1e-12, 20)).astype(t),
    "ill-conditioned with columns of different size": lambda t: (
        geometric(200, 20, t) * np.geomspace(1, 1e-9, 20)
    ).astype(t),
}


@pytest.mark.parametrize("name", TALL)
def test_a_tall_matrix_is_factored_to_rounding(name, dtype):
    y = TALL[name](dtype)
    before = y.copy()
    q, r = tall_qr(y)
    np.testing.assert_array_equal(y, before)
    assert q.dtype == r.dtype == dtype
    assert q.shape == y.shape
    assert factor_ratio(y, q @ r) <= THRESHOLD
    assert orthogonality_ratio(q) <= THRESHOLD
    np.testing.assert_array_equal(r, np.triu(r))


@pytest.mark.parametrize("name", TALL)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_basis_to_go_on_with_is_well_conditioned_and_spans_the_range(name, order, dtype):
    y = np.array(TALL[name](dtype), order=order)
    q = well_conditioned_basis(y)
    assert q.dtype == dtype
    if y.size:
        assert np.linalg.cond(q) <= 1.1
        inside = q @ np.linalg.lstsq(q, y, rcond=None)[0]
        assert (np.linalg.norm(y - inside, axis=0) <= 1e3 * eps(dtype) * np.linalg.norm(y, axis=0)).all() or (
            factor_ratio(y, inside) <= THRESHOLD
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_product_that_is_not_finite_is_refused(bad, dtype):
    y = gaussian(20, 5, dtype)
    y[3, 2] = bad
    with pytest.raises(ValueError, match="products with a must be finite, but one is not"):
        tall_qr(y)
