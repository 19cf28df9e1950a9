"""Pivoted Cholesky of a positive semidefinite matrix: its columns are those of the partial factorization.

Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, "Randomly pivoted Cholesky", Comm. Pure Appl. Math. 78(5) (2025),
arXiv:2207.06503; guarantee and algorithm: `rrqr_lapack.rpcholesky`.
"""

from typing import get_args

from .._common.arrays import check_choice
from .._common.rule import Rule
from .._common.types import Indices, Operand
from .._kernel.rpcholesky import Pivoting, rpcholesky


def cholesky(a: Operand, rule: Rule, *, pivoting: Pivoting = "random") -> Indices:
    check_choice("pivoting", pivoting, get_args(Pivoting))
    options = {"pivoting": pivoting, "check_finite": False, "rng": rule.rng}
    return rpcholesky(a, rank=rule.rank, **rule.tolerances, **options).columns
