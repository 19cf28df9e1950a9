"""Column-pivoted QR, interpolative decompositions, and neural networks made smaller with them.

pivoted QR
    qr, qr_truncated, TruncatedQR, strong_rrqr, StrongRRQR, TallQR, basic_lstsq, BasicSolution, randomized_qr,
    RandomizedQR
matrices larger than memory
    BlockMatrix
columns and rows of a matrix
    interpolative_decomposition, InterpolativeDecomposition, row_interpolative_decomposition,
    RowInterpolativeDecomposition, two_sided_interpolative_decomposition, TwoSidedInterpolativeDecomposition, cur, CUR,
    LinkingMatrix, select_columns, ColumnSelection, certify, Certificate
random products
    range_finder, Range, randomized_svd, RandomizedSVD, randomized_eigh, RandomizedEigh, generalized_nystrom, PCA,
    low_rank_factors, LowRankFactors
positive semidefinite and kernel matrices
    nystrom, Nystrom, rpcholesky, PartialCholesky, kernel_ridge, KernelRidge, spectral_embedding, KernelMatrix, rbf
missing entries
    complete, soft_impute, alternating_least_squares, Completion, hold_out, ConvergenceWarning
C and Cython
    get_include
this installation
    show_config
in modules of their own
    interpolative (as `scipy.linalg.interpolative`), prune (networks), prune.torch (models in PyTorch),
    sklearn (estimators for scikit-learn), dask (matrices in blocks, on many machines)
"""

from importlib import import_module as _import_module
from importlib.metadata import version as _version
from importlib.util import find_spec as _find_spec
from typing import Any as _Any

if _find_spec(f"{__name__}._core") is None:
    raise ImportError(f"{__path__[0]} holds only the sources; in the checkout: pip install .")

from ._c_interface import get_include
from ._common.blocks import BlockMatrix
from ._common.config import show_config
from ._common.warn import ConvergenceWarning
from ._completion.als import alternating_least_squares
from ._completion.complete import complete
from ._completion.observed import hold_out
from ._completion.result import Completion
from ._completion.soft_impute import soft_impute
from ._core import C_API as _C_API  # noqa: F401
from ._core import FUNCTIONS as __pyx_capi__  # noqa: F401
from ._id.column import InterpolativeDecomposition, interpolative_decomposition
from ._id.cur import CUR, cur
from ._id.linking import LinkingMatrix
from ._id.row import RowInterpolativeDecomposition, row_interpolative_decomposition
from ._id.two_sided import TwoSidedInterpolativeDecomposition, two_sided_interpolative_decomposition
from ._kernel.matrix import KernelMatrix, rbf
from ._kernel.nystrom import Nystrom, nystrom
from ._kernel.ridge import KernelRidge, kernel_ridge
from ._kernel.rpcholesky import PartialCholesky, rpcholesky
from ._kernel.spectral_embedding import spectral_embedding
from ._qr.basic import BasicSolution, basic_lstsq
from ._qr.factored import TruncatedQR
from ._qr.qr import qr
from ._qr.strong import StrongRRQR, strong_rrqr
from ._qr.tall import TallQR
from ._qr.truncated import qr_truncated
from ._randomized.eigh import RandomizedEigh, randomized_eigh
from ._randomized.generalized_nystrom import generalized_nystrom
from ._randomized.lora import LowRankFactors, low_rank_factors
from ._randomized.pca import PCA
from ._randomized.qr import RandomizedQR, randomized_qr
from ._randomized.range import Range, range_finder
from ._randomized.svd import RandomizedSVD, randomized_svd
from ._selection import Certificate, ColumnSelection, certify, select_columns

__version__ = _version("rrqr-lapack")
__all__ = [
    "CUR",
    "PCA",
    "BasicSolution",
    "BlockMatrix",
    "Certificate",
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
    "RandomizedQR",
    "RandomizedSVD",
    "Range",
    "RowInterpolativeDecomposition",
    "StrongRRQR",
    "TallQR",
    "TruncatedQR",
    "TwoSidedInterpolativeDecomposition",
    "alternating_least_squares",
    "basic_lstsq",
    "certify",
    "complete",
    "cur",
    "generalized_nystrom",
    "get_include",
    "hold_out",
    "interpolative_decomposition",
    "kernel_ridge",
    "low_rank_factors",
    "nystrom",
    "qr",
    "qr_truncated",
    "randomized_eigh",
    "randomized_qr",
    "randomized_svd",
    "range_finder",
    "rbf",
    "row_interpolative_decomposition",
    "rpcholesky",
    "select_columns",
    "show_config",
    "soft_impute",
    "spectral_embedding",
    "strong_rrqr",
    "two_sided_interpolative_decomposition",
]
_LAZY = {"dask", "interpolative", "prune", "sklearn"}  # submodules that are imported when asked for (SPEC 1)


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY} - {extra for extra in ("dask", "sklearn") if _find_spec(extra) is None})
