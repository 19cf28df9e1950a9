"""The types that the package shows: the stub of the extension names all that is there, as it is."""

import ast
import importlib.resources
import inspect

import pytest

from rrqr_lapack import _core

STUB = ast.parse(importlib.resources.files("rrqr_lapack").joinpath("_core.pyi").read_text(encoding="utf-8"))
IMPORTED = {"copy", "np", "numpy", "re", "scipy"}


def declared(body):
    """What a stub's module or class defines, by name."""
    named = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    variables = {node.target.id: node for node in body if isinstance(node, ast.AnnAssign) and not node.value}
    return named | variables


FUNCTIONS = [
    (f"{owner.__name__}.{name}", getattr(owner, name), node)
    for owner, body in ((_core, STUB.body), (_core.Factor, declared(STUB.body)["Factor"].body))
    for name, node in declared(body).items()
    if isinstance(node, ast.FunctionDef) and not node.decorator_list and not name.startswith("__")
]


def test_the_stub_names_all_of_the_extension_and_no_more():
    there = {name for name in vars(_core) if not name.startswith("_")} - IMPORTED
    assert set(declared(STUB.body)) == there


def test_the_stub_names_all_of_the_factor_and_no_more():
    there = {name for name in vars(_core.Factor) if not name.startswith("_")}
    assert {name for name in declared(declared(STUB.body)["Factor"].body) if not name.startswith("_")} == there


@pytest.mark.parametrize(("name", "function", "node"), FUNCTIONS, ids=[name for name, _, _ in FUNCTIONS])
def test_the_stub_takes_what_the_extension_takes(name, function, node):
    parameters = inspect.signature(function).parameters.values()
    assert [parameter.name for parameter in parameters] == [argument.arg for argument in node.args.args]
    optional = [parameter.name for parameter in parameters if parameter.default is not parameter.empty]
    assert len(optional) == len(node.args.defaults)


def test_the_package_says_that_it_is_typed():
    assert importlib.resources.files("rrqr_lapack").joinpath("py.typed").is_file()
