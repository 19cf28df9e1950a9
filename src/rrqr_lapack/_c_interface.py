"""Where the header of the C interface is; the interface itself is in `_core` and `csrc/api.c`."""

from pathlib import Path


def get_include() -> str:
    """The folder of ``rrqr_lapack.h``, the header of the C interface: ``A P = Q R`` from C, C++ and Cython.

    Cython finds the declarations of ``from rrqr_lapack cimport ...`` by itself.

    Returns
    -------
    str
        The path of the folder.

    Raises
    ------
    ImportError
        Raised by an extension that was built with the header, where it does not fit the installed `rrqr_lapack`; it
        says what to build again.

    Notes
    -----
    ``docs/c_interface.md`` in the sources has a whole extension in C and one in Cython.

    Examples
    --------
    >>> import os
    >>> import rrqr_lapack
    >>> os.listdir(rrqr_lapack.get_include())
    ['rrqr_lapack.h']
    """
    return str(Path(__file__).parent / "include")
