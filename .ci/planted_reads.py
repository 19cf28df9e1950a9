"""Two reads of memory that nobody wrote, in a kernel and in LAPACK, that `.ci/steps/uninitialized` must find."""

import malloc_handler  # noqa: F401 (its import installs the handler)
import numpy as np

from rrqr_lapack import _core

# NumPy by itself would give these the memory of the arrays freed before
written = np.ones((5, 4)), np.ones((6, 4))
del written
_core.first_nonfinite_column(np.empty((5, 4), order="F"))
_core.Factor(np.empty((6, 4), order="F")).geqrf()
