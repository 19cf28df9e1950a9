"""The examples in the docstrings of the installed package."""

import doctest
import importlib
import importlib.util
import pkgutil

import pytest

import rrqr_lapack

MODULES = [
    "rrqr_lapack",
    *(
        module.name
        for module in pkgutil.walk_packages(rrqr_lapack.__path__, "rrqr_lapack.")
        if not module.name.endswith("__main__")  # importing it runs the command
        and (module.name != "rrqr_lapack.prune.torch" or importlib.util.find_spec("torch"))  # an extra
    ),
]
EXAMPLES = [
    test
    for name in MODULES
    for test in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))
    if test.examples
]


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_the_example_gives_what_it_says(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("name", rrqr_lapack.__all__)
def test_every_public_name_has_an_example(name):
    examples = {test.name.rsplit(".", 1)[-1] for test in EXAMPLES}
    assert name in examples
