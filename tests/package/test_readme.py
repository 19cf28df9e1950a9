"""Every code block of README.md, in order: the Python blocks share their names, all blocks one folder.

The two blocks that install the package are run by .ci/run in a fresh environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
INSTALLS = [code for language, code in BLOCKS if language == "sh" and "pip install" in code]


def test_readme_installs_with_two_commands():
    assert len(INSTALLS) == 2
    assert all(len(code.splitlines()) == 1 for code in INSTALLS)


@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="the sh blocks need a Unix shell")
def test_the_code_blocks_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    names = {"__name__": "readme"}
    for language, code in BLOCKS:
        assert language in ("python", "sh", "text")
        if language == "python":
            exec(compile(code, str(README), "exec"), names)
        elif language == "sh" and code not in INSTALLS:
            subprocess.run(["bash", "-euc", code], check=True)
