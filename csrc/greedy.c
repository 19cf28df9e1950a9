/* Greedy truncated QR: LAPACK's blocked column-pivoted QR that stops at the column where a rule holds.
 *
 * P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations",
 * Numer. Math. 7, 1965, doi:10.1007/BF01436084; the stopping rule is that of LAPACK's ?geqp3rk (3.12).
 *
 * Guarantee: the pivots are those of the full factorization, and max_j ||R22(:, j)|| = maxresid. */
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

/* Go on from the present rank until `stop` holds. The panels begin at the same columns wherever a run was cut, so that
 * a run in pieces gives what one long run gives. */
rrqr_status X(greedy)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop)
{
    const int last = min_int(stop->rank, min_int(f->m, f->n)), width = min_int(f->width, RRQR_PANEL);
    scalar *work = rrqr_allocate(context, (size_t)f->n + f->width, sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    rrqr_status status = RRQR_OK;
    X(settle)(f);
    while (f->rank < last) {
        real maxresid;
        const int pivot = X(next_pivot)(f, stop->tie_tol, &maxresid);
        if (X(stops)(f, stop, maxresid)) break;
        if (rrqr_interrupted(context, 4.0 * (f->m - f->rank) * (f->n - f->rank))) {
            status = RRQR_INTERRUPTED;
            break;
        }
        if (f->rank - f->panel >= width) X(panel_close)(f);
        X(panel_step)(f, pivot, work);
    }
    rrqr_release(work);
    return status;
}
