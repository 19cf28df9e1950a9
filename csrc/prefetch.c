/* Greedy QR at the speed of matrix products: the same pivots, chosen on prefetched Gram rows.
 *
 * The pivots of Businger and Golub depend only on the norms of the residual columns, and those can be followed from the
 * rows of the Gram matrix that belong to the pivots: with u_k = conj(r_k),
 *
 *     u_k = (G(:, p) - sum_{l<k} u_l conj(u_l(p))) / r_kk,    ||residual of column j||^2 -= |u_k(j)|^2.
 *
 * A block fetches the rows of likely pivots with one product A^H A_S, runs the greedy steps on them, fetches what it
 * missed, and only then touches the matrix: it permutes, factors the panel by Householder reflectors and leaves one
 * product A -= V F^H to be done. The largest norm is always looked for over all columns, so that the choice is exactly
 * the greedy one as long as the squared norms keep enough digits; a bound of their error ends the block before they do
 * not.
 *
 * P. A. Businger, G. H. Golub, doi:10.1007/BF01436084, for the pivots. R's diagonal comes from the reflectors.
 *
 * Guarantee: that of greedy.c, and pivots that differ from its own only within rounding of the squared norms. */
#include "kernels.h"

/* The position of the largest squared norm, of tied ones that which comes first in A. */
static int largest_left(const rrqr_factor *f, const X(gram) *g, double tie_tol, real *largest)
{
    const real *left = g->left;
    real most = -1;
#pragma omp simd reduction(max : most)
    for (int j = f->rank; j < f->n; j++) most = left[j] > most ? left[j] : most;
    const real tied = (real)(most * (1 - tie_tol) * (1 - tie_tol));
    int pivot = -1, first = f->n;
    for (int j = f->rank; j < f->n; j++)
        if (left[j] >= tied && f->pivots[j] < first) {
            first = f->pivots[j];
            pivot = j;
        }
    *largest = most;
    return pivot;
}

/* Step t of a block with the column at `pivot`: its row of R, conjugated and scaled, into column t of F, and the norms.
 * Rows of the candidates are up to date with the steps before `from`. 0 when rounding leaves no pivot. */
static int gram_step(const rrqr_factor *f, X(gram) *g, int pivot, int t, int from, double *growth)
{
    const int k = f->rank, n = f->n - k, slot = g->slots[pivot];
    scalar coefficients[PREFETCH_INNER];
    scalar *u = AT((scalar *)f->f, f->n, k, t);
    const scalar *row = AT(g->rows, g->n, k, slot);
    for (int j = 0; j < n; j++) u[j] = row[j];
    for (int l = from; l < t; l++) coefficients[l - from] = conjugate(*AT((scalar *)f->f, f->n, pivot, l));
    if (t > from) gemv('N', n, t - from, -1, AT((scalar *)f->f, f->n, k, from), f->n, coefficients, 1, 1, u, 1);
    const real squared = ((real *)&u[pivot - k])[0];
    /* of the row, in units of eps: G's, its rounding and underflow, and what its predecessors bring along, in both
     * factors of a product */
    double error = g->base + REAL_MIN;
    for (int l = 0; l < t; l++) error += 2 * growth[l] * modulus(*AT((scalar *)f->f, f->n, pivot, l));
    if (!(error * REAL_EPSILON <= PREFETCH_CHOICE * squared)) return 0;
    const real inverse = 1 / square_root(squared);
    growth[t] = error * inverse;
    real *left = g->left + k;
    for (int j = 0; j < n; j++) {
        u[j] *= inverse;
        left[j] -= square(u[j]);
    }
    left[pivot - k] = -1;
    X(gram_drop)(f, g, slot);
    return 1;
}

/* Choose up to `goal` pivots; their positions into chosen, how many is returned. *fall is what is left of the largest
 * squared norm beside the largest when the oldest row was fetched; *poor says that too many pivots were not foreseen.
 */
static int choose(const rrqr_factor *f, X(gram) *g, const rrqr_stop *stop, int goal, int *chosen, real *fall, int *poor)
{
    int t = 0, from = 0, misses = 0;
    double growth[RRQR_BLOCK];
    *fall = 1;
    *poor = 0;
    X(gram_fetch)(f, g, PREFETCH_CANDIDATES * goal, -1, 0);
    while (t < goal) {
        real largest;
        const int pivot = largest_left(f, g, stop->tie_tol, &largest);
        if (t && X(stops)(f, stop, square_root(largest) / g->scale)) break;
        if (g->slots[pivot] < 0) {
            *poor = PREFETCH_MISS * misses++ > t + PREFETCH_MISS;
            if (*poor) break;
            X(gram_fetch)(f, g, PREFETCH_BATCH, pivot, from);
        }
        if (!gram_step(f, g, pivot, t, from, growth)) break;
        *fall = largest / g->base;
        chosen[t++] = pivot;
        if (t - from == PREFETCH_INNER) {
            X(gram_update)(f, g, from, t);
            from = t;
        }
    }
    X(gram_update)(f, g, from, t);
    return t;
}

/* Whether the Gram rows gave the triangle that the reflectors gave, to a few times rounding: elimination on Gram rows
 * is a Cholesky factorization, whose errors grow with R11^{-1} even where the norms hardly fall (Kahan's matrix). */
static int confirmed(const rrqr_factor *f, const X(gram) *g)
{
    const int k = f->panel, b = f->rank - k;
    const real limit = b * PREFETCH_AGREE * square_root(g->base);
    for (int j = 0; j < b; j++)
        for (int l = 0; l <= j; l++) {
            const real of_panel = modulus(*AT((const scalar *)f->a, f->lda, k + l, k + j)) * g->scale;
            const real of_gram = modulus(*AT((const scalar *)f->f, f->n, k + j, l));
            if (!(of_panel - of_gram <= limit && of_gram - of_panel <= limit)) return 0;
        }
    return 1;
}

/* F and the rows k..k+b-1 of R from the Gram rows: with the panel's reflectors V = (V1; V2) the rows of the update
 * A - V F^H on top are R12 = A1 - V1 F^H, so F = (A1 - R12)^H V1^{-H}. */
static void rows_from_gram(rrqr_factor *f, const X(gram) *g)
{
    const int k = f->panel, b = f->rank - k;
    const real unscale = 1 / g->scale;
    const scalar *v = AT((scalar *)f->a, f->lda, k, k);
    real signs[RRQR_BLOCK];
    for (int l = 0; l < b; l++) signs[l] = ((const real *)AT(v, f->lda, l, l))[0] < 0 ? -unscale : unscale;
    for (int j = f->rank; j < f->n; j++) {
        scalar *a = AT((scalar *)f->a, f->lda, k, j), *u = (scalar *)f->f + j;
        for (int l = 0; l < b; l++) {
            scalar *entry = AT(u, f->n, 0, l), r = conjugate(*entry) * signs[l];
            *entry = conjugate(a[l] - r);
            a[l] = r;
        }
    }
    trsm('R', 'L', 'C', 'U', f->n - f->rank, b, v, f->lda, AT((scalar *)f->f, f->n, f->rank, 0), f->n);
}

/* Eliminate with the chosen columns. work: 2 RRQR_BLOCK^2 scalars. */
static rrqr_status eliminate_chosen(rrqr_factor *f, X(gram) *g, int *chosen, int b, real fall, scalar *work)
{
    const int k = f->rank;
    scalar *t = work;
    f->panel = k;
    f->rank = f->factored = k + b;
    for (int i = 0; i < b; i++) {
        X(swap_columns)(f, k + i, chosen[i]);
        X(gram_swap)(g, k + i, chosen[i]);
        for (int l = i + 1; l < b; l++)
            if (chosen[l] == k + i) chosen[l] = chosen[i];
    }
    const rrqr_status status = X(block_panel)(f, k, b, t);
    const int accurate = confirmed(f, g);
    if (accurate && fall > PREFETCH_ACCURATE && g->smallest >= REAL_MIN / REAL_EPSILON)
        rows_from_gram(f, g);
    else
        X(block_rows)(f, k, b, f->rank, f->n, t, work + RRQR_BLOCK * RRQR_BLOCK);
    if (!accurate) X(gram_clear)(f, g);
    X(block_downdate)(f, k, b);
    return status;
}

/* Whether column j is zero below the row of the next step. */
static int nothing_below(const rrqr_factor *f, int j)
{
    const scalar *a = AT((const scalar *)f->a, f->lda, 0, j);
    for (int i = f->rank + 1; i < f->m; i++)
        if (a[i] != 0) return 0;
    return 1;
}

/* Go on from the present rank until `stop` holds. A block that ends early says that the norms fall fast: the next one
 * fetches less, and when hardly anything was gained the plain kernel goes on for a while. */
rrqr_status X(prefetch)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop)
{
    const int last = min_int(stop->rank, min_int(f->m, f->n));
    const int widest = min_int(f->width, rrqr_width(f->m, f->n, RRQR_BLOCKS, RRQR_NARROW, RRQR_BLOCK));
    int chosen[RRQR_BLOCK], expected = (widest + 1) / PREFETCH_FIRST, pause = PREFETCH_PAUSE;
    X(gram) g;
    rrqr_status status = X(gram_open)(context, f, &g);
    if (status) return status;
    scalar *work = rrqr_allocate(context, 2 * RRQR_BLOCK * RRQR_BLOCK + (size_t)f->n + f->width, sizeof(scalar));
    if (!work) status = RRQR_NO_MEMORY;
    X(settle)(f);
    int pivot;
    real maxresid;
    while (!status && (pivot = X(next_pivot)(f, stop, &maxresid)) >= 0) {
        const double area = (double)(f->m - f->rank) * (f->n - f->rank);
        const int plain = nothing_below(f, pivot); /* as in a triangle: a step is free where the reflector is I */
        if (rrqr_interrupted(context, (plain ? 4 : 6 * RRQR_BLOCK) * area)) {
            status = RRQR_INTERRUPTED;
            break;
        }
        if (plain) {
            X(gram_clear)(f, &g);
            if (f->rank - f->panel >= min_int(f->width, RRQR_PANEL)) X(panel_close)(f);
            X(panel_step)(f, pivot, work);
            continue;
        }
        X(panel_close)(f);
        const int left = last - f->rank, blocks = (left + expected - 1) / expected;
        const int goal = min_int((left + blocks - 1) / blocks, widest);
        real fall;
        int poor;
        X(gram_begin)(f, &g);
        const int b = choose(f, &g, stop, goal, chosen, &fall, &poor);
        if (b) status = eliminate_chosen(f, &g, chosen, b, fall, work);
        if (b < goal)
            expected = b < PREFETCH_LEAST ? PREFETCH_LEAST : b;
        else
            expected = min_int(PREFETCH_GROWTH * expected, widest);
        if (!status && (poor || b < min_int(goal, PREFETCH_PAID))) {
            X(gram_clear)(f, &g);
            status = X(greedy_steps)(context, f, stop, pause);
            pause = min_int(2 * pause, PREFETCH_LONGEST_PAUSE);
        } else {
            pause = PREFETCH_PAUSE;
        }
    }
    rrqr_release(work);
    X(gram_close)(&g);
    return status;
}
