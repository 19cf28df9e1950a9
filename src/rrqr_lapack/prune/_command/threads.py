"""How many threads BLAS takes for a model of some width."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from .._face import Face

# Columns of a group from which on BLAS may use all threads. On two busy cores two threads took 18, 12, 3.6 and 2.4
# times as long as one at 256, 512, 1024 and 2048 columns; on idle ones they cannot gain more than a factor of two.
WIDE = 2048


def fitting(face: Face[Any]) -> AbstractContextManager[Any]:
    """A context in which BLAS has one thread if all groups of the model are narrow, else as many as before.

    Narrow groups take thousands of short calls, between which the threads of OpenBLAS spin. The limit holds for the
    whole process: it is for the command line, where nobody else computes. Without threadpoolctl nothing is limited.

    Parameters
    ----------
    face : Face
        The model.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack.prune import Dense, Network
    >>> from rrqr_lapack.prune._network.dense import NetworkFace
    >>> from rrqr_lapack.prune._command.threads import fitting
    >>> face = NetworkFace(Network([Dense(np.eye(64)), Dense(np.eye(64))]))
    >>> with fitting(face):
    ...     pass  # on one thread
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    narrow = max((group.columns for group in face.groups), default=0) < WIDE
    return threadpool_limits(1 if narrow else None, "blas")
