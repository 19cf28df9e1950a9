"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._factored import TruncatedQR
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._kernel import KernelMatrix, rbf
from ._kernel_ridge import KernelRidge, kernel_ridge
from ._nystrom import Nystrom, nystrom
from ._qr import qr
from ._randomized_svd import RandomizedSVD, randomized_svd
from ._range import Range, range_finder
from ._rpcholesky import PartialCholesky, rpcholesky
from ._spectral import spectral_embedding
from ._strong import StrongRRQR, strong_rrqr
from ._truncated import qr_truncated
from .selection import ColumnSelection, select_columns

__version__ = _version("rrqr-lapack")
__all__ = [
    "ColumnSelection",
    "InterpolativeDecomposition",
    "KernelMatrix",
    "KernelRidge",
    "Nystrom",
    "PartialCholesky",
    "RandomizedSVD",
    "Range",
    "StrongRRQR",
    "TruncatedQR",
    "interpolative_decomposition",
    "kernel_ridge",
    "nystrom",
    "qr",
    "qr_truncated",
    "randomized_svd",
    "range_finder",
    "rbf",
    "rpcholesky",
    "select_columns",
    "spectral_embedding",
    "strong_rrqr",
]
