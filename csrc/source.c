/* A matrix that is read where it lies, and not copied, as long as only products with it are wanted.
 *
 * While `source` is set, rows and columns past the rank are not in `a`: column j of the residual block is
 * source(rank:, pivots[j]) - V F^H with all the reflectors V so far. A row-major source is, for BLAS, the column-major
 * matrix A^T with n rows. */
#include "kernels.h"

#include <string.h>

/* Rows k..k+rows-1 of columns first..last-1 of A P, as they lie before the open panel is applied to them, into b. */
void X(fetch)(const rrqr_factor *f, int k, int rows, int first, int last, scalar *b, int ldb)
{
    if (!f->source || !f->by_rows) {
        for (int j = first; j < last; j++) {
            const int column = f->source ? f->pivots[j] : j;
            const scalar *a = AT((const scalar *)(f->source ? f->source : f->a), f->lda, k, column);
            memcpy(AT(b, ldb, 0, j - first), a, (size_t)rows * sizeof(scalar));
        }
        return;
    }
    for (int j0 = first; j0 < last; j0 += TILE) /* in tiles, as a transposition goes */
        for (int i0 = 0; i0 < rows; i0 += TILE) {
            const int i1 = min_int(i0 + TILE, rows), j1 = min_int(j0 + TILE, last);
            for (int j = j0; j < j1; j++) {
                const scalar *a = AT((const scalar *)f->source, f->n, f->pivots[j], k);
                scalar *column = AT(b, ldb, 0, j - first);
                for (int i = i0; i < i1; i++) column[i] = *AT(a, f->n, 0, i);
            }
        }
}

/* Bring columns first..last-1 into `a`, from row k on. */
void X(load)(rrqr_factor *f, int k, int first, int last)
{
    if (f->source) X(fetch)(f, k, f->m - k, first, last, AT((scalar *)f->a, f->lda, k, first), f->lda);
}

/* Bring in all that is left, and need the source no more. */
void X(settle)(rrqr_factor *f)
{
    X(load)(f, f->rank, f->rank, f->n);
    f->source = NULL;
}

/* B^T = A^T Omega^T of the whole matrix, the sketch of which is Omega A. omega: rows x m, b: n x rows. */
void X(source_sketch)(const rrqr_factor *f, int rows, const scalar *omega, scalar *b)
{
    gemm(f->by_rows ? 'N' : 'T', 'T', f->n, rows, f->m, 1, f->source, f->by_rows ? f->n : f->lda, omega, rows, 0, b,
         f->n);
}

/* A := conj(A), m x n. */
static void conjugate_all(int m, int n, scalar *a, int lda)
{
#ifdef RRQR_COMPLEX
    for (int j = 0; j < n; j++)
        for (int i = 0; i < m; i++) *AT(a, lda, i, j) = conjugate(*AT(a, lda, i, j));
#else
    (void)m, (void)n, (void)a, (void)lda;
#endif
}

/* For columns first..last-1: rows k..k+b-1 into `a`, and A(k:, :)^H V into column `at` of F and those after it. v1 is
 * the unit lower triangle on top of V = a(k:, k:k+b); work: n b scalars. BLAS reads a row-major A fastest as a first
 * factor that is not transposed: A^H V is the conjugate of A^T conj(V). */
void X(source_rows)(rrqr_factor *f, int k, int b, int first, int last, int at, scalar *v1, scalar *work)
{
    const int n = f->n, lda = f->lda, below = f->m - k - b, lds = f->by_rows ? n : lda;
    const scalar *a = f->by_rows ? AT((const scalar *)f->source, n, 0, k) : AT((const scalar *)f->source, lda, k, 0);
    const scalar *a2 = f->by_rows ? AT(a, n, 0, b) : a + b;
    const char trans = f->by_rows ? 'N' : 'C';
    scalar *v2 = AT((scalar *)f->a, lda, k + b, k);
    if (f->by_rows) {
        conjugate_all(b, b, v1, b);
        conjugate_all(below, b, v2, lda);
    }
    gemm(trans, 'N', n, b, b, 1, a, lds, v1, b, 0, work, n);
    if (below) gemm(trans, 'N', n, b, below, 1, a2, lds, v2, lda, 1, work, n);
    if (f->by_rows) {
        conjugate_all(b, b, v1, b);
        conjugate_all(below, b, v2, lda);
        conjugate_all(n, b, work, n);
    }
    for (int l = 0; l < b; l++)
        for (int j = first; j < last; j++) *AT((scalar *)f->f, n, j, at + l) = *AT(work, n, f->pivots[j], l);
    X(fetch)(f, k, b, first, last, AT((scalar *)f->a, lda, k, first), lda);
}
