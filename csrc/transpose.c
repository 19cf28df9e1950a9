/* From row-major, NumPy's order, to column-major, LAPACK's. */
#include "kernels.h"

/* B(i, j) = a[i * stride + j] for the m x n matrix B, in square tiles: both sides move whole cache lines. */
void X(transpose)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t stride, void *b)
{
    for (ptrdiff_t i0 = 0; i0 < m; i0 += TILE)
        for (ptrdiff_t j0 = 0; j0 < n; j0 += TILE) {
            const ptrdiff_t i1 = i0 + TILE < m ? i0 + TILE : m, j1 = j0 + TILE < n ? j0 + TILE : n;
            for (ptrdiff_t j = j0; j < j1; j++)
                for (ptrdiff_t i = i0; i < i1; i++) ((scalar *)b)[j * m + i] = ((const scalar *)a)[i * stride + j];
        }
}
