"""Nuclear-norm matrix completion: the singular values of sparse plus low-rank matrices, shrunk again and again.

R. Mazumder, T. Hastie, R. Tibshirani, "Spectral regularization algorithms for learning large incomplete matrices", JMLR
11 (2010). Momentum and the warm-started subspace: Q. Yao, J. T. Kwok, "Accelerated inexact Soft-Impute for fast
large-scale matrix completion", IJCAI 2015, extended in arXiv:1703.05487. Restarts: B. O'Donoghue, E. Candes, "Adaptive
restart for accelerated gradient schemes", Found. Comput. Math. 15 (2015), doi:10.1007/s10208-013-9150-3.

Guarantee: the fixed points are the minima of 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*, those Z = U diag(s) V^H with
P_Omega(A - Z) = penalty (U V^H + W), U^H W = 0, W V = 0, ||W||_2 <= 1.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

from .._common.arrays import check_count
from .._common.norms import frobenius
from .._common.progress import Progress, check_progress
from .._common.random import gaussian
from .._common.rule import check_rule
from .._common.types import Matrix, Reals, Seed, Shape, Sparse
from .._randomized.orthonormal import tall_qr
from .._randomized.svd import randomized_svd
from .observed import Observed
from .result import Completion, Factors, check_penalty, completion, distance, scaled_penalty, started, told, unit_scaled

STAGE = 4  # ratio of successive penalties on the way from zero
COARSE = 1e-2  # the tolerance at all but the last of them
SLACK = 0.01  # of the penalty: how far P_Omega(A - Z) may be from what the minimum demands of it
SPARE = 5  # singular values computed beyond those in use, at least: they show that no more are above the penalty


class SparsePlusLowRank(LinearOperator):
    """``S + L R^H``, S sparse, L and R tall."""

    def __init__(self, S: sparse.csr_array, L: Matrix, R: Matrix) -> None:
        super().__init__(S.dtype, S.shape)
        self.S, self.L, self.R = S, L, R

    def _matmat(self, x: Matrix) -> Matrix:
        return self.S @ x + self.L @ (self.R.conj().T @ x)

    def _rmatmat(self, x: Matrix) -> Matrix:
        return (self.S.T @ x.conj()).conj() + self.R @ (self.L.conj().T @ x)


def soft_impute(
    a: Sparse,
    *,
    rank: int | None = None,
    penalty: float,
    start: Completion | None = None,
    rtol: float = 1e-5,
    maxiter: int = 1000,
    rng: Seed = None,
    progress: Progress | None = None,
) -> Completion:
    """Matrix completion by the nuclear norm, ``min_Z 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*``.

    Each iteration fills the unobserved entries with those of Z and shrinks the singular values of the result by
    `penalty`. It is sparse plus low-rank, and never formed.

    Parameters
    ----------
    a : (M, N) sparse array
        Its stored entries are the observed ones, explicit zeros too.
    rank : int, optional
        Largest rank of Z, 0 to min(M, N), which is the default. With a smaller one than the minimum has, the problem is
        no longer convex.
    penalty : float
        Finite and greater than 0. Z is zero if it is at least ``||P_Omega(A)||_2``, and has more and larger singular
        values the smaller it is. Below rounding error of ``||P_Omega(A)||_F`` it counts as that.
    start : Completion, optional
        Where to start, such as the result for a larger penalty.
    rtol : float, optional
        Stop where an iteration changes Z by at most `rtol` times ``||Z||_F``, and by at most a hundredth of `penalty`.
        The latter bounds the distance of zero from the subdifferential of the objective.
    maxiter : int, optional
        Largest number of iterations.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the test vectors that look for further singular values.
    progress : callable, optional
        Called as ``progress("iterations", done, maxiter)`` after each.

    Returns
    -------
    Completion
        With `U`, `s`, `Vh`, and the `error` on the observed entries.

    Raises
    ------
    TypeError
        `a` is not sparse or not numeric, `start` is no Completion, `rank` or `maxiter` no integer.
    ValueError
        `a` holds an entry twice or one that is not finite, or another argument is out of its range.
    OverflowError
        The largest singular values of Z overflow in its dtype.

    Warns
    -----
    ConvergenceWarning
        `maxiter` iterations were not enough, as `converged` and the representation of the result say too.

    See Also
    --------
    complete : chooses the penalty.
    alternating_least_squares : the same minimum at a fixed rank, and without a penalty.

    Notes
    -----
    ``8 |Omega| k + 8 (M + N) k^2`` flops an iteration for rank k; memory for ``|Omega|`` and 10 (M + N) k numbers.
    Steps have momentum, which is dropped where the objective would rise. Each singular value decomposition is one step
    of subspace iteration from the one before; the iteration does not stop before these settle as well.

    References
    ----------
    R. Mazumder, T. Hastie, R. Tibshirani, "Spectral regularization algorithms for learning large incomplete matrices",
    JMLR 11 (2010), 2287-2322. B. O'Donoghue, E. Candes, 2015, doi:10.1007/s10208-013-9150-3.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import soft_impute
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 50))
    >>> seen = rng.random(A.shape) < 0.6
    >>> observed = sparse.coo_array((A[seen], seen.nonzero()), shape=A.shape)
    >>> Z = soft_impute(observed, penalty=0.01, rng=0)
    >>> bool(np.linalg.norm(A - Z.reconstruct()) < 1e-3 * np.linalg.norm(A))
    True
    """
    Z = minimized(a, rank=rank, penalty=penalty, start=start, rtol=rtol, maxiter=maxiter, rng=rng, progress=progress)
    return told(Z, "soft_impute", rtol, "take a larger penalty")


def minimized(
    a: Sparse,
    *,
    rank: int | None,
    penalty: float,
    start: Completion | None,
    rtol: float,
    maxiter: int,
    rng: Seed,
    progress: Progress | None = None,
) -> Completion:
    """`soft_impute`, which says itself where it did not converge."""
    observed, scale = unit_scaled(a)
    penalty = check_penalty(penalty, positive=True)
    rule, maxiter = check_rule(a.shape, rank, rtol, None, rng=rng), check_count("maxiter", maxiter)
    rank, rng, progress = rule.rank, rule.rng, check_progress(progress)
    iterations = 0

    def step() -> None:
        """An iteration is done."""
        nonlocal iterations
        iterations += 1
        if progress is not None:
            progress("iterations", iterations, maxiter)

    Z = started(start, observed, scale, rank)
    rounding = float(np.finfo(observed.dtype).eps) * frobenius(observed.values)
    smallest = max(scaled_penalty(penalty, observed, scale), rounding)  # less does not change a singular value
    converged = not len(observed)
    if not converged:
        for shift in [smallest] if start else _from_large(smallest, observed, rng):
            tolerances = (rule.rtol, SLACK * shift) if shift == smallest else (max(rule.rtol, COARSE), math.inf)
            Z, converged = _minimum(observed, Z, shift, rank, *tolerances, maxiter - iterations, rng, step)
    return completion(Z, observed, scale, penalty, iterations, converged)


def _from_large(penalty: float, observed: Observed, rng: np.random.Generator) -> list[float]:
    """Larger penalties before this one: the ranks on the way from zero stay small."""
    largest = float(randomized_svd(observed.matrix(observed.values), 1, rng=rng).s.max(initial=0))
    stages = max(math.ceil(math.log(max(largest, penalty) / penalty, STAGE)), 1)
    return [penalty * STAGE**power for power in reversed(range(stages))]


def _minimum(
    observed: Observed,
    Z: Factors,
    shift: float,
    rank: int,
    rtol: float,
    slack: float,
    maxiter: int,
    rng: np.random.Generator,
    step: Callable[[], None],
) -> tuple[Factors, bool]:
    """The minimum from Z on, and whether `maxiter` iterations were enough, each of which is told to `step`."""
    before, fit = Z, observed.entries(Z.U * Z.s, Z.V)
    fit_before = fit
    objective = _objective(observed.values - fit, Z.s, shift)
    basis = _widened(Z.V, min(len(Z.s) + SPARE, *observed.shape), rng)
    unused, moved, momentum = math.inf, 0.0, 1.0
    for _ in range(maxiter):
        step()
        previous, momentum = momentum, (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        theta = (previous - 1) / momentum
        gap = observed.matrix(observed.values - (1 + theta) * fit + theta * fit_before)
        left = np.hstack([Z.U * ((1 + theta) * Z.s), before.U * (-theta * before.s)])
        U, sigma, V = _subspace_step(SparsePlusLowRank(gap, left, np.hstack([Z.V, before.V])), basis)
        k = min(int(np.count_nonzero(sigma > shift)), rank)
        new = Factors(U[:, :k], sigma[:k] - shift, V[:, :k])
        fit_new = observed.entries(new.U * new.s, new.V)
        objective_new = _objective(observed.values - fit_new, new.s, shift)
        if objective_new > objective and theta > 0:
            before, fit_before, momentum = Z, fit, 1.0
            continue
        unused_before, unused = unused, _first_unused(sigma, k, observed.shape)
        moved_before, moved = moved, distance(new, Z)
        settled = abs(unused - unused_before) <= rtol * float(sigma[0]) and moved + theta * moved_before <= slack
        if settled and moved <= rtol * float(np.linalg.norm(new.s)):
            return new, True
        columns = k + SPARE if k < len(sigma) else k + max(SPARE, k // 2)
        basis = _widened(V[:, :columns], min(columns, *observed.shape), rng)
        Z, before, fit, fit_before, objective = new, Z, fit_new, fit, objective_new
    return Z, False


def _objective(residual: Matrix, s: Reals, penalty: float) -> float:
    """1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*."""
    return float(np.vdot(residual, residual).real) / 2 + penalty * float(s.sum())


def _subspace_step(X: SparsePlusLowRank, basis: Matrix) -> tuple[Matrix, Reals, Matrix]:
    """U, sigma and V of X by one step of subspace iteration: exact where the basis is right."""
    Q, _ = tall_qr(X @ basis)
    P, R = tall_qr(X.H @ Q)
    u, sigma, vh = np.linalg.svd(R)
    return Q @ vh.conj().T, sigma, P @ u


def _widened(basis: Matrix, columns: int, rng: np.random.Generator) -> Matrix:
    """The basis with random columns beside it, up to so many."""
    missing = columns - basis.shape[1]
    return np.hstack([basis, gaussian(rng, missing, len(basis), basis.dtype).T]) if missing > 0 else basis


def _first_unused(sigma: Reals, k: int, shape: Shape) -> float:
    """The largest singular value that is not in use; infinity where it was not computed."""
    return float(sigma[k]) if k < len(sigma) else 0.0 if k == min(shape) else np.inf
