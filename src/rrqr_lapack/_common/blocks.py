"""A matrix that is larger than memory, read block by block: a LinearOperator of which every product is a pass.

G. Golub, C. Van Loan, "Matrix Computations" (2013), section 1.1 for products by blocks of rows and of columns; N.
Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139, for
randomized factorizations of matrices on disk by a few passes.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .arrays import as_numeric, check_count, check_finite_columns, check_flag, lapack_dtype
from .indices import check_indices
from .norms import frobenius
from .operand import Streamed
from .products import adjoint_times, divided, times
from .progress import Progress, check_progress
from .read_ahead import read_ahead
from .source import BlockSource, Read, open_source
from .types import Array, Matrix, Shape

BLOCK_BYTES = 2**26  # of a block: enough for products at full speed, with four of them in memory at most


class BlockMatrix(Streamed):
    """A matrix larger than memory, in a file or wherever its rows come from, as a LinearOperator.

    Whatever takes a LinearOperator takes it: `randomized_qr`, `randomized_svd`, `generalized_nystrom`,
    `interpolative_decomposition`, `cur`, `PCA`, `range_finder`. Each product reads all blocks once; products that do
    not depend on each other share a pass, and two threads read ahead. `TallQR.read` takes it, too.

    Parameters
    ----------
    source : path, array, table, iterable or callable
        Path of a ``.npy``, ``.parquet``, ``.arrow`` or ``.feather`` file, or a folder of Parquet files; an array of any
        library that has `shape`, `dtype` and slices (`numpy.memmap`, `h5py.Dataset`, `zarr.Array`); a table, dataset or
        Parquet file of PyArrow; batches of rows, each a 2-D array or a RecordBatch, in a list or other iterable; or a
        function that gives such batches anew for each pass. An iterator can be read in one pass only.
    shape : (M, N), optional
        Needed for batches of which it is not known before they are read.
    dtype : dtype, optional
        One of the four LAPACK dtypes, to which blocks are converted; by default that of the source, as elsewhere.
        Needed where the source does not tell it.
    block_bytes : int, optional
        Size of a block, of which up to four are in memory. Blocks are whole rows or, of a matrix stored by columns,
        whole columns, and follow the chunks of the source.
    check_finite : bool, optional
        Refuse NaN and infinity, in the first pass.
    progress : callable, optional
        Called as ``progress("reading rows", done, M)``, or of columns, after each block.

    Attributes
    ----------
    shape, dtype
        Those of the matrix.
    norm : float or None
        ``||A||_F``, known after the first pass, from which errors become exact.
    passes : int
        How often the whole matrix was read.

    Raises
    ------
    TypeError
        `source` or its numbers are nothing that can be read.
    ValueError
        A file that cannot be read; a source that has not two dimensions, that does not tell its shape or dtype while
        none is given, or, in a pass, that has another shape than it said or is not finite (the column is named).

    See Also
    --------
    TallQR : one pass over rows of which there may be any number.

    Notes
    -----
    A pass with X of l columns takes 2 M N l flops, and the time of reading where that is longer. Memory: four blocks,
    and what the factorization keeps, O((M + N) l).

    References
    ----------
    N. Halko, P. G. Martinsson, Y. Shkolnisky, M. Tygert, SIAM J. Sci. Comput. 33(5) (2011), doi:10.1137/100804139.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import BlockMatrix, randomized_svd
    >>> def batches():  # a matrix of rank 2 that is nowhere in memory
    ...     for i in range(20):
    ...         yield np.outer(np.arange(50) + 50 * i, np.arange(300)) + 1.0
    >>> A = BlockMatrix(batches, shape=(1000, 300), dtype=float)
    >>> svd = randomized_svd(A, rank=2, power=0, rng=0)
    >>> A.passes, bool(svd.error_bound < 1e-6 * svd.s[0])
    (2, True)
    """

    def __init__(
        self,
        source: BlockSource,
        *,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
        block_bytes: int = BLOCK_BYTES,
        check_finite: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self._given, self.source = source, open_source(source)
        self.block_bytes = check_count("block_bytes", block_bytes, 1)
        self._check_finite = check_flag("check_finite", check_finite)
        self._progress = check_progress(progress)
        self.passes = 0
        super().__init__(*self._told(shape, dtype))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in dict(super().__getstate__()).items() if name != "source"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore = getattr(super(), "__setstate__", self.__dict__.update)  # SciPy has one since 1.18
        restore(state)
        self.source = open_source(self._given)

    def _both(self, x: Any, y: Any) -> tuple[Any, Any]:
        """A X and A^H Y from one pass; None for what is None."""
        m, n = self.shape
        ax = None if x is None else np.zeros((m, x.shape[1]), np.result_type(self.dtype, x), order="F")
        ahy = None if y is None else np.zeros((n, y.shape[1]), np.result_type(self.dtype, y), order="F")
        by_rows = self.source.axis == 0
        for part, block in self._blocks():
            if ax is not None and by_rows:
                ax[part] = times(block, x)
            elif ax is not None:
                ax += times(block, x[part])
            if ahy is not None and by_rows:
                ahy += adjoint_times(block, y[part])
            elif ahy is not None:
                ahy[part] = adjoint_times(block, y)
        return ax, ahy

    def columns(self, indices: Any) -> Matrix:
        """Some columns, A[:, indices], from a pass, or from these alone where the matrix is stored by columns.

        Parameters
        ----------
        indices : (k,) array_like of int
            0 to N - 1.

        Returns
        -------
        (M, k) ndarray
            The columns.

        Raises
        ------
        TypeError, ValueError
            `indices` is no vector of integers in range; what a pass raises.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import BlockMatrix
        >>> BlockMatrix(np.arange(6.0).reshape(2, 3)).columns([2, 0])
        array([[2., 0.],
               [5., 3.]])
        """
        return self._taken(1, indices)

    def rows(self, indices: Any) -> Matrix:
        """Some rows, A[indices, :], from these alone where the matrix is stored by rows, or from a pass.

        Parameters
        ----------
        indices : (k,) array_like of int
            0 to M - 1.

        Returns
        -------
        (k, N) ndarray
            The rows.

        Raises
        ------
        TypeError, ValueError
            As `columns`.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import BlockMatrix
        >>> BlockMatrix(np.arange(6.0).reshape(2, 3)).rows([1])
        array([[3., 4., 5.]])
        """
        return self._taken(0, indices)

    def _column_products(self, indices: Any, triangle: Matrix) -> tuple[Matrix, Matrix]:
        """``W = A[:, indices] triangle^{-1}`` and A^H W, from one pass over rows, or from the columns and a pass."""
        if self.source.axis:
            w = divided(self.columns(indices), triangle)
            return w, adjoint_times(self, w)
        w = np.empty((self.shape[0], len(indices)), self.dtype, order="F")
        products = np.zeros((self.shape[1], len(indices)), self.dtype, order="F")
        for part, block in self._blocks():
            w[part] = divided(block[:, indices], triangle)
            products += adjoint_times(block, w[part])
        return w, products

    def _adjoint(self) -> "Turned":
        return Turned(self, conjugate=False)

    def _transpose(self) -> "Turned":
        return Turned(self, conjugate=True)

    def __repr__(self) -> str:
        return f"<BlockMatrix of shape {self.shape}, {self.dtype}: {self.passes} passes>"

    def _told(self, shape: Shape | None, dtype: DTypeLike | None) -> tuple[np.dtype[Any], Shape]:
        """dtype and shape, of the source or of the caller."""
        known = self.source.shape if shape is None else tuple(check_count("shape", size) for size in shape)
        if len(known) != 2 or None in known:
            raise ValueError(f"shape must be (M, N) where the source does not tell it, got {shape}")
        if any(told is not None and told != size for told, size in zip(self.source.shape, known, strict=True)):
            raise ValueError(f"shape must be that of the source, {self.source.shape}, got {shape}")
        told = self.source.dtype if dtype is None else np.dtype(dtype)
        if told is None:
            raise ValueError("dtype must be given where the source does not tell it, got None")
        numeric = lapack_dtype(as_numeric(np.empty(0, told), "dtype").dtype)
        return numeric, known  # type: ignore[return-value]

    def _taken(self, axis: int, indices: Any) -> Matrix:
        """Columns (1) or rows (0)."""
        indices = check_indices("indices", indices, self.shape[axis])
        shape = (self.shape[0], len(indices)) if axis else (len(indices), self.shape[1])
        taken = np.empty(shape, self.dtype, order="F" if axis else "C")
        if axis != self.source.axis or self.source.read is None:
            for part, block in self._blocks():
                if axis != self.source.axis:
                    taken[part if axis else (slice(None), part)] = block[:, indices] if axis else block[indices]
                else:
                    here = np.flatnonzero((part.start <= indices) & (indices < part.stop))
                    taken[here] = block[indices[here] - part.start]
            return taken
        chunk, size = self.source.chunks[axis], self.shape[axis]
        slabs = [slice(c * chunk, min((c + 1) * chunk, size)) for c in np.unique(indices // chunk).tolist()]
        for part, block in zip(slabs, read_ahead(partial(self.source.read, axis, slab) for slab in slabs), strict=True):
            here = np.flatnonzero((part.start <= indices) & (indices < part.stop))
            taken[(slice(None), here) if axis else here] = self._own(block).take(indices[here] - part.start, axis)
        return taken

    def _blocks(self) -> Iterator[tuple[slice, Matrix]]:
        """The blocks, checked, and where they are: all of them, once."""
        axis = self.source.axis
        total, done, first = self.shape[axis], 0, self.norm is None
        norms = []
        for block in read_ahead(self._reads()):
            block = self._own(block)
            part = slice(done, done + block.shape[axis])
            done = part.stop
            if block.shape[1 - axis] != self.shape[1 - axis] or done > total:
                raise ValueError(f"source must have the shape {self.shape}, but a block of shape {block.shape} came")
            if first:
                norms.append(frobenius(block))
                if self._check_finite and not norms[-1] < np.inf:
                    check_finite_columns(block, f"source[:, {part.start}:{part.stop}]" if axis else "source")
                    raise ValueError("source must have a finite norm, but it overflows; scale it down")
            yield part, block
            if self._progress:
                self._progress("reading columns" if axis else "reading rows", done, total)
        if done != total:
            raise ValueError(f"source must have the shape {self.shape}, but it ended after {done} rows")
        self.passes += 1
        if first:
            self.norm = frobenius(np.array(norms))

    def _reads(self) -> Iterable[Read]:
        source, axis = self.source, self.source.axis
        if self.passes and not source.again:
            raise ValueError(
                "source must be one that can be read again, but it is an iterator; give a function that makes one"
            )
        step = max(1, self.block_bytes // max(1, self.dtype.itemsize * self.shape[1 - axis]))
        return source.reads(axis, 0, step)

    def _own(self, block: Array) -> Matrix:
        """A block in the dtype of the matrix."""
        if block.dtype.kind == "c" and self.dtype.kind != "c":
            raise TypeError(f"source must have numbers of its dtype, {self.dtype}, got {block.dtype}")
        return block.astype(self.dtype, copy=False)


class Turned(Streamed):
    """A^H of a `BlockMatrix`, or with its conjugate A^T."""

    def __init__(self, a: BlockMatrix, conjugate: bool) -> None:
        super().__init__(a.dtype, a.shape[::-1])
        self.a, self._conjugate = a, conjugate and a.dtype.kind == "c"

    @property
    def norm(self) -> float | None:  # type: ignore[override]
        """``||A||_F``, as of A."""
        return self.a.norm

    def _both(self, x: Any, y: Any) -> tuple[Any, Any]:
        """As of A, the other way round."""
        ahy, ax = self.a._both(self._turn(y), self._turn(x))
        return self._turn(ax), self._turn(ahy)

    def columns(self, indices: Any) -> Matrix:
        """Rows of A."""
        taken = self.a.rows(indices).T
        return taken if self._conjugate else taken.conj()

    def _column_products(self, indices: Any, triangle: Matrix) -> tuple[Matrix, Matrix]:
        """From the rows of A and a pass."""
        w = divided(self.columns(indices), triangle)
        return w, adjoint_times(self, w)

    def _adjoint(self) -> Any:
        return super()._adjoint() if self._conjugate else self.a

    def _transpose(self) -> Any:
        return self.a if self._conjugate or self.dtype.kind != "c" else super()._transpose()

    def _turn(self, x: Any) -> Any:
        return x.conj() if self._conjugate and x is not None else x
