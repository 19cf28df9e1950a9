"""The face of PyTorch is called `torch` too: nothing in it can be taken for PyTorch, and nothing takes it for that."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import rrqr_lapack.prune  # noqa: E402
import rrqr_lapack.prune.torch as face  # noqa: E402

MODULES = [each.name for each in pkgutil.iter_modules(face.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_torch_in_a_module_of_the_face_is_pytorch(name):
    module = importlib.import_module(f"{face.__name__}.{name}")
    assert getattr(module, "torch", torch) is torch
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:  # never the face itself under its name
            assert "torch" not in [alias.name for alias in node.names]


def test_pytorch_is_no_attribute_of_the_face_and_the_face_is_not_exported_as_torch():
    assert not hasattr(face, "torch")
    assert "torch" not in rrqr_lapack.prune.__all__
    names = {}
    exec("from rrqr_lapack.prune import *", names)
    assert "torch" not in names
    assert rrqr_lapack.prune.torch is face is not torch
