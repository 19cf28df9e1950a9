"""The table of tests in `tests/mutation.py`: it names tests that are there, for every source that has any."""

import importlib.util
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SOURCES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("csrc/*.c"), *ROOT.glob("src/rrqr_lapack/**/*.py")])
WITHOUT = {"kernels.c", "lapack.c", "__init__.py", "__main__.py"}  # tables, which every test needs


@pytest.fixture(scope="module")
def mutation():
    spec = importlib.util.spec_from_file_location("mutation", TESTS / "mutation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_test_that_is_named_is_there(mutation):
    named = {name for names in mutation.TESTS.values() for name in names.split() if "\\" not in name}
    assert named
    missing = [name for name in named if not (TESTS / name).with_name(f"test_{Path(name).name}.py").exists()]
    assert not missing


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in WITHOUT], ids=Path.as_posix)
def test_every_source_has_tests(mutation, path):
    found = mutation.tests_of(path)
    assert found and all((ROOT / each).exists() for each in found)
