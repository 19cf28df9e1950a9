"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib.metadata import version as _version

from ._cur import CUR, cur
from ._factored import TruncatedQR
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._linking import LinkingMatrix
from ._qr import qr
from ._row_id import RowInterpolativeDecomposition, row_interpolative_decomposition
from ._truncated import qr_truncated
from ._two_sided_id import TwoSidedInterpolativeDecomposition, two_sided_interpolative_decomposition

__version__ = _version("rrqr-lapack")
__all__ = [
    "CUR",
    "InterpolativeDecomposition",
    "LinkingMatrix",
    "RowInterpolativeDecomposition",
    "TruncatedQR",
    "TwoSidedInterpolativeDecomposition",
    "cur",
    "interpolative_decomposition",
    "qr",
    "qr_truncated",
    "row_interpolative_decomposition",
    "two_sided_interpolative_decomposition",
]
