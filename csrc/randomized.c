/* Randomized blocked QR with column pivoting: pivots are chosen on a small sketch, the matrix sees products only.
 *
 * J. A. Duersch, M. Gu, doi:10.1137/15M1044680; P. G. Martinsson et al., doi:10.1137/16M1081270; M. Melnichenko et al.,
 * "Anatomy of high-performance column-pivoted QR decomposition" (BQRRP), 2025, arXiv:2507.00976.
 *
 * Where few columns are wanted, the updates of up to `width` are deferred, so that a truncated factorization never
 * touches its residual, and need not even have a copy of it (source.c).
 *
 * Guarantee: A P = Q R as stable as greedy.c; maxresid is the true largest residual norm, so that a tolerance holds
 * exactly; each pivot is, up to the distortion of the sketch, the longest left of the block's candidates (sketch.c). */
#include "kernels.h"

#include <string.h>

/* The first step of the block k..k+b-1 before which `stop` holds, at most k+most: how many of its b columns stay. The
 * residual norms are summed backwards from what is left behind the block, so that nothing cancels; when the block is
 * cut they become the factor's, where a bound gives a bound. sums: n. */
static int first_stop(rrqr_factor *f, const rrqr_stop *stop, int k, int b, int most, real *sums)
{
    real *norms = f->norms, *norms0 = f->norms0;
    for (int j = k; j < f->n; j++) {
        sums[j] = norms[j];
        if (j < k + b || f->rank == f->m) sums[j] = norms0[j] = 0;
    }
    for (int i = b - 1; i >= 0; i--) {
        real largest = 0;
        for (int j = k + i; j < f->n; j++) {
            sums[j] = hypotenuse(sums[j], modulus(*AT((const scalar *)f->a, f->lda, k + i, j)));
            largest = sums[j] > largest ? sums[j] : largest;
        }
        if (i < most && !X(stops)(f, stop, largest)) return i + 1;
        for (int j = k + i; j < f->n; j++) {
            norms[j] = sums[j];
            if (norms0[j] >= 0) norms0[j] = sums[j];
        }
    }
    return 0;
}

/* Let only the first `kept` of the b columns just eliminated stay so. `panel` holds the others as they were, up to date
 * with the open panel; where there is a source they are again to be taken from there, with their rows of F as `held`.
 */
static void cut_block(rrqr_factor *f, int k, int kept, int b, const scalar *panel, const scalar *held, const scalar *t,
                      scalar *work)
{
    const int below = f->m - k, pending = k - f->panel;
    const void *source = f->source;
    f->source = NULL;
    X(block_undo)(f, k, kept, b, k + b, f->n, work);
    for (int j = kept; j < b; j++)
        memcpy(AT((scalar *)f->a, f->lda, k, k + j), AT(panel, below, 0, j), (size_t)below * sizeof(scalar));
    for (int j = 0; j < kept; j++) /* T of fewer reflectors is its leading block */
        for (int i = 0; i < kept; i++) *AT(work, kept, i, j) = *AT(t, b, i, j);
    X(block_rows)(f, k, kept, k + kept, k + b, work, work + (size_t)kept * kept);
    for (int l = 0; l < pending && source; l++)
        memcpy(AT((scalar *)f->f, f->n, k + kept, l), AT(held, b, kept, l), (size_t)(b - kept) * sizeof(scalar));
    f->source = source;
    f->rank = f->factored = k + kept;
}

/* Norms of all residual columns, afresh; where that fails, bounds remain. */
static rrqr_status refresh(rrqr_context *context, rrqr_factor *f)
{
    real *norms = f->norms, *norms0 = f->norms0;
    rrqr_status status = X(residual)(context, f, NULL, 0, norms + f->rank);
    if (status) return status;
    for (int j = f->rank; j < f->n; j++) norms0[j] = norms[j];
    f->stale = 0;
    return RRQR_OK;
}

/* Eliminate with up to `wanted` columns that the sketch chooses. *stopped says that not all of them stay: the rule was
 * met before the last, or one has nothing left, or the memory to tell was missing, when none does. */
static rrqr_status sketched_block(rrqr_context *context, rrqr_factor *f, X(sketch) *s, const rrqr_stop *stop,
                                  int wanted, scalar *panel, scalar *t, int *stopped)
{
    const int k = f->rank, below = f->m - k, pending = k - f->panel;
    scalar *held = t + RRQR_WIDE * RRQR_WIDE, *work = held + (size_t)RRQR_WIDE * f->width;
    rrqr_status status = X(sketch_pivots)(context, f, s, wanted, stop->tie_tol);
    const int b = s->qr.rank;
    if (status || !b) return status;

    X(load)(f, k, k, k + b);
    for (int l = 0; l < pending; l++)
        memcpy(AT(held, b, 0, l), AT((scalar *)f->f, f->n, k, l), (size_t)b * sizeof(scalar));
    X(block_update)(f, k, b);
    for (int j = 0; j < b; j++)
        memcpy(AT(panel, below, 0, j), AT((scalar *)f->a, f->lda, k, k + j), (size_t)below * sizeof(scalar));
    status = X(block_eliminate)(f, b, t, work);

    int most = b;
    for (int l = b - 1; l >= 0; l--)
        if (*AT((scalar *)f->a, f->lda, k + l, k + l) == 0) most = l; /* nothing can be divided by it */
    if (f->stale && f->rank < f->m && (stop->rtol >= 0 || stop->atol >= 0) && !status) status = refresh(context, f);
    const int kept = first_stop(f, stop, k, b, status ? 0 : most, s->sums);
    *stopped = kept < b;
    if (*stopped)
        cut_block(f, k, kept, b, panel, held, t, work);
    else if (f->rank < stop->rank)
        X(sketch_downdate)(f, s, k, b);
    return status;
}

/* Go on from the present rank until `stop` holds. omega: (rrqr_share(columns left) + RRQR_OVERSAMPLE) x m, independent
 * standard normal entries. */
rrqr_status X(randomized)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, const void *omega)
{
    const int last = min_int(stop->rank, min_int(f->m, f->n));
    X(sketch) s;
    rrqr_status status = X(sketch_open)(context, f, omega, rrqr_share(f->m, f->n, last - f->rank), &s);
    if (status) return status;
    const size_t rows = (size_t)f->m + 3 * RRQR_WIDE + 2 * (size_t)f->width + (f->source ? f->n : 0);
    scalar *panel = rrqr_allocate(context, RRQR_WIDE * rows, sizeof(scalar));
    if (!panel) status = RRQR_NO_MEMORY;
    const int defers = rrqr_defers(f->m, f->n, last - f->rank);
    real maxresid;
    while (!status && X(next_pivot)(f, stop, &maxresid) >= 0) {
        const double area = (double)(f->m - f->rank) * (f->n - f->rank);
        if (rrqr_interrupted(context, 4 * RRQR_WIDE * area)) {
            status = RRQR_INTERRUPTED;
            break;
        }
        const int k = f->rank, wanted = min_int(rrqr_share(f->m, f->n, last - k), s.rows - RRQR_OVERSAMPLE);
        const int afresh = !(maxresid > SKETCH_FALL * s.level);
        /* the source gives products with the columns before k as well */
        const int many = f->source && SOURCE_COLUMNS * k > f->n;
        if (k > f->panel && (!defers || afresh || many || k - f->panel + wanted > f->width)) X(panel_close)(f);
        if (afresh) X(sketch_form)(f, &s, maxresid);
        int stopped = 0;
        status = sketched_block(context, f, &s, stop, wanted, panel, panel + (size_t)RRQR_WIDE * f->m, &stopped);
        if (s.qr.rank < wanted) s.level = INFINITY; /* what is left of the sketch is rounding error */
        if (status || !stopped) {
            if (f->rank > k) continue;
        }
        s.level = INFINITY; /* the sketch has lost its columns */
        if (!status && f->rank == k) status = X(greedy_steps)(context, f, stop, RRQR_PANEL);
    }
    rrqr_release(panel);
    X(sketch_close)(&s);
    return status;
}
