"""SciPy's own tests of `qr` and of `scipy.linalg.interpolative` pass with ours in their place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import scipy

SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))


def run(tmp_path, plugin, *tests):
    """Output of SciPy's tests, all of which have passed with the plugin, and their number."""
    # an empty configuration, in a folder of its own: SciPy's tests are not held to this project's settings
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", plugin, "--pyargs", *tests]
    path = os.pathsep.join([str(Path(__file__).parents[1] / "helpers"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, int(re.search(r"(\d+) passed", done.stdout)[1])


@pytest.mark.parametrize(
    ("module", "chosen", "least"),
    [
        ("test_decomp", "TestQR or TestOverwrite and test_qr", 100),
        pytest.param(
            "test_batch", "qr", 50, marks=pytest.mark.skipif(SCIPY < (1, 16), reason="qr of SciPy 1.15 takes no stacks")
        ),
    ],
    ids=["matrices", "stacks"],
)
def test_scipys_own_tests_of_qr_pass_with_ours(module, chosen, least, tmp_path):
    output, passed = run(tmp_path, "scipy_drop_in", f"scipy.linalg.tests.{module}", "-k", chosen)
    calls = int(re.search(r"drop-in calls: (\d+)", output)[1])
    assert passed > least, output
    assert calls > passed, output


def test_scipys_own_tests_of_interpolative_pass_with_ours(tmp_path):
    output, passed = run(tmp_path, "scipy_interpolative_drop_in", "scipy.linalg.tests.test_interpolative")
    calls = dict(re.findall(r"drop-in calls of (\w+): (\d+)", output))
    assert passed > 40, output
    assert not re.search(r"skipped|deselected|xfailed", output), output
    assert len(calls) == 9, output
    assert min(map(int, calls.values())) > 0, output
