"""Dask's scheduler of the tests: one task after the other, in this thread."""

import pytest


@pytest.fixture(autouse=True)
def one_task_at_a_time():
    dask = pytest.importorskip("dask", reason="the face for Dask needs Dask, an extra")
    with dask.config.set(scheduler="synchronous"):
        yield
