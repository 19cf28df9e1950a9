"""Threads: the same results from many at once, one object shared, and the GIL released.

OpenBLAS is held to one thread here: eight callers that wait for one pool of spinning threads take long."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl
from drivers import greedy_pivots
from matrices import gaussian
from measures import THRESHOLD, qr_ratio

from rrqr_lapack import TruncatedQR, interpolative_decomposition, qr, qr_truncated, strong_rrqr
from rrqr_lapack._qr.strong import StrongRRQR

THREADS = 8


def at_once(function):
    """The results of the function from eight threads that start together."""
    gate = threading.Barrier(THREADS)

    def run(i):
        gate.wait()
        return function(i)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def flat(result):
    return [x for part in result for x in flat(part)] if isinstance(result, tuple) else [np.asarray(result)]


def id_parts(a, driver):
    d = interpolative_decomposition(a, rank=20, driver=driver)
    return *d, d.error


FACTORIZE = {
    "qr": lambda a, driver: qr(a, pivoting=True),
    "qr_truncated": lambda a, driver: qr_truncated(a, rank=60, driver=driver),
    "extend": lambda a, driver: (
        (f := TruncatedQR(a, rank=20, driver=driver).extend(rank=70)) and (f.R, f.P, f.residual_norm)
    ),
    "interpolative_decomposition": id_parts,
}


@pytest.mark.parametrize("name", FACTORIZE)
def test_eight_threads_get_identical_results(name, dtype, driver):
    a = gaussian(130, 120, dtype)
    with threadpoolctl.threadpool_limits(1):
        expected = flat(FACTORIZE[name](a, driver))
        for result in at_once(lambda i: FACTORIZE[name](a, driver)):
            for ours, theirs in zip(flat(result), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_threads_with_different_matrices_do_not_mix(dtype, driver):
    matrices = [gaussian(60 + i, 70, dtype, seed=i) for i in range(THREADS)]
    with threadpoolctl.threadpool_limits(1):
        expected = [qr_truncated(a, rank=40, driver=driver) for a in matrices]
        for found, theirs in zip(
            at_once(lambda i: qr_truncated(matrices[i], rank=40, driver=driver)), expected, strict=True
        ):
            for x, y in zip(found, theirs, strict=True):
                np.testing.assert_array_equal(x, y)


def test_one_factor_is_applied_from_many_threads(dtype, driver):
    f = TruncatedQR(gaussian(200, 100, dtype), rank=60, driver=driver)
    c = [gaussian(200, 9, dtype, seed=i) for i in range(THREADS)]

    def everything(i):
        return (
            f.apply_q(c[i]),
            f.apply_q(c[i].T, side="right"),
            *f.lstsq(c[i]),
            f.form_q(),
            f.interpolation(),
            f.residual_norm,
        )

    with threadpoolctl.threadpool_limits(1):
        expected = [everything(i) for i in range(THREADS)]
        for _ in range(3):
            for found, theirs in zip(at_once(everything), expected, strict=True):
                for x, y in zip(found, theirs, strict=True):
                    np.testing.assert_array_equal(x, y)


@greedy_pivots
def test_whatever_is_read_while_another_thread_extends_is_a_factorization(dtype, driver):
    a = gaussian(220, 210, dtype)
    f = TruncatedQR(a, rank=1, driver=driver)
    seen, done = [], threading.Event()

    def reader():
        while not done.is_set():
            seen.append((f.P, f.R, f.qr, f.tau))

    threads = [threading.Thread(target=reader) for _ in range(2)]
    with threadpoolctl.threadpool_limits(1):
        for thread in threads:
            thread.start()
        try:
            for k in range(1, 211):
                f.extend(rank=k)
                while len(seen) * 70 < k:  # let the readers have their turn
                    time.sleep(0.001)
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert len(seen) >= 3
    for p, _, _, _ in seen[:: max(1, len(seen) // 50)]:
        np.testing.assert_array_equal(np.sort(p), np.arange(210))
    assert qr_ratio(a, f.form_q(), f.R, f.P) <= THRESHOLD
    np.testing.assert_array_equal(f.P, TruncatedQR(a, driver=driver).P)


class Turns:
    """A lock that counts how often it was taken anew."""

    def __init__(self):
        self.depth = self.taken = 0

    def __enter__(self):
        self.taken += not self.depth
        self.depth += 1

    def __exit__(self, *_):
        self.depth -= 1


CONSTANT = {"shape", "dtype", "f"}
PUBLIC = [*sorted({name for name in dir(StrongRRQR) if not name.startswith("_")} - CONSTANT), "__repr__"]
ARGUMENTS = {"apply_q": (np.ones(6),), "lstsq": (np.ones(6),)}


@pytest.mark.parametrize("name", PUBLIC)
def test_whatever_is_asked_of_an_object_takes_one_turn(name):
    """In two turns another thread could extend it between them; without one while it is read."""
    f = strong_rrqr(gaussian(6, 5, "f8"), rank=3)
    f._lock = turns = Turns()
    value = getattr(f, name)
    if callable(value):
        assert not turns.taken
        value(*ARGUMENTS.get(name, ()))
    assert turns.taken == 1
    assert not turns.depth


def test_extending_one_factor_from_many_threads_is_one_extension(dtype, driver):
    a = gaussian(150, 140, dtype)
    f = TruncatedQR(a, rank=10, driver=driver)

    def extend(i):
        try:
            f.extend(rank=30 + 10 * i)
        except ValueError as error:  # another thread was further
            assert "rank must be between" in str(error)

    at_once(extend)
    assert f.rank == 30 + 10 * (THREADS - 1)
    assert qr_ratio(a[:, f.P[: f.rank]], f.form_q(), f.R[:, : f.rank], np.arange(f.rank)) <= THRESHOLD


def test_other_threads_run_during_a_factorization(driver):
    """A thread that needs the GIL for every tick: while the GIL is held it makes none."""
    a = np.asfortranarray(gaussian(1200, 1200, "f8"))
    ticks, done = 0, threading.Event()

    def tick():
        nonlocal ticks
        while not done.is_set():
            time.sleep(1e-4)
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        with threadpoolctl.threadpool_limits(1):
            before = ticks
            TruncatedQR(a, overwrite_a=True, check_finite=False, driver=driver)
            during = ticks - before
    finally:
        done.set()
        thread.join()
    assert during >= 10
