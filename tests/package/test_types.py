"""The types that the package shows: the stub of the extension names all that is there, as it is."""

import ast
import importlib.resources
import inspect
from typing import get_args, get_overloads, get_type_hints

import pytest

from rrqr_lapack import TruncatedQR, _core, qr, qr_truncated
from rrqr_lapack._qr.truncated import Truncation
from rrqr_lapack._selection.registry import METHODS, MethodName, Options

STUB = ast.parse(importlib.resources.files("rrqr_lapack").joinpath("_core.pyi").read_text(encoding="utf-8"))
IMPORTED = {"copy", "np", "numpy", "os", "re", "scipy"}


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


@pytest.mark.parametrize("function", [qr, qr_truncated])
def test_each_overload_takes_what_the_function_takes(function):
    there = set(inspect.signature(function).parameters)
    assert len(get_overloads(function)) > 3
    for overloaded in get_overloads(function):
        named = dict(inspect.signature(overloaded).parameters)
        others = named.pop("others", None)
        assert {*named, *(get_type_hints(get_args(others.annotation)[0]) if others else ())} == there


def test_options_that_are_passed_on_are_those_that_are_taken():
    assert {"a", *get_type_hints(Truncation)} == set(inspect.signature(TruncatedQR).parameters)
    assert set(get_type_hints(Options)) == {name for method in METHODS.values() for name in method.options}


def test_the_methods_of_selection_have_their_names():
    assert get_args(MethodName) == tuple(METHODS)


def test_the_package_says_that_it_is_typed():
    assert importlib.resources.files("rrqr_lapack").joinpath("py.typed").is_file()
