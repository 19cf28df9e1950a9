/* The 2-norm of a column. */
#include "kernels.h"

/* ||x||_2 as the root of a sum of squares in double, by the scaled routine where squares could overflow or vanish.
 * (The reference ?nrm2 runs at a fraction of memory speed; squares of floats always fit a double.) */
real X(norm)(int m, const scalar *x)
{
    const real *v = (const real *)x;
    const ptrdiff_t count = m * (ptrdiff_t)REALS_PER_SCALAR;
    double sums[LANES] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) sums[l] += (double)v[i + l] * v[i + l];
    for (; i < count; i++) sum += (double)v[i] * v[i];
    for (int l = 0; l < LANES; l++) sum += sums[l];
    if (sizeof(real) == sizeof(float) || (sum > NORM_LEAST && sum < NORM_MOST)) return (real)sqrt(sum);
    return nrm2(m, x, 1);
}
