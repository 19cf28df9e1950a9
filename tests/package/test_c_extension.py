"""The example of an extension in C and Cython, built as its author would, and run; the header in C99 and C++."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from matrices import gaussian, rank_deficient
from measures import THRESHOLD, factor_ratio

import rrqr_lapack
from rrqr_lapack import qr_truncated

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "extension"
COMPILERS = {"c": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++")}
MODULES = {"meson-python": "mesonpy", "Cython": "Cython"}
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # also where nothing is activated


def compiler(language):
    """The first that there is, or None."""
    return next(filter(None, map(shutil.which, COMPILERS[language])), None)


def runs(tool):
    found = shutil.which(tool, path=PATH)
    return found and not subprocess.run([found, "--version"], capture_output=True).returncode


def lacking():
    """What a build of the example needs and this machine has not."""
    missing = [name for name, module in MODULES.items() if importlib.util.find_spec(module) is None]
    missing += [tool for tool in ("meson", "ninja") if not runs(tool)]
    return missing + ([] if compiler("c") else ["a C compiler"])


FEATURES = 5  # of the header


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder where the example is installed."""
    missing = ["a Unix system"] if sys.platform == "win32" else lacking()
    if missing:
        pytest.skip(f"building the example needs {', '.join(missing)}")
    source, target = tmp_path_factory.mktemp("source") / "extension", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--no-build-isolation", "--no-deps", "--no-index"]
    command += ["--config-settings", "setup-args=-Dbuildtype=plain"]  # a faster build
    command += ["--target", target, source]
    built = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": PATH})
    assert not built.returncode, built.stdout + built.stderr
    return target


@pytest.fixture
def example(site, monkeypatch):
    """A module of the example by its name."""
    monkeypatch.syspath_prepend(site)
    return importlib.import_module


MATRICES = {
    "dependent": (rank_deficient(60, 50, "f8"), 1e-10),
    "large": (gaussian(280, 270, "f8") * 0.95 ** np.arange(270), 1e-3),
    "zero": (np.zeros((4, 3)), 1e-10),
    "a row": (gaussian(1, 5, "f8"), 1e-10),
    "no columns": (np.zeros((4, 0)), 1e-10),
}


@pytest.mark.parametrize("name", MATRICES)
def test_c_chooses_the_columns_of_the_package(example, name):
    a, rtol = MATRICES[name]
    expected = rrqr_lapack.TruncatedQR(a, rtol=rtol)
    columns, relmaxresid = example("columns_c").basis(np.array(a, order="F"), rtol)
    assert columns == expected.P[: expected.rank].tolist()
    assert relmaxresid == pytest.approx(expected.relmaxresid, rel=1e-6, abs=1e-15)
    assert relmaxresid <= rtol


@pytest.mark.parametrize("name", MATRICES)
def test_cython_reproduces_the_matrix_from_the_columns_of_the_package(example, name):
    a, rtol = MATRICES[name]
    _, r, p = qr_truncated(a, rtol=rtol)
    columns, t = example("columns_cython").interpolation(np.array(a, order="F"), rtol)
    assert columns == p[: len(r)].tolist()
    if columns:
        t = np.asarray(t)
        np.testing.assert_array_equal(t[:, columns], np.eye(len(columns)))
        assert factor_ratio(a, a[:, columns] @ t) <= THRESHOLD + rtol / np.finfo(float).eps


def test_cython_solves_least_squares_as_the_package(example):
    a, b = rank_deficient(60, 50, "f8"), gaussian(60, 1, "f8", seed=1)[:, 0]
    x, norm = example("columns_cython").solution(np.array(a, order="F"), b.copy(), 1e-10)
    f = rrqr_lapack.TruncatedQR(a, rtol=1e-10)
    z, resid = f.lstsq(b)
    expected = np.zeros(50)
    expected[f.P[: f.rank]] = z
    np.testing.assert_allclose(x, expected, atol=1e-10 * np.linalg.norm(z))
    assert norm == pytest.approx(resid) == pytest.approx(np.linalg.norm(a @ x - b))
    with pytest.raises(ValueError, match="a must have rows, as many as b, and columns, got 60 x 50"):
        example("columns_cython").solution(np.array(a, order="F"), b[1:].copy(), 1e-10)


@pytest.mark.parametrize(("module", "function"), [("columns_c", "basis"), ("columns_cython", "interpolation")])
def test_the_example_names_a_column_that_is_not_finite(example, module, function):
    a = np.array(gaussian(6, 5, "f8"), order="F")
    a[2, 3] = np.nan
    with pytest.raises(ValueError, match="column 3 of a holds NaN or infinity"):
        getattr(example(module), function)(a, 1e-3)
    with pytest.raises(ValueError, match="an argument is wrong"):
        getattr(example(module), function)(np.ones((6, 5), order="F"), np.nan)


MISMATCHES = """
    import ctypes, importlib, sys
    import rrqr_lapack

    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    good, name = rrqr_lapack._C_API, b"rrqr_lapack._C_API"
    tables = [(ctypes.c_int * 2)(abi, features) for abi, features in ((2, 0), (1, 4))]
    for fake in (*(new(ctypes.addressof(table), name, None) for table in tables), None):
        rrqr_lapack._C_API = fake
        try:
            importlib.import_module(sys.argv[1])
        except ImportError as error:
            print(error)
    rrqr_lapack._C_API = good
    print(importlib.import_module(sys.argv[1]).__name__)
"""


@pytest.mark.parametrize("module", ["columns_c", "columns_cython"])
def test_an_interface_that_does_not_fit_is_refused_with_what_to_build_again(site, module):
    code = "\n".join(line.removeprefix("    ") for line in MISMATCHES.splitlines())
    run = [sys.executable, "-c", code, module]
    environment = os.environ | {"PYTHONPATH": str(site)}
    other, older, none, name = subprocess.check_output(run, env=environment, text=True).splitlines()
    built = f"1.{FEATURES}"
    assert other == (
        "this extension was built for the C interface 1 of rrqr_lapack, the one installed has 2: build the extension "
        "again, with the rrqr_lapack that is installed"
    )
    assert older == (
        f"this extension was built for the C interface {built} of rrqr_lapack, the one installed has 1.4: pip install "
        "-U rrqr-lapack, or build the extension again with the one installed"
    )
    assert none == (
        "the rrqr_lapack that is installed has no C interface, which this extension needs: pip install -U rrqr-lapack"
    )
    assert name == module


@pytest.mark.parametrize("python", [False, True], ids=["alone", "after Python.h"])
@pytest.mark.parametrize(("language", "standard"), [("c", "c99"), ("c", "c11"), ("c++", "c++11"), ("c++", "c++17")])
def test_the_header_has_no_warnings(language, standard, python, tmp_path):
    if not compiler(language) or (python and not Path(sysconfig.get_path("include"), "Python.h").is_file()):
        pytest.skip(f"needs a compiler of {language}{' and Python.h' * python}")
    source = tmp_path / f"header.{'c' if language == 'c' else 'cpp'}"
    use = "return rrqr_lapack_import() == 0" if python else "rrqr_api api; (void)api; return RRQR_OK"
    include = "#include <Python.h>\n" * python + '#include "rrqr_lapack.h"\n'
    source.write_text(include * 2 + f"int use(void);\nint use(void) {{ {use}; }}\n")
    flags = [f"-std={standard}", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    places = ["-I", rrqr_lapack.get_include(), "-isystem", sysconfig.get_path("include")]
    subprocess.run([compiler(language), *flags, *places, source], check=True)


PAGE = (ROOT / "docs" / "c_interface.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", [code for language, code in BLOCKS if language == "python"], ids=["ctypes", "numba"])
def test_the_python_of_the_page_runs_as_it_stands(code):
    if "import numba" in code:
        pytest.importorskip("numba")
    exec(compile(code, "c_interface.md", "exec"), {"__name__": "c_interface.md"})


@pytest.mark.parametrize("path", sorted(filter(Path.is_file, EXAMPLE.iterdir())), ids=lambda path: path.name)
def test_the_page_shows_the_example_as_it_is(path):
    assert path.read_text(encoding="utf-8") in [code for _, code in BLOCKS]
