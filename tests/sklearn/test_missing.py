"""Without scikit-learn the package works, does not list its face, and says what the face needs."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["sklearn"] = None  # as if it were not installed
import rrqr_lapack
assert "sklearn" not in dir(rrqr_lapack) and "prune" in dir(rrqr_lapack)
try:
    rrqr_lapack.sklearn
except ImportError as error:
    print(error)
"""


def test_what_is_needed_is_said_where_scikit_learn_is_missing():
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert answer.stdout == "rrqr_lapack.sklearn needs scikit-learn; pip install 'rrqr-lapack[sklearn]'\n"
