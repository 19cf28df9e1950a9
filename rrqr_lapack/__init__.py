"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._basic import BasicSolution, basic_lstsq
from ._factored import TruncatedQR
from ._generalized_nystrom import generalized_nystrom
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._lora import LowRankFactors, low_rank_factors
from ._pca import PCA
from ._qr import qr
from ._randomized_eigh import RandomizedEigh, randomized_eigh
from ._randomized_svd import RandomizedSVD, randomized_svd
from ._range import Range, range_finder
from ._strong import StrongRRQR, strong_rrqr
from ._truncated import qr_truncated

__version__ = _version("rrqr-lapack")
__all__ = [
    "PCA",
    "BasicSolution",
    "InterpolativeDecomposition",
    "LowRankFactors",
    "RandomizedEigh",
    "RandomizedSVD",
    "Range",
    "StrongRRQR",
    "TruncatedQR",
    "basic_lstsq",
    "generalized_nystrom",
    "interpolative_decomposition",
    "low_rank_factors",
    "qr",
    "qr_truncated",
    "randomized_eigh",
    "randomized_svd",
    "range_finder",
    "strong_rrqr",
]
