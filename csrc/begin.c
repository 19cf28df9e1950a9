/* The state before the first step: nothing is eliminated, and every kernel can go on from there. */
#include "kernels.h"

/* Column norms, identity permutation, no reflectors. */
rrqr_status X(begin)(rrqr_context *context, rrqr_factor *f)
{
    (void)context;
    real *norms = f->norms, *norms0 = f->norms0;
    for (int j = 0; j < f->n; j++) {
        f->pivots[j] = j;
        norms[j] = norms0[j] = X(norm)(f->m, X(column)(f, 0, j));
    }
    for (int k = 0; k < min_int(f->m, f->n); k++) ((scalar *)f->tau)[k] = 0; /* H = I past the rank */
    f->rank = f->factored = f->panel = f->stale = 0;
    real largest;
    X(pivot)(f, 0, &largest);
    f->maxnorm = largest;
    return largest > PICK(FLT_MAX, DBL_MAX, FLT_MAX, DBL_MAX) ? RRQR_OVERFLOW : RRQR_OK;
}
