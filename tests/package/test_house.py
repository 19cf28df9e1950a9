"""The house: every room on its floor, every file on the map, every name once."""

import ast
import importlib
import importlib.util
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import rrqr_lapack

PACKAGE = Path(__file__).parents[2] / "src" / "rrqr_lapack"
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
MAP = (PACKAGE / "README.md").read_text(encoding="utf-8")

# Each room may use itself and those before it.
FLOORS = [
    "_core",
    "_common",
    "_device",
    "_qr",
    "_randomized",
    "_id",
    "_kernel",
    "_completion",
    "_selection",
    "_tensors",
    "prune",
    "sklearn",
    "dask",
]
APART = {
    "_id": {"_kernel", "_completion"},
    "_kernel": {"_id", "_completion"},
    "_completion": {"_id", "_kernel"},
    "sklearn": {"prune"},
    "dask": {"prune", "sklearn"},
}
EXTRAS = {
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "dask": "Dask",
}  # rooms by the name of the library that they need


def module_of(path):
    """The dotted name of a file of the package."""
    parts = path.with_suffix("").parts
    return ".".join(("rrqr_lapack", *(parts[:-1] if parts[-1] == "__init__" else parts)))


NAMES = {module_of(path): path for path in FILES}


def imported(path):
    """The modules of the package that a file imports, functions' own imports included."""
    home = path.parent.parts
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = ("rrqr_lapack", *home[: len(home) - node.level + 1], *(node.module or "").split("."))
            base = ".".join(filter(None, base))
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in NAMES else base


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "__init__.py"], ids=Path.as_posix)
def test_the_map_of_the_package_names_every_file_in_its_room(path):
    room = "Here" if len(path.parts) == 1 else f"`{path.parent.as_posix()}/`"
    (section,) = [part for part in MAP.split("\n## ") if part.startswith(room + "\n")]
    assert f"`{path.name}`" in section


PLACES = re.findall(r"`([\w.]+)` in `([\w/]+\.\w+)`", MAP.split("\n## Here")[0])


@pytest.mark.parametrize(("name", "path"), PLACES, ids=[name for name, _ in PLACES])
def test_what_the_map_leads_to_is_there(name, path):
    source = (PACKAGE.parents[1] if path.startswith("csrc") else PACKAGE) / path
    leaf = name.rpartition(".")[2]
    defined = rf"^\w.*\b(X\({leaf}\)|{leaf})\(.*\)$" if path.endswith(".c") else rf"^ *(def|class) {leaf}\b"
    assert re.search(defined, source.read_text(encoding="utf-8"), re.MULTILINE)


def test_no_import_goes_in_a_circle():
    graph = {name: {m for m in imported(path) if m in NAMES and m != name} for name, path in NAMES.items()}
    faces = {"rrqr_lapack", "rrqr_lapack.prune", "rrqr_lapack.prune.torch"}  # lists of names, which others may read
    graph = {name: (uses - faces if name not in faces else uses) for name, uses in graph.items()}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(graph)


@pytest.mark.parametrize("path", FILES, ids=Path.as_posix)
def test_every_room_uses_only_the_floors_below(path):
    room = path.parts[0]
    if room not in FLOORS:
        return
    for module in imported(path):
        used = module.split(".")[1] if module != "rrqr_lapack" else room
        if used in FLOORS:
            assert FLOORS.index(used) <= FLOORS.index(room), module
            assert used not in APART.get(room, ()), module


@pytest.mark.parametrize("name", NAMES)
def test_no_module_has_the_name_of_something_beside_it(name):
    if name.endswith("__main__"):
        pytest.skip("runs the command")
    for library, needed in EXTRAS.items():
        if f".{library}" in name and not importlib.util.find_spec(library):
            pytest.skip(f"needs {needed}")
    module = importlib.import_module(name)
    package, _, leaf = name.rpartition(".")
    if package:
        assert getattr(importlib.import_module(package), leaf) is module


def test_the_head_of_the_package_lists_every_public_name_once_by_topic():
    lists = re.findall(r"^ {4}(.*)$", rrqr_lapack.__doc__.split("in modules of their own")[0], re.MULTILINE)
    names = re.findall(r"\w+", " ".join(lists))
    assert sorted(names) == sorted(rrqr_lapack.__all__)
