"""Every operation of the fault tests once, in the dtypes that are named: `every_operation.py TESTS DTYPE...`.

These reach every kernel, and take valgrind a fraction of the time in which it would collect the suite."""

import sys
from pathlib import Path

import malloc_handler  # noqa: F401 (its import installs the handler)
import numpy as np

tests = Path(sys.argv[1])
sys.path[:0] = [str(tests / "helpers"), str(tests / "package")]

import test_c_interface as interface  # noqa: E402 (the path comes first)
import test_faults as faults  # noqa: E402 (the path comes first)

from rrqr_lapack import TruncatedQR  # noqa: E402 (the path comes first)

for dtype in map(np.dtype, sys.argv[2:]):
    for make, run in faults.OPERATIONS.values():
        run(make(dtype))
    for driver in ("auto", "greedy", "randomized"):
        factor = TruncatedQR(faults.matrix(dtype), rank=9, driver=driver, rng=0)
        for method in faults.FACTOR_METHODS.values():
            method(factor)
        factor.extend(rank=20)
    with interface.Handle(40, 50, dtype) as handle:
        list(interface.operations(handle, faults.matrix(dtype).copy("F"), np.ones((40, 3), dtype)))
print(len(sys.argv[2:]) * len(faults.OPERATIONS), "operations")
