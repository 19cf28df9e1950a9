"""A pytest plugin that puts `rrqr_lapack.interpolative` in the place of SciPy's, for SciPy's own tests."""

import functools

import scipy.linalg.interpolative

import rrqr_lapack.interpolative

# up to SciPy 1.16 the list also has `rand` and `seed`, which do nothing any more
calls = dict.fromkeys(sorted({*scipy.linalg.interpolative.__all__} - {"rand", "seed"}), 0)


def counted(name):
    """The function of that name from `rrqr_lapack.interpolative`, counted."""
    function = getattr(rrqr_lapack.interpolative, name)

    @functools.wraps(function)
    def call(*arguments, **options):
        calls[name] += 1
        return function(*arguments, **options)

    return call


for name in calls:
    setattr(scipy.linalg.interpolative, name, counted(name))


def pytest_terminal_summary(terminalreporter):
    for name, count in calls.items():
        terminalreporter.write_line(f"drop-in calls of {name}: {count}")
