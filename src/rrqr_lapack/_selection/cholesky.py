"""Pivoted Cholesky of a positive semidefinite matrix: its columns are those of the partial factorization.

Y. Chen, E. N. Epperly, J. A. Tropp, R. J. Webber, "Randomly pivoted Cholesky", Comm. Pure Appl. Math. 78(5) (2025),
arXiv:2207.06503; guarantee and algorithm: `rrqr_lapack.rpcholesky`.
"""

from .._common.arrays import check_choice
from .._kernel.rpcholesky import rpcholesky


def cholesky(a, stop, rng, *, pivoting="random"):
    check_choice("pivoting", pivoting, ("random", "greedy"))
    rtol, atol = (None if tolerance < 0 else tolerance for tolerance in (stop.rtol, stop.atol))
    return rpcholesky(a, rank=stop.rank, rtol=rtol, atol=atol, pivoting=pivoting, check_finite=False, rng=rng).columns
