# cython: language_level=3
"""interpolation(a, rtol): A ~= A[:, columns] T, from Cython."""
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


def interpolation(double[::1, :] a, double rtol):
    """Columns that span a to rtol, and T; a is overwritten."""
    cdef rrqr_handle *qr
    cdef double[::1, :] t
    cdef int m = <int>a.shape[0], n = <int>a.shape[1], status, j
    cdef void *data = <void *>&a[0, 0] if m and n else NULL
    with nogil:
        status = rrqr.create(&qr, c"d", m, n)
        if not status:
            status = rrqr.factor(qr, data, max(m, 1), n, rtol, -1, 0, RRQR_AUTO)
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
