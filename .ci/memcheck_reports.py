"""The reads of uninitialized memory that are ours in valgrind's reports: `memcheck_reports.py XML...` fails on any.

Ours are those below a call of the extension, in it or in what it called (LAPACK, NumPy), before the interpreter comes:
an optimized interpreter, and the loader, read past what they wrote and do no harm."""

import sys
import xml.etree.ElementTree as xml
from pathlib import Path

UNINITIALIZED = ("UninitCondition", "UninitValue", "SyscallParam")


def frames(error):
    """(object file, function, file and line) of each frame, innermost first."""
    for frame in error.find("stack"):
        place = f"{frame.findtext('file', '')}:{frame.findtext('line', '')}".strip(":")
        yield Path(frame.findtext("obj", "")).name, frame.findtext("fn", "?"), place


def ours(error):
    """The frames of a report down to the call of the extension, or none when the interpreter comes before it."""
    inner = []
    for module, function, place in frames(error):
        if module.startswith(("python", "libpython")):
            break
        inner.append((module, function, place))
    return inner if any(module.startswith("_core.") for module, _, _ in inner) else []


def main(paths):
    found = set()
    for path in paths:
        for error in xml.parse(path).iter("error"):
            stack = ours(error)
            if error.findtext("kind") in UNINITIALIZED and stack:
                found.add("\n".join(f"    {function}  {place or module}" for module, function, place in stack))
    print(f"{len(paths)} reports, {len(found)} reads of uninitialized memory", *sorted(found), sep="\n\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(sys.argv[1:])
