"""What pyproject.toml declares: `declared.py interpreters`, each with its path, or `declared.py oldest`, pins."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# an interpreter counts when it is of the version, has its GIL and headers, and can make environments
USABLE = """
import ensurepip, pathlib, sys, sysconfig, venv
print(sys.executable if sys.version_info[:2] == {version} and not sysconfig.get_config_var("Py_GIL_DISABLED")
      and pathlib.Path(sysconfig.get_path("include"), "Python.h").is_file() else "")
"""


def versions():
    """The declared minor versions, oldest first."""
    minors = re.findall(r":: Python :: 3\.(\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    return [(3, int(minor)) for minor in minors]


def candidates(version):
    """Where an interpreter of the version may be; pyenv's shims answer only for the versions that are switched on."""
    name = "python{}.{}".format(*version)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from (path for path in (sys.executable, shutil.which("python3"), shutil.which(name)) if path)
    yield from sorted(pyenv.glob("versions/{}.{}.*/bin/python3".format(*version)))
    yield from (path for path in (f"/usr/bin/{name}", f"/usr/local/bin/{name}") if Path(path).exists())


def interpreter(version):
    """The first usable interpreter of the version, or None."""
    for path in candidates(version):
        answer = subprocess.run(
            [path, "-c", USABLE.format(version=version)], capture_output=True, text=True, check=False
        )
        if answer.returncode == 0 and answer.stdout.strip():
            return answer.stdout.strip()
    return None


def oldest():
    """The oldest releases of what the package needs, as requirements."""
    extras = PROJECT["optional-dependencies"]
    needed = [*PROJECT["dependencies"], *extras["sklearn"], *extras["dask"]]
    return [f"{name}=={minimum}.*" for name, minimum in re.findall(r"([\w-]+(?:\[\w+\])?)>=([\d.]+)", " ".join(needed))]


if __name__ == "__main__":
    if sys.argv[1] == "oldest":
        print(*oldest())
    else:
        for version in versions():
            print("{}.{}".format(*version), interpreter(version) or "")
