"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from pathlib import Path

from rrqr_lapack._arrays import check_flag


def refuse_existing(path, overwrite: bool) -> None:
    """Raise if `path` is a folder, if its folder is missing or locked, or if it exists and may not be overwritten.

    Raises
    ------
    TypeError, FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
    """
    check_flag("overwrite", overwrite)
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, not a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} is not there")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(f"the folder {path.parent} cannot be written to")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists and is not overwritten")


@contextmanager
def whole_file(path, overwrite: bool = False):
    """Yield a temporary path beside `path`; it takes the name `path` only when the block ends well.

    Parameters
    ----------
    path : path
        The file to write.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    FileExistsError, IsADirectoryError, FileNotFoundError, PermissionError
        As `refuse_existing`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from rrqr_lapack.prune.atomic import whole_file
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    >>> [p.name for p in folder.iterdir()]
    ['a.txt']
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    # The suffix stays last: some writers choose the format by it.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
