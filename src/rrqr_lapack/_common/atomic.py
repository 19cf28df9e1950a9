"""Write a file or a folder whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from .arrays import check_flag

FilePath: TypeAlias = str | os.PathLike[str]


def check_outputs(*paths: FilePath | None, overwrite: bool = False, make_folder: bool = False) -> None:
    """Raise now what would fail when the work is done: for every file that is to be written.

    Parameters
    ----------
    *paths : path
        The files; None among them is one that is not asked for.
    overwrite : bool, default False
        Whether existing files may be replaced.
    make_folder : bool, default False
        Whether the folders will be made where they are missing.

    Raises
    ------
    TypeError
        `overwrite` is not a truth value.
    FileExistsError
        A file exists and `overwrite` is False.
    IsADirectoryError, NotADirectoryError
        A folder where a file is wanted, or a file where a folder is.
    FileNotFoundError, PermissionError
        The folder is missing or locked.
    ValueError
        Two outputs are one file.

    Examples
    --------
    >>> from rrqr_lapack._common.atomic import check_outputs
    >>> check_outputs("none/a.txt")
    Traceback (most recent call last):
    FileNotFoundError: the folder none is not there
    """
    check_flag("overwrite", overwrite)
    files = [Path(path) for path in paths if path is not None]
    for path in files:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder, not a file")
        folder = next(each for each in path.parents if each.exists() or not make_folder)
        if not folder.exists():
            raise FileNotFoundError(f"the folder {folder} is not there")
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is a file; give a folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(f"the folder {folder} cannot be written to")
        if path.exists() and not overwrite:
            raise FileExistsError(f"{path} exists and is not overwritten; overwrite=True replaces it")
        if files.count(path) > 1:
            raise ValueError(f"paths must be different files, got {path} twice; give each output its own name")


@contextmanager
def whole_file(path: FilePath, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the name `path` only when the block ends well.

    Parameters
    ----------
    path : path
        The file to write.
    overwrite : bool, default False
        Whether an existing file may be replaced.

    Raises
    ------
    OSError
        As `check_outputs`, before the block runs.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from rrqr_lapack._common.atomic import whole_file
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with whole_file(folder / "a.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    >>> [p.name for p in folder.iterdir()]
    ['a.txt']
    """
    path = Path(path)
    check_outputs(path, overwrite=overwrite)
    # The suffix stays last: some writers choose the format by it.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(path: FilePath, overwrite: bool = False) -> Path:
    """Raise now what would fail when a model's folder is written.

    Raises
    ------
    FileExistsError
        It exists and `overwrite` is False, or is no model's folder.
    OSError
        As `check_outputs`.
    """
    path = Path(path)
    if path.exists():
        if not (path / "config.json").is_file():
            raise FileExistsError(f"{path} exists and is no model's folder; give another name")
        if not check_flag("overwrite", overwrite):
            raise FileExistsError(f"{path} exists and is not overwritten; overwrite=True replaces it")
    check_outputs(path / "config.json", overwrite=True, make_folder=True)
    if not path.parent.exists():
        raise FileNotFoundError(f"the folder {path.parent} is not there")
    return path


@contextmanager
def whole_folder(path: FilePath, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it takes the name `path` only when the block ends well.

    Parameters
    ----------
    path : path
        The folder to write, with a ``config.json``.
    overwrite : bool, default False
        Whether an existing one may be replaced.

    Raises
    ------
    OSError
        As `check_folder`, before the block runs.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from rrqr_lapack._common.atomic import whole_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> with whole_folder(folder / "small") as temporary:
    ...     _ = (temporary / "config.json").write_text("{}")
    >>> [p.name for p in folder.iterdir()]
    ['small']
    """
    path = check_folder(path, overwrite)
    mark = secrets.token_hex(4)
    temporary, old = (path.with_name(f".{path.name}.{mark}.{what}") for what in ("new", "old"))
    try:
        temporary.mkdir()
        yield temporary
        if path.exists():
            os.replace(path, old)
        os.replace(temporary, path)
    finally:
        if old.exists() and not path.exists():
            os.replace(old, path)
        for each in (temporary, old):
            shutil.rmtree(each, ignore_errors=True)


def write_json(path: FilePath, data: Any, overwrite: bool = False) -> None:
    """Write data as JSON, whole or not at all; numbers that JSON does not have are refused.

    Raises
    ------
    OSError
        As `check_outputs`, before anything is written.
    ValueError
        NaN or infinity.
    """
    with whole_file(path, overwrite) as temporary:
        temporary.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
