"""Ctrl-C during a long factorization."""

import _thread
import contextlib
import gc
import itertools
import signal
import threading
import time

import numpy as np
import pytest
from matrices import gaussian
from measures import THRESHOLD, qr_ratio

from rrqr_lapack import (
    BlockMatrix,
    TallQR,
    TruncatedQR,
    _core,
    interpolative_decomposition,
    qr_truncated,
    strong_rrqr,
)
from rrqr_lapack._common import products

N = 1600  # large enough to take many times as long as the signal


@pytest.fixture(params=["auto", "_small", "greedy", "_randomized"])
def driver(request):
    """The drivers that can be interrupted; LAPACK's is one call."""
    return request.param


@contextlib.contextmanager
def ctrl_c(after):
    """Deliver SIGINT to the main thread after so many seconds, as long as the block runs. No garbage is collected
    meanwhile: an exception in a callback of the collector, such as Hypothesis has, is lost."""
    inside = True

    def handler(number, frame):
        if inside:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    timer = threading.Timer(after, _thread.interrupt_main)
    gc.disable()
    try:
        timer.start()
        yield
    finally:
        inside = False
        gc.enable()
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)


def test_a_long_factorization_is_interrupted(driver):
    a = gaussian(N, N, "f8")
    before = a.copy()
    for factorize in (qr_truncated, TruncatedQR, interpolative_decomposition):
        with pytest.raises(KeyboardInterrupt), ctrl_c(0.02):
            factorize(a, driver=driver)
    np.testing.assert_array_equal(a, before)
    assert len(qr_truncated(a, rank=3, mode="r", driver=driver)[0]) == 3


@pytest.mark.parametrize("part", ["gram_triangle", "cholesky_q", "precondition", "preconditioned_q"])
def test_a_tall_factorization_by_products_is_interrupted(part, monkeypatch):
    """In each of its parts that go through all rows; what is not interrupted there would be in the other."""
    a, original = gaussian(30000, 300, "f8"), getattr(_core, part)
    if part.startswith("precondition"):
        a += 1e9  # columns that are nearly parallel
    ended = []

    def timed(*arguments):
        with ctrl_c(0.02):
            result = original(*arguments)
        ended.append(part)
        return result

    monkeypatch.setattr(_core, part, timed)
    with pytest.raises(KeyboardInterrupt):
        qr_truncated(a)
    assert not ended


@pytest.mark.parametrize("name", ["float32", "float64", "complex128"])
def test_an_interrupted_extension_leaves_a_valid_factor_that_can_go_on(name, driver):
    a = gaussian(N, N, name)
    f = TruncatedQR(a, rank=5, driver=driver)
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.02):
        f.extend()
    reached = f.rank
    assert 5 <= reached < N
    q, r, p = f.form_q(full=False), f.R, f.P
    np.testing.assert_array_equal(np.sort(p), np.arange(N))
    assert qr_ratio(a[:, p[:reached]], q, r[:, :reached], np.arange(reached)) <= THRESHOLD
    sample = p[reached :: max(1, (N - reached) // 20)]
    left = a[:, sample] - q @ r[:, reached :: max(1, (N - reached) // 20)]
    norms = f.residual_column_norms[:: max(1, (N - reached) // 20)]
    np.testing.assert_allclose(np.linalg.norm(left, axis=0), norms, rtol=1e-3)
    assert f.maxresid == pytest.approx(f.residual_column_norms.max(), rel=1e-2)
    f.extend(rank=reached + 10)
    assert qr_ratio(a[:, f.P[: f.rank]], f.form_q(), f.R[:, : f.rank], np.arange(f.rank)) <= THRESHOLD
    if driver == "_randomized":
        return
    expected = TruncatedQR(a, rank=reached + 10, driver=driver)
    np.testing.assert_array_equal(f.P[: f.rank], expected.P[: f.rank])
    if driver == "greedy":
        np.testing.assert_array_equal(f.R, expected.R)


def test_interrupted_exchanges_leave_a_valid_factor_that_can_become_strong():
    """From the first columns of the matrix, which a wide tie takes, to the best ones lie hundreds of exchanges."""
    a = gaussian(N, N, "float64")
    f = strong_rrqr(a, rank=5, f=1.05, tie_tol=0.9999, driver="_randomized", rng=0)
    with pytest.raises(KeyboardInterrupt), ctrl_c(0.2):
        f.extend(rank=400)
    assert np.isinf([f.max_coefficient, f.rho, f.bound]).all()
    q, r, p = f.form_q(), f.R, f.P
    np.testing.assert_array_equal(np.sort(p), np.arange(N))
    assert f.rank >= 5
    assert qr_ratio(a[:, p[: f.rank]], q, r[:, : f.rank], np.arange(f.rank)) <= THRESHOLD
    left = np.linalg.norm(a[:, p[-20:]] - q @ r[:, -20:], axis=0)
    np.testing.assert_allclose(left, f.residual_column_norms[-20:], rtol=1e-3)
    assert f.maxresid == pytest.approx(f.residual_column_norms.max(), rel=1e-2)
    f.extend(rank=f.rank)
    assert f.rho <= 1.05


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stack_is_left_between_two_of_its_parts_whoever_works_on_it(workers, monkeypatch):
    """A part is less than a tenth of a second; those that wait for a worker are never begun."""
    begun, number, factor_stack = [], itertools.count(1), _core.factor_stack

    def interrupting(a, *arguments):
        begun.append(len(a))
        time.sleep(1e-3)
        factor_stack(a, *arguments)
        if next(number) == 5:
            _thread.interrupt_main()

    monkeypatch.setattr(_core, "factor_stack", interrupting)
    a = gaussian(30 * 2000, 30, "f8").reshape(2000, 30, 30)
    monkeypatch.setattr("rrqr_lapack._qr.truncated.PART", 1e6)
    with pytest.raises(KeyboardInterrupt), ctrl_c(60):
        qr_truncated(a, workers=workers)
    assert 5 <= len(begun) < 100
    assert (max(begun) - 1) * 8 * 30**3 <= 1e6
    qr_truncated(a[:50], workers=workers)


def test_an_exception_of_another_handler_comes_through(driver):
    class Alarm(Exception):
        pass

    def handler(number, frame):
        raise Alarm

    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no interval timers")
    a = gaussian(N, N, "f8")
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Alarm):
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            TruncatedQR(a, driver=driver)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("adjoint", [False, True])
def test_a_product_of_a_large_array_is_left_between_two_parts_of_it(adjoint, monkeypatch):
    """Each is a small part of a second; the parts make the whole."""
    a, x = gaussian(300, 200, "c16"), gaussian(200, 7, "c16")
    expected = (a @ x).conj() if adjoint else a @ x
    a = a.T if adjoint else a
    monkeypatch.setattr(products, "HEARD", 7 * 200 * 10)
    multiply = (lambda: products.adjoint_times(a, x.conj())) if adjoint else (lambda: products.times(a, x))
    for order in "CF":
        a = np.asarray(a, order=order)
        np.testing.assert_allclose(multiply(), expected, atol=1e-12)
    parts = []

    def interrupted(shape, *arguments, **options):
        for part in row_blocks(shape, *arguments, **options):
            parts.append(part)
            if len(parts) == 3:
                _thread.interrupt_main()
            yield part

    row_blocks = products.row_blocks
    monkeypatch.setattr(products, "row_blocks", interrupted)
    with pytest.raises(KeyboardInterrupt), ctrl_c(60):
        multiply()
    assert len(parts) < 6


def test_a_pass_over_blocks_is_left_between_two_of_them():
    blocks = BlockMatrix(gaussian(3000, 20, "f8"), block_bytes=1600, progress=lambda *what: _thread.interrupt_main())
    with pytest.raises(KeyboardInterrupt), ctrl_c(60):
        blocks @ np.ones(20)
    assert not blocks.passes


def test_eliminating_rows_takes_parts_of_a_second_whatever_the_columns():
    tall = TallQR(np.zeros((0, 5000)))
    assert 2 * len(tall._gathered) * 5000**2 <= 2**32
    assert len(TallQR(np.zeros((0, 1000)))._gathered) == 1000
