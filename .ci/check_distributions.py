"""What the sdist and the wheel in a folder must hold: `python .ci/check_distributions.py DIST` in a checkout."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

LARGEST_WHEEL = 5_000_000  # bytes
BUILD_ONLY = (".pyx", "meson.build")


def tracked(*paths):
    return set(subprocess.run(["git", "ls-files", *paths], check=True, capture_output=True, text=True).stdout.split())


def main(folder):
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    with tarfile.open(sdist) as archive:
        sources = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        installed = set(archive.namelist())
    package = {path.removeprefix("src/") for path in tracked("src/rrqr_lapack") if not path.endswith(BUILD_ONLY)}
    extensions = {name for name in installed if name.endswith((".so", ".pyd", ".dylib"))}
    problems = [f"the sdist lacks {path}" for path in sorted(tracked() - sources)]
    problems += [f"the wheel lacks {path}" for path in sorted(package - installed)]
    problems += [f"the wheel bundles a library, {name}" for name in sorted(installed) if ".libs/" in name]
    if len(extensions) != 1:
        problems.append(f"the wheel must hold one extension module, it holds {sorted(extensions)}")
    if wheel.stat().st_size > LARGEST_WHEEL:
        problems.append(f"the wheel has {wheel.stat().st_size:,} bytes, at most {LARGEST_WHEEL:,} are allowed")
    print(f"{wheel.name}: {len(installed)} files, {wheel.stat().st_size:,} bytes; {sdist.name}: {len(sources)} entries")
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
