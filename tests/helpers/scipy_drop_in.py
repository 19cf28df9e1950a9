"""A pytest plugin that puts `rrqr_lapack.qr` in the place of `scipy.linalg.qr`, for SciPy's own tests."""

import functools

import scipy.linalg

import rrqr_lapack

calls = 0


@functools.wraps(rrqr_lapack.qr)
def counted(*arguments, **options):
    """`rrqr_lapack.qr`, counted."""
    global calls
    calls += 1
    return rrqr_lapack.qr(*arguments, **options)


scipy.linalg.qr = counted


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"drop-in calls: {calls}")
