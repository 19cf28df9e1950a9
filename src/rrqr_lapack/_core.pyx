# cython: language_level=3, freethreading_compatible=True, boundscheck=False, wraparound=False, initializedcheck=False
"""Binding: arrays to C structs, statuses to exceptions. It knows no algorithm and checks no user input."""
import copy
import os
import re

import numpy
import scipy.linalg.cython_blas
import scipy.linalg.cython_lapack

cimport numpy as np
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer, PyCapsule_New
from libc.limits cimport INT_MAX
from libc.string cimport memset

np.import_array()


cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX
    # declared without `except`: the error that they set is left for check()
    int PyErr_CheckSignals()
    PyObject *PyObject_CallFunction(PyObject *callable, const char *format, int argument)
    void Py_DECREF(PyObject *)


cdef extern from "rrqr.h" nogil:
    enum:
        RRQR_PANEL, RRQR_BLOCK, RRQR_OVERSAMPLE, RRQR_DEFER, RRQR_TINY, RRQR_SMALL
    ctypedef enum rrqr_status:
        RRQR_OK, RRQR_NO_MEMORY, RRQR_INTERRUPTED, RRQR_OVERFLOW, RRQR_TOO_WIDE, RRQR_BAD_CALL
    ctypedef struct rrqr_context:
        int (*interrupted)(void *) noexcept nogil
        void *data
        double work
        Py_ssize_t allocations_left
    ctypedef struct rrqr_stop:
        int rank
        double rtol, atol, tie_tol
    ctypedef struct rrqr_factor:
        int m, n, lda, rank, factored, panel, width, stale
        void *a
        const void *source
        int by_rows
        int *pivots
        void *tau
        void *norms
        void *norms0
        void *f
        double maxnorm
    ctypedef struct rrqr_stack:
        Py_ssize_t count
        int m, n, columns, rows, tiny, together, lapack
        const void *a
        void *q
        void *r
        int *pivots
        int *ranks
    ctypedef struct rrqr_strength:
        int swaps
        double largest_t, rho
    ctypedef struct rrqr_routine:
        const char *library
        const char *name
        const char *signature
        void *address
    ctypedef struct rrqr_kernels:
        const rrqr_routine *routines
        size_t routine_count
        Py_ssize_t (*first_nonfinite_column)(Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t) noexcept nogil
        void (*transpose)(Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t, void *) noexcept nogil
        rrqr_status (*begin)(rrqr_context *, rrqr_factor *) noexcept nogil
        rrqr_status (*greedy)(rrqr_context *, rrqr_factor *, const rrqr_stop *) noexcept nogil
        rrqr_status (*small)(rrqr_context *, rrqr_factor *, const rrqr_stop *) noexcept nogil
        rrqr_status (*stack)(rrqr_context *, const rrqr_stack *, const rrqr_stop *) noexcept nogil
        rrqr_status (*prefetch)(rrqr_context *, rrqr_factor *, const rrqr_stop *) noexcept nogil
        rrqr_status (*randomized)(rrqr_context *, rrqr_factor *, const rrqr_stop *, const void *) noexcept nogil
        rrqr_status (*strong)(rrqr_context *, rrqr_factor *, const rrqr_stop *, double, rrqr_strength *) noexcept nogil
        rrqr_status (*full)(rrqr_context *, rrqr_factor *) noexcept nogil
        void (*truncate)(rrqr_factor *, const rrqr_stop *) noexcept nogil
        rrqr_status (*geqrf)(rrqr_context *, rrqr_factor *) noexcept nogil
        void (*settle)(rrqr_factor *) noexcept nogil
        rrqr_status (*residual)(rrqr_context *, const rrqr_factor *, void *, int, void *) noexcept nogil
        rrqr_status (*maxresid)(rrqr_context *, const rrqr_factor *, double *) noexcept nogil
        void (*upper)(const rrqr_factor *, int, void *, int) noexcept nogil
        void (*upper_rows)(const rrqr_factor *, int, void *) noexcept nogil
        rrqr_status (*form_q)(rrqr_context *, const rrqr_factor *, int, void *) noexcept nogil
        rrqr_status (*apply_q)(rrqr_context *, const rrqr_factor *, int, int, int, int, void *) noexcept nogil
        int (*numerical_rank)(const rrqr_factor *) noexcept nogil
        rrqr_status (*lstsq)(rrqr_context *, const rrqr_factor *, int, int, void *, void *) noexcept nogil
        rrqr_status (*interpolation)(rrqr_context *, const rrqr_factor *, void *) noexcept nogil
        rrqr_status (*gram_triangle)(rrqr_context *, int, int, const void *, void *, int *) noexcept nogil
        rrqr_status (*reflector_signs)(rrqr_context *, int, int, int, const void *, const int *, void *) noexcept nogil
        rrqr_status (*cholesky_q)(rrqr_context *, int, int, int, const void *, const int *, void *, int *,
                                  void *) noexcept nogil
        rrqr_status (*precondition)(rrqr_context *, int, int, const void *, int, void *, void *, void *,
                                    int *) noexcept nogil
        rrqr_status (*preconditioned_q)(rrqr_context *, int, int, int, const void *, void *, void *, void *,
                                        int) noexcept nogil
    int rrqr_share(int, int, int) noexcept
    void *rrqr_allocate(rrqr_context *, size_t, size_t) noexcept
    void rrqr_release(void *) noexcept
    ctypedef struct rrqr_api:
        pass
    ctypedef struct rrqr_handle
    const rrqr_api rrqr_interface
    const rrqr_routine *rrqr_functions
    const size_t rrqr_function_count
    int rrqr_open(const rrqr_context *, char, int, int, rrqr_handle **) noexcept
    ctypedef struct rrqr_isa:
        const char *name
        const rrqr_kernels *s
        const rrqr_kernels *d
        const rrqr_kernels *c
        const rrqr_kernels *z
    const rrqr_isa rrqr_isas[]
    const rrqr_isa *rrqr_chosen
    int rrqr_isa_count() noexcept


# --- the routine table --------------------------------------------------------------------------------------------

CAPSULES = {
    "blas": scipy.linalg.cython_blas.__pyx_capi__,
    "lapack": scipy.linalg.cython_lapack.__pyx_capi__,
}


# bytes of `blas_int`, the name that SciPy 1.18 and newer have for the integers of their routines; before, they were int
BLAS_INT_SIZE = getattr(scipy.linalg.cython_blas, "_blas_int_size", lambda: sizeof(int))()


def canonical(signature, blas_int_size=BLAS_INT_SIZE):
    """A capsule's signature with Cython's names for the scalar types replaced by s, d, c, z, and int or int64_t."""
    signature = signature.replace("__pyx_t_float_complex", "c").replace("__pyx_t_double_complex", "z")
    signature = re.sub(r"\b__pyx_t_\w+_blas_int\b", "int" if blas_int_size == sizeof(int) else "int64_t", signature)
    return re.sub(r"\b__pyx_t_\w+_([sd])\b", r"\1", signature)


def check_signature(name, expected, found, blas_int_size=BLAS_INT_SIZE):
    """Refuse a BLAS or LAPACK routine that does not look as ours is declared."""
    found = canonical(found, blas_int_size)
    if found == expected:
        return
    if re.search(r"\b(int64_t|npy_int64|long)\b", found):
        raise ImportError(
            f"SciPy's {name} takes 64-bit integers, {found}; rrqr_lapack needs a SciPy with 32-bit ones (LP64): its "
            "wheels (pip install --force-reinstall --only-binary scipy scipy), or one built without -Duse-ilp64=true "
            "or with -Dcython-blas-abi=lp64")
    raise ImportError(f"SciPy's {name} has the signature {found!r}, rrqr_lapack expects {expected!r}")


cdef list signatures(const rrqr_kernels *kernels, str scalar, str real):
    """(library, name, signature) of each routine in the dtype's table."""
    cdef size_t i
    rows = []
    for i in range(kernels.routine_count):
        declared = kernels.routines[i].signature.decode()
        rows.append((kernels.routines[i].library.decode(), kernels.routines[i].name.decode(),
                     declared.replace("scalar", scalar).replace("real", real)))
    return rows


cdef void *address(dict capsules, str name, str expected, blas_int_size=BLAS_INT_SIZE) except NULL:
    """Where the routine is, once its capsule's signature is ours."""
    if name not in capsules:
        raise ImportError(f"SciPy has no {name}; rrqr_lapack needs a newer or complete SciPy: pip install -U scipy")
    capsule = capsules[name]
    check_signature(name, expected, (<bytes>PyCapsule_GetName(capsule)).decode(), blas_int_size)
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef list fill(const rrqr_kernels *kernels, str scalar, str real):
    """Check and store the dtype's routines; return their rows."""
    cdef size_t i
    rows = signatures(kernels, scalar, real)
    for i, (library, name, expected) in enumerate(rows):
        (<void **>kernels.routines[i].address)[0] = address(CAPSULES[library], name, expected)
    return rows


def check_routines(dict capsules not None, blas_int_size=BLAS_INT_SIZE):
    """Refuse, as import does, a SciPy that exports these capsules: {"blas": {name: capsule}, "lapack": ...}."""
    for library, name, expected in ROUTINES:
        address(capsules[library], name, expected, blas_int_size)


cdef list fill_all(const rrqr_isa *isa):
    """The tables of the four dtypes."""
    return fill(isa.s, "s", "s") + fill(isa.d, "d", "d") + fill(isa.c, "c", "s") + fill(isa.z, "z", "d")


# --- the instruction set ------------------------------------------------------------------------------------------

cdef int isa
ROUTINES = [fill_all(&rrqr_isas[isa]) for isa in range(rrqr_isa_count())][0]
ISAS = [rrqr_isas[isa].name.decode() for isa in range(rrqr_isa_count())]  # that this processor has


def instruction_set():
    """The one for which the kernels in use were compiled."""
    return rrqr_chosen.name.decode()


def use_instruction_set(name):
    """Let what is factored from now on take the kernels of this one."""
    global rrqr_chosen
    if name not in ISAS:
        raise ImportError(f"RRQR_LAPACK_ISA must be one of {', '.join(ISAS)} on this machine, got {name!r}; leave it "
                          "unset for the widest")
    rrqr_chosen = &rrqr_isas[<int>ISAS.index(name)]


use_instruction_set(os.environ.get("RRQR_LAPACK_ISA") or ISAS[len(ISAS) - 1])


# --- context and status -------------------------------------------------------------------------------------------

cdef Py_ssize_t allocations_left = -1


def fail_allocation(Py_ssize_t after):
    """Let only the next `after` allocations succeed, and hold NaN, for tests; negative lifts the limit."""
    global allocations_left
    allocations_left = after


cdef int interrupted(void *data) noexcept with gil:
    """Whether to stop, asked between two blocks: the only places where signals are heard and progress is told."""
    return PyErr_CheckSignals() or (data != NULL and told(<Factor>data))


cdef int told(Factor factor) noexcept:
    """Tell a factor's `progress` its rank; nonzero where that raised."""
    cdef PyObject *answer
    if factor.progress is None:
        return 0
    answer = PyObject_CallFunction(<PyObject *>factor.progress, "i", factor.c.rank)
    if answer == NULL:
        return -1
    Py_DECREF(answer)
    return 0


cdef rrqr_context opened():
    cdef rrqr_context context
    context.interrupted = interrupted
    context.data = NULL
    context.work = 0
    context.allocations_left = allocations_left
    return context


cdef int check(rrqr_status status, const rrqr_context *context) except -1:
    """The one place where a status becomes an exception."""
    global allocations_left
    if allocations_left >= 0:
        allocations_left = context.allocations_left
    if status == RRQR_OK:
        return 0
    if status == RRQR_INTERRUPTED:
        return -1  # the exception was set by PyErr_CheckSignals
    if status == RRQR_NO_MEMORY:
        raise MemoryError("no memory for the workspace of the factorization")
    if status == RRQR_OVERFLOW:
        raise OverflowError("a column norm of a is too large for its dtype; scale a down, or use a wider dtype")
    if status == RRQR_TOO_WIDE:
        raise ValueError("a must have fewer columns, but for these the workspace of LAPACK's geqp3 would have 2**31 "
                         "entries or more; take another driver, or finite entries")
    raise RuntimeError("LAPACK refused an argument; please report this as a bug of rrqr_lapack")


cdef int length(Py_ssize_t size, str name="a") except -1:
    """A dimension as LAPACK's int: the one place where it becomes one."""
    if size > INT_MAX:
        raise ValueError(f"{name} must have fewer than 2**31 rows and columns (LAPACK's integers have 32 bits), "
                         f"got {size:,}; take it in parts")
    return <int>size


def check_lengths(np.ndarray a not None, str name):
    """ValueError for a matrix that LAPACK cannot take; to be asked before one is copied."""
    length(a.shape[0], name)
    length(a.shape[1], name)


cdef np.ndarray empty(int type_number, Py_ssize_t rows, Py_ssize_t columns=-1, int fortran=True):
    """An uninitialized vector or matrix, Fortran-ordered or C-ordered."""
    global allocations_left
    cdef np.npy_intp[2] shape = [rows, columns]
    if allocations_left == 0 or (columns > 0 and rows > PY_SSIZE_T_MAX // 16 // columns):
        raise MemoryError("no memory for the result of the factorization")
    cdef np.ndarray array = np.PyArray_EMPTY(1 if columns < 0 else 2, shape, type_number, fortran)
    if allocations_left > 0:
        allocations_left -= 1
        memset(np.PyArray_DATA(array), 0xff, np.PyArray_NBYTES(array))
    return array


cdef void release(object capsule) noexcept:
    rrqr_release(PyCapsule_GetPointer(capsule, NULL))


cdef np.ndarray untouched(int type_number, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t size):
    """An uninitialized Fortran-ordered matrix of which the system provides only what is written to.

    NumPy asks for huge pages, and each of these would be cleared as a whole."""
    cdef np.npy_intp[2] shape = [rows, columns]
    cdef rrqr_context context = opened()
    cdef void *data = rrqr_allocate(&context, rows * columns, size)
    check(RRQR_NO_MEMORY if data == NULL else RRQR_OK, &context)
    owner = PyCapsule_New(data, NULL, release)
    array = np.PyArray_New(np.ndarray, 2, shape, type_number, NULL, data, 0, np.NPY_ARRAY_FARRAY, None)
    np.set_array_base(array, owner)
    return array


cdef const rrqr_kernels *kernels_of(int type_number):
    if type_number == np.NPY_DOUBLE:
        return rrqr_chosen.d
    if type_number == np.NPY_FLOAT:
        return rrqr_chosen.s
    if type_number == np.NPY_CDOUBLE:
        return rrqr_chosen.z
    return rrqr_chosen.c


cdef int real_of(int type_number):
    return np.NPY_DOUBLE if type_number == np.NPY_DOUBLE or type_number == np.NPY_CDOUBLE else np.NPY_FLOAT


def first_nonfinite_column(np.ndarray a not None):
    """First column of a Fortran-ordered matrix that holds NaN or infinity, or -1."""
    cdef Py_ssize_t m = a.shape[0], n = a.shape[1], column
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef const void *data = np.PyArray_DATA(a)
    with nogil:
        column = kernels.first_nonfinite_column(m, n, data, m)
    return column


def transposed(np.ndarray a not None):
    """A Fortran-ordered copy of a matrix of one of the four dtypes whose rows are contiguous, aligned and native."""
    cdef Py_ssize_t m = a.shape[0], n = a.shape[1], stride = a.strides[0] // a.itemsize
    cdef np.ndarray b = empty(np.PyArray_TYPE(a), m, n)
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef const void *data = np.PyArray_DATA(a)
    cdef void *result = np.PyArray_DATA(b)
    with nogil:
        kernels.transpose(m, n, data, stride, result)
    return b


def sketch_rows(int m, int n, int left):
    """Rows of the sketch that chooses so many columns of an m x n matrix."""
    return rrqr_share(m, n, left) + RRQR_OVERSAMPLE


# --- Cholesky QR --------------------------------------------------------------------------------------------------

def gram_triangle(np.ndarray a not None):
    """R with R^H R = A^H A, of a tall Fortran-ordered matrix, and the passes that make Q of it; 0 where it is nothing.
    """
    cdef int m = length(a.shape[0]), n = length(a.shape[1]), passes
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef np.ndarray r = empty(np.PyArray_TYPE(a), n, n)
    cdef const void *data = np.PyArray_DATA(a)
    cdef void *result = np.PyArray_DATA(r)
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.gram_triangle(&context, m, n, data, result, &passes)
    check(status, &context)
    return r, passes


def reflector_signs(np.ndarray a not None, np.ndarray pivots not None, np.ndarray r not None):
    """Give the rows of R the signs that Householder reflectors give them."""
    cdef int m = length(a.shape[0]), n = length(a.shape[1]), k = length(r.shape[0])
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef const void *data = np.PyArray_DATA(a)
    cdef const int *columns = <const int *>np.PyArray_DATA(pivots)
    cdef void *result = np.PyArray_DATA(r)
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.reflector_signs(&context, m, n, k, data, columns, result)
    check(status, &context)


def cholesky_q(np.ndarray a not None, np.ndarray pivots not None, np.ndarray r not None, int passes, int wanted):
    """Q = A P R^{-1} in so many passes, None unless wanted, and whether it is orthonormal; a second pass improves R."""
    cdef int m = length(a.shape[0]), n = length(a.shape[1]), k = length(r.shape[0])
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef np.ndarray q = empty(np.PyArray_TYPE(a), m, k) if wanted else None
    cdef const void *data = np.PyArray_DATA(a)
    cdef const int *columns = <const int *>np.PyArray_DATA(pivots)
    cdef void *triangle = np.PyArray_DATA(r)
    cdef void *result = np.PyArray_DATA(q) if wanted else NULL
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.cholesky_q(&context, m, n, k, data, columns, triangle, &passes, result)
    check(status, &context)
    return q, bool(passes)


def precondition(np.ndarray a not None, int wanted):
    """R, C and Y with A = (Y C^{-1}) R, all of Y's rows where Q is wanted; None where these cannot be trusted."""
    cdef int m = length(a.shape[0]), n = length(a.shape[1]), kept = m if wanted else n, sound
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(a))
    cdef np.ndarray r = empty(np.PyArray_TYPE(a), n, n), c = empty(np.PyArray_TYPE(a), n, n)
    cdef np.ndarray y = empty(np.PyArray_TYPE(a), kept, n)
    cdef const void *data = np.PyArray_DATA(a)
    cdef void *triangle = np.PyArray_DATA(r)
    cdef void *inner = np.PyArray_DATA(c)
    cdef void *rows = np.PyArray_DATA(y)
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.precondition(&context, m, n, data, kept, rows, inner, triangle, &sound)
    check(status, &context)
    return (r, c, y) if sound else None


def preconditioned_q(np.ndarray c not None, np.ndarray q1 not None, np.ndarray r not None, np.ndarray y not None,
                     int wanted):
    """Q = Y C^{-1} Q1 in the memory of Y, if wanted; R gets the signs of reflectors, Q1 is lost."""
    cdef int m = length(y.shape[0]), n = length(y.shape[1]), k = length(r.shape[0])
    cdef const rrqr_kernels *kernels = kernels_of(np.PyArray_TYPE(y))
    cdef const void *inner = np.PyArray_DATA(c)
    cdef void *left = np.PyArray_DATA(q1)
    cdef void *triangle = np.PyArray_DATA(r)
    cdef void *rows = np.PyArray_DATA(y)
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.preconditioned_q(&context, m, n, k, inner, left, triangle, rows, wanted)
    check(status, &context)
    return y[:, :k] if wanted else None


# --- the factor ---------------------------------------------------------------------------------------------------

ctypedef rrqr_status (*deterministic)(rrqr_context *, rrqr_factor *, const rrqr_stop *) noexcept nogil


cdef class Factor:
    """A P = Q R in compact form over `a`, a Fortran-ordered matrix of one of the four dtypes.

    It is writeable and now the factor's own; `borrowed` it is only read, may be C-ordered too, and must stay as it is
    while the factor lives.
    """
    cdef rrqr_factor c
    cdef const rrqr_kernels *kernels
    cdef int type_number
    cdef rrqr_status begun
    cdef readonly np.ndarray a, pivots, tau
    cdef public object progress  # called with the rank from time to time, or None
    cdef np.ndarray source
    cdef np.ndarray norms, norms0, f
    cdef double largest  # maxresid, negative until it is asked for

    def __cinit__(self, np.ndarray a not None, int borrowed=False):
        cdef int m = length(a.shape[0]), n = length(a.shape[1]), least = min(m, n)
        self.type_number = np.PyArray_TYPE(a)
        self.kernels = kernels_of(self.type_number)
        if borrowed:
            self.source = a
            self.c.source = np.PyArray_DATA(a)
            self.c.by_rows = not np.PyArray_IS_F_CONTIGUOUS(a)
            a = untouched(self.type_number, m, n, a.itemsize)
        self.a = a
        self.pivots = empty(np.NPY_INT, n)
        self.tau = empty(self.type_number, least)
        self.c.m, self.c.n, self.c.lda = m, n, max(m, 1)
        self.c.a, self.c.tau = np.PyArray_DATA(a), np.PyArray_DATA(self.tau)
        self.c.pivots = <int *>np.PyArray_DATA(self.pivots)

    cdef room_for_norms(self):
        self.norms0 = empty(real_of(self.type_number), self.c.n)
        self.norms = empty(real_of(self.type_number), self.c.n)
        self.c.norms, self.c.norms0 = np.PyArray_DATA(self.norms), np.PyArray_DATA(self.norms0)

    cdef room_for_updates(self, int width):
        self.c.width = min(width, min(self.c.m, self.c.n))
        self.f = empty(self.type_number, self.c.n, self.c.width)
        self.c.f = np.PyArray_DATA(self.f)

    cdef begin(self):
        """Column norms, once; a matrix with entries near the largest number has none."""
        if self.norms is not None:
            return
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        self.room_for_norms()
        with nogil:
            status = self.kernels.begin(&context, &self.c)
        self.begun = status

    def has_norms(self):
        """Whether all column norms are finite."""
        self.begin()
        return self.begun == RRQR_OK and self.c.maxnorm == self.c.maxnorm

    cdef require_norms(self):
        """Column norms, or an exception."""
        cdef rrqr_context context
        self.begin()
        if self.begun != RRQR_OK:
            context = opened()
            check(self.begun, &context)

    cdef defer(self, int width):
        """Room for the deferred updates of up to `width` columns; norms and all, the first time."""
        self.require_norms()
        self.largest = -1
        if self.f is None:
            self.room_for_updates(width)

    cdef rrqr_context watched(self):
        """A context for a kernel that eliminates columns."""
        cdef rrqr_context context = opened()
        if self.progress is not None:
            context.data = <void *>self
        return context

    cdef advance(self, deterministic kernel, int width, int rank, double rtol, double atol, double tie_tol):
        cdef rrqr_stop stop = [rank, rtol, atol, tie_tol]
        cdef rrqr_status status
        self.defer(width)
        cdef rrqr_context context = self.watched()
        with nogil:
            status = kernel(&context, &self.c, &stop)
        check(status, &context)

    def greedy(self, int rank, double rtol, double atol, double tie_tol):
        """Factor, or go on, column by column."""
        self.advance(self.kernels.greedy, RRQR_PANEL, rank, rtol, atol, tie_tol)

    def small(self, int rank, double rtol, double atol, double tie_tol):
        """Factor, or go on, in loops of our own."""
        self.advance(self.kernels.small, RRQR_PANEL, rank, rtol, atol, tie_tol)

    def prefetch(self, int rank, double rtol, double atol, double tie_tol):
        """Factor, or go on, with the same pivots by matrix products."""
        self.advance(self.kernels.prefetch, RRQR_BLOCK, rank, rtol, atol, tie_tol)

    def randomized(self, int rank, double rtol, double atol, double tie_tol, np.ndarray omega not None):
        """Factor, or go on, with pivots from a sketch; omega: sketch_rows(m, n, columns left) x m, Fortran-ordered."""
        cdef rrqr_stop stop = [rank, rtol, atol, tie_tol]
        cdef rrqr_status status
        cdef const void *data = np.PyArray_DATA(omega)
        self.defer(RRQR_DEFER)
        cdef rrqr_context context = self.watched()
        with nogil:
            status = self.kernels.randomized(&context, &self.c, &stop, data)
        check(status, &context)

    def strong(self, int rank, double rtol, double atol, double tie_tol, double bound):
        """Exchange columns, and go on, until no rho_ij exceeds the bound; how many, max |T_ij| and max rho_ij."""
        cdef rrqr_stop stop = [rank, rtol, atol, tie_tol]
        cdef rrqr_strength strength
        cdef rrqr_status status
        self.defer(RRQR_BLOCK)
        cdef rrqr_context context = opened()
        with nogil:
            status = self.kernels.strong(&context, &self.c, &stop, bound, &strength)
        check(status, &context)
        return strength.swaps, strength.largest_t, strength.rho

    def full(self):
        """Factor all columns by LAPACK's geqp3."""
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.full(&context, &self.c)
        check(status, &context)

    def truncated(self, int rank, double rtol, double atol):
        """Factor all columns by LAPACK's geqp3, the first time, and let as many count as the rule says."""
        cdef rrqr_stop stop = [rank, rtol, atol, 0]
        if not self.c.factored:
            self.require_norms()
            self.full()
            self.c.rank = 0
        self.largest = -1
        self.kernels.truncate(&self.c, &stop)

    def geqrf(self):
        """Factor without pivoting."""
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.geqrf(&context, &self.c)
        check(status, &context)

    def settle(self):
        """Let `a` hold all of the compact form, what was only read so far included."""
        with nogil:
            self.kernels.settle(&self.c)
        self.source = None

    def __reduce__(self):
        """All that the invariant names, in the factor's own arrays: nothing is copied here but the open panel."""
        if self.norms is None:
            raise TypeError("a factor must have begun before it is pickled, but this one has no column norms")
        self.settle()
        f = None if self.f is None else self.f[self.c.rank:, :self.c.factored - self.c.panel].copy(order="F")
        state = {"a": self.a, "pivots": self.pivots, "tau": self.tau, "norms": self.norms, "norms0": self.norms0,
                 "f": f, "rank": self.c.rank, "factored": self.c.factored, "panel": self.c.panel,
                 "width": self.c.width, "stale": self.c.stale, "maxnorm": self.c.maxnorm, "largest": self.largest,
                 "begun": self.begun}
        return restored, (FORMAT, state)

    def __copy__(self):
        return copy.deepcopy(self)  # its memory is its own

    cdef restore(self, dict state):
        """Take over a state that was checked."""
        self.pivots, self.tau = state["pivots"], state["tau"]
        self.norms, self.norms0 = state["norms"], state["norms0"]
        self.c.pivots, self.c.tau = <int *>np.PyArray_DATA(self.pivots), np.PyArray_DATA(self.tau)
        self.c.norms, self.c.norms0 = np.PyArray_DATA(self.norms), np.PyArray_DATA(self.norms0)
        self.c.rank, self.c.factored, self.c.panel = state["rank"], state["factored"], state["panel"]
        self.c.stale, self.c.maxnorm = state["stale"], state["maxnorm"]
        self.largest, self.begun = state["largest"], state["begun"]
        if state["f"] is not None:
            self.c.width = state["width"]
            self.f = empty(self.type_number, self.c.n, self.c.width)
            self.f[self.c.rank:, :state["f"].shape[1]] = state["f"]
            self.c.f = np.PyArray_DATA(self.f)

    @property
    def rank(self):
        return self.c.rank

    @property
    def maxnorm(self):
        return self.c.maxnorm

    def numerical_rank(self):
        """Leading columns with |r_jj| > max(m, n) eps |r_00|."""
        return self.kernels.numerical_rank(&self.c)

    def maxresid(self):
        """Largest column norm of the residual block, computed once for each rank."""
        cdef double result = self.largest
        if result >= 0:
            return result
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.maxresid(&context, &self.c, &result)
        check(status, &context)
        self.largest = result
        return result

    def upper(self, int rows, int dense=False):
        """The first rows of R, those past the rank zero or, when `dense`, the residual block."""
        cdef np.ndarray r = empty(self.type_number, rows, self.c.n)
        cdef void *data = np.PyArray_DATA(r)
        cdef rrqr_context context = opened()
        cdef rrqr_status status = RRQR_OK
        cdef Py_ssize_t corner = (<Py_ssize_t>self.c.rank * rows + self.c.rank) * np.PyArray_ITEMSIZE(r)
        with nogil:
            self.kernels.upper(&self.c, rows, data, max(rows, 1))
            if dense:
                status = self.kernels.residual(&context, &self.c, <char *>data + corner, max(rows, 1), NULL)
        check(status, &context)
        return r

    def take_upper(self):
        """R of a matrix with as many rows as the rank, in the factor's own memory: there is no more factor then."""
        with nogil:
            self.kernels.upper(&self.c, self.c.rank, self.c.a, max(self.c.m, 1))
        return self.a

    def upper_rows(self, int rows):
        """The first rows of R, C-ordered."""
        cdef np.ndarray r = empty(self.type_number, self.c.n, rows)
        cdef void *data = np.PyArray_DATA(r)
        with nogil:
            self.kernels.upper_rows(&self.c, rows, data)
        return r.T

    def take_upper_rows(self):
        """R of a square matrix, C-ordered, in the factor's own memory: there is no more factor then."""
        with nogil:
            self.kernels.upper_rows(&self.c, self.c.m, self.c.a)
        return self.a.T

    def residual_norms(self):
        """Column norms of the residual block, in pivoted order."""
        cdef np.ndarray norms = empty(real_of(self.type_number), self.c.n - self.c.rank)
        cdef void *data = np.PyArray_DATA(norms)
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.residual(&context, &self.c, NULL, 0, data)
        check(status, &context)
        return norms

    def form_q(self, int columns):
        """The first columns of Q."""
        cdef np.ndarray q = empty(self.type_number, self.c.m, columns)
        cdef void *data = np.PyArray_DATA(q)
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.form_q(&context, &self.c, columns, data)
        check(status, &context)
        return q

    def apply_q(self, np.ndarray c not None, int left, int adjoint):
        """Overwrite the Fortran-ordered c by op(Q) c or c op(Q)."""
        cdef int rows = length(c.shape[0], "c"), columns = length(c.shape[1], "c")
        cdef void *data = np.PyArray_DATA(c)
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.apply_q(&context, &self.c, left, adjoint, rows, columns, data)
        check(status, &context)

    def lstsq(self, np.ndarray b not None, int rank):
        """Overwrite the first `rank` rows of b by the basic solution; return the residual norms."""
        cdef int columns = length(b.shape[1], "b")
        cdef np.ndarray norms = empty(real_of(self.type_number), columns)
        cdef void *data = np.PyArray_DATA(b)
        cdef void *norm_data = np.PyArray_DATA(norms)
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.lstsq(&context, &self.c, rank, columns, data, norm_data)
        check(status, &context)
        return norms

    def interpolation(self):
        """T with A ~= A[:, P[:rank]] T, its columns in A's order."""
        cdef np.ndarray t = empty(self.type_number, self.c.rank, self.c.n)
        cdef void *data = np.PyArray_DATA(t)
        cdef rrqr_context context = opened()
        cdef rrqr_status status
        with nogil:
            status = self.kernels.interpolation(&context, &self.c, data)
        check(status, &context)
        return t


FORMAT = 1  # of a factor's state


def restored(version, state):
    """The factor of a state that `Factor.__reduce__` made; a kernel sees nothing that does not fit together."""
    if version != FORMAT:
        raise ValueError(f"version must be {FORMAT}, the format that this rrqr_lapack reads, got {version!r}; "
                         "factor the matrix again, or unpickle it with the version that wrote it")
    wrong = misfit(state)
    if wrong:
        raise ValueError(f"state must be that of a whole factor, got one that is not: {wrong}; factor the matrix again")
    state = {name: numpy.require(value, requirements="FAW") if isinstance(value, np.ndarray) else value
             for name, value in state.items()}
    cdef Factor factor = Factor(state["a"])
    factor.restore(state)
    return factor


cdef misfit(state):
    """What is wrong with a factor's state, in words, or None."""
    names = {"a", "pivots", "tau", "norms", "norms0", "f", "rank", "factored", "panel", "width", "stale", "maxnorm",
             "largest", "begun"}
    if not isinstance(state, dict) or set(state) != names:
        return f"it must have {', '.join(sorted(names))}"
    a, f = state["a"], state["f"]
    if not isinstance(a, np.ndarray) or a.ndim != 2 or a.dtype.char not in "fdFD" or not a.dtype.isnative:
        return "a must be a matrix of one of the four dtypes"
    m, n = a.shape
    least = min(m, n)
    real = a.dtype.char.lower()
    shapes = {"pivots": ("i", n), "tau": (a.dtype.char, least), "norms": (real, n), "norms0": (real, n)}
    for name, (char, length) in shapes.items():
        if not isinstance(state[name], np.ndarray) or state[name].shape != (length,) or state[name].dtype.char != char:
            return f"{name} must have {length} numbers of type {char!r}"
    integers = {"rank", "factored", "panel", "width", "stale", "begun"}
    for name in sorted(names - set(shapes) - {"a", "f"}):
        if type(state[name]) is not (int if name in integers else float):
            return f"{name} must be {'an integer' if name in integers else 'a number'}"
    if (numpy.sort(state["pivots"]) != numpy.arange(n)).any():
        return "pivots must be a permutation"
    rank, factored, panel = state["rank"], state["factored"], state["panel"]
    if not 0 <= rank <= factored <= least or not 0 <= panel <= factored or not 0 <= state["stale"] <= n:
        return "rank, panel and stale must count columns"
    pending = factored - panel
    if f is None:
        return "f must hold the open panel" if pending else None
    if not isinstance(f, np.ndarray) or f.dtype != a.dtype or f.shape != (n - rank, pending):
        return f"f must be a matrix of {n - rank} x {pending}"
    if not pending <= state["width"] <= least:
        return "width must be at least that of the open panel"


def factor_stack(np.ndarray a not None, np.ndarray q, np.ndarray r not None, np.ndarray p not None,
                 np.ndarray ranks not None, int rank, double rtol, double atol, double tie_tol,
                 int tiny, int together, int lapack):
    """Factor each matrix of a (count, m, n) stack: `together` in groups if these fit the cache, the others by the small
    kernel where they are `tiny` and else by the greedy one.

    Fills Q (count, m, columns), where wanted, R (count, rows, n), P (count, n) and the ranks (count); all contiguous.
    `lapack`: Q is whole, and all is as by geqp3, whose place the small kernel takes where its pivots are sure."""
    cdef rrqr_stack stack
    stack.count, stack.m, stack.n = a.shape[0], length(a.shape[1]), length(a.shape[2])
    stack.columns, stack.rows = 0 if q is None else length(q.shape[2]), length(r.shape[1])
    stack.tiny, stack.together, stack.lapack = tiny, together, lapack
    stack.a, stack.r = np.PyArray_DATA(a), np.PyArray_DATA(r)
    stack.q = NULL if q is None else np.PyArray_DATA(q)
    stack.pivots, stack.ranks = <int *>np.PyArray_DATA(p), <int *>np.PyArray_DATA(ranks)
    cdef rrqr_stop stop = [rank, rtol, atol, tie_tol]
    factor_items(&stack, &stop, kernels_of(np.PyArray_TYPE(a)))


def factor_one(np.ndarray a not None, int columns, int rows, int tiny, bint check_finite):
    """(Q, R, P) of one matrix with elements and LAPACK's pivots, or None where it is not finite but must be.

    So many columns of Q, None without any, and rows of R; both are C-ordered."""
    cdef int type_number = np.PyArray_TYPE(a)
    cdef const rrqr_kernels *kernels = kernels_of(type_number)
    a = np.PyArray_FROM_OTF(a, type_number, np.NPY_ARRAY_CARRAY_RO)  # a itself, if it is C-ordered, aligned, native
    cdef int m = length(a.shape[0]), n = length(a.shape[1]), rank
    if check_finite and kernels.first_nonfinite_column(n, m, np.PyArray_DATA(a), n) >= 0:
        return None
    cdef np.ndarray q = empty(type_number, m, columns, False) if columns else None
    cdef np.ndarray r = empty(type_number, rows, n, False), p = empty(np.NPY_INT, n)
    cdef rrqr_stack stack
    stack.count, stack.m, stack.n, stack.columns, stack.rows = 1, m, n, columns, rows
    stack.tiny, stack.together, stack.lapack = tiny, False, True
    stack.a, stack.r = np.PyArray_DATA(a), np.PyArray_DATA(r)
    stack.q = np.PyArray_DATA(q) if columns else NULL
    stack.pivots, stack.ranks = <int *>np.PyArray_DATA(p), &rank
    cdef rrqr_stop stop = [min(m, n), -1, -1, 0]
    factor_items(&stack, &stop, kernels)
    return q, r, p


cdef int factor_items(const rrqr_stack *stack, const rrqr_stop *stop, const rrqr_kernels *kernels) except -1:
    """Factor a stack."""
    cdef rrqr_context context = opened()
    cdef rrqr_status status
    with nogil:
        status = kernels.stack(&context, stack, stop)
    return check(status, &context)


# --- the C interface ----------------------------------------------------------------------------------------------

TINY, SMALL = RRQR_TINY, RRQR_SMALL  # where 'auto' changes its way, as for callers from C
C_API = PyCapsule_New(<void *>&rrqr_interface, "rrqr_lapack._C_API", NULL)


cdef dict functions():
    """The address of each function, in a capsule whose name is its signature."""
    cdef size_t i
    capsules = {}
    for i in range(rrqr_function_count):
        capsules[rrqr_functions[i].name.decode()] = PyCapsule_New((<void **>rrqr_functions[i].address)[0],
                                                                  rrqr_functions[i].signature, NULL)
    return capsules


FUNCTIONS = functions()


def counted_handle(str dtype not None, int m, int n):
    """The address of a handle that allocates as `fail_allocation` says, for tests."""
    cdef rrqr_context context = opened()
    cdef rrqr_handle *handle
    context.interrupted = NULL
    check(<rrqr_status>rrqr_open(&context, ord(dtype), m, n, &handle), &context)
    return <size_t>handle
