"""Arrays on devices: those of PyTorch and the standard's reference, and on a GPU where one is asked for."""

import pytest
from backends import Backend

# JAX translates every operation for every shape, and has tests of its own
DEVICES = [
    Backend("torch", forced=True),
    Backend("torch", device="cuda"),
    Backend("array_api_strict", forced=True, device="device1"),
]


@pytest.fixture(params=DEVICES, ids=str)
def backend(request):
    """Each library whose arrays are factored on their own device."""
    if request.param.library != "torch" and getattr(request.node, "callspec", None):
        dtype = request.node.callspec.params.get("dtype")
        if dtype in ("float64", "complex64"):
            pytest.skip("the reference is slow, and sees two dtypes")
    request.param.module()
    return request.param
