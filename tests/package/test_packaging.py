"""What is built, installed and linked: the version, the files, SciPy's routines."""

import ctypes
import importlib.resources
import re
import tomllib
from pathlib import Path

import pytest
import scipy.linalg.cython_blas
import scipy.linalg.cython_lapack

import rrqr_lapack
from rrqr_lapack import _core

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
HOME = PROJECT["urls"]["Homepage"]
PACKAGE = ROOT / "src" / "rrqr_lapack"
BUILD_FILES = {"_core.pyx", "meson.build"}
SOURCES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*"))
    if path.is_file() and path.name not in BUILD_FILES and "__pycache__" not in path.parts
]


def test_the_version_is_the_one_in_meson_build():
    declared = re.search(r"^\s*version: '([^']+)'", (ROOT / "meson.build").read_text(), re.MULTILINE)[1]
    assert rrqr_lapack.__version__ == declared


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.as_posix())
def test_every_file_of_the_package_is_installed(path):
    installed = importlib.resources.files("rrqr_lapack").joinpath(*path.parts)
    assert installed.is_file()
    assert installed.read_bytes() == (PACKAGE / path).read_bytes()


def test_every_python_that_is_declared_is_tested_and_gets_wheels():
    minors = re.findall(r":: Python :: 3\.(\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert PROJECT["requires-python"] == f">=3.{minors[0]}"
    wheels = PYPROJECT["tool"]["cibuildwheel"]["build"].split()
    assert [f"cp3{minor}-*" for minor in minors] == [wheel for wheel in wheels if "t" not in wheel]
    tested = re.search(r"^        python: \[(.*)\]$", (ROOT / ".github/workflows/ci.yml").read_text(), re.MULTILINE)[1]
    assert [f'"3.{minor}"' for minor in minors] == tested.split(", ")


def readme_links():
    """The target of each link and picture of README, which is also the page on PyPI."""
    text = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    inline = re.findall(r"\]\(([^)]+)\)", text)
    defined = dict(re.findall(r"^\[([^]]+)\]: (\S+)$", text, re.MULTILINE))
    used = re.findall(r"\]\[([^]]+)\]", text)
    assert set(used) == set(defined)
    return [*inline, *defined.values()]


def test_no_link_of_readme_is_relative():
    assert readme_links()
    assert [link for link in readme_links() if not link.startswith(("https://", "#"))] == []


def test_each_link_of_readme_into_the_repository_names_a_file():
    raw = HOME.replace("github.com", "raw.githubusercontent.com")
    paths = [
        link.removeprefix(place)
        for link in readme_links()
        for place in (f"{HOME}/blob/main/", f"{raw}/main/")
        if link.startswith(place)
    ]
    assert paths
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_the_projects_pages_are_one_repositorys():
    owner, name = HOME.split("/")[-2:]
    site = f"https://{owner}.github.io/{name}/"
    assert [url for url in PROJECT["urls"].values() if not url.startswith(HOME) and url != site] == []


@pytest.mark.parametrize("path", sorted((ROOT / "csrc").glob("*.[chd]*")), ids=lambda path: path.name)
def test_the_map_of_the_c_core_names_every_file(path):
    assert f"`{path.name}`" in (ROOT / "csrc" / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "expected", "capsules"),
    [
        (name, expected, {"blas": scipy.linalg.cython_blas, "lapack": scipy.linalg.cython_lapack}[library])
        for library, name, expected in _core.ROUTINES
    ],
    ids=[name for _, name, _ in _core.ROUTINES],
)
def test_every_routine_has_the_signature_of_scipys_capsule(name, expected, capsules):
    """The capsule's name is its signature: read it from the capsule's own repr, past the binding's parser of it."""
    found = re.search(r'capsule object "(.*)" at', repr(capsules.__pyx_capi__[name]))[1]
    for ours, cython in {"c": "__pyx_t_float_complex", "z": "__pyx_t_double_complex"}.items():
        found = found.replace(cython, ours)
    found = re.sub(r"__pyx_t_5scipy_6linalg_\w+_blas_int\b", "int", found)
    found = re.sub(r"__pyx_t_5scipy_6linalg_\w+_([sd])\b", r"\1", found)
    assert found == expected


def test_every_dtype_has_its_pivoted_qr():
    assert {"sgeqp3", "dgeqp3", "cgeqp3", "zgeqp3"} <= {name for _, name, _ in _core.ROUTINES}


def capsule(signature):
    """A capsule as Cython exports them: its name is the signature, its address is not to be called."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    name = ctypes.create_string_buffer(signature.encode())
    NAMES.append(name)  # a capsule does not copy its name
    return new(ctypes.addressof(name), name, None)


NAMES = []


def exported(integer):
    """The tables of capsules of a SciPy whose routines take such integers."""
    tables = {"blas": {}, "lapack": {}}
    for library, name, signature in _core.ROUTINES:
        for scalar in "sd":
            signature = re.sub(rf"\b{scalar}\b", f"__pyx_t_5scipy_6linalg_11cython_blas_{scalar}", signature)
        for scalar, cython in {"c": "float", "z": "double"}.items():
            signature = re.sub(rf"\b{scalar}\b", f"__pyx_t_{cython}_complex", signature)
        tables[library][name] = capsule(re.sub(r"\bint\b", integer, signature))
    return tables


BLAS_INT = "__pyx_t_5scipy_6linalg_11cython_blas_blas_int"


@pytest.mark.parametrize(("integer", "size"), [("int", 4), ("int", 8), (BLAS_INT, 4)])
def test_a_scipy_with_32_bit_integers_is_taken_by_whatever_name(integer, size):
    _core.check_routines(exported(integer), size)


@pytest.mark.parametrize(("integer", "size"), [("int64_t", 4), ("npy_int64", 8), ("long", 8), (BLAS_INT, 8)])
def test_a_scipy_with_64_bit_integers_is_refused_in_words(integer, size):
    with pytest.raises(ImportError, match=r"snrm2 takes 64-bit integers, .* \(LP64\): its wheels \(pip install"):
        _core.check_routines(exported(integer), size)


def test_a_scipy_that_lacks_a_routine_is_refused_in_words():
    tables = exported("int")
    del tables["lapack"]["dgeqrt3"]
    with pytest.raises(ImportError, match=r"SciPy has no dgeqrt3; .* pip install -U scipy"):
        _core.check_routines(tables)


def test_a_routine_of_another_shape_is_refused_with_both_signatures():
    with pytest.raises(ImportError, match=r"dgeqrf has the signature 'void \(int \*\)', .* 'void \(int \*, d \*\)'"):
        _core.check_signature("dgeqrf", "void (int *, d *)", "void (int *)")
