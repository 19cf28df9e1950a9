/* NumPy keeps freed small arrays, and reused they look written to memcheck: here each comes from malloc. */
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <numpy/arrayobject.h>

static void *take(void *context, size_t size) { return malloc(size); }
static void *take_zeros(void *context, size_t count, size_t size) { return calloc(count, size); }
static void *resize(void *context, void *memory, size_t size) { return realloc(memory, size); }
static void give(void *context, void *memory, size_t size) { free(memory); }

static PyDataMem_Handler handler = {"malloc", 1, {NULL, take, take_zeros, resize, give}};

/* To be called as a Python function, with the GIL held. */
PyObject *use_malloc(void)
{
    import_array();
    return PyDataMem_SetHandler(PyCapsule_New(&handler, "mem_handler", NULL));
}
