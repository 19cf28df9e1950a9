"""What every function asks of the form in which a matrix comes."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

from rrqr_lapack import (
    PCA,
    cur,
    generalized_nystrom,
    interpolative,
    interpolative_decomposition,
    randomized_eigh,
    randomized_svd,
    range_finder,
    row_interpolative_decomposition,
    select_columns,
    two_sided_interpolative_decomposition,
)

WITH_ADJOINT = {
    "PCA": lambda a: PCA(2).fit(a),
    "cur": lambda a: cur(a, rank=2),
    "cur by leverage scores": lambda a: cur(a, rank=2, method="leverage"),
    "cur of given columns and rows": lambda a: cur(a, columns=[0, 1], rows=[0, 1]),
    "estimate_spectral_norm": interpolative.estimate_spectral_norm,
    "generalized_nystrom": lambda a: generalized_nystrom(a, 2),
    "interp_decomp": lambda a: interpolative.interp_decomp(a, 2),
    "interpolative_decomposition": lambda a: interpolative_decomposition(a, rank=2),
    "randomized_eigh": lambda a: randomized_eigh(a, 2),
    "randomized_svd": lambda a: randomized_svd(a, 2),
    "randomized_svd without power iterations": lambda a: randomized_svd(a, 2, power=0),
    "range_finder": lambda a: range_finder(a, 2),
    "row_interpolative_decomposition": lambda a: row_interpolative_decomposition(a, rank=2),
    "select_columns": lambda a: select_columns(a, 2, method="gks"),
    "two_sided_interpolative_decomposition": lambda a: two_sided_interpolative_decomposition(a, rank=2),
}


def multiply(x):
    raise AssertionError("a product with what is refused")


class OneWay(LinearOperator):
    """Overrides what it must."""

    _matvec = staticmethod(multiply)


@pytest.mark.parametrize("n", [8, 80])
@pytest.mark.parametrize("name", WITH_ADJOINT)
def test_a_linear_operator_without_its_adjoint_is_refused_before_any_product(name, n):
    """Also where it is square, and where the matrix is so small that its columns would do."""
    for operator in (LinearOperator((n, n), matvec=multiply, dtype="d"), OneWay("d", (n, n))):
        with pytest.raises(TypeError, match=r"products with .* its adjoint \(matvec and rmatvec\)"):
            WITH_ADJOINT[name](operator)


@pytest.mark.parametrize("given", ["rmatvec", "rmatmat"])
def test_either_form_of_the_adjoint_is_enough(given):
    a = np.diag([3.0, 2.0, 1.0])
    operator = LinearOperator(a.shape, matvec=lambda x: a @ x, **{given: lambda x: a @ x}, dtype="d")
    np.testing.assert_allclose(randomized_svd(operator, 2, rng=0).s, [3, 2])
    np.testing.assert_allclose(randomized_svd(2 * operator, 2, rng=0).s, [6, 4])


def test_without_power_iterations_a_range_needs_no_adjoint(dtype):
    operator = LinearOperator((40, 30), matvec=lambda x: np.ones(40) * x[0], dtype=dtype)
    assert range_finder(operator, 1, oversample=0, power=0, rng=0).rank == 1
