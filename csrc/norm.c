/* The 2-norms of columns. */
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

/* The norms of the columns of a row-major matrix, the same way: rows are added up a tile at a time. sums: n. */
void X(norms_by_rows)(int m, int n, const scalar *a, double *sums, real *norms)
{
    for (int j = 0; j < n; j++) sums[j] = 0;
    for (int i0 = 0; i0 < m; i0 += TILE)
        for (int j0 = 0; j0 < n; j0 += TILE) {
            const int rows = min_int(TILE, m - i0), columns = min_int(TILE, n - j0);
            double tile[TILE] = {0};
            for (int i = 0; i < rows; i++) {
                const real *x = (const real *)AT(a, n, j0, i0 + i);
                for (int j = 0; j < columns; j++)
                    for (size_t part = 0; part < REALS_PER_SCALAR; part++) {
                        const double entry = x[REALS_PER_SCALAR * j + part];
                        tile[j] += entry * entry;
                    }
            }
            for (int j = 0; j < columns; j++) sums[j0 + j] += tile[j];
        }
    for (int j = 0; j < n; j++) {
        const int ordinary = sizeof(real) == sizeof(float) || (sums[j] > NORM_LEAST && sums[j] < NORM_MOST);
        norms[j] = ordinary ? (real)sqrt(sums[j]) : nrm2(m, a + j, n);
    }
}
