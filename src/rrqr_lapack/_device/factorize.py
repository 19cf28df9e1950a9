"""Pivoted QR of an array on its own device: checks, scale, and the driver."""

from typing import Any

import numpy as np

from .._common.arrays import check_choice, check_rank, check_rng, check_tolerance
from .._common.types import Array
from .elimination import Elimination
from .greedy import greedy
from .library import library_of
from .lockstep import Reflectors, lockstep
from .memory import on_device
from .randomized import randomized
from .result import DeviceFactor, Formed
from .scale import near_one
from .stacked import stacked
from .standard import Standard
from .stopping import Stop
from .types import DeviceArray, Namespace

DRIVERS = ("auto", "greedy", "randomized")
ALONE, TOGETHER = 64 * 64, 128 * 128  # elements of one matrix, and of those of a stack, up to which steps beat blocks


def factor(
    A: DeviceArray,
    *,
    xp: Namespace = None,
    rank: int | None = None,
    rtol: float | None = None,
    atol: float | None = None,
    driver: str = "auto",
    seed: Any = None,
) -> DeviceFactor:
    """Truncated pivoted QR ``A[..., P] ~= Q R`` where A is, by the rule of `qr_truncated`.

    Parameters
    ----------
    A : (..., m, n) array
        Matrix, or stack of matrices, of float32, float64, complex64 or complex128. It is left as it is.
    xp : namespace, optional
        The functions for A; by default array-api-compat's where that is installed, otherwise A's own.
    rank : int, optional
        Largest number of columns.
    rtol, atol : float, optional
        Tolerances for the largest column norm of the residual.
    driver : {'auto', 'greedy', 'randomized'}, optional
        'auto' is 'greedy', whose pivots are LAPACK's; 'randomized' chooses on a sketch.
    seed : None, int or numpy.random.Generator, optional
        Of the sketch.

    Returns
    -------
    DeviceFactor
        R, P, the rank, and Q on request.

    Raises
    ------
    TypeError
        A is of another dtype.
    ValueError
        A has fewer than two dimensions or is not finite (the first such column is named), or an argument is out of its
        range.
    OverflowError
        A column norm is too large for the dtype.
    MemoryError
        The device is full.

    Notes
    -----
    4 m n k flops to first order for 'greedy', and for 'randomized' 2 m n k up to a rank of a quarter of the sides. The
    host is asked once a block, which has up to 128 columns ('greedy'), or 512 ('randomized').
    """
    check_choice("driver", driver, DRIVERS)
    if A.ndim < 2:
        raise ValueError(f"a must have at least 2 dimensions, got {A.ndim}")
    kind = str(A.dtype).rpartition(".")[2]
    if kind not in ("float32", "float64", "complex64", "complex128"):
        raise TypeError(f"a must be of float32, float64, complex64 or complex128 on its device, got {kind}; convert it")
    rule = Stop(check_rank(rank, min(A.shape[-2:]), 0), check_tolerance("rtol", rtol), check_tolerance("atol", atol))
    rng = check_rng(seed) if driver == "randomized" else None
    library = library_of(A, xp)
    with on_device(library, A):
        return _factored(library, A, rule, rng)


def _factored(library: Standard, a: DeviceArray, stop: Stop, rng: np.random.Generator | None) -> DeviceFactor:
    m, n = a.shape[-2:]
    if 0 in a.shape:
        return _nothing(library, a)
    small = m * n <= (ALONE if a.ndim == 2 else TOGETHER) and rng is None
    if a.ndim > 2 and not small:
        return stacked(library, a, lambda item: _factored(library, item, stop, rng))
    a, norms, unit = near_one(library, a)
    if small:
        return _small(library, a, norms, unit, stop)
    e = Elimination(library, a, norms * norms)
    limit = stop.limit(float(library.largest(norms)), float(unit))
    if rng is None:
        greedy(e, stop, limit)
    else:
        randomized(e, stop, limit, rng)
    return e.result(float(unit))


def _small(library: Standard, a: DeviceArray, norms: DeviceArray, unit: Array, stop: Stop) -> DeviceFactor:
    """Matrices in lock step."""
    xp, (m, n), batch = library.xp, a.shape[-2:], a.shape[:-2]
    stack = xp.reshape(a, (-1, m, n))
    tops = library.largest(xp.reshape(norms, (-1, n)), axis=-1)
    unit = library.numbers(unit.reshape(-1))
    limit = tops * max(stop.rtol, 0.0)
    if stop.atol >= 0:
        limit = xp.maximum(limit, stop.atol / unit)
    steps = lockstep(library, stack, stop, limit)
    ranks = library.host(steps.ranks)
    steps = steps.until(int(ranks.max(initial=0)))
    k = len(steps.rows)
    r = xp.stack(steps.rows, axis=1) if k else library.zeros((stack.shape[0], 0, n))
    r = library.permuted(r, steps.pivots) * unit[:, None, None]
    left = steps.left * unit[:, None]
    return DeviceFactor(
        xp.reshape(r, (*batch, k, n)),
        xp.reshape(steps.pivots, (*batch, n)),
        xp.reshape(steps.ranks, batch) if batch else int(ranks[0]),
        xp.reshape(left, (*batch, n)),
        a.shape,
        Reflectors(library, steps, a.shape),
        library,
    )


def _nothing(library: Standard, a: DeviceArray) -> DeviceFactor:
    """The factor of a matrix without elements."""
    xp, (m, n), batch = library.xp, a.shape[-2:], a.shape[:-2]
    pivots = xp.broadcast_to(library.indices(range(n)), (*batch, n))
    ranks = xp.zeros(batch, dtype=pivots.dtype, device=library.device) if batch else 0
    left = library.zeros((*batch, n), library.real_dtype)
    q = library.zeros((*batch, m, 0))
    return DeviceFactor(library.zeros((*batch, 0, n)), pivots, ranks, left, a.shape, Formed(q), library)
