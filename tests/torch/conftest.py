"""The programs of docs/examples as modules."""

import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def examples(monkeypatch):
    """They can be imported, each anew; one thread, one seed."""
    torch = pytest.importorskip("torch", reason="the examples are on PyTorch")
    monkeypatch.syspath_prepend(EXAMPLES)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    for name in [path.stem for path in EXAMPLES.glob("*.py")]:
        sys.modules.pop(name, None)


@pytest.fixture
def gradient_projection(examples):
    """The training whose optimizer works in a subspace."""
    import gradient_projection

    return gradient_projection
