"""Fixtures of the tests on arrays of other libraries."""

import pytest
from backends import BACKENDS

from rrqr_lapack._tensors import home


@pytest.fixture(params=BACKENDS, ids=str)
def backend(request, monkeypatch):
    """Each library, and each way that its arrays take."""
    request.param.module()
    monkeypatch.setattr(home, "HOST", not request.param.forced)
    return request.param
