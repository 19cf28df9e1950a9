"""QR of a tall matrix whose rows arrive in pieces, in memory that does not grow with their number.

J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU factorizations",
SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992. Single precision goes through the Gram matrix in double
precision: G. Golub, C. Van Loan, "Matrix Computations" (2013), section 5.3, and N. Higham, "Accuracy and Stability of
Numerical Algorithms" (2002), section 10.3, for the semidefinite Cholesky factorization.
"""

import copy
import time
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike

from .._common.arrays import (
    as_numeric,
    check_finite_columns,
    check_flag,
    check_tolerance,
    lapack_dtype,
)
from .._common.atomic import FilePath, check_outputs
from .._common.blocks import BLOCK_BYTES, BlockMatrix
from .._common.foreign import become, foreign
from .._common.progress import Progress, check_progress
from .._common.read_ahead import read_ahead
from .._common.source import BlockSource, open_source
from .._common.state import Kept
from .._common.types import Array, DType, Matrix, Shape
from . import checkpoint as files
from .factored import TruncatedQR
from .row_sums import Gram, Triangle
from .truncated import Truncation

LEAST_ROWS = 256  # gathered before they are eliminated: fewer are not worth a call
FEWEST_ROWS = 64  # the same of so many columns that more would take too long
HEARD = 2**32  # operations, 2 m N^2 of m rows, after which Ctrl-C is heard: a fifth of a second or less


class TallQR(Kept):
    """The triangle R of ``A = Q R``, that is ``R^H R = A^H A``, of a tall matrix A whose rows arrive in pieces.

    R has the singular values, the column norms and the linear dependences of A, and pivoted QR chooses the same columns
    of both: `pivoted` gives the pivots, the interpolation matrix and the errors of A from N x N numbers.

    Parameters
    ----------
    rows : (m, N) array_like, optional
        The first rows, as for `update`.
    check_finite : bool, optional
        Refuse NaN and infinity.

    Attributes
    ----------
    shape : tuple of int
        (M, N), M the number of rows so far; (0, 0) before the first rows.
    dtype : numpy.dtype or None
        float32, float64, complex64 or complex128: that of the first rows.
    R : (min(M, N), N) ndarray
        Upper trapezoidal factor, of that dtype. Its rows may differ in sign (phase) from those of another QR.

    See Also
    --------
    rrqr_lapack.dask.tall_qr : the same of a Dask array, lazily.
    TruncatedQR : pivoted QR of a matrix in memory.

    Notes
    -----
    2 M N^2 flops in matrix products and O(N^2) memory, for any number and size of pieces: small ones are gathered. But
    for rounding the result does not depend on how the rows were cut. In double precision R is exact for an A with
    each column perturbed by O(eps) of its norm. Rows in single precision are accumulated as ``A^H A`` in double
    precision, for half the flops: since ``eps_double < eps_single^2``, that perturbs A by less than its own rounding.

    An object is for one thread at a time: let each have its own, and merge them.

    References
    ----------
    J. Demmel, L. Grigori, M. Hoemmen, J. Langou, "Communication-optimal parallel and sequential QR and LU
    factorizations", SIAM J. Sci. Comput. 34(1) (2012), doi:10.1137/080731992.

    Examples
    --------
    >>> import numpy as np
    >>> from rrqr_lapack import TallQR
    >>> A = np.random.default_rng(0).standard_normal((1000, 4))
    >>> tall = TallQR()
    >>> for piece in np.array_split(A, 7):
    ...     _ = tall.update(piece)
    >>> tall.shape
    (1000, 4)
    >>> bool(np.allclose(tall.R.T @ tall.R, A.T @ A))
    True
    """

    _kept = ("shape", "dtype", "_check_finite", "_sum", "_gathered", "_last")

    def __init__(self, rows: ArrayLike | None = None, *, check_finite: bool = True) -> None:
        self.shape: Shape = (0, 0)
        self.dtype: DType | None = None
        self._check_finite = check_flag("check_finite", check_finite)
        self._sum: Any = None  # a Triangle or a Gram, and
        self._gathered: Any = None  # an array, once there are rows
        self._last: Any = None  # the last row
        if rows is not None:
            self.update(rows)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if self._sum is not None:
            state["kept"]["_gathered"] = self._rest()  # the rest of the memory for it was never written to
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._sum is not None:
            rest = self._gathered
            self._make_room()
            self._gathered[: len(rest)] = rest

    def __repr__(self) -> str:
        return f"<TallQR of shape {self.shape}, {self.dtype}>"

    @property
    def R(self) -> Matrix:
        if self._sum is None:
            return np.zeros((0, 0))
        total = copy.deepcopy(self._sum)
        total.add(self._rest())
        return total.triangle()[: min(self.shape)].astype(self.dtype, copy=False)

    def update(self, rows: ArrayLike) -> Self:
        """Append rows, ``A -> [A; rows]``.

        Parameters
        ----------
        rows : (m, N) array_like
            Any number of rows, also none. The first ones fix the dtype (integers count as double precision), later
            ones must fit into it. They are not kept.

        Returns
        -------
        TallQR
            The object itself.

        Raises
        ------
        TypeError
            `rows` is sparse, masked, not numeric, or of a wider dtype than the first rows.
        ValueError
            `rows` has not two dimensions, another number of columns than before, or NaN or infinity (the first such
            column is named). The object is then as it was.

        Examples
        --------
        >>> from rrqr_lapack import TallQR
        >>> abs(TallQR([[3.0]]).update([[4.0]]).R)
        array([[5.]])
        """
        if type(rows) is not np.ndarray and self._sum is None and foreign(rows):
            become(self, "rows", rows, {"check_finite": self._check_finite})
            return self
        rows = as_numeric(rows, "rows")
        if rows.ndim != 2:
            raise ValueError(f"rows must have 2 dimensions, got {rows.ndim}")
        dtype = lapack_dtype(rows.dtype)
        self._check_fit(rows.shape[1], dtype)
        rows = rows.astype(dtype, copy=False)
        if self._check_finite:
            check_finite_columns(rows, "rows")
        self._start(rows.shape[1], dtype)
        self._add(rows)
        return self

    def read(
        self,
        source: BlockSource,
        *,
        progress: Progress | None = None,
        checkpoint: FilePath | None = None,
        every: float = 60.0,
    ) -> Self:
        """Append all rows of a source that may be larger than memory, read ahead by two threads.

        Parameters
        ----------
        source : path, array, table, iterable, callable or BlockMatrix
            What `BlockMatrix` takes; batches of rows may have any number of them, and are read once.
        progress : callable, optional
            Called as ``progress("reading rows", done, total)`` after each block; total is None where nobody knows it.
        checkpoint : path, optional
            A ``.npz`` file that holds the state from time to time, and at the end. If it is there the object, which
            must be new, takes over its state and goes on behind the rows that it has seen: the same line starts a run
            and resumes it, and the result is the same to the bit.
        every : float, optional
            Seconds between two states that are written.

        Returns
        -------
        TallQR
            The object itself.

        Raises
        ------
        TypeError, ValueError
            As `update` and `BlockMatrix`; the checkpoint is damaged or cut off, is not of this source (the last row
            that it saw is compared), or would be read into an object that has rows already.
        Exception
            What the source raises. Rows before it are in the object, and may be in the checkpoint.

        Notes
        -----
        As `update`, and three blocks of 64 MiB.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TallQR
        >>> tall = TallQR().read(np.full((10, 2), i) for i in range(3))
        >>> tall.shape
        (30, 2)
        """
        progress, every = check_progress(progress), check_tolerance("every", every)
        block_bytes = source.block_bytes if isinstance(source, BlockMatrix) else BLOCK_BYTES
        opened = source.source if isinstance(source, BlockMatrix) else open_source(source)
        if checkpoint is not None:
            check_outputs(checkpoint, overwrite=True)
            if Path(checkpoint).exists():
                self._resume(checkpoint)
        columns = opened.shape[1] or self.shape[1] or LEAST_ROWS
        seen = self.shape[0] if checkpoint is not None else 0
        start, total, before = max(seen - 1, 0), opened.shape[0], self.shape[0] - seen
        written, resumed = time.monotonic(), seen > 0
        for rows in read_ahead(opened.reads(0, start, max(1, block_bytes // (8 * columns)))):
            if resumed and len(rows):
                self._check_last(rows[:1])
                rows, resumed = rows[1:], False
            self.update(rows)
            if progress:
                progress("reading rows", self.shape[0] - before, total)
            if checkpoint is not None and time.monotonic() - written > every:
                self.save(checkpoint)
                written = time.monotonic()
        if resumed:
            raise ValueError(f"source must have the {seen} rows of the checkpoint, but it has ended before")
        if total is not None and self.shape[0] - before != total:
            raise ValueError(f"source must have {total} rows, as it said, got {self.shape[0] - before}")
        if checkpoint is not None:
            self.save(checkpoint)
        return self

    def save(self, path: FilePath) -> None:
        """Write the object to a ``.npz`` file of O(N^2) numbers, whole or not at all.

        Parameters
        ----------
        path : path
            The file; one that is there is replaced.

        Raises
        ------
        OSError
            It cannot be written.
        ValueError
            There are no rows yet.

        Examples
        --------
        >>> import os, tempfile
        >>> from rrqr_lapack import TallQR
        >>> path = os.path.join(tempfile.mkdtemp(), "rows.npz")
        >>> TallQR([[3.0]]).save(path)
        >>> abs(TallQR.load(path).update([[4.0]]).R)
        array([[5.]])
        """
        if self._sum is None:
            raise ValueError("save must be called when there are rows, got none yet")
        state = {"total": self._sum.total, "eliminated": self._sum.rows, "gathered": self._rest(), "last": self._last}
        arrays = {name: np.asarray(value) for name, value in state.items()}
        flags = {"check_finite": np.asarray(self._check_finite), "like": np.zeros(0, self.dtype)}
        files.write(path, arrays | flags)

    @classmethod
    def load(cls, path: FilePath) -> Self:
        """The object that `save` wrote. Nothing is unpickled.

        Parameters
        ----------
        path : path
            The file.

        Returns
        -------
        TallQR
            It goes on to the bit as the one that was saved.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It is damaged or cut off, or another file.

        Examples
        --------
        As for `save`.
        """
        state = files.read(path, {"total", "eliminated", "gathered", "last", "check_finite", "like"})
        total, gathered, columns = state["total"], state["gathered"], state["total"].shape[-1]
        tall = cls(check_finite=bool(state["check_finite"]))
        tall._start(columns, state["like"].dtype)
        room = len(tall._gathered)
        sound = (
            state["like"].dtype.char in "fdFD"
            and total.dtype == gathered.dtype == tall._sum.dtype
            and gathered.ndim == total.ndim == 2
            and len(gathered) < room
            and len(total) <= columns == total.shape[1]
            and state["last"].shape == (columns,)
            and state["eliminated"].shape == ()
            and state["eliminated"] >= 0
        )
        if not sound:
            raise ValueError(f"path must be a file of TallQR.save, but the arrays of {path} do not fit together")
        tall._sum.total, tall._sum.rows = np.asfortranarray(total), int(state["eliminated"])
        tall._gathered[: len(gathered)] = gathered
        tall._last = state["last"]
        tall.shape = (tall._sum.rows + len(gathered), columns)
        return tall

    def merge(self, other: "TallQR") -> Self:
        """Append the rows that another TallQR has seen, ``A -> [A; B]``, from its triangle alone.

        So several threads, processes or machines can each take a share of the rows.

        Parameters
        ----------
        other : TallQR
            Of as many columns; it is not changed.

        Returns
        -------
        TallQR
            The object itself.

        Raises
        ------
        TypeError
            `other` is no TallQR, or of a wider dtype.
        ValueError
            Another number of columns.

        Notes
        -----
        2 N^3 flops.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TallQR
        >>> A, B = np.eye(5)[:, :3], np.ones((4, 3))
        >>> tall = TallQR(A).merge(TallQR(B))
        >>> bool(np.allclose(tall.R.T @ tall.R, A.T @ A + B.T @ B)), tall.shape
        (True, (9, 3))
        """
        if not isinstance(other, TallQR):
            raise TypeError(f"other must be a TallQR, got {type(other).__name__}")
        if other.dtype is not None:
            self._check_fit(other.shape[1], other.dtype)
            self._start(other.shape[1], other.dtype)
            rest = other._rest()
            self._sum.merge(other._sum)
            self.shape = (self.shape[0] + other.shape[0] - len(rest), self.shape[1])
            self._add(rest)
        return self

    def copy(self) -> Self:
        """An independent TallQR of the same rows.

        Examples
        --------
        >>> from rrqr_lapack import TallQR
        >>> one = TallQR([[1.0, 2.0]])
        >>> two = one.copy().update([[3.0, 4.0]])
        >>> one.shape, two.shape
        ((1, 2), (2, 2))
        """
        return copy.deepcopy(self)

    def pivoted(self, **options: Unpack[Truncation]) -> TruncatedQR:
        """Pivoted QR of A by that of R, ``A[:, P] ~= Q R``, without a Q: the same pivots, T and errors.

        Parameters
        ----------
        **options
            `rank`, `rtol`, `atol`, `driver`, `tie_tol` and `rng` as for `TruncatedQR`.

        Returns
        -------
        TruncatedQR
            Of R: its `P`, `rank`, `R`, `interpolation()`, `maxresid` and `residual_norm` are those of A.

        Raises
        ------
        TypeError, ValueError
            As `TruncatedQR`.

        Examples
        --------
        >>> import numpy as np
        >>> from rrqr_lapack import TallQR
        >>> tall = TallQR()
        >>> for x in np.linspace(0, 1, 500):
        ...     _ = tall.update([[1.0, x, 1.0 + x, 2.0 - x]])
        >>> F = tall.pivoted(rtol=1e-10)
        >>> F.rank, F.interpolation().shape
        (2, (2, 4))
        """
        return TruncatedQR(self.R, **options, overwrite_a=True)  # type: ignore[misc]  # not the caller's

    def _resume(self, path: FilePath) -> None:
        """Take over the state in a file."""
        if self._sum is not None:
            raise ValueError(f"checkpoint must be read into a new TallQR, got {path} for one of shape {self.shape}")
        flag = self._check_finite
        vars(self).update(vars(type(self).load(path)))
        self._check_finite = flag

    def _check_last(self, row: Array) -> None:
        """ValueError where the last row that was seen is another one."""
        if row.shape[1] != self.shape[1] or not np.array_equal(
            row[0].astype(self.dtype, copy=False), self._last.astype(self.dtype, copy=False), equal_nan=True
        ):
            raise ValueError(
                f"source must be that of the checkpoint, but its row {self.shape[0] - 1} is another one; remove the "
                "checkpoint to begin anew"
            )

    def _check_fit(self, columns: int, dtype: DType) -> None:
        if self.dtype is None:
            return
        if columns != self.shape[1]:
            raise ValueError(f"rows must have {self.shape[1]} columns like the rows before, got {columns}")
        if not np.can_cast(dtype, self.dtype):
            raise TypeError(f"rows must fit into {self.dtype}, the dtype of the first rows, got {dtype}; convert them")

    def _start(self, columns: int, dtype: DType) -> None:
        if self._sum is None:
            self.shape, self.dtype = (0, columns), dtype
            self._sum = (Gram if dtype.char in "fF" else Triangle)(columns, dtype)
            self._make_room()

    def _make_room(self) -> None:
        """Memory for the rows that are gathered."""
        columns = self.shape[1]
        most = max(HEARD // (2 * max(columns, 1) ** 2), FEWEST_ROWS)
        self._gathered = np.empty((min(max(columns, LEAST_ROWS), most), columns), self._sum.dtype)

    def _rest(self) -> Matrix:
        """The rows that are gathered but not yet eliminated."""
        return self._gathered[: self.shape[0] - self._sum.rows]

    def _add(self, rows: Matrix) -> None:
        """Whole blocks; what is left over waits for more."""
        block = len(self._gathered)
        while len(rows):
            waiting = len(self._rest())
            taken = min(block - waiting, len(rows))
            self._gathered[waiting : waiting + taken] = rows[:taken]
            self._last = rows[taken - 1].copy()
            if waiting + taken == block:
                self._sum.add(self._gathered)
            self.shape = (self.shape[0] + taken, self.shape[1])
            rows = rows[taken:]
