"""A weight matrix as a product of two thin ones and what is left: low-rank layers, and a start for LoRA.

C. Eckart, G. Young, "The approximation of one matrix by another of lower rank", Psychometrika 1 (1936),
doi:10.1007/BF02288367. E. J. Hu et al., "LoRA: low-rank adaptation of large language models" (2021), arXiv:2106.09685.
F. Meng, Z. Wang, M. Zhang, "PiSSA: principal singular values and singular vectors adaptation of large language models"
(2024), arXiv:2404.02948: to train the principal part of W rather than noise beside it.

||W - B A||_F^2 = sum_{j>k} sigma_j^2 for the exact singular vectors, the least of all products of rank k.
"""

from typing import Literal, TypeAlias, get_args

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from .._common.arrays import (
    as_numeric,
    check_choice,
    check_finite_columns,
    check_flag,
    lapack_dtype,
)
from .._common.error import exact
from .._common.low_rank import TruncatedSVD
from .._common.norms import frobenius
from .._common.rule import Rule, check_rule
from .._common.types import Matrix, Reals, Seed
from .svd import randomized_svd

Driver: TypeAlias = Literal["exact", "randomized"]


class LowRankFactors(TruncatedSVD):
    """``W = U diag(s) Vh + residual``; made by `low_rank_factors`.

    Unpacks to ``(U, s, Vh)`` and multiplies as ``U diag(s) Vh``.

    Attributes
    ----------
    U : (M, k) ndarray
        Left singular vectors.
    s : (k,) ndarray
        Singular values, not increasing.
    Vh : (k, N) ndarray
        Right singular vectors, conjugated.
    B, A : (M, k) and (k, N) ndarray
        ``U diag(s)^(1/2)`` and ``diag(s)^(1/2) Vh``: two layers of equal norm in the place of W, or what a LoRA adapter
        with scaling 1 starts from, beside the frozen `residual`.
    residual : (M, N) ndarray
        ``W - B A``.
    error, error_kind, error_bound : float, 'exact', float
        ``||W - B A||_F``, from the residual itself.
    rank : int
        k.
    shape, dtype
        Those of W (its LAPACK dtype).

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import low_rank_factors
    >>> low_rank_factors(np.diag([4.0, 1.0, 2.0]), rank=2)
    <LowRankFactors of shape (3, 3), float64: rank 2, exact error 1>
    """

    def __init__(self, w: Matrix, U: Matrix, s: Reals, Vh: Matrix) -> None:
        root = np.sqrt(s)
        self.B, self.A = U * root, root[:, None] * Vh
        self.residual = w - self.B @ self.A
        super().__init__(U, s, Vh, exact(frobenius(self.residual)))


def low_rank_factors(
    w: ArrayLike,
    *,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    check_finite: bool = True,
    driver: Driver = "exact",
    rng: Seed = None,
) -> LowRankFactors:
    """Low-rank factors of a weight matrix, ``W ~= U diag(s) Vh = B A``, and the rest ``W - B A``.

    B and A take the place of W in a smaller layer; or they are what a LoRA adapter starts from, with the residual as
    its frozen weight, so that training begins at W itself and moves its principal part.

    Parameters
    ----------
    w : (M, N) array_like
        Weights, in whichever orientation: ``B A`` has that of `w`.
    rank : int, optional
        Number k of columns of B, or the most with a tolerance; 0 to min(M, N), which is the default.
    rtol, atol : float, optional
        The least rank with ``||W - B A||_F <= max(atol, rtol ||W||_F)``; finite and >= 0, off by default.
    check_finite : bool, optional
        Refuse NaN and infinity.
    driver : {'exact', 'randomized'}, optional
        The singular vectors of LAPACK's SVD, which are the best; or those of `randomized_svd`, which for a small rank
        of a large matrix takes a fraction of the time. The error is exact for both.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator of the 'randomized' driver.

    Returns
    -------
    LowRankFactors
        With `U`, `s`, `Vh`, `B`, `A`, `residual` and its norm `error`; float32 stays float32, complex stays complex.

    Raises
    ------
    TypeError
        `w` is sparse, masked or not numeric; `rank` is not an integer; a tolerance is not a number.
    ValueError
        `w` has not two dimensions or holds NaN or infinity (the first such column is named); `rank`, a tolerance or
        `driver` is out of its range.

    Notes
    -----
    The exact SVD takes O(M N min(M, N)) flops, the randomized one about 12 M N (k + 10), the residual 2 M N k. A LoRA
    layer that multiplies ``B A`` by a scaling, alpha over the rank, starts at W if B is divided by it.

    References
    ----------
    F. Meng, Z. Wang, M. Zhang, "PiSSA: principal singular values and singular vectors adaptation of large language
    models" (2024), arXiv:2404.02948.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import low_rank_factors
    >>> W = np.random.default_rng(0).standard_normal((64, 48)).astype("f4")
    >>> start = low_rank_factors(W, rank=8)
    >>> start.B.shape, start.A.shape
    ((64, 8), (8, 48))
    >>> bool(np.allclose(start.residual + start.B @ start.A, W, atol=1e-5))
    True
    """
    w = as_numeric(w, "w")
    if w.ndim != 2:
        raise ValueError(f"w must have 2 dimensions, got {w.ndim}")
    w = w.astype(lapack_dtype(w.dtype), copy=False)
    if check_flag("check_finite", check_finite):
        check_finite_columns(w, "w")
    rule = check_rule(w.shape, rank, rtol, atol, rng=rng)
    if check_choice("driver", driver, get_args(Driver)) == "exact":
        return LowRankFactors(w, *_truncated_svd(w, rule))
    svd = randomized_svd(w, rule.rank, **rule.tolerances, rng=rule.rng, check_finite=False)
    return LowRankFactors(w, svd.U, svd.s, svd.Vh)


def _truncated_svd(w: Matrix, rule: Rule) -> tuple[Matrix, Reals, Matrix]:
    """U, s and Vh of the least rank that the rule allows."""
    rank = rule.rank
    if not rank:
        return w[:, :0], np.zeros(0, w.real.dtype), w[:0]
    u, s, vh = scipy.linalg.svd(w, full_matrices=False, check_finite=False)
    if rule.by_tolerance:
        largest = float(s[0]) or 1.0
        left = np.sqrt(np.cumsum((s[::-1].astype(np.float64) / largest) ** 2))[::-1]  # ||W - U_k S_k V_k^H||_F
        rank = min(rank, int(np.sum(left > max(rule.atol / largest, rule.rtol * left[0]))))
    return u[:, :rank].copy(), s[:rank], vh[:rank].copy()
