"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them."""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from importlib.util import find_spec as _find_spec

if _find_spec(f"{__name__}._core") is None:
    raise ImportError(f"{__path__[0]} holds only the sources; in the checkout: pip install .")

from ._als import alternating_least_squares
from ._basic import BasicSolution, basic_lstsq
from ._complete import complete
from ._completion import Completion
from ._cur import CUR, cur
from ._factored import TruncatedQR
from ._generalized_nystrom import generalized_nystrom
from ._id import InterpolativeDecomposition, interpolative_decomposition
from ._kernel import KernelMatrix, rbf
from ._kernel_ridge import KernelRidge, kernel_ridge
from ._linking import LinkingMatrix
from ._lora import LowRankFactors, low_rank_factors
from ._nystrom import Nystrom, nystrom
from ._observed import hold_out
from ._pca import PCA
from ._qr import qr
from ._randomized_eigh import RandomizedEigh, randomized_eigh
from ._randomized_svd import RandomizedSVD, randomized_svd
from ._range import Range, range_finder
from ._row_id import RowInterpolativeDecomposition, row_interpolative_decomposition
from ._rpcholesky import PartialCholesky, rpcholesky
from ._soft_impute import soft_impute
from ._spectral import spectral_embedding
from ._strong import StrongRRQR, strong_rrqr
from ._tall import TallQR
from ._truncated import qr_truncated
from ._two_sided_id import TwoSidedInterpolativeDecomposition, two_sided_interpolative_decomposition
from ._warn import ConvergenceWarning
from .selection import ColumnSelection, select_columns

__version__ = _version("rrqr-lapack")
__all__ = [
    "CUR",
    "PCA",
    "BasicSolution",
    "ColumnSelection",
    "Completion",
    "ConvergenceWarning",
    "InterpolativeDecomposition",
    "KernelMatrix",
    "KernelRidge",
    "LinkingMatrix",
    "LowRankFactors",
    "Nystrom",
    "PartialCholesky",
    "RandomizedEigh",
    "RandomizedSVD",
    "Range",
    "RowInterpolativeDecomposition",
    "StrongRRQR",
    "TallQR",
    "TruncatedQR",
    "TwoSidedInterpolativeDecomposition",
    "alternating_least_squares",
    "basic_lstsq",
    "complete",
    "cur",
    "generalized_nystrom",
    "hold_out",
    "interpolative_decomposition",
    "kernel_ridge",
    "low_rank_factors",
    "nystrom",
    "qr",
    "qr_truncated",
    "randomized_eigh",
    "randomized_svd",
    "range_finder",
    "rbf",
    "row_interpolative_decomposition",
    "rpcholesky",
    "select_columns",
    "soft_impute",
    "spectral_embedding",
    "strong_rrqr",
    "two_sided_interpolative_decomposition",
]
_LAZY = {"interpolative", "prune"}  # submodules that are imported when asked for (SPEC 1), beside `selection`


def __getattr__(name):
    if name in _LAZY:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LAZY})
