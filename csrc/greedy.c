/* Greedy truncated QR: LAPACK's blocked column-pivoted QR that stops at the column where a rule holds.
 *
 * P. A. Businger, G. H. Golub, "Linear least squares solutions by Householder transformations",
 * Numer. Math. 7, 1965, doi:10.1007/BF01436084; the stopping rule is that of LAPACK's ?geqp3rk (3.12).
 *
 * Guarantee: the pivots are those of the full factorization, and max_j ||R22(:, j)|| = maxresid. */
#include "kernels.h"

/* Go on from the present rank until `stop` holds. The panels begin at the same columns wherever a run was cut, so that
 * a run in pieces gives what one long run gives. */
rrqr_status X(greedy)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop)
{
    const int width = min_int(f->width, RRQR_PANEL);
    int pivot;
    real maxresid;
    scalar *work = rrqr_allocate(context, (size_t)f->n + f->width, sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    rrqr_status status = RRQR_OK;
    X(settle)(f);
    while ((pivot = X(next_pivot)(f, stop, &maxresid)) >= 0) {
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

/* So many steps of it, at most: for kernels whose own way does not pay for a while. */
rrqr_status X(greedy_steps)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, int steps)
{
    rrqr_stop sooner = *stop;
    sooner.rank = f->rank + min_int(steps, stop->rank - f->rank);
    return X(greedy)(context, f, &sooner);
}
