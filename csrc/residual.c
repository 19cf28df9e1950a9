/* The residual block R22 behind a truncated factorization. */
#include "kernels.h"

/* Columns first..last-1 of R22, dense: what is stored of them, brought up to date with the open panel; after LAPACK's
 * full factorization the triangle there, taken back through its reflectors. */
static rrqr_status residual_columns(rrqr_context *context, const rrqr_factor *f, int first, int last, scalar *block,
                                    int ldb)
{
    const int k = f->rank, below = f->m - k, pending = f->factored - f->panel, full = f->factored > k;
    if (!full) X(fetch)(f, k, below, k + first, k + last, block, ldb);
    for (int j = first; full && j < last; j++) {
        const scalar *a = AT((const scalar *)f->a, f->lda, k, k + j);
        scalar *b = AT(block, ldb, 0, j - first);
        const int stored = min_int(j + 1, below);
        for (int i = 0; i < stored; i++) b[i] = a[i];
        for (int i = stored; i < below; i++) b[i] = 0;
    }
    if (full) return X(apply_reflectors)(context, f, k, f->factored, 1, 0, below, last - first, block, ldb);
    if (pending && below && last > first)
        gemm('N', 'C', below, last - first, pending, -1, AT((const scalar *)f->a, f->lda, k, f->panel), f->lda,
             AT((const scalar *)f->f, f->n, k + first, 0), f->n, 1, block, ldb);
    return RRQR_OK;
}

/* R22 into `block` ((m - rank) x (n - rank)) when it is not NULL, its column norms into `norms` when that is not.
 * The factor is left as it is. */
rrqr_status X(residual)(rrqr_context *context, const rrqr_factor *f, void *block, int ldb, void *norms)
{
    const int below = f->m - f->rank, right = f->n - f->rank;
    scalar *buffer = NULL;
    if (!block) {
        ldb = below ? below : 1;
        buffer = rrqr_allocate(context, (size_t)ldb * min_int(RESIDUAL_CHUNK, right), sizeof(scalar));
        if (!buffer) return RRQR_NO_MEMORY;
    }
    rrqr_status status = RRQR_OK;
    for (int first = 0, last; first < right && !status; first = last) {
        last = first + min_int(RESIDUAL_CHUNK, right - first);
        scalar *b = block ? AT((scalar *)block, ldb, 0, first) : buffer;
        status = residual_columns(context, f, first, last, b, ldb);
        if (rrqr_interrupted(context, 2.0 * below * (last - first) * f->width)) status = RRQR_INTERRUPTED;
        for (int j = first; norms && j < last; j++) ((real *)norms)[j] = X(norm)(below, AT(b, ldb, 0, j - first));
    }
    rrqr_release(buffer);
    return status;
}

/* The largest column norm of R22; after LAPACK's full factorization the next diagonal element of R. */
rrqr_status X(maxresid)(rrqr_context *context, const rrqr_factor *f, double *maxresid)
{
    const int k = f->rank;
    *maxresid = 0;
    if (k >= min_int(f->m, f->n)) return RRQR_OK;
    if (f->factored > k) {
        *maxresid = modulus(*AT((const scalar *)f->a, f->lda, k, k));
        return RRQR_OK;
    }
    real largest;
    rrqr_status status = RRQR_OK;
    if (X(pivot)(f, 0, &largest) < 0) { /* only a bound of it is known */
        real *norms = rrqr_allocate(context, f->n - k, sizeof(real));
        status = norms ? X(residual)(context, f, NULL, 0, norms) : RRQR_NO_MEMORY;
        largest = 0;
        for (int j = 0; !status && j < f->n - k; j++) largest = norms[j] <= largest ? largest : norms[j];
        rrqr_release(norms);
    }
    *maxresid = largest;
    return status;
}
