"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._cur import CUR, cur
from ._factored import TruncatedQR
from ._generalized_nystrom import generalized_nystrom
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._linking import LinkingMatrix
from ._pca import PCA
from ._qr import qr
from ._randomized_eigh import RandomizedEigh, randomized_eigh
from ._randomized_svd import RandomizedSVD, randomized_svd
from ._range import Range, range_finder
from ._row_id import RowInterpolativeDecomposition, row_interpolative_decomposition
from ._truncated import qr_truncated
from ._two_sided_id import TwoSidedInterpolativeDecomposition, two_sided_interpolative_decomposition

__version__ = _version("rrqr-lapack")
__all__ = [
    "CUR",
    "PCA",
    "InterpolativeDecomposition",
    "LinkingMatrix",
    "RandomizedEigh",
    "RandomizedSVD",
    "Range",
    "RowInterpolativeDecomposition",
    "TruncatedQR",
    "TwoSidedInterpolativeDecomposition",
    "cur",
    "generalized_nystrom",
    "interpolative_decomposition",
    "qr",
    "qr_truncated",
    "randomized_eigh",
    "randomized_svd",
    "range_finder",
    "row_interpolative_decomposition",
    "two_sided_interpolative_decomposition",
]
