"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._generalized_nystrom import generalized_nystrom
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._pca import PCA
from ._qr import qr
from ._randomized_eigh import RandomizedEigh, randomized_eigh
from ._randomized_svd import RandomizedSVD, randomized_svd
from ._range import Range, range_finder
from ._truncated import TruncatedQR, qr_truncated

__version__ = _version("rrqr-lapack")
__all__ = [
    "PCA",
    "InterpolativeDecomposition",
    "RandomizedEigh",
    "RandomizedSVD",
    "Range",
    "TruncatedQR",
    "generalized_nystrom",
    "interpolative_decomposition",
    "qr",
    "qr_truncated",
    "randomized_eigh",
    "randomized_svd",
    "range_finder",
]
