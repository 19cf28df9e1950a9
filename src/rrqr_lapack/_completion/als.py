"""Matrix completion at a fixed rank by alternating least squares, with the nuclear norm as its penalty.

N. Srebro, J. Rennie, T. Jaakkola, "Maximum-margin matrix factorization", NeurIPS 2004: ||Z||_* is the minimum of
1/2 tr(W S^{-1} W^H) + 1/2 tr S over all Z = W V^H with V^H V = I and a diagonal S > 0. T. Hastie, R. Mazumder, J. D.
Lee, R. Zadeh, "Matrix completion and low-rank SVD via fast alternating least squares", JMLR 16 (2015), arXiv:1410.2596.
Without a penalty: P. Jain, P. Netrapalli, S. Sanghavi, "Low-rank matrix completion using alternating minimization",
STOC 2013, arXiv:1212.0467.

Guarantee: no half step raises 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*, but by what numerically dependent rows of V
had fitted before.
"""

from collections.abc import Iterator

import numpy as np

from .._common.arrays import check_count
from .._common.norms import frobenius
from .._common.progress import Progress, check_progress
from .._common.rule import check_rule
from .._common.types import Array, Indices, Matrix, Reals, Seed, Sparse
from .._randomized.orthonormal import tall_qr
from .._randomized.svd import randomized_svd
from .observed import Observed
from .result import Completion, Factors, check_penalty, completion, distance, scaled_penalty, started, told, unit_scaled

BATCH = 2**20  # numbers gathered at a time
NOISE = 10  # entries of Z are rounding error below NOISE N eps of its largest singular value
SAFE = 1.5e-8  # normal equations in double precision keep half of the digits above this reciprocal condition number


def alternating_least_squares(
    a: Sparse,
    *,
    rank: int,
    penalty: float = 0.0,
    start: Completion | None = None,
    rtol: float = 1e-5,
    maxiter: int = 1000,
    rng: Seed = None,
    progress: Progress | None = None,
) -> Completion:
    """Matrix completion at a fixed rank, ``min 1/2 ||P_Omega(A - Z)||_F^2 + penalty ||Z||_*`` over Z of that rank.

    With Z = U diag(s) V^H each row w of W = U diag(s) solves a small ridge regression on its observed entries,
    ``min_w 1/2 ||a_i - w V_i^H||^2 + penalty/2 sum_l |w_l|^2 / s_l``; then each column of Z likewise. Without a penalty
    these are least squares. Where several solutions exist, for a row with fewer than `rank` entries or with entries in
    columns whose factors V_i are numerically dependent, the smallest is taken.

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
    soft_impute : the convex problem, without a fixed rank.
    complete : chooses the penalty.

    Notes
    -----
    Flops: ``4 |Omega| k^2 + (M + N) k^3`` a step, memory ``|Omega| + (M + N) k`` numbers. Where the minimum of the
    convex problem has a rank below `rank`, the two have the same minimum. Without a penalty a matrix of this rank is
    recovered exactly, at a linear rate, from enough random entries of an incoherent one (Jain et al. 2013). Of a larger
    rank there are many matrices with the same entries, and the one that is found need not be the one looked for.

    Of the singular values of V_i those below ``sqrt(rank eps)`` times the largest count as zero, and so do columns of Z
    that are rounding error of its largest. Rows with a condition number below 1e4 are solved by normal equations in
    double precision, the others by a singular value decomposition of V_i.

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
    Z = minimized(a, rank=rank, penalty=penalty, start=start, rtol=rtol, maxiter=maxiter, rng=rng, progress=progress)
    return told(Z, "alternating_least_squares", rtol, "take a smaller rank or a larger penalty")


def minimized(
    a: Sparse,
    *,
    rank: int,
    penalty: float,
    start: Completion | None,
    rtol: float,
    maxiter: int,
    rng: Seed,
    progress: Progress | None = None,
) -> Completion:
    """`alternating_least_squares`, which says itself where it did not converge."""
    observed, scale = unit_scaled(a)
    penalty, progress = check_penalty(penalty, positive=False), check_progress(progress)
    rule, maxiter = check_rule(a.shape, rank, rtol, None, rng=rng), check_count("maxiter", maxiter)

    Z = _filled_up(started(start, observed, scale, rule.rank), observed, rule.rank, rule.rng)
    shift = scaled_penalty(penalty, observed, scale)
    adjoint, rounding = observed.adjoint(), float(np.finfo(observed.dtype).eps) * frobenius(observed.values)
    iterations, converged = 0, not len(observed)
    while iterations < maxiter and not converged:
        iterations += 1
        U, s, V = _half_step(observed, Z.V, Z.s, shift)
        V, s, U = _half_step(adjoint, U, s, shift)
        Z, before = Factors(U, s, V), Z
        converged = distance(Z, before) <= max(rule.rtol * float(np.linalg.norm(Z.s)), rounding)
        if progress is not None:
            progress("iterations", iterations, maxiter)
    if shift:
        Z = _shrunk(observed, Z, shift)
    return completion(Z, observed, scale, penalty, iterations, converged)


def _filled_up(Z: Factors, observed: Observed, rank: int, rng: np.random.Generator) -> Factors:
    """Z and the leading singular vectors of what it leaves, as many as `rank` asks for."""
    missing = rank - len(Z.s)
    if not (missing and len(observed)):
        return Z
    share = len(observed) / (observed.shape[0] * observed.shape[1])
    gap = observed.matrix((observed.values - observed.entries(Z.U * Z.s, Z.V)) / observed.dtype.type(share))
    U, s, Vh = randomized_svd(gap, missing, rng=rng)
    return _factors(np.hstack([Z.U * Z.s, U * s]), np.hstack([Z.V, Vh.conj().T]))


def _half_step(observed: Observed, V: Matrix, s: Reals, penalty: float) -> Factors:
    """The best W for Z = W V^H, as the factors of that Z; with a penalty y = w / sqrt(s) has that of a plain ridge."""
    k, wide = len(s), np.result_type(observed.dtype, np.float64)
    weights = np.sqrt(s) if penalty else np.ones_like(s)
    right = (_without_rounding_error(V, s) * weights).astype(wide)
    W = np.zeros((observed.shape[0], k), observed.dtype)
    for rows, entries, there in _batches(observed.starts, k):
        B = right[observed.columns[entries]].conj() * there[..., None]
        values = observed.values[entries] * there
        W[rows] = _smallest_solutions(B, values, penalty, np.finfo(observed.dtype).eps)
    return _factors(W * weights, V)


def _without_rounding_error(V: Matrix, s: Reals) -> Matrix:
    """V with zeros for the columns of Z that are rounding error of its largest: no row's solution may rest on them."""
    lengths = np.linalg.norm(V * s, axis=1)
    return np.where(lengths > NOISE * len(V) * np.finfo(s.dtype).eps * s.max(initial=0), V.T, 0).T


def _smallest_solutions(B: Matrix, values: Matrix, penalty: float, eps: float) -> Matrix:
    """``min_w ||values - B w||^2 + penalty ||w||^2`` for each B of a batch, w the smallest where B is dependent.

    The factor of G + (penalty - SAFE ||G||) I exists where no normal equations lose more than half of the digits.
    Otherwise singular values below sqrt(k eps) of the largest count as zero: divided by a smaller one, rounding error
    of the values would be larger than what that contributes to the fit.
    """
    k = B.shape[-1]
    B_adjoint = B.conj().swapaxes(-1, -2)
    gram, right = B_adjoint @ B, B_adjoint @ values[..., None]
    diagonal = np.einsum("...ii->...i", gram)
    safe = SAFE * diagonal.real.sum(axis=-1, keepdims=True)
    try:
        diagonal += penalty - safe
        np.linalg.cholesky(gram)
        diagonal += safe
        return np.linalg.solve(gram, right)[..., 0]
    except np.linalg.LinAlgError:
        if len(B) > 1:  # some of the batch: halves, down to those that are dependent
            half = len(B) // 2
            parts = (slice(half), slice(half, None))
            return np.concatenate([_smallest_solutions(B[part], values[part], penalty, eps) for part in parts])
        u, s, vh = np.linalg.svd(B, full_matrices=False)
        used = s > np.sqrt(k * eps) * s[..., :1]
        factors = np.divide(s, s**2 + penalty, out=np.zeros_like(s), where=used)
        inside = factors[..., None] * (u.conj().swapaxes(-1, -2) @ values[..., None])
        return (vh.conj().swapaxes(-1, -2) @ inside)[..., 0]


def _shrunk(observed: Observed, Z: Factors, penalty: float) -> Factors:
    """One step of shrinking singular values within V: those that only tend to zero become zero."""
    gap = observed.matrix(observed.values - observed.entries(Z.U * Z.s, Z.V))
    U, s, V = _factors(gap @ Z.V + Z.U * Z.s, Z.V)
    k = int(np.count_nonzero(s > penalty))
    return Factors(U[:, :k], s[:k] - penalty, V[:, :k])


def _batches(starts: Indices, k: int) -> Iterator[tuple[Array, Array, Array]]:
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


def _factors(left: Matrix, right: Matrix) -> Factors:
    """left right^H as U diag(s) V^H, without what is rounding error."""
    P, R = tall_qr(left)
    Q, T = tall_qr(right)
    u, s, vh = np.linalg.svd(R @ T.conj().T)
    k = int(np.count_nonzero(s > max(len(P), len(Q)) * np.finfo(s.dtype).eps * s.max(initial=0)))
    return Factors(P @ u[:, :k], s[:k], Q @ vh[:k].conj().T)
