"""What is built, installed and linked: the version, the files, SciPy's routines."""

import importlib.resources
import re
from pathlib import Path

import pytest
import scipy.linalg.cython_blas
import scipy.linalg.cython_lapack

import rrqr_lapack
from rrqr_lapack import _core

ROOT = Path(__file__).parents[1]
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
    found = re.sub(r"__pyx_t_5scipy_6linalg_\w+_([sd])\b", r"\1", found)
    assert found == expected


def test_every_dtype_has_its_pivoted_qr():
    assert {"sgeqp3", "dgeqp3", "cgeqp3", "zgeqp3"} <= {name for _, name, _ in _core.ROUTINES}


def test_a_scipy_with_64_bit_integers_is_refused_in_words():
    for integer in ("int64_t", "npy_int64", "long"):
        with pytest.raises(ImportError, match=r"dgeqrf takes 64-bit integers .* \(LP64\), as its wheels are"):
            _core.check_signature("dgeqrf", "void (int *, d *)", f"void ({integer} *, __pyx_t_x_d *)")


def test_a_routine_of_another_shape_is_refused_with_both_signatures():
    with pytest.raises(ImportError, match=r"dgeqrf has the signature 'void \(int \*\)', .* 'void \(int \*, d \*\)'"):
        _core.check_signature("dgeqrf", "void (int *, d *)", "void (int *)")
