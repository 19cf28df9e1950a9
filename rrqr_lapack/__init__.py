"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._qr import qr
from ._rpcholesky import PartialCholesky, rpcholesky
from ._truncated import TruncatedQR, qr_truncated

__version__ = _version("rrqr-lapack")
__all__ = [
    "InterpolativeDecomposition",
    "PartialCholesky",
    "TruncatedQR",
    "interpolative_decomposition",
    "qr",
    "qr_truncated",
    "rpcholesky",
]
