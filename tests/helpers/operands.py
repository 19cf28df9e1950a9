"""The forms in which a matrix can be given."""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

OPERANDS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "every second entry of a larger array": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2],
    "CSR": sparse.csr_array,
    "CSC": sparse.csc_matrix,
    "LinearOperator": aslinearoperator,
}
