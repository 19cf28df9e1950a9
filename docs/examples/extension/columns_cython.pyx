# cython: language_level=3
"""interpolation(a, rtol): A ~= A[:, columns] T; solution(a, b, rtol): A x ~= b. From Cython."""
from cython.view cimport array
from rrqr_lapack cimport (
    RRQR_AUTO, RRQR_NO_MEMORY, RRQR_NOT_FINITE, rrqr_api, rrqr_handle, rrqr_lapack_import,
)

cdef const rrqr_api *rrqr = rrqr_lapack_import()  # or the ImportError that says what to build again


cdef int check(int status, const rrqr_handle *qr) except -1:
    """An exception for what is not success."""
    if not status:
        return 0
    if status == RRQR_NO_MEMORY:
        raise MemoryError
    if status == RRQR_NOT_FINITE:
        raise ValueError(f"column {rrqr.nonfinite_column(qr)} of a holds NaN or infinity")
    raise ValueError(rrqr.message(status).decode())


cdef int factored(rrqr_handle **qr, double[::1, :] a, double rtol) noexcept nogil:
    """A handle with the factorization of a to rtol, over a; its status."""
    cdef int m = <int>a.shape[0], n = <int>a.shape[1]
    cdef void *data = <void *>&a[0, 0] if m and n else NULL
    cdef int status = rrqr.create(qr, c"d", m, n)
    return status if status else rrqr.factor(qr[0], data, max(m, 1), n, rtol, -1, 0, RRQR_AUTO)


def interpolation(double[::1, :] a, double rtol):
    """Columns that span a to rtol, and T; a is overwritten."""
    cdef rrqr_handle *qr
    cdef double[::1, :] t
    cdef int n = <int>a.shape[1], status, j
    with nogil:
        status = factored(&qr, a, rtol)
    try:
        check(status, qr)
        columns = [rrqr.pivots(qr)[j] for j in range(rrqr.rank(qr))]
        if not columns:
            return columns, None
        t = array((len(columns), n), sizeof(double), "d", "fortran")
        with nogil:
            status = rrqr.interpolation(qr, &t[0, 0])
        check(status, qr)
        return columns, t
    finally:
        rrqr.destroy(qr)


def solution(double[::1, :] a, double[::1] b, double rtol):
    """x, n numbers, of least ||a x - b|| with nonzeros for columns that span a to rtol; a and b are overwritten."""
    cdef rrqr_handle *qr
    cdef double norm
    cdef int status
    if a.shape[0] != b.shape[0] or not a.shape[0] or not a.shape[1]:
        raise ValueError(f"a must have rows, as many as b, and columns, got {a.shape[0]} x {a.shape[1]}")
    cdef double[::1] x = array((a.shape[1],), sizeof(double), "d")
    with nogil:
        status = factored(&qr, a, rtol)
        if not status:
            status = rrqr.lstsq(qr, 1, &b[0], &x[0], &norm)
    try:
        check(status, qr)
        return x, norm
    finally:
        rrqr.destroy(qr)
