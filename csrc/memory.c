/* Memory and interruption: the only way in which kernels reach the world outside their arguments. */
#include "rrqr.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* count * size bytes, or NULL when the product overflows, memory is out, or a test says so. A test that counts gets
 * NaN in them, so that whoever reads what he has not written is found out. */
void *rrqr_allocate(rrqr_context *context, size_t count, size_t size)
{
    if (context->allocations_left == 0) return NULL;
    if (size && count > SIZE_MAX / size) return NULL;
    size_t bytes = count * size;
    void *memory = malloc(bytes ? bytes : 1);
    if (context->allocations_left > 0) {
        context->allocations_left--;
        if (memory) memset(memory, 0xff, bytes);
    }
    return memory;
}

void rrqr_release(void *memory) { free(memory); }

/* Whether to stop: asked once in a while alone. */
int rrqr_interrupted(rrqr_context *context, double operations)
{
    context->work += operations;
    if (!context->interrupted || context->work < OPERATIONS_BETWEEN) return 0;
    context->work = 0;
    return context->interrupted(context->data);
}
