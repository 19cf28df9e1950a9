/* The state before the first step: nothing is eliminated, and every kernel can go on from there. */
#include "kernels.h"

/* Column norms, identity permutation, no reflectors. */
rrqr_status X(begin)(rrqr_context *context, rrqr_factor *f)
{
    const scalar *a = f->source ? f->source : f->a;
    real *norms = f->norms, *norms0 = f->norms0;
    if (f->source && f->by_rows) {
        double *sums = rrqr_allocate(context, f->n, sizeof(double));
        if (!sums) return RRQR_NO_MEMORY;
        X(norms_by_rows)(f->m, f->n, a, sums, norms);
        rrqr_release(sums);
    } else {
        for (int j = 0; j < f->n; j++) norms[j] = X(norm)(f->m, AT(a, f->lda, 0, j));
    }
    for (int j = 0; j < f->n; j++) {
        f->pivots[j] = j;
        norms0[j] = norms[j];
    }
    for (int k = 0; k < min_int(f->m, f->n); k++) ((scalar *)f->tau)[k] = 0; /* H = I past the rank */
    f->rank = f->factored = f->panel = f->stale = 0;
    real largest;
    X(pivot)(f, 0, &largest);
    f->maxnorm = largest;
    return largest > PICK(FLT_MAX, DBL_MAX, FLT_MAX, DBL_MAX) ? RRQR_OVERFLOW : RRQR_OK;
}
