"""Where a matrix is read from that does not fit in memory: a file, an array of another library, batches.

Nothing of h5py, Zarr or PyArrow is imported: an array is what has a shape, a dtype and slices, a table what gives its
rows as batches.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .arrays import as_ndarray, as_numeric
from .atomic import FilePath
from .npy import open_npy
from .types import Array, DType

BlockSource: TypeAlias = FilePath | ArrayLike | Iterable[ArrayLike] | Callable[[], Iterable[ArrayLike]] | Any
Read: TypeAlias = Callable[[], Array]


class Source(NamedTuple):
    """How a matrix is read. It has either `read`, the rows or columns of a slice, or `batches`, of all rows in turn."""

    shape: tuple[int | None, int | None]  # None: not known before all was read
    dtype: DType | None
    read: Callable[[int, slice], Array] | None = None  # of this axis
    batches: Callable[[int], Iterable[Any]] | None = None  # of about so many rows where that can be chosen
    again: bool = True  # whether it can be read more than once
    axis: int = 0  # along which reading is fastest
    chunks: tuple[int, int] = (1, 1)  # what is stored together

    def reads(self, axis: int, first: int, step: int) -> Iterator[Read]:
        """Calls that read the rows or columns from `first` on, about so many at a time, to be made in any thread."""
        size = self.shape[axis]
        if self.read is not None and size is not None:
            step = -(-step // self.chunks[axis]) * self.chunks[axis]
            for start in range(first // step * step, size, step):
                yield partial(self.read, axis, slice(max(start, first), min(start + step, size)))
            return
        assert self.batches is not None
        for batch in self.batches(step):
            piece = _rows_of(batch)
            if first < len(piece):
                for start in range(first, len(piece), step):
                    yield partial(np.asarray, piece[start : start + step])
            first = max(first - len(piece), 0)


def open_source(source: Any) -> Source:
    """The `Source` behind what a caller gave; TypeError for what is none, ValueError for a file that cannot be read."""
    if isinstance(source, (str, os.PathLike)):
        return _of_file(Path(source))
    if hasattr(source, "tocsc") or hasattr(source, "matvec"):
        as_ndarray(source, "source")  # says what to do
    if hasattr(source, "iter_batches"):  # pyarrow.parquet.ParquetFile
        schema, rows = source.schema_arrow, source.metadata.num_rows
        return _of_table(schema, rows, source.iter_batches)
    if hasattr(source, "to_batches"):  # pyarrow.Table or pyarrow.dataset.Dataset
        if not hasattr(source, "count_rows"):
            return _of_table(source.schema, len(source), source.to_batches)
        ahead = {"batch_readahead": 1, "fragment_readahead": 1}
        return _of_table(source.schema, source.count_rows(), lambda rows: source.to_batches(batch_size=rows, **ahead))
    if isinstance(source, (list, tuple)):
        if not (len(source) and (hasattr(source[0], "schema") or np.ndim(source[0]) == 2)):
            return _of_array(as_numeric(source, "source"))
        rows, first = sum(len(batch) for batch in source), _rows_of(source[0])
        return Source((rows, first.shape[1]), first.dtype, batches=lambda _: source)
    if hasattr(source, "shape") and hasattr(source, "dtype") and hasattr(source, "__getitem__"):
        return _of_array(source)
    if callable(source):
        return Source((None, None), None, batches=lambda _: source())
    if isinstance(source, Iterable):
        return Source((None, None), None, batches=lambda _: source, again=iter(source) is not source)
    raise TypeError(
        "source must be a path, an array with slices, a table of Arrow, batches of rows, or a function that gives such "
        f"batches, got {type(source).__name__}"
    )


def _of_file(path: Path) -> Source:
    if path.suffix in (".parquet", ".arrow", ".feather") or (path.is_dir() and any(path.glob("**/*.parquet"))):
        try:
            import pyarrow.dataset
        except ImportError as error:
            raise ImportError(f"{path} needs the pyarrow package; pip install pyarrow") from error
        return open_source(pyarrow.dataset.dataset(path, format="parquet" if path.is_dir() else path.suffix[1:]))
    if path.suffix != ".npy":
        raise ValueError(
            f"source must be a path of a .npy, .parquet, .arrow or .feather file, got {path}; open it with its own "
            "library, as in h5py.File(path)['name'] or zarr.open_array(path), and give the array"
        )
    array = open_npy(path)
    return _of_array(array)._replace(read=partial(_read_file, array, path))


def _read_file(array: Any, path: Path, axis: int, part: slice) -> Array:
    """Rows or columns of a .npy file. What lies together is read, not mapped, so that it counts as memory once."""
    fortran = axis == 1
    if not (array.flags.f_contiguous if fortran else array.flags.c_contiguous):
        return np.array(array[:, part] if fortran else array[part], order="K")
    length = array.shape[1 - axis]
    with open(path, "rb") as file:
        file.seek(array.offset + part.start * length * array.itemsize)
        block = np.fromfile(file, array.dtype, (part.stop - part.start) * length)
    if block.size != (part.stop - part.start) * length:
        raise ValueError(f"source must stay as it is while it is read, but {path} was cut off")
    block = block.reshape(-1, length)
    return block.T if fortran else block


def _of_array(array: Any) -> Source:
    """An array of any library, of which slices are arrays of NumPy's or become such."""
    shape = tuple(array.shape)
    if len(shape) != 2:
        raise ValueError(f"source must have 2 dimensions, got {len(shape)}")
    as_numeric(np.empty(0, array.dtype), "source")
    if isinstance(array, np.ndarray):
        as_ndarray(array, "source")
    flags = getattr(array, "flags", None)
    fortran = bool(getattr(flags, "f_contiguous", False)) and not flags.c_contiguous  # type: ignore[union-attr]
    chunks: Any = getattr(array, "chunks", None)
    whole = isinstance(chunks, tuple) and len(chunks) == 2 and all(isinstance(c, int) for c in chunks)
    chunks = chunks if whole else (1, 1)
    # chunks are read whole: along the axis where a slab of them is smaller
    axis = 1 if fortran or (chunks[0] * shape[1] > chunks[1] * shape[0] and whole) else 0
    return Source(shape, np.dtype(array.dtype), read=partial(_slice, array), axis=axis, chunks=chunks)


def _slice(array: Any, axis: int, part: slice) -> Array:
    block = array[:, part] if axis else array[part]
    return np.array(block) if isinstance(block, np.memmap) else np.asarray(block)


def _of_table(schema: Any, rows: int, batches: Callable[[int], Iterable[Any]]) -> Source:
    """A table of Arrow: a column of numbers is a column, one of lists of fixed size as many as these have numbers."""
    width = sum(getattr(field.type, "list_size", 1) for field in schema)
    kinds = {getattr(field.type, "value_type", field.type).to_pandas_dtype() for field in schema}
    dtype = np.result_type(*kinds) if kinds else np.dtype("d")
    as_numeric(np.empty(0, dtype), "source")
    return Source((rows, width), dtype, batches=batches)


def _rows_of(batch: Any) -> Any:
    """A batch as a 2-D array: an array already, or the columns of a RecordBatch side by side."""
    if hasattr(batch, "schema") and hasattr(batch, "columns"):
        columns = [_column(column, len(batch)) for column in batch.columns]
        return np.concatenate(columns, axis=1) if columns else np.empty((len(batch), 0))
    batch = as_numeric(batch, "source")
    if batch.ndim != 2:
        raise ValueError(f"source must give batches of 2 dimensions, got {batch.ndim}")
    return batch


def _column(column: Any, rows: int) -> Array:
    size = getattr(column.type, "list_size", None)
    if column.null_count:
        raise ValueError(f"source must have no nulls, but a column of type {column.type} has some; fill or drop them")
    values = column.flatten() if size else column
    return as_numeric(values.to_numpy(zero_copy_only=False), "source").reshape(rows, size or 1)
