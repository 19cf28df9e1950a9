"""Matrix completion at a fixed rank by alternating least squares, with the nuclear norm as its penalty.

N. Srebro, J. Rennie, T. Jaakkola, "Maximum-margin matrix factorization", NeurIPS 2004: ||Z||_* is the minimum of
1/2 tr(W S^{-1} W^H) + 1/2 tr S over all Z = W V^H with V^H V = I and a diagonal S > 0. T. Hastie, R. Mazumder, J. D.
Lee, R. Zadeh, "Matrix completion and low-rank SVD via fast alternating least squares", JMLR 16 (2015), arXiv:1410.2596.
Without a penalty: P. Jain, P. Netrapalli, S. Sanghavi, "Low-rank matrix completion using alternating minimization",
STOC 2013, arXiv:1212.0467.

Guarantee: no half step raises 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*.
"""

import numpy as np

from ._arrays import check_count, check_rank, check_rng, check_tolerance
from ._completion import Completion, Factors, check_penalty, distance, root_of_squares, started, unit_scaled
from ._orthonormal import tall_qr
from ._randomized_svd import randomized_svd

BATCH = 2**20  # numbers gathered at a time


def alternating_least_squares(a, *, rank, penalty=0.0, start=None, rtol=1e-5, maxiter=1000, rng=None):
    """Matrix completion at a fixed rank, ``min 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*`` over Z of that rank.

    With Z = U diag(s) V^H each row w of W = U diag(s) solves a small ridge regression on its observed entries,
    ``min_w 1/2 ||a_i - w V_i^H||^2 + penalty/2 sum_l |w_l|^2 / s_l``; then each column of Z likewise. Without a penalty
    these are least squares, and of the solutions for a row with fewer than `rank` entries the smallest is taken.

    Parameters
    ----------
    a : (M, N) sparse array
        Its stored entries are the observed ones, explicit zeros too.
    rank : int
        Largest rank of Z, 0 to min(M, N). Singular values that become rounding error are left out.
    penalty : float, optional
        Finite and at least 0.
    start : Completion, optional
        Where to start; a smaller rank is filled up from the residual. By default the truncated singular value
        decomposition of the observed entries, divided by their share of all.
    rtol : float, optional
        Stop where an iteration changes Z by at most `rtol` times ``||Z||_F``.
    maxiter : int, optional
        Largest number of iterations, over rows and over columns.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the randomized singular value decomposition at the start.

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

    See Also
    --------
    soft_impute : the convex problem, without a fixed rank.
    complete : chooses the penalty.

    Notes
    -----
    4 |Omega| k^2 + (M + N) k^3 flops an iteration, memory for |Omega| and (M + N) k numbers. Where the minimum of the
    convex problem has a rank below `rank`, the two have the same minimum. Without a penalty a matrix of this rank is
    recovered exactly, at a linear rate, from enough random entries of an incoherent one (Jain et al. 2013).

    References
    ----------
    T. Hastie, R. Mazumder, J. D. Lee, R. Zadeh, 2015, arXiv:1410.2596. P. Jain, P. Netrapalli, S. Sanghavi, 2013,
    arXiv:1212.0467.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import alternating_least_squares
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 50))
    >>> seen = rng.random(A.shape) < 0.4
    >>> observed = sparse.coo_array((A[seen], seen.nonzero()), shape=A.shape)
    >>> Z = alternating_least_squares(observed, rank=2, rtol=1e-12, rng=0)
    >>> bool(np.linalg.norm(A - Z.reconstruct()) < 1e-10 * np.linalg.norm(A))
    True
    """
    observed, scale = unit_scaled(a)
    penalty = check_penalty(penalty, positive=False)
    rank, maxiter = check_rank(rank, min(a.shape)), check_count("maxiter", maxiter)
    rtol, rng = check_tolerance("rtol", rtol), check_rng(rng)

    Z = _filled_up(started(start, observed, scale, rank), observed, rank, rng)
    adjoint = observed.adjoint()
    iterations, converged = 0, not len(observed)
    while iterations < maxiter and not converged:
        iterations += 1
        U, s, V = _half_step(observed, Z.V, Z.s, penalty / scale)
        V, s, U = _half_step(adjoint, U, s, penalty / scale)
        Z, before = Factors(U, s, V), Z
        converged = distance(Z, before) <= rtol * float(np.linalg.norm(Z.s))
    if penalty:
        Z = _shrunk(observed, Z, penalty / scale)
    error = scale * root_of_squares(observed.values - observed.entries(Z.U * Z.s, Z.V))
    return Completion(Z.U, scale * Z.s, Z.V.conj().T, penalty, error, iterations, converged)


def _filled_up(Z, observed, rank, rng):
    """Z and the leading singular vectors of what it leaves, as many as `rank` asks for."""
    missing = rank - len(Z.s)
    if not (missing and len(observed)):
        return Z
    share = len(observed) / (observed.shape[0] * observed.shape[1])
    gap = observed.matrix((observed.values - observed.entries(Z.U * Z.s, Z.V)) / observed.dtype.type(share))
    U, s, Vh = randomized_svd(gap, missing, rng=rng)
    return _factors(np.hstack([Z.U * Z.s, U * s]), np.hstack([Z.V, Vh.conj().T]))


def _half_step(observed, V, s, penalty):
    """The best W for Z = W V^H, as the factors of that Z."""
    k = len(s)
    W = np.zeros((observed.shape[0], k), observed.dtype)
    for rows, entries, there in _batches(observed.starts, k):
        B = V[observed.columns[entries]].conj() * there[..., None]
        B_adjoint = B.conj().swapaxes(-1, -2)
        gram, right = B_adjoint @ B, B_adjoint @ observed.values[entries][..., None]
        if penalty:
            gram[:, np.arange(k), np.arange(k)] += penalty / s
        solve = np.linalg.solve if penalty or there[0].sum() >= k else _smallest_solution
        W[rows] = solve(gram, right)[..., 0]
    return _factors(W, V)


def _shrunk(observed, Z, penalty):
    """One step of shrinking singular values within V: those that only tend to zero become zero."""
    gap = observed.matrix(observed.values - observed.entries(Z.U * Z.s, Z.V))
    U, s, V = _factors(gap @ Z.V + Z.U * Z.s, Z.V)
    k = int(np.count_nonzero(s > penalty))
    return Factors(U[:, :k], s[:k] - penalty, V[:, :k])


def _smallest_solution(gram, right):
    return np.linalg.pinv(gram, rtol=10 * len(gram[0]) * np.finfo(gram.dtype).eps, hermitian=True) @ right


def _batches(starts, k):
    """Rows with about as many entries each, where these stand, and which of those places are not padding."""
    counts = np.diff(starts)
    order = np.argsort(counts, kind="stable")
    ascending = counts[order]
    begin = int(np.searchsorted(ascending, 1))
    while begin < len(order):
        end = int(np.searchsorted(ascending, 3 + ascending[begin] * 5 // 4, side="right"))
        end = min(end, begin + max(1, BATCH // (int(ascending[end - 1]) * max(k, 1))))
        rows = order[begin:end]
        place = np.arange(ascending[end - 1])
        there = place < counts[rows][:, None]
        yield rows, np.where(there, starts[rows][:, None] + place, 0), there
        begin = end


def _factors(left, right):
    """left right^H as U diag(s) V^H, without what is rounding error."""
    P, R = tall_qr(left)
    Q, T = tall_qr(right)
    u, s, vh = np.linalg.svd(R @ T.conj().T)
    k = int(np.count_nonzero(s > max(len(P), len(Q)) * np.finfo(s.dtype).eps * s.max(initial=0)))
    return Factors(P @ u[:, :k], s[:k], Q @ vh[:k].conj().T)
