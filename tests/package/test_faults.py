"""Memory that runs out: at every single allocation of every operation, with nothing left broken behind."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from drivers import greedy_pivots
from matrices import duplicated, extreme, gaussian, geometric, kahan, scaled

from rrqr_lapack import TruncatedQR, _core, interpolative_decomposition, qr, qr_truncated, strong_rrqr

MANY = 1000  # no operation allocates so often


@pytest.fixture(autouse=True)
def memory_is_given_back():
    yield
    _core.fail_allocation(-1)


def matrix(dtype):
    return gaussian(40, 50, dtype)


def large(dtype):
    """Enough for `qr` to prefetch."""
    return gaussian(260, 270, dtype)


def cancelling(dtype):
    """Makes the prefetching kernel fall back to the plain one."""
    basis, small = gaussian(100, 3, dtype), np.finfo(dtype).eps ** 0.6
    return np.hstack([10 * basis, basis @ gaussian(3, 60, dtype, seed=7) + small * gaussian(100, 60, dtype, seed=5)])


def flat(result):
    """The arrays in a result."""
    if isinstance(result, tuple | list):
        return [x for part in result for x in flat(part)]
    return [np.asarray(result)]


# name: (what is made beforehand, what may run out of memory, giving arrays)
OPERATIONS = {
    f"qr {mode} {pivoting}": (large if pivoting else matrix, lambda a, m=mode, p=pivoting: qr(a, mode=m, pivoting=p))
    for mode in ("full", "r", "economic", "raw")
    for pivoting in (False, True)
}
OPERATIONS |= {
    f"qr_truncated {mode} {driver}": (matrix, lambda a, m=mode, d=driver: qr_truncated(a, rank=35, mode=m, driver=d))
    for mode in ("full", "r", "economic", "raw")
    for driver in ("_prefetch", "_small", "greedy", "lapack")
}
OPERATIONS |= {
    f"interpolative_decomposition {driver} {refit}": (
        matrix,
        lambda a, d=driver, r=refit: (
            *(x := interpolative_decomposition(a, rank=9, driver=d, refit=r)),
            x.error,
            x.skeleton,
        ),
    )
    for driver in ("_prefetch", "_small", "greedy", "lapack")
    for refit in (None, "lstsq")
}
OPERATIONS |= {
    "a sketch": (matrix, lambda a: qr_truncated(a, rank=35, driver="_randomized", rng=0)),
    "a sketch that is pivoted by prefetching": (
        lambda t: gaussian(40, 800, t),
        lambda a: qr_truncated(a, rank=35, driver="_randomized", rng=0),
    ),
    "a sketch of what is read where it lies": (
        lambda t: np.asfortranarray(gaussian(150, 800, t)),
        lambda a: qr_truncated(a, rank=120, driver="_randomized", rng=0),
    ),
    "a tall matrix that is preconditioned": (
        lambda t: gaussian(900, 75, t) + np.dtype(t).type(0.01 / np.finfo(t).eps),
        qr_truncated,
    ),
    "exchanges of columns": (
        lambda t: kahan(60, t),
        lambda a: ((f := strong_rrqr(a, rank=50, driver="_prefetch")).R, f.P, f.swaps, f.max_coefficient, f.rho),
    ),
    "a stack in lanes, of which some are left to others": (
        lambda t: gaussian(48, 9, t).reshape(6, 8, 9) * np.array([1, 0, 1, 1, 0, 1], t)[:, None, None],
        lambda a: qr_truncated(a, rank=5),
    ),
    "qr of such a stack": (
        lambda t: gaussian(160, 9, t).reshape(20, 8, 9) * np.array([1, 0, 1, 1, 0] * 4, t)[:, None, None],
        lambda a: qr(a, mode="economic", pivoting=True),
    ),
    "a stack": (
        lambda t: gaussian(40, 50, t).reshape(4, 10, 50),
        lambda a: qr_truncated(a, rank=3, driver="_prefetch"),
    ),
    "a tall matrix": (lambda t: gaussian(700, 100, t), qr_truncated),
    "a tall matrix's triangle": (lambda t: gaussian(1200, 60, t), lambda a: qr(a, mode="r", pivoting=True)),
    "a tall matrix in two passes": (lambda t: geometric(700, 100, t, 0.03), qr_truncated),
    "a tall matrix in two passes to a rank": (
        lambda t: geometric(1200, 60, t, 0.03),
        lambda a: (*qr_truncated(a, rank=40), *qr_truncated(a, rank=40, mode="r")),
    ),
    "a tall matrix that Cholesky fails": (lambda t: duplicated(700, 100, t), qr_truncated),
    "a fall back": (cancelling, lambda a: qr_truncated(a, rank=40, driver="_prefetch")),
    "overwriting": (
        lambda t: np.asfortranarray(matrix(t)),
        lambda a: qr_truncated(a.copy("F"), rank=3, overwrite_a=True, driver="_prefetch"),
    ),
}
FACTOR_METHODS = {
    "R": lambda f: f.R,
    "form_q": lambda f: f.form_q(),
    "form_q full": lambda f: f.form_q(full=True),
    "apply_q": lambda f: f.apply_q(np.ones((40, 3))),
    "apply_q adjoint on the right": lambda f: f.apply_q(np.ones((3, 40)), adjoint=True, side="right"),
    "lstsq": lambda f: f.lstsq(np.ones((40, 3))),
    "interpolation": lambda f: f.interpolation(),
    "residual_column_norms": lambda f: f.residual_column_norms,
    "residual_norm": lambda f: f.residual_norm,
}


def failures_of(operation, check=lambda: None):
    """Let the first, second, third, ... allocation fail until none does; how many did, and the result."""
    for allowed in range(MANY):
        _core.fail_allocation(allowed)
        try:
            result = flat(operation())
        except MemoryError as error:
            assert "memory" in str(error)
            _core.fail_allocation(-1)
            check()
        else:
            _core.fail_allocation(-1)
            return allowed, result
    raise AssertionError(f"still no success after {MANY} allocations")


def assert_equal(found, expected):
    for ours, theirs in zip(found, flat(expected), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_failed_allocation_is_a_memory_error_and_leaves_the_input_as_it_was(name, dtype):
    make, run = OPERATIONS[name]
    a = make(dtype)
    before, expected = a.copy(), run(a)
    failures, found = failures_of(lambda: run(a), lambda: np.testing.assert_array_equal(a, before))
    assert failures >= 2
    assert_equal(found, expected)
    assert_equal(flat(run(a)), expected)


@pytest.mark.parametrize("which", [None, 0, 1], ids=["near 1", "tiny", "huge"])
def test_where_all_norms_are_alike_prefetching_leaves_no_step_to_the_plain_kernel(which, dtype):
    """Which would have allocated its workspace."""
    a = gaussian(150, 140, dtype)
    a = a if which is None else scaled(a, extreme(dtype)[which])
    one, many = (failures_of(lambda k=k: qr_truncated(a, rank=k, mode="r", driver="_prefetch"))[0] for k in (1, 100))
    assert one == many


def test_what_is_allocated_under_a_limit_holds_nan_and_counts(dtype):
    """So that all other tests here see who reads what was not written; two arrays of a factor and a copy of A."""
    a = np.asfortranarray(matrix(dtype))
    for borrowed, allocations in ((False, 2), (True, 3)):
        _core.fail_allocation(allocations)
        factor = _core.Factor(a, borrowed)
        assert np.isnan(factor.tau).all()
        assert not borrowed or np.isnan(factor.a).all()
        with pytest.raises(MemoryError):
            factor.has_norms()
        _core.fail_allocation(-1)
        assert factor.has_norms()


@pytest.mark.parametrize("name", FACTOR_METHODS)
def test_a_method_that_runs_out_of_memory_leaves_the_factor_as_it_was(name, dtype, driver):
    f = TruncatedQR(matrix(dtype), rank=35, driver=driver)
    run = FACTOR_METHODS[name]
    expected, state = run(f), (f.rank, f.P, f.R, f.qr, f.tau)
    failures, found = failures_of(lambda: run(f), lambda: assert_equal(flat((f.rank, f.P, f.R, f.qr, f.tau)), state))
    assert failures >= 1
    assert_equal(found, expected)


@greedy_pivots
def test_an_extension_that_runs_out_of_memory_leaves_a_factor_that_goes_on(dtype, driver):
    a = gaussian(100, 90, dtype)
    f, allowed, start = TruncatedQR(a, rank=20, driver=driver), 0, 20
    while True:
        _core.fail_allocation(allowed)
        try:
            f.extend(rank=80)
            break
        except MemoryError:
            allowed += 1
        finally:
            _core.fail_allocation(-1)
        assert start <= f.rank < 80
        start = f.rank
        residual = np.linalg.norm(a[:, f.P] - f.form_q() @ f.R)
        assert residual == pytest.approx(f.residual_norm, rel=1e-4)
        assert f.maxresid == pytest.approx(f.residual_column_norms.max(), rel=1e-2)
    if driver != "lapack":  # which did all its work at the start
        assert allowed >= 1
    expected = TruncatedQR(a, rank=80, driver=driver)
    np.testing.assert_array_equal(f.P[:80], expected.P[:80])
    np.testing.assert_allclose(np.abs(np.diagonal(f.R)), np.abs(np.diagonal(expected.R)), rtol=1e-3)


LEAK = """
    import sys
    import numpy as np
    from rrqr_lapack import TruncatedQR, _core, interpolative_decomposition, qr, qr_truncated, strong_rrqr

    def resident():
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * 4096

    a = np.random.default_rng(0).standard_normal((60, 4000))
    b = np.ones((60, 40))
    f = TruncatedQR(a, rank=30)
    operations = [
        lambda: qr(a, mode="r", pivoting=True),
        lambda: qr_truncated(a, rank=40, mode="r"),
        lambda: qr_truncated(a, rank=10, mode="raw", driver="greedy"),
        lambda: TruncatedQR(a, rank=5).extend(rank=8),
        lambda: TruncatedQR(a, rank=5, driver="_randomized").extend(rtol=0.5),
        lambda: interpolative_decomposition(a, rank=9, refit="lstsq"),
        lambda: strong_rrqr(a, rank=9, f=1.01, tie_tol=0.99),
        lambda: (f.form_q(full=True), f.apply_q(b), f.lstsq(b), f.interpolation(), f.residual_norm),
    ]

    def everything():
        for operation in operations:
            for allowed in range(1000):
                _core.fail_allocation(allowed)
                try:
                    operation()
                    break
                except MemoryError:
                    pass
        _core.fail_allocation(-1)

    for _ in range(2):
        everything()
    before = resident()
    for _ in range(8):
        everything()
    print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory from /proc")
def test_nothing_is_leaked_when_memory_runs_out():
    """Eight rounds of every failure of every operation: one workspace of n doubles lost in each would be 256 KB."""
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(LEAK)], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 200_000
