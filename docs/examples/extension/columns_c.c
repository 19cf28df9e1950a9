/* basis(a, rtol): columns that span a matrix to a tolerance, from plain C. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <limits.h>
#include <string.h>

#include "rrqr_lapack.h"

static const rrqr_api *rrqr; /* filled by PyInit_columns_c */

/* The pivots of the columns that count, as a list. */
static PyObject *chosen(const rrqr_handle *qr)
{
    const int k = rrqr->rank(qr);
    PyObject *list = PyList_New(k);
    for (int j = 0; list && j < k; j++) {
        PyObject *pivot = PyLong_FromLong(rrqr->pivots(qr)[j]);
        if (!pivot) Py_CLEAR(list);
        if (list) PyList_SET_ITEM(list, j, pivot);
    }
    return list;
}

static PyObject *basis(PyObject *module, PyObject *arguments)
{
    PyObject *matrix, *result = NULL;
    Py_buffer a;
    double rtol, relmaxresid = 0;
    rrqr_handle *qr = NULL;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Od", &matrix, &rtol)) return NULL;
    if (PyObject_GetBuffer(matrix, &a, PyBUF_F_CONTIGUOUS | PyBUF_FORMAT | PyBUF_WRITABLE)) return NULL;
    if (a.ndim != 2 || strcmp(a.format, "d") || a.shape[0] > INT_MAX || a.shape[1] > INT_MAX) {
        PyErr_SetString(PyExc_TypeError, "a must be a Fortran-ordered matrix of doubles");
    } else {
        const int m = (int)a.shape[0], n = (int)a.shape[1];
        int status;
        Py_BEGIN_ALLOW_THREADS /* nothing below needs the GIL */
            status = rrqr->create(&qr, 'd', m, n);
        if (!status) status = rrqr->factor(qr, a.buf, m > 1 ? m : 1, n, rtol, -1, 0, RRQR_AUTO);
        if (!status) status = rrqr->maxresid(qr, NULL, &relmaxresid);
        Py_END_ALLOW_THREADS if (status == RRQR_NOT_FINITE)
            PyErr_Format(PyExc_ValueError, "column %d of a holds NaN or infinity", rrqr->nonfinite_column(qr));
        else if (status)
            PyErr_SetString(status == RRQR_NO_MEMORY ? PyExc_MemoryError : PyExc_ValueError, rrqr->message(status));
        else result = Py_BuildValue("(Nd)", chosen(qr), relmaxresid);
        rrqr->destroy(qr);
    }
    PyBuffer_Release(&a);
    return result;
}

static PyMethodDef methods[] = {
    {"basis", basis, METH_VARARGS, "Pivots that span a to rtol, and what is left of it; a is overwritten."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "columns_c", .m_methods = methods};

PyMODINIT_FUNC PyInit_columns_c(void)
{
    rrqr = rrqr_lapack_import();
    return rrqr ? PyModule_Create(&definition) : NULL;
}
