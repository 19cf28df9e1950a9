/* Another order of the columns of a factor: reflectors are taken back, then other columns are eliminated as they stand.
 * Both go block by block, and after each block the factor is valid at the rank that it then has. */
#include "kernels.h"

/* A as it was before reflectors kept.. were applied, with norms computed afresh. */
rrqr_status X(retreat)(rrqr_context *context, rrqr_factor *f, int kept)
{
    const int m = f->m, n = f->n, lda = f->lda;
    if (f->factored <= kept) return RRQR_OK;
    scalar *panel =
        rrqr_allocate(context, (size_t)(m - kept) * min_int(RRQR_BLOCK, f->factored - kept), sizeof(scalar));
    if (!panel) return RRQR_NO_MEMORY;
    if (f->panel < f->rank) X(panel_close)(f);
    rrqr_status status = RRQR_OK;
    while (f->factored > kept && !status) {
        const int last = f->factored, b = min_int(RRQR_BLOCK, last - kept), k = last - b, below = m - k;
        rrqr_context calm = {.allocations_left = context->allocations_left}; /* half a block is no factor */
        for (int j = 0; j < b; j++)
            for (int i = 0; i < below; i++)
                *AT(panel, below, i, j) = i <= j ? *AT((scalar *)f->a, lda, k + i, k + j) : 0;
        status = X(apply_reflectors)(&calm, f, k, last, 1, 0, below, b, panel, below);
        if (!status)
            status =
                X(apply_reflectors)(&calm, f, k, last, 1, 0, below, n - last, AT((scalar *)f->a, lda, k, last), lda);
        context->allocations_left = calm.allocations_left;
        if (status) break;
        for (int j = 0; j < b; j++) {
            for (int i = 0; i < below; i++) *AT((scalar *)f->a, lda, k + i, k + j) = *AT(panel, below, i, j);
            ((scalar *)f->tau)[k + j] = 0;
        }
        real *norms = f->norms, *norms0 = f->norms0;
        for (int j = k; j < n; j++) norms[j] = norms0[j] = X(norm)(below, AT((const scalar *)f->a, lda, k, j));
        f->rank = f->factored = f->panel = k;
        f->stale = 0;
        if (rrqr_interrupted(context, 4.0 * b * below * (n - k))) status = RRQR_INTERRUPTED;
    }
    rrqr_release(panel);
    return status;
}

/* Eliminate with columns rank..last-1 in the order in which they stand. */
rrqr_status X(eliminate_in_order)(rrqr_context *context, rrqr_factor *f, int last)
{
    const size_t square = (size_t)RRQR_BLOCK * RRQR_BLOCK;
    scalar *t = rrqr_allocate(context, 2 * square + (size_t)RRQR_BLOCK * f->width, sizeof(scalar));
    if (!t) return RRQR_NO_MEMORY;
    rrqr_status status = RRQR_OK;
    while (f->rank < last && !status) {
        const int k = f->rank, b = min_int(min_int(RRQR_BLOCK, f->width), last - k);
        if (k - f->panel + b > f->width) X(panel_close)(f);
        X(block_update)(f, k, b);
        status = X(block_eliminate)(f, b, t, t + square);
        if (!status && rrqr_interrupted(context, 4.0 * b * (f->m - k) * (f->n - k))) status = RRQR_INTERRUPTED;
    }
    rrqr_release(t);
    return status;
}

/* A factor of rank `count` whose column p is the one at position wanted[p] now. `wanted` is overwritten. */
rrqr_status X(reorder)(rrqr_context *context, rrqr_factor *f, int *wanted, int count)
{
    int kept = 0;
    while (kept < count && wanted[kept] == kept) kept++;
    const rrqr_status status = X(retreat)(context, f, kept);
    if (status) return status;
    for (int p = kept; p < count; p++) {
        X(swap_columns)(f, p, wanted[p]);
        for (int l = p + 1; l < count; l++)
            if (wanted[l] == p) wanted[l] = wanted[p];
    }
    return X(eliminate_in_order)(context, f, count);
}
