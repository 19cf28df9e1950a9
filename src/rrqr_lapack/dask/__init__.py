"""Factorizations of matrices in a Dask array, of any chunking: lazy, in one or two passes over the blocks.

Columns are chosen on one worker from what stands for the whole matrix: the triangle of a matrix with few columns, which
a tree of workers has merged and which gives the pivots and the exact errors of memory, or a sketch of the rows of any
other. Blocks may be NumPy's, sparse, or on a GPU (CuPy), and what is made of them stays of their kind.

Results hold Dask arrays: ``dask.compute(F)``, or ``F.compute()``, gives the same object with NumPy arrays in it, from
one graph. The extra ``[dask]`` installs what this needs.
"""

from importlib.util import find_spec as _find_spec

if _find_spec("dask") is None:
    raise ImportError("rrqr_lapack.dask needs Dask; pip install 'rrqr-lapack[dask]'")

from ._blas_threads import limit_blas_threads
from ._calibration import RowBatches
from ._column_id import InterpolativeDecomposition, interpolative_decomposition
from ._column_selection import ColumnSelection, select_columns
from ._cur_decomposition import CUR, cur
from ._pca import PCA
from ._pivoted_qr import TruncatedQR, qr_truncated
from ._range import Range, range_finder
from ._strong_qr import StrongRRQR, strong_rrqr
from ._svd import RandomizedSVD, randomized_svd
from ._triangle import tall_qr

__all__ = [
    "CUR",
    "PCA",
    "ColumnSelection",
    "InterpolativeDecomposition",
    "RandomizedSVD",
    "Range",
    "RowBatches",
    "StrongRRQR",
    "TruncatedQR",
    "cur",
    "interpolative_decomposition",
    "limit_blas_threads",
    "qr_truncated",
    "randomized_svd",
    "range_finder",
    "select_columns",
    "strong_rrqr",
    "tall_qr",
]
