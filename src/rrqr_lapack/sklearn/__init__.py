"""Estimators for scikit-learn on the factorizations of this package, with its interface and its words.

`ColumnSelector` and `RowSelector` keep the columns and rows from which the others follow. `PCA` and `TruncatedSVD` take
dense, sparse and, the former, streamed data. `Nystroem`, `KernelRidge` and `SpectralEmbedding` never form a kernel's
matrix. `MatrixCompletion` is an imputer. Each states its error. The extra ``[sklearn]`` installs what this needs.
"""

from importlib.util import find_spec as _find_spec

if _find_spec("sklearn") is None:
    raise ImportError("rrqr_lapack.sklearn needs scikit-learn; pip install 'rrqr-lapack[sklearn]'")

from ._column_selector import ColumnSelector
from ._kernel_ridge import KernelRidge
from ._matrix_completion import MatrixCompletion
from ._nystroem import Nystroem
from ._pca import PCA
from ._row_selector import RowSelector
from ._spectral_embedding import SpectralEmbedding
from ._truncated_svd import TruncatedSVD

__all__ = [
    "PCA",
    "ColumnSelector",
    "KernelRidge",
    "MatrixCompletion",
    "Nystroem",
    "RowSelector",
    "SpectralEmbedding",
    "TruncatedSVD",
]
