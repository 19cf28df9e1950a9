/* Where the first NaN or infinity is. */
#include "kernels.h"

/* First column of the m x n matrix with an element that is not finite, or -1. x - x is 0 where x is finite and NaN
 * elsewhere, so a whole column is judged by one sum. */
ptrdiff_t X(first_nonfinite_column)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t lda)
{
    const ptrdiff_t count = m * (ptrdiff_t)REALS_PER_SCALAR;
    for (ptrdiff_t j = 0; j < n; j++) {
        const real *x = (const real *)((const scalar *)a + j * lda);
        real sums[LANES] = {0}, sum = 0;
        ptrdiff_t i = 0;
        for (; i + LANES <= count; i += LANES)
            for (int l = 0; l < LANES; l++) sums[l] += x[i + l] - x[i + l];
        for (; i < count; i++) sum += x[i] - x[i];
        for (int l = 0; l < LANES; l++) sum += sums[l];
        if (sum != 0) return j;
    }
    return -1;
}
