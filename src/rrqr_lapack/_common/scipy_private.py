"""What is read of SciPy's own insides, since nothing public says it; beside the binding's ``_blas_int_size``."""

from scipy.sparse.linalg import LinearOperator


def adjoint_was_left_out(operator: LinearOperator) -> bool:
    """Whether ``LinearOperator(shape, matvec=...)`` was given neither rmatvec nor rmatmat.

    False where that cannot be seen: then the first product with A^H refuses, after work that is lost.
    """
    given = [getattr(operator, f"_CustomLinearOperator__{way}_impl", True) for way in ("rmatvec", "rmatmat")]
    return given == [None, None]
