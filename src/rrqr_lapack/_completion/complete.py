"""Matrix completion with a penalty chosen by its error on held-out entries, along a path of warm starts.

R. Mazumder, T. Hastie, R. Tibshirani, "Spectral regularization algorithms for learning large incomplete matrices", JMLR
11 (2010), sections 4 and 9.

Guarantee: `held_out_error` is the root mean square of A - Z over entries that took no part in fitting that Z; it is the
smallest on the path.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from .._common.arrays import check_choice, check_rng, check_tolerance
from .._common.progress import Progress, check_progress
from .._common.types import Seed, Sparse
from .._randomized.svd import randomized_svd
from . import als, soft_impute
from .observed import hold_out
from .result import Completion, Step, check_penalty, told, unit_scaled

Method: TypeAlias = Literal["soft_impute", "als"]
ROUGH = 1e-3  # tolerance on the path: held-out errors settle long before the last digits do
PENALTIES = np.geomspace(0.5, 5e-4, 13).tolist()  # of the smallest penalty for which Z is zero


def complete(
    a: Sparse,
    *,
    rank: int | None = None,
    penalties: ArrayLike | None = None,
    fraction: float = 0.1,
    rtol: float = 1e-5,
    maxiter: int = 1000,
    method: Method = "soft_impute",
    rng: Seed = None,
    progress: Progress | None = None,
) -> Completion:
    """Matrix completion, ``Z ~= A`` from its observed entries, with the penalty that predicts held-out ones best.

    A random `fraction` of the entries is held out. The rest is completed for one penalty after the other, from large to
    small and each from the result before. The path ends with the first that does not improve the error on the held-out
    entries: from there on Z fits the noise, at a rank that soon explodes. All entries are then completed with the best.

    Parameters
    ----------
    a : (M, N) sparse array
        Its stored entries are the observed ones, explicit zeros too.
    rank : int, optional
        Largest rank, 0 to min(M, N); 'als' needs it. By default the largest k whose k (M + N - k) parameters are no
        more than the entries.
    penalties : array_like of float, optional
        By default 13 from 1/2 to 1/2000 of ``||P_Omega(A)||_2``, the smallest penalty for which Z is zero.
    fraction : float, optional
        Share of the entries to hold out, between 0 and 1 so that each part has an entry.
    rtol, maxiter : optional
        As for the method, `rtol` for the change of Z beside ``||Z||_F``; on the path, before the last completion, it is
        at least 1e-3.
    method : {'soft_impute', 'als'}, optional
        `soft_impute` or `alternating_least_squares`.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator.
    progress : callable, optional
        Called as ``progress("penalties", done, total)`` after each, the path may end before the last; and as the method
        does for the last completion.

    Returns
    -------
    Completion
        With two further attributes: `held_out_error`, the root mean square error on the held-out entries of the Z that
        was fitted without them, and `path`, a list of ``(penalty, rank, held_out_error)``.

    Raises
    ------
    TypeError, ValueError
        As the method; `fraction` leaves nothing to fit or to measure on.
    OverflowError
        The largest singular values of Z overflow in its dtype.

    Warns
    -----
    ConvergenceWarning
        The last completion did not converge; those on the path may stop at the limit, since their error on the held-out
        entries is true in any case.

    Notes
    -----
    Costs what the method costs for each penalty on the path. A warm start takes a fraction of the iterations of a cold
    one. The chosen minimum over a path is a little optimistic; measure on entries of your own to compare models.

    References
    ----------
    R. Mazumder, T. Hastie, R. Tibshirani, JMLR 11 (2010), 2287-2322.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import complete
    >>> rng = np.random.default_rng(0)
    >>> A = rng.standard_normal((60, 2)) @ rng.standard_normal((2, 50))
    >>> seen = rng.random(A.shape) < 0.5
    >>> noisy = A[seen] + 0.1 * rng.standard_normal(seen.sum())
    >>> Z = complete(sparse.coo_array((noisy, seen.nonzero()), shape=A.shape), rng=0)
    >>> bool(np.sqrt(np.mean((A - Z.reconstruct()) ** 2)) < 0.1)
    True
    """
    check_choice("method", method, get_args(Method))
    if method == "als" and rank is None:
        raise ValueError("rank must be an integer for method='als', got None")
    progress = check_progress(progress)
    solve = (soft_impute if method == "soft_impute" else als).minimized
    rough, rng = max(check_tolerance("rtol", rtol), ROUGH), check_rng(rng)
    if penalties is not None:
        penalties = [check_penalty(penalty, positive=False) for penalty in np.atleast_1d(penalties)]
        if not penalties:
            raise ValueError("penalties must hold at least one number, got none")
    kept, held_out = hold_out(a, fraction, rng=rng)
    if not (kept.nnz and held_out.nnz):
        total = kept.nnz + held_out.nnz
        raise ValueError(f"fraction must leave entries to fit and to measure on, got {fraction!r} of {total}")
    if penalties is None:
        observed, scale = unit_scaled(kept)
        largest = float(randomized_svd(observed.matrix(observed.values), 1, rng=rng).s.max(initial=0)) or 1.0
        penalties = [penalty * largest * scale for penalty in PENALTIES]
    options = {"rank": _identifiable(a) if rank is None else rank, "maxiter": maxiter, "rng": rng}
    path, start = [], None
    for penalty in sorted(penalties, reverse=True):
        Z = solve(kept, penalty=penalty, start=start, rtol=rough, **options)
        path.append(Step(Z.penalty, Z.rank, Z.rms_error(held_out)))
        if progress is not None:
            progress("penalties", len(path), len(penalties))
        if start is not None and path[-1].held_out_error >= path[-2].held_out_error:
            break
        best, start = path[-1], Z
    Z = solve(a, penalty=best.penalty, start=start, rtol=rtol, progress=progress, **options)
    Z.held_out_error, Z.path = best.held_out_error, path
    return told(Z, f"complete by {method}", rtol, "take a smaller rank or larger penalties")


def _identifiable(a: Sparse) -> int:
    """The largest k with k (M + N - k) <= nnz."""
    sides, ranks = sum(a.shape), np.arange(min(a.shape) + 1)
    return int(np.count_nonzero(ranks * (sides - ranks) <= a.nnz)) - 1
