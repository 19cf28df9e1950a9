"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._factored import TruncatedQR
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._qr import qr
from ._strong import StrongRRQR, strong_rrqr
from ._truncated import qr_truncated

__version__ = _version("rrqr-lapack")
__all__ = [
    "InterpolativeDecomposition",
    "StrongRRQR",
    "TruncatedQR",
    "interpolative_decomposition",
    "qr",
    "qr_truncated",
    "strong_rrqr",
]
