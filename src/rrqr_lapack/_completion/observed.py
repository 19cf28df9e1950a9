"""The observed entries of a matrix, the set Omega: a sparse matrix whose stored entries they are, zeros among them."""

import numpy as np
from scipy import sparse

from .._common.arrays import as_numeric, check_rng, check_tolerance, lapack_dtype
from .._common.products import row_blocks
from .._common.types import Array, Matrix, Seed, Sparse

DENSE = 0.02  # share of the entries from which products of whole rows cost less, at a large rank; measured
BLOCK = 2**18  # entries of such products at a time, and
CHUNK = 2**12  # entries of a low-rank matrix that are evaluated at a time, so that they stay in cache


class Observed:
    """P_Omega(A): `values` at (`rows`, `columns`), row by row and sorted; made from any SciPy sparse matrix."""

    def __init__(self, a: Sparse, name: str = "a") -> None:
        if not sparse.issparse(a):
            raise TypeError(
                f"{name} must be a SciPy sparse matrix whose stored entries are the observed ones, got "
                f"{type(a).__name__}; for an array with a mask pass "
                "scipy.sparse.coo_array((array[mask], mask.nonzero()), shape=array.shape)"
            )
        if a.ndim != 2:
            raise ValueError(f"{name} must have 2 dimensions, got {a.ndim}")
        dtype = lapack_dtype(as_numeric(np.empty(0, a.dtype), name).dtype)
        stored = a.tocoo()
        csr = sparse.csr_array((stored.data.astype(dtype), stored.coords), shape=a.shape)
        if csr.nnz < stored.nnz:
            raise ValueError(f"{name} must hold each entry at most once, but it holds {stored.nnz - csr.nnz} again")
        csr.sort_indices()
        self.shape, self.dtype = a.shape, dtype
        self.values, self.columns, self.starts = csr.data, csr.indices, csr.indptr
        self.rows = np.repeat(np.arange(a.shape[0], dtype=csr.indices.dtype), np.diff(csr.indptr))
        if not np.isfinite(self.values).all():
            first = int(np.argmin(np.isfinite(self.values)))
            where = f"({self.rows[first]}, {self.columns[first]})"
            raise ValueError(f"{name} must be finite, but entry {where} is {self.values[first]}")

    def __len__(self) -> int:
        return len(self.values)

    def matrix(self, values: Array) -> sparse.csr_array:
        """The sparse matrix with other values in the same places, as a CSR array."""
        return sparse.csr_array((values, self.columns, self.starts), shape=self.shape)

    def entries(self, left: Matrix, right: Matrix) -> Matrix:
        """P_Omega(left right^H) as a vector: entry by entry, 2 |Omega| k flops, or by products where Omega is dense."""
        m, n = self.shape
        if len(self) < m * n * (DENSE + 0.5 / max(right.shape[1], 1)):
            return entries(left, right, self.rows, self.columns)
        result, adjoint = np.empty(len(self), np.result_type(left, right)), right.conj().T
        for rows in row_blocks((m, n), entries=BLOCK):
            part = slice(self.starts[rows.start], self.starts[rows.stop])
            result[part] = (left[rows] @ adjoint)[self.rows[part] - rows.start, self.columns[part]]
        return result

    def adjoint(self) -> "Observed":
        """P_Omega(A)^H."""
        return Observed(self.matrix(self.values).conj().T)


def entries(left: Matrix, right: Matrix, rows: Array, columns: Array) -> Matrix:
    """(left right^H)_ij for each pair of indices."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    result = np.empty(len(rows), np.result_type(left, right))
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        np.vecdot(right.take(columns[part], axis=0), left.take(rows[part], axis=0), out=result[part])
    return result


def hold_out(a: Sparse, fraction: float = 0.1, *, rng: Seed = None) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Two parts of the observed entries: those to fit, and a random `fraction` of them to measure the error on.

    Parameters
    ----------
    a : (M, N) sparse array
        Its stored entries are the observed ones, explicit zeros too.
    fraction : float, optional
        Between 0 and 1; rounded to a number of entries.
    rng : None, int or numpy.random.Generator, optional
        Seed or generator.

    Returns
    -------
    kept : (M, N) csr_array
        What is to be fitted.
    held_out : (M, N) csr_array
        The rest: the stored entries of both together are those of `a`.

    Raises
    ------
    TypeError
        `a` is not sparse, or not numeric.
    ValueError
        `a` holds an entry twice or one that is not finite, or `fraction` is not between 0 and 1.

    Notes
    -----
    O(nnz log nnz).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from rrqr_lapack import hold_out
    >>> kept, held_out = hold_out(sparse.coo_array(np.ones((10, 10))), 0.2, rng=0)
    >>> kept.nnz, held_out.nnz
    (80, 20)
    """
    observed = Observed(a)
    if fraction is None or check_tolerance("fraction", fraction) > 1:
        raise ValueError(f"fraction must be between 0 and 1, got {fraction!r}")
    chosen = np.zeros(len(observed), bool)
    chosen[check_rng(rng).permutation(len(observed))[: round(fraction * len(observed))]] = True
    return _part(observed, ~chosen), _part(observed, chosen)


def _part(observed: Observed, chosen: Array) -> sparse.csr_array:
    places = observed.rows[chosen], observed.columns[chosen]
    return sparse.csr_array((observed.values[chosen], places), shape=observed.shape)
