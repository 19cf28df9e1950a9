"""The instruction set of the kernels: the widest that there is, or the one that a variable names."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import rrqr_lapack
from rrqr_lapack import _core

NEEDED = {"baseline": "", "avx2": "avx2 fma", "avx512": "avx2 fma avx512f avx512dq avx512bw avx512vl"}
CPU = Path("/proc/cpuinfo")  # of Linux
FLAGS = re.search(r"^flags\s*:(.*)", CPU.read_text() if CPU.exists() else "", re.MULTILINE)


def imported(value):
    """What a fresh interpreter says of the instruction set."""
    code = "import rrqr_lapack; rrqr_lapack.show_config()"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"RRQR_LAPACK_ISA": value},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("isa", _core.ISAS)
def test_a_variable_takes_an_instruction_set(isa):
    assert f"instruction set {isa} (of {', '.join(_core.ISAS)})" in imported(isa).stdout


def test_the_widest_is_taken_where_the_variable_is_empty():
    assert f"instruction set {_core.ISAS[-1]} " in imported("").stdout


@pytest.mark.skipif(FLAGS is None or sys.maxsize < 2**32, reason="no list of what an x86-64 processor has")
def test_the_sets_are_those_of_which_the_processor_has_all_instructions():
    """As far as they are compiled, when the extension holds their names."""
    flags, extension = {*FLAGS[1].split()}, Path(_core.__file__).read_bytes()
    compiled = [name for name in NEEDED if f"{name}\0".encode() in extension]
    assert list(_core.ISAS) == [name for name in compiled if {*NEEDED[name].split()} <= flags]


def test_an_instruction_set_that_is_none_is_refused_with_those_that_are():
    done = imported("sse9")
    assert done.returncode
    assert f"RRQR_LAPACK_ISA must be one of {', '.join(_core.ISAS)}" in done.stderr


def test_the_configuration_names_versions_blas_and_threads(capsys):
    rrqr_lapack.show_config()
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line[0] in "rNPSt")
    assert lines["rrqr_lapack"] == rrqr_lapack.__version__
    assert set(lines) == {"rrqr_lapack", "Python", "NumPy", "SciPy", "threads"}


def test_the_configuration_tells_the_threads_of_each_pool(capsys, monkeypatch):
    pools = [{"num_threads": 3, "internal_api": "openblas"}, {"num_threads": 2, "internal_api": "openmp"}]
    for found, told in ((pools, "3 (openblas), 2 (openmp)"), ([], "1")):
        monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(threadpool_info=lambda found=found: found))
        rrqr_lapack.show_config()
        assert f"threads         {told}\n" in capsys.readouterr().out


def test_the_configuration_is_told_without_threadpoolctl(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    rrqr_lapack.show_config()
    assert "OPENBLAS_NUM_THREADS=3" in capsys.readouterr().out
