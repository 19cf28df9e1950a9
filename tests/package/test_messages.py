"""Refusals have one grammar, "name must be ..., got ...; cure", or "..., but ...; cure" where a part of it is wrong.

Read from the sources: every ValueError and TypeError, and what helpers say for them.
"""

import ast
import importlib.resources
import re
from pathlib import Path

import pytest

PACKAGE = importlib.resources.files("rrqr_lapack")
NAMED = re.compile(r"[A-Za-z{].* must .*(, got |, but )", re.DOTALL)
SCIPY = {  # SciPy's own words
    "Mode argument should be one of {}, got {}",
    "{}, or a stack of them, got {} dimensions",
    "`qr` does not support zero-size batches. The shape is {}",
    "lwork should be None, -1 or > M, got {} for M = {}",
}
HELPERS = {"_mismatch", "_without_adjoint"}  # return messages


def modules(folder=PACKAGE, prefix=""):
    """The paths of all modules, as they stand in the package."""
    for each in folder.iterdir():
        if each.is_dir():
            yield from modules(each, f"{prefix}{each.name}/")
        elif each.name.endswith(".py"):
            yield prefix + each.name


def words(node):
    """The text of a message, with {} for what is filled in; of a choice both, and none of what a helper says."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)]
        case ast.BinOp(left=left, op=ast.Add()):
            return words(left)
        case ast.IfExp(body=one, orelse=other):
            return words(one) + words(other)
        case ast.Call() | ast.Name(id="message"):  # read where it is said
            return []
    return ["{}"]


def messages(source):
    """What is said, and in which line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="ValueError" | "TypeError" | "_refusal"), args=[text]):
                yield from ((node.lineno, said) for said in words(text))
            case ast.FunctionDef(name=name) if name in HELPERS:
                returned = [each.value for each in ast.walk(node) if isinstance(each, ast.Return)]
                yield from ((node.lineno, said) for text in returned for said in words(text))


def off(source):
    """The messages that are not in the grammar."""
    return [(line, said) for line, said in messages(source) if said not in SCIPY and not NAMED.match(said)]


def of_the_binding():
    """What the extension says, whose source is no Python: each raise with strings alone."""
    source = (Path(__file__).parents[2] / "src/rrqr_lapack/_core.pyx").read_text(encoding="utf-8")
    for raised in re.findall(r"raise ((?:ValueError|TypeError)\((?:\s*f?\".*\")+\))", source):
        yield from (said for _, said in messages(raised))


READ = sorted(modules())


@pytest.mark.parametrize("path", READ)
def test_a_message_names_what_must_be_and_what_was(path):
    assert off(PACKAGE.joinpath(path).read_text(encoding="utf-8")) == []


def test_a_message_of_the_binding_does_so():
    found = list(of_the_binding())
    assert len(found) > 4
    assert [said for said in found if not NAMED.match(said)] == []


def test_the_messages_are_found():
    found = [said for path in READ for _, said in messages(PACKAGE.joinpath(path).read_text(encoding="utf-8"))]
    assert len(found) > 200
    assert set(found) >= SCIPY


@pytest.mark.parametrize(
    "raised",
    [
        'ValueError("too large")',
        'TypeError(f"{name} is a sparse {kind}; make it dense")',
        'ValueError("rank must be positive")',
        'ValueError(f"rank must be positive, got {rank}" if rank else "no rank")',
        "ValueError(text)",
    ],
)
def test_a_message_out_of_the_grammar_is_noticed(raised):
    assert len(off(f"raise {raised}")) == 1
    assert off("raise ValueError(f'rank must be positive, got {rank}')") == []
