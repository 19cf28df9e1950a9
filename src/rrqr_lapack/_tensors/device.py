"""The public functions for arrays on other devices, on the pivoted QR of `_device`.

Each has the arguments of its namesake, after the home that results go to.
"""

from collections.abc import Callable
from typing import Any

from .._common.arrays import check_choice, check_flag
from .._common.error import exact
from .._common.rule import check_rule
from .._device import DeviceFactor, factor
from .._device.library import library_of
from .._device.memory import NO_COPY, on_device
from .._id.column import InterpolativeDecomposition
from .._qr.strong import StrongRRQR, check_bound
from .._qr.tall import TallQR
from .._qr.truncated import MODES
from .device_basis import completed, identity
from .device_qr import DeviceQR, DeviceStrongRRQR
from .device_range import randomized_svd, range_finder
from .device_selection import least_squares, select_columns
from .device_strong import strong_factor
from .device_tall import DeviceTallQR
from .home import Home
from .numbers import numerical_rtol
from .refusals import only

FEWER = "a smaller rank= takes less"


def call(name: str, home: Home, a: Any, options: dict[str, Any]) -> Any:
    """One of the functions by its name; a device that is full is a MemoryError that says what takes less."""
    function, cure = FUNCTIONS[name]
    with on_device(library_of(a), a, cure):
        return function(home, a, **options)


def qr(home: Home, a: Any, **options: Any) -> tuple[Any, ...]:
    """Q, R and P as `rrqr_lapack.qr` gives them."""
    mode = "full" if options["mode"] == "qr" else options["mode"]
    only("mode", mode, "full", "economic", "r")
    library = library_of(a)
    m, n = a.shape[-2:]
    rows = min(m, n) if mode == "economic" else m
    if options["pivoting"]:
        found = factor(a)
        q, r = _real_diagonal(found, with_q=mode != "r")
        q, tail = None if q is None else completed(library, q, rows), (home.indices(found.pivots),)
    else:
        q, r = library.xp.linalg.qr(a, mode="reduced" if mode == "economic" else "complete")
        tail = ()
    below = library.zeros((*r.shape[:-2], rows - r.shape[-2], n))
    r = library.xp.concat([r, below], axis=-2)
    return (home.rounded(r), *tail) if mode == "r" else (home.rounded(q), home.rounded(r), *tail)


def qr_truncated(home: Home, a: Any, **options: Any) -> tuple[Any, ...]:
    """Q, R and P, or R and P, as `rrqr_lapack.qr_truncated` gives them."""
    mode = check_choice("mode", options.pop("mode"), MODES)
    only("mode", mode, "economic", "r", "full")
    found = _factor(a, **options)
    q, r = _real_diagonal(found, with_q=mode != "r")
    if mode == "full":
        q, r = _with_residual(a, found, q, r)
    r, p = home.rounded(r), home.indices(found.pivots)
    return (r, p) if q is None else (home.rounded(q), r, p)


def interpolative_decomposition(
    home: Home, a: Any, *, f: float | None, refit: str | None, **options: Any
) -> InterpolativeDecomposition:
    """As `rrqr_lapack.interpolative_decomposition`."""
    if a.ndim != 2:
        raise ValueError(f"a must have 2 dimensions, got {a.ndim}")
    check_choice("refit", refit, (None, "lstsq"))
    options["rtol"] = max(options["rtol"] or 0.0, numerical_rtol(a))
    found = _factor(a, **options)
    if f is not None:
        rule = check_rule(a.shape, options["rank"], options["rtol"], options["atol"], random=False)
        found = strong_factor(a, found, rule, check_bound(f)).factor
    library = library_of(a)
    chosen = found.pivots[: found.rank]
    if refit:
        t, left = least_squares(library, a, chosen)
        norm = library.norms(left)
    else:
        t, left, norm = found.interpolation(), found.residual_column_norms, found.residual_norm
    return InterpolativeDecomposition(
        home.indices(chosen),
        home.rounded(t),
        home.rounded(library.take(a, chosen, 1)),
        exact(float(norm)),
        float(library.largest(left)) if a.shape[1] else 0.0,
    )


def _with_residual(a: Any, found: DeviceFactor, q: Any, r: Any) -> tuple[Any, Any]:
    """All M columns of Q, and R with the residual block ``R[k:, k:]``, that of each item of a stack behind its rank."""
    library = library_of(a)
    xp, (m, n) = library.xp, a.shape[-2:]
    q = completed(library, q, m)
    permuted = library.permuted(a, found.pivots) if a.ndim > 2 else library.take(a, found.pivots, 1)
    rank = found.rank[..., None, None] if a.ndim > 2 else found.rank
    row, column = xp.arange(m, device=library.device)[:, None], xp.arange(n, device=library.device)
    padded = xp.concat([r, library.zeros((*r.shape[:-2], m - r.shape[-2], n))], axis=-2)
    return q, xp.where((row >= rank) & (column >= rank), library.conj(q.mT) @ permuted, padded)


def _real_diagonal(found: DeviceFactor, with_q: bool) -> tuple[Any, Any]:
    """Q, or None, and R with a real diagonal, as LAPACK's is: it fixes the phases, which gradients rely on."""
    q, r, library = found.q() if with_q else None, found.R, library_of(found.R)
    k = r.shape[-2]
    if not library.complex or not k:
        return q, r
    diagonal = library.xp.sum(r[..., :k] * identity(library, k), axis=-1)
    size = abs(diagonal)
    phase = library.xp.where(size == 0, 1.0, diagonal / library.xp.where(size == 0, 1.0, size))
    return None if q is None else q * phase[..., None, :], r * library.conj(phase)[..., :, None]


def become(result: Any, home: Home, a: Any, options: dict[str, Any]) -> None:
    """Make an object of a class of the host one of its class on devices."""
    kinds = {StrongRRQR: DeviceStrongRRQR, TallQR: DeviceTallQR}
    result.__class__ = next((kinds[kind] for kind in type(result).__mro__ if kind in kinds), DeviceQR)
    with on_device(library_of(a), a):
        result.__init__(a, home=home, **options)


FUNCTIONS: dict[str, tuple[Callable[..., Any], str]] = {  # each with what takes less memory
    "interpolative_decomposition": (interpolative_decomposition, NO_COPY),
    "qr": (qr, "qr_truncated with a small rank= takes less"),
    "qr_truncated": (qr_truncated, NO_COPY),
    "randomized_svd": (randomized_svd, FEWER),
    "range_finder": (range_finder, FEWER),
    "select_columns": (select_columns, FEWER),
}


def _factor(
    a: Any,
    *,
    rank: int | None,
    rtol: float | None,
    atol: float | None,
    driver: str,
    rng: Any,
    tie_tol: float,
    overwrite_a: bool,
    check_finite: bool,
    progress: Any = None,
    workers: int = 1,
) -> DeviceFactor:
    """The factor, of options that the host has."""
    check_flag("overwrite_a", overwrite_a)
    check_flag("check_finite", check_finite)
    only("tie_tol", tie_tol, 0.0)
    only("progress", progress, None)
    only("driver", driver, "auto", "greedy", "randomized")
    return factor(a, rank=rank, rtol=rtol, atol=atol, driver=driver, seed=rng)
