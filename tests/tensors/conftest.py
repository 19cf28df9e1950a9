"""Fixtures of the tests on arrays of other libraries."""

import numpy as np
import pytest
from backends import BACKENDS

from rrqr_lapack._tensors import home


@pytest.fixture(params=BACKENDS, ids=str)
def backend(request, monkeypatch):
    """Each library, and each way that its arrays take."""
    request.param.module()
    monkeypatch.setattr(home, "HOST", not request.param.forced)
    return request.param


@pytest.fixture(params="fdFD")
def dtype(request, backend):
    """Those that the library is tried in."""
    if request.param not in backend.dtypes:
        pytest.skip("not one of this library's dtypes in these tests")
    return np.dtype(request.param)
