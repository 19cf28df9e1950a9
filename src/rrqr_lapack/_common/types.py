"""The types of arguments and results, as they stand in signatures."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator

Array: TypeAlias = NDArray[Any]
Matrix: TypeAlias = NDArray[np.inexact]  # of one of the four dtypes; a vector is one, too
Reals: TypeAlias = NDArray[np.floating]  # norms, singular values, errors
Indices: TypeAlias = NDArray[np.integer]
DType: TypeAlias = np.dtype[Any]
Shape: TypeAlias = tuple[int, int]
Sparse: TypeAlias = sparse.sparray | sparse.spmatrix
MatrixLike: TypeAlias = ArrayLike | Sparse | LinearOperator  # what comes in
Operand: TypeAlias = Any  # what `as_operand` makes of it: an ndarray, a sparse array or a LinearOperator
Seed: TypeAlias = int | np.random.Generator | None
