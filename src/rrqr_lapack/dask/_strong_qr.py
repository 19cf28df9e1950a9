"""Strong rank-revealing QR of a tall matrix in blocks, whose triangle has its singular values."""

from dataclasses import dataclass
from typing import Any

from .._qr.strong import StrongRRQR as Factor
from .._qr.strong import check_bound
from ._column_id import on_stand_in
from ._pivoted_qr import FIELDS, TruncatedQR, factored, numbers_of
from ._stand_in import StandIn


@dataclass(frozen=True, repr=False)
class StrongRRQR(TruncatedQR):
    """``A[:, P] ~= Q R`` with ``|R11^{-1} R12| <= f``; made by `strong_rrqr`.

    Attributes
    ----------
    max_coefficient : float
        ``max |T_ij|``, at most `rho`.
    rho : float
        What was reached of `f`: the largest factor by which an exchange of two columns would multiply ``|det R11|``.
    bound : float
        ``q = sqrt(1 + rho^2 k (N - k))``, for ``sigma_i(A) / q <= sigma_i(R11)`` and ``sigma_j(R22) <= q
        sigma_{k+j}(A)``.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import strong_rrqr
    >>> x = da.random.default_rng(0).standard_normal((1000, 6), chunks=(130, 4))
    >>> F = strong_rrqr(x, f=1.5, rank=3).compute()
    >>> bool(F.max_coefficient <= 1.5), F.form_q().shape, F.interpolation().shape
    (True, (1000, 3), (3, 6))
    """

    max_coefficient: Any
    rho: Any
    bound: Any


def strong_rrqr(
    x: Any,
    *,
    f: float = 2.0,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    tie_tol: float = 0.0,
) -> StrongRRQR:
    """Strong rank-revealing QR of a matrix in blocks, ``A[:, P] ~= Q R`` with ``|R11^{-1} R12| <= f``, in one pass.

    Parameters
    ----------
    x : (M, N) dask.array
        As for `qr_truncated`; always by its triangle, of which the bounds of singular values hold for `x`.
    f : float, optional
        Bound of the coefficients, at least 1.
    rank, rtol, atol, tie_tol : optional
        As for `qr_truncated`.

    Returns
    -------
    StrongRRQR
        Lazy; ``.compute()`` gives the same with NumPy arrays, from one graph.

    Raises
    ------
    TypeError, ValueError
        As `qr_truncated`, and where `f` is less than 1.

    Notes
    -----
    2 M N^2 flops, and those of `rrqr_lapack.strong_rrqr` for N rows. 3 N^2 numbers on the worker that chooses.

    References
    ----------
    M. Gu, S. C. Eisenstat, SIAM J. Sci. Comput. 17(4) (1996), doi:10.1137/0917055.

    Examples
    --------
    >>> import dask.array as da
    >>> from rrqr_lapack.dask import strong_rrqr
    >>> x = da.random.default_rng(0).standard_normal((1000, 6), chunks=(130, 4))
    >>> bool(strong_rrqr(x, rank=3).compute().rho <= 2)
    True
    """
    numbers = (*FIELDS, "max_coefficient", "rho", "bound")
    return factored(x, rank, rtol, atol, "triangle", tie_tol, None, _factored, StrongRRQR, numbers, check_bound(f))


def _factored(stand_in: StandIn, rule: Any, f: float) -> dict[str, Any]:
    rule = on_stand_in(rule, stand_in)
    factor = Factor(stand_in.matrix, f=f, rank=rule.rank, **rule.tolerances, tie_tol=rule.tie_tol)
    found = {"max_coefficient": factor.max_coefficient, "rho": factor.rho, "bound": factor.bound}
    return numbers_of(factor, stand_in) | found
