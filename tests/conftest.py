"""Fixtures and settings of all tests."""

import os

import hypothesis
import numpy as np
import pytest
import threadpoolctl
from drivers import DRIVERS
from matrices import DTYPES

from rrqr_lapack._common.random import gaussian

# Reproducible, and no test fails for being slow on a busy machine. `pytest --hypothesis-profile=search` looks further.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis.settings.register_profile("quick", hypothesis.settings.get_profile("suite"), max_examples=10)


def pytest_configure(config):
    """The profile that was asked for, whenever this file is loaded."""
    hypothesis.settings.load_profile(config.getoption("--hypothesis-profile") or "suite")


# Processes that tests start import the installed package, not the sources in the folder where pytest was started.
os.environ |= {"PYTHONSAFEPATH": "1", "OPENBLAS_NUM_THREADS": "1"}


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """The matrices are small, and on a busy machine a pool of spinning threads takes many times as long as one."""
    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.fixture(params=DTYPES, ids=str)
def dtype(request):
    """Each of the four LAPACK dtypes."""
    return np.dtype(request.param)


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(7)


@pytest.fixture
def one_sketch(monkeypatch):
    """The same sketch in every run, so that two runs can be compared."""

    def same(rng, *what):
        return gaussian(np.random.default_rng(0), *what)

    monkeypatch.setattr("rrqr_lapack._qr.truncated.gaussian", same)


@pytest.fixture(params=DRIVERS)
def driver(request, one_sketch):
    """Each way to factor."""
    return request.param
