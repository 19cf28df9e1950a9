"""Warnings, at the line that called this package."""

import sys
import warnings


class ConvergenceWarning(RuntimeWarning):
    """An iteration stopped at its limit, before its tolerance: the result is the best so far, its `converged` False.

    The message says what to do. To make it an error, or to be silent, filter it.

    Examples
    --------
    >>> import warnings
    >>> from scipy import sparse
    >>> from rrqr_lapack import ConvergenceWarning, soft_impute
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", ConvergenceWarning)
    ...     soft_impute(sparse.coo_array([[1.0, 2.0], [3.0, 5.0]]), penalty=0.1, maxiter=1, rng=0).converged
    False
    """


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the line that called this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("rrqr_lapack."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
