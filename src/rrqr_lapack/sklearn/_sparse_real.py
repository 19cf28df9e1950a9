"""What transformers of real matrices say of themselves: dense or sparse, single precision stays single."""

from typing import Any

import numpy as np
from sklearn.base import TransformerMixin

KINDS = (np.float64, np.float32)


class SparseReal(TransformerMixin):
    """A transformer of dense and sparse matrices of these dtypes."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = [np.dtype(kind).name for kind in KINDS]
        return tags
