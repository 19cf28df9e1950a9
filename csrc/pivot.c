/* The next pivot column and whether to stop before it. */
#include "kernels.h"

/* The column of largest residual norm; of those within tie_tol of it, the one that comes first in A. -1 when one of
 * them is stale, so that its norm must be computed before it can be compared.
 * *maxresid is that largest norm, NaN when any norm is, and 0 when no column is left. */
int X(pivot)(const rrqr_factor *f, double tie_tol, real *maxresid)
{
    const real *norms = f->norms, *norms0 = f->norms0;
    real largest = 0;
    int nan = 0;
    for (int j = f->rank; j < f->n; j++) {
        nan |= norms[j] != norms[j];
        largest = norms[j] > largest ? norms[j] : largest;
    }
    *maxresid = nan ? (real)NAN : largest;
    const real tied = (real)(largest * (1 - tie_tol));
    int pivot = f->rank, first = f->n, stale = 0;
    for (int j = f->rank; j < f->n; j++)
        if (norms[j] >= tied) {
            stale |= norms0[j] < 0;
            if (f->pivots[j] < first) {
                first = f->pivots[j];
                pivot = j;
            }
        }
    return stale ? -1 : pivot;
}

/* A residual of zero ends every factorization, and so does NaN: nothing can be chosen by it. */
int X(stops)(const rrqr_factor *f, const rrqr_stop *stop, double maxresid)
{
    return !(maxresid > 0) || maxresid <= stop->atol || maxresid / f->maxnorm <= stop->rtol;
}

/* The pivot of the step before which `stop` does not hold, -1 where it holds or no step is left; *maxresid as above.
 * The open panel is applied where that is needed to tell. */
int X(next_pivot)(rrqr_factor *f, const rrqr_stop *stop, real *maxresid)
{
    if (f->rank >= min_int(stop->rank, min_int(f->m, f->n))) return -1;
    int pivot = X(pivot)(f, stop->tie_tol, maxresid);
    if (pivot < 0) {
        X(panel_close)(f);
        pivot = X(pivot)(f, stop->tie_tol, maxresid);
    }
    return X(stops)(f, stop, *maxresid) ? -1 : pivot;
}

/* Exchange columns i and j of A and all that belongs to them. */
void X(swap_columns)(rrqr_factor *f, int i, int j)
{
    if (i == j) return;
    scalar *x = AT((scalar *)f->a, f->lda, 0, i), *y = AT((scalar *)f->a, f->lda, 0, j);
    const int rows = f->source ? f->rank : f->m;
    for (int l = 0; l < rows; l++) {
        scalar t = x[l];
        x[l] = y[l];
        y[l] = t;
    }
    for (int l = 0; l < f->rank - f->panel; l++) {
        scalar *fi = AT((scalar *)f->f, f->n, i, l), *fj = AT((scalar *)f->f, f->n, j, l), t = *fi;
        *fi = *fj;
        *fj = t;
    }
    real *norms = f->norms, *norms0 = f->norms0, t = norms[i];
    norms[i] = norms[j], norms[j] = t;
    t = norms0[i], norms0[i] = norms0[j], norms0[j] = t;
    int p = f->pivots[i];
    f->pivots[i] = f->pivots[j], f->pivots[j] = p;
}
