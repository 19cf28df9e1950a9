"""The methods of rrqr_lapack. A new driver is one more line of `DRIVERS`."""

import numpy as np

import rrqr_lapack

from .method import Method, id_error, qr_error

# driver: what it takes beside its name
DRIVERS = {
    "auto": {},
    "greedy": {},
    "randomized": {"rng": 0},
}


def available_drivers():
    """The drivers that this build has."""
    return [driver for driver in DRIVERS if _takes(driver)]


def truncated(driver, mode):
    """`qr_truncated` in mode 'r' or 'economic'."""

    def run(a, rank, mode=mode):
        workers = {"workers": -1} if a.ndim > 2 else {}
        return rrqr_lapack.qr_truncated(a, rank=rank, mode=mode, driver=driver, **DRIVERS[driver], **workers)

    def error(a, rank, result):
        return qr_error(a, *(run(a, rank, "economic") if mode == "r" else result))

    return Method(f"{driver} {mode}", run, error, lambda result: result[-1])


def drop_in(mode, pivoting):
    """`qr`, which takes the arguments of scipy.linalg.qr and like it knows no rank."""

    def run(a, rank, mode=mode):
        return rrqr_lapack.qr(a, mode=mode, pivoting=pivoting)

    def error(a, rank, result):
        q, r, *p = run(a, rank, "economic") if mode == "r" else result
        return qr_error(a, q[..., :rank], r[..., :rank, :], *p)

    name = f"qr pivoted {mode}" if pivoting else f"qr {mode}"
    return Method(name, run, error, (lambda result: result[-1]) if pivoting else None)


def decomposition(driver):
    """`interpolative_decomposition`; a stop below 1 is its rtol."""

    def run(a, stop):
        rule = {"rtol": stop} if stop < 1 else {"rank": stop}
        return rrqr_lapack.interpolative_decomposition(a, **rule, driver=driver, **DRIVERS[driver])

    def error(a, stop, result):
        return id_error(a, *result)

    return Method(f"{driver} ID", run, error, lambda result: result.columns, flops=None)


def in_single(method):
    """The same call on the matrix in single precision."""
    name = f"{method.name} float32"
    return Method(name, method.run, method.error, method.pivots, prepare=lambda a: a.astype(np.float32))


def _takes(driver):
    try:
        rrqr_lapack.qr_truncated(np.eye(2), rank=1, driver=driver, **DRIVERS[driver])
    except (TypeError, ValueError):
        return False
    return True


def _all():
    for driver in available_drivers():
        yield from (truncated(driver, "r"), truncated(driver, "economic"), decomposition(driver))
    yield from (drop_in(mode, pivoting) for pivoting in (True, False) for mode in ("r", "economic"))
    yield in_single(truncated("auto", "r"))


METHODS = {method.name: method for method in _all()}
