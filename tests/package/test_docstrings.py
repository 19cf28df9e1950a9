"""The docstrings of the installed package: their examples run, and their sections are numpydoc's."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
import textwrap

import pytest

import rrqr_lapack

EXTRAS = {
    "rrqr_lapack.prune.torch",
    "rrqr_lapack.sklearn",
    "rrqr_lapack.dask",
}  # each needs the library whose name it has
MODULES = [
    "rrqr_lapack",
    *(
        module.name
        for module in pkgutil.walk_packages(rrqr_lapack.__path__, "rrqr_lapack.")
        if not module.name.endswith("__main__")  # importing it runs the command
        and (module.name not in EXTRAS or importlib.util.find_spec(module.name.rpartition(".")[2]))
        and ("._tensors.torch" not in module.name or importlib.util.find_spec("torch"))
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


# What of numpydoc's checks is left out, and why.
LEFT_OUT = {
    "ES01": "a summary may say all there is to say",
    "EX01": "the example of a method may be that of its class: the tests below find it there",
    "SA01": "not everything has a relative",
    "SA03": "what is said of a relative is a phrase, not a sentence",
    "SS05": "it takes every plural at the head of a summary for a verb",
}
FACES = ["rrqr_lapack", "rrqr_lapack.interpolative", "rrqr_lapack.prune", *sorted(EXTRAS)]


def objects():
    """The public functions and classes by name, those of an extra where its library is installed."""
    for face in (name for name in FACES if name in MODULES):
        module = importlib.import_module(face)
        for name in module.__all__:
            yield f"{face}.{name}", getattr(module, name)


def members(cls):
    """The public members of a class that are of this package, not of what it inherits from elsewhere."""
    for name in dir(cls):
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        member = inspect.getattr_static(cls, name)
        routed = type(member).__module__.startswith("sklearn.")  # a request for metadata, which scikit-learn adds
        if not (name.startswith("_") or routed) and owner and owner.__module__.split(".")[0] == "rrqr_lapack":
            yield name, member


def is_method(member):
    return inspect.isfunction(member) or isinstance(member, classmethod | staticmethod)


OBJECTS = dict(objects())
CLASSES = {name: obj for name, obj in OBJECTS.items() if inspect.isclass(obj)}
METHODS = [(name, member) for name, cls in CLASSES.items() for member, what in members(cls) if is_method(what)]


@pytest.fixture(scope="session")
def validate():
    return pytest.importorskip("numpydoc.validate").validate


@pytest.fixture(scope="session")
def sections():
    """The sections of a docstring, by name."""
    docscrape = pytest.importorskip("numpydoc.docscrape")
    return lambda obj: docscrape.NumpyDocString(inspect.getdoc(obj))


def is_left_out(code, obj, documented):
    """Whether a check is none of ours, or not for such an object."""
    made_by_functions = inspect.isclass(obj) and not documented["Parameters"]
    takes_nothing = inspect.isfunction(obj) and not set(inspect.signature(obj).parameters) - {"self"}
    return (
        code in LEFT_OUT
        or (code == "PR01" and made_by_functions)  # its attributes are what there is to say
        or (code == "RT01" and takes_nothing)  # its summary says what it returns
    )


@pytest.mark.parametrize("name", [*OBJECTS, *(f"{cls}.{method}" for cls, method in METHODS)])
def test_numpydoc_finds_no_fault(name, validate, sections):
    cls, _, method = name.rpartition(".")
    obj = OBJECTS[name] if name in OBJECTS else getattr(CLASSES[cls], method)
    documented = sections(obj)
    assert [error for error in validate(name)["errors"] if not is_left_out(error[0], obj, documented)] == []


@pytest.mark.parametrize("name", [name for name in OBJECTS if name not in CLASSES])
def test_a_function_says_what_it_raises(name, sections):
    assert sections(OBJECTS[name])["Raises"]


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[".".join(each) for each in METHODS])
def test_a_method_says_what_it_raises(name, method, sections):
    method = getattr(CLASSES[name], method)
    raises = any(
        isinstance(node, ast.Raise) for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(method))))
    )
    assert sections(method)["Raises"] or not raises


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_says_how_it_is_made(name, sections):
    cls = CLASSES[name]
    assert issubclass(cls, Warning) or sections(cls)["Parameters"] or re.search(r"[Mm]ade by\s+`\w", cls.__doc__)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_describes_its_attributes(name, sections):
    cls = CLASSES[name]
    described = {
        each.strip()
        for base in cls.__mro__
        if base.__module__.startswith("rrqr_lapack")
        for section in ("Attributes", "Parameters")
        for entry in sections(base)[section]
        for each in entry.name.split(",")
    }
    data = {member for member, what in members(cls) if not is_method(what)}
    assert data - described == set()


@pytest.mark.parametrize(("name", "obj"), OBJECTS.items(), ids=OBJECTS)
def test_every_public_name_has_an_example(name, obj):
    assert issubclass(obj, Warning) if inspect.isclass(obj) and not obj.__doc__.count(">>>") else ">>>" in obj.__doc__


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[".".join(each) for each in METHODS])
def test_every_method_is_called_in_an_example_of_its_module(name, method):
    """Its own, its class's, or that of the function that makes the object."""
    modules = tuple(f"{base.__module__}." for base in CLASSES[name].__mro__)
    sources = [example.source for test in EXAMPLES if test.name.startswith(modules) for example in test.examples]
    assert any(re.search(rf"\.{method}\(", source) for source in sources)
