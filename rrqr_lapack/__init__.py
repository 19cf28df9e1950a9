"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._basic import BasicSolution, basic_lstsq
from ._factored import TruncatedQR
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._lora import LowRankFactors, low_rank_factors
from ._qr import qr
from ._strong import StrongRRQR, strong_rrqr
from ._truncated import qr_truncated

__version__ = _version("rrqr-lapack")
__all__ = [
    "BasicSolution",
    "InterpolativeDecomposition",
    "LowRankFactors",
    "StrongRRQR",
    "TruncatedQR",
    "basic_lstsq",
    "interpolative_decomposition",
    "low_rank_factors",
    "qr",
    "qr_truncated",
    "strong_rrqr",
]
