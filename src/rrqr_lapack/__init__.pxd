# The C interface for Cython: `from rrqr_lapack cimport rrqr_api, rrqr_lapack_import`; the header says what it means.

cdef extern from "rrqr_lapack.h" nogil:
    enum:
        RRQR_ABI, RRQR_FEATURES
    enum:
        RRQR_OK, RRQR_NO_MEMORY, RRQR_INTERRUPTED, RRQR_OVERFLOW, RRQR_TOO_WIDE, RRQR_BAD_CALL, RRQR_NOT_FINITE
        RRQR_NOT_FACTORED, RRQR_SINGULAR
    enum:
        RRQR_AUTO, RRQR_GREEDY, RRQR_PREFETCH
    ctypedef struct rrqr_handle
    ctypedef struct rrqr_api:
        int abi, features
        const char *(*message)(int status) noexcept nogil
        int (*create)(rrqr_handle **handle, char dtype, int m, int n) noexcept nogil
        void (*destroy)(rrqr_handle *handle) noexcept nogil
        int (*set_interrupt)(rrqr_handle *handle, int (*interrupted)(void *data) noexcept nogil,
                             void *data) noexcept nogil
        int (*factor)(rrqr_handle *handle, void *a, int lda, int rank, double rtol, double atol, double tie_tol,
                      int driver) noexcept nogil
        int (*extend)(rrqr_handle *handle, int rank, double rtol, double atol) noexcept nogil
        int (*nonfinite_column)(const rrqr_handle *handle) noexcept nogil
        int (*rank)(const rrqr_handle *handle) noexcept nogil
        const int *(*pivots)(const rrqr_handle *handle) noexcept nogil
        const void *(*tau)(const rrqr_handle *handle) noexcept nogil
        int (*maxresid)(const rrqr_handle *handle, double *maxresid, double *relmaxresid) noexcept nogil
        int (*residual_norms)(const rrqr_handle *handle, void *norms) noexcept nogil
        int (*upper)(const rrqr_handle *handle, void *r) noexcept nogil
        int (*form_q)(const rrqr_handle *handle, int columns, void *q) noexcept nogil
        int (*apply_q)(const rrqr_handle *handle, char side, char trans, int p, void *c) noexcept nogil
        int (*interpolation)(const rrqr_handle *handle, void *t) noexcept nogil
        int (*lstsq)(const rrqr_handle *handle, int p, void *b, void *x, void *norms) noexcept nogil
        int (*strong)(rrqr_handle *handle, int rank, double rtol, double atol, double bound, double *rho,
                      double *largest) noexcept nogil
        int (*sketch_rows)(const rrqr_handle *handle, int rank) noexcept nogil
        int (*factor_randomized)(rrqr_handle *handle, void *a, int lda, int rank, double rtol, double atol,
                                 double tie_tol, const void *omega) noexcept nogil
        int (*factor_stack)(rrqr_handle *handle, int count, const void *a, int rank, double rtol, double atol,
                            double tie_tol, void *q, void *r, int *pivots, int *ranks) noexcept nogil

cdef extern from "rrqr_lapack.h":
    const rrqr_api *rrqr_lapack_import() except NULL
