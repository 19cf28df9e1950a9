/* NumPy keeps freed small arrays, and reused they look written to memcheck: once this is imported, each is malloc's. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

static void *take(void *context, size_t size) { return malloc(size); }
static void *take_zeros(void *context, size_t count, size_t size) { return calloc(count, size); }
static void *resize(void *context, void *memory, size_t size) { return realloc(memory, size); }
static void give(void *context, void *memory, size_t size) { free(memory); }

static PyDataMem_Handler handler = {"malloc", 1, {NULL, take, take_zeros, resize, give}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "malloc_handler"};

PyMODINIT_FUNC PyInit_malloc_handler(void)
{
    import_array();
    PyObject *former = PyDataMem_SetHandler(PyCapsule_New(&handler, "mem_handler", NULL));
    if (!former) return NULL;
    Py_DECREF(former);
    return PyModule_Create(&definition);
}
