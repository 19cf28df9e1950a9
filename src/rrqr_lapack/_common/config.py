"""What this installation runs on: versions, BLAS, threads and the instruction set of the kernels."""

import os
import platform
from importlib.metadata import version

import scipy

from .. import _core


def show_config() -> None:
    """Print what results and times depend on: versions, SciPy's BLAS, its threads, the kernels' instruction set.

    The kernels are compiled for several instruction sets, and the widest that the processor has is taken at import.
    The environment variable ``RRQR_LAPACK_ISA`` takes another one: ``baseline``, ``avx2`` or ``avx512``. Results then
    differ by rounding.

    Raises
    ------
    ImportError
        Raised by the import of `rrqr_lapack`, where ``RRQR_LAPACK_ISA`` is none that the processor has.

    See Also
    --------
    scipy.show_config : how SciPy was built.

    Notes
    -----
    The number of threads is known where threadpoolctl is installed; otherwise the variables that set it are shown.

    Examples
    --------
    >>> from rrqr_lapack import show_config
    >>> show_config()  # doctest: +ELLIPSIS
    rrqr_lapack     ...
    """
    for name, value in _configuration().items():
        print(f"{name:15} {value}")


def _configuration() -> dict[str, str]:
    blas = scipy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "rrqr_lapack": version("rrqr-lapack"),
        "Python": platform.python_version(),
        "NumPy": version("numpy"),
        "SciPy": version("scipy"),
        "BLAS of SciPy": f"{blas.get('name', 'unknown')} {blas.get('version', '')}".rstrip(),
        "threads": _threads(),
        "instruction set": f"{_core.instruction_set()} (of {', '.join(_core.ISAS)})",
    }


def _threads() -> str:
    try:
        import threadpoolctl
    except ImportError:
        names = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
        told = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
        return ", ".join(told) or f"not known without threadpoolctl; processors: {os.cpu_count()}"
    pools = threadpoolctl.threadpool_info()
    return ", ".join(f"{pool['num_threads']} ({pool['internal_api']})" for pool in pools) or "1"
