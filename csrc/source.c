/* A matrix that is read where it lies, and not copied, as long as only products with it are wanted.
 *
 * While `source` is set, rows and columns past the rank are not in `a`: column j of the residual block is
 * source(rank:, pivots[j]) - V F^H with all the reflectors V so far. */
#include "kernels.h"

#include <string.h>

/* Column j of A P from row k on, where it lies before the open panel is applied to it. */
const scalar *X(column)(const rrqr_factor *f, int k, int j)
{
    return f->source ? AT((const scalar *)f->source, f->lda, k, f->pivots[j]) : AT((const scalar *)f->a, f->lda, k, j);
}

/* Bring columns first..last-1 into `a`, from row k on. */
void X(load)(rrqr_factor *f, int k, int first, int last)
{
    if (!f->source) return;
    for (int j = first; j < last; j++)
        memcpy(AT((scalar *)f->a, f->lda, k, j), X(column)(f, k, j), (size_t)(f->m - k) * sizeof(scalar));
}

/* Bring in all that is left, and need the source no more. */
void X(settle)(rrqr_factor *f)
{
    X(load)(f, f->rank, f->rank, f->n);
    f->source = NULL;
}

/* For columns first..last-1: rows k..k+b-1 into `a`, and A(k:, :)^H V into column `at` of F and those after it.
 * v1 is the unit lower triangle on top of V = a(k:, k:k+b); work: n b scalars. */
void X(source_rows)(rrqr_factor *f, int k, int b, int first, int last, int at, const scalar *v1, scalar *work)
{
    const int n = f->n, lda = f->lda, below = f->m - k - b;
    const scalar *a = AT((const scalar *)f->source, lda, k, 0);
    gemm('C', 'N', n, b, b, 1, a, lda, v1, b, 0, work, n);
    if (below) gemm('C', 'N', n, b, below, 1, a + b, lda, AT((scalar *)f->a, lda, k + b, k), lda, 1, work, n);
    for (int l = 0; l < b; l++)
        for (int j = first; j < last; j++) *AT((scalar *)f->f, n, j, at + l) = *AT(work, n, f->pivots[j], l);
    for (int j = first; j < last; j++)
        memcpy(AT((scalar *)f->a, lda, k, j), X(column)(f, k, j), (size_t)b * sizeof(scalar));
}
