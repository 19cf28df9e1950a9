"""The C interface as ctypes sees it: addresses and signatures of `rrqr_lapack.__pyx_capi__`, and no header."""

import ctypes
import re

import numpy as np

import rrqr_lapack

pointer = ctypes.pythonapi.PyCapsule_GetPointer
pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
name_of = ctypes.pythonapi.PyCapsule_GetName
name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]

TYPES = {"int": ctypes.c_int, "char": ctypes.c_char, "double": ctypes.c_double, "void": None}


def ctype(declared):
    """The type that ctypes has for one of C."""
    if declared.startswith("const char *"):
        return ctypes.c_char_p
    return ctypes.c_void_p if "*" in declared else TYPES[declared]


def signature(name):
    """Of a function: its result and its arguments, as its capsule is called."""
    result, arguments = re.fullmatch(r"(.*?) \((.*)\)", name_of(rrqr_lapack.__pyx_capi__[name]).decode()).groups()
    return result, [argument.strip() for argument in re.split(r", (?![^(]*\)$)(?!void \*\))", arguments)]


def function(name):
    """What can be called."""
    capsule = rrqr_lapack.__pyx_capi__[name]
    result, arguments = signature(name)
    return ctypes.CFUNCTYPE(ctype(result), *map(ctype, arguments))(pointer(capsule, name_of(capsule)))


RRQR = {name: function(name) for name in rrqr_lapack.__pyx_capi__}
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
AUTO, GREEDY, PREFETCH = range(3)
OK, NO_MEMORY, INTERRUPTED, OVERFLOW, TOO_WIDE, BAD_CALL, NOT_FINITE, NOT_FACTORED, SINGULAR = range(9)
LETTERS = {"f": b"s", "d": b"d", "F": b"c", "D": b"z"}


def address(array):
    return None if array is None else array.ctypes.data


class Refused(Exception):
    """A status that is not success."""

    @property
    def status(self):
        return self.args[0]


class Handle:
    """A handle; its methods take and give arrays, and raise `Refused` with a status."""

    def __init__(self, m, n, dtype, opened=None):
        self.m, self.n, self.dtype = m, n, np.dtype(dtype)
        self.handle = ctypes.c_void_p(opened)
        if opened is None:
            self.check(RRQR["create"](ctypes.byref(self.handle), LETTERS[self.dtype.char], m, n))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        RRQR["destroy"](self.handle)

    @staticmethod
    def check(status):
        if status:
            raise Refused(status)

    def call(self, name, *arguments):
        self.check(RRQR[name](self.handle, *arguments))

    def factor(self, a, rank=2**31 - 1, rtol=-1.0, atol=-1.0, tie_tol=0.0, driver=AUTO, lda=None):
        self.a = a  # which must live as long as its factorization
        self.call("factor", address(a), lda or max(self.m, 1), rank, rtol, atol, tie_tol, driver)
        return self

    def extend(self, rank=2**31 - 1, rtol=-1.0, atol=-1.0):
        self.call("extend", rank, rtol, atol)

    def factor_randomized(self, a, omega, rank=2**31 - 1, rtol=-1.0, atol=-1.0, tie_tol=0.0, lda=None):
        self.a = a
        what = address(a), lda or max(self.m, 1), rank, rtol, atol, tie_tol, address(omega)
        self.call("factor_randomized", *what)
        return self

    def sketch_rows(self, rank=2**31 - 1):
        return RRQR["sketch_rows"](self.handle, rank)

    def strong(self, bound, rank=2**31 - 1, rtol=-1.0, atol=-1.0):
        """rho and the largest |T_ij|."""
        both = ctypes.c_double(), ctypes.c_double()
        self.call("strong", rank, rtol, atol, bound, *map(ctypes.byref, both))
        return tuple(value.value for value in both)

    def lstsq(self, b, norms=True):
        """x, and the residual norms where they are wanted."""
        b = np.array(b, self.dtype, order="F")
        p = b.shape[1]
        x = np.full((self.n, p), np.nan, self.dtype, order="F")
        found = np.full(p, np.nan, self.dtype.char.lower()) if norms else None
        self.call("lstsq", p, address(b), address(x), address(found))
        return x, found

    def factor_stack(self, stack, rank=2**31 - 1, rtol=-1.0, atol=-1.0, tie_tol=0.0, with_q=True):
        """Q, R, P and the ranks of a stack (count, m, n), C-ordered."""
        count, least = len(stack), min(rank, self.m, self.n)
        q = np.full((count, self.m, least), np.nan, self.dtype) if with_q else None
        r = np.full((count, least, self.n), np.nan, self.dtype)
        pivots, ranks = np.full((count, self.n), -1, np.int32), np.full(count, -1, np.int32)
        places = map(address, (q, r, pivots, ranks))
        self.call("factor_stack", count, address(stack), rank, rtol, atol, tie_tol, *places)
        return q, r, pivots, ranks

    @property
    def rank(self):
        return RRQR["rank"](self.handle)

    @property
    def pivots(self):
        return self.view("pivots", ctypes.c_int, self.n).copy()

    @property
    def tau(self):
        parts = 2 if self.dtype.kind == "c" else 1
        real = ctypes.c_float if self.dtype.char in "fF" else ctypes.c_double
        return self.view("tau", real, parts * min(self.m, self.n)).view(self.dtype).copy()

    def view(self, name, real, length):
        found = RRQR[name](self.handle)
        return np.ctypeslib.as_array(ctypes.cast(found, ctypes.POINTER(real)), (length,))

    def filled(self, name, shape, *arguments, dtype=None):
        array = np.full(shape, np.nan, dtype or self.dtype, order="F")
        self.call(name, *arguments, address(array))
        return array

    def maxresid(self):
        both = ctypes.c_double(), ctypes.c_double()
        self.call("maxresid", *map(ctypes.byref, both))
        return tuple(value.value for value in both)

    def residual_norms(self):
        return self.filled("residual_norms", self.n - self.rank, dtype=self.dtype.char.lower())

    def upper(self):
        return self.filled("upper", (self.rank, self.n))

    def form_q(self, columns=None):
        columns = self.rank if columns is None else columns
        return self.filled("form_q", (self.m, columns), columns)

    def interpolation(self):
        return self.filled("interpolation", (self.rank, self.n))

    def apply_q(self, side, trans, c):
        c = np.array(c, self.dtype, order="F")
        self.call("apply_q", side, trans, c.shape[1 if side == b"L" else 0], address(c))
        return c
