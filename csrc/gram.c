/* Gram rows of candidate columns: what greedy pivoting needs to know, fetched by matrix products.
 *
 * Scaled by a power of two, G(j, c) = a_j^H a_c - sum_l u_jl conj(u_cl), where u_l = conj(r_l) are the rows of R that
 * the block has found so far: the inner products of the residual columns. The rows stay right from block to block,
 * since the residual block of one is the matrix of the next. Their error is eps times the squared norms at the time
 * when the oldest of them was fetched: an error in one row reaches all that it updates. */
#include "kernels.h"

#include <string.h>

/* Powers of two: scale = 2^-e takes the largest norm x near 1. Of the two factors of a Gram row's product, the copied
 * columns get scale * boost and the product scale / boost, so that neither it nor its terms leave the normal numbers.
 */
static void set_scale(X(gram) *g, double x)
{
    const int e = exponent(x);
    g->scale = power_of_two(-e);
    g->boost = power_of_two(e > 0 ? -4 : min_int(-e, GRAM_BOOST));
}

rrqr_status X(gram_open)(rrqr_context *context, const rrqr_factor *f, X(gram) *g)
{
    const int most = min_int(f->n, GRAM_KEPT * min_int(f->width, RRQR_BLOCK));
    const size_t n = f->n, m = f->m, capacity = most, fetched = min_int(most, GRAM_FETCH);
    *g = (X(gram)){.n = f->n, .capacity = most};
    g->rows = rrqr_allocate(context, n * capacity, sizeof(scalar));
    g->copy = rrqr_allocate(context, m * fetched + capacity * RRQR_BLOCK, sizeof(scalar));
    g->left = rrqr_allocate(context, 2 * n, sizeof(real));
    g->candidates = rrqr_allocate(context, n + capacity, sizeof(int));
    if (!g->rows || !g->copy || !g->left || !g->candidates) {
        X(gram_close)(g);
        return RRQR_NO_MEMORY;
    }
    g->coefficients = g->copy + m * fetched;
    g->spare = g->left + n;
    g->slots = g->candidates + capacity;
    for (size_t j = 0; j < n; j++) g->slots[j] = -1;
    set_scale(g, f->maxnorm);
    return RRQR_OK;
}

void X(gram_close)(X(gram) *g)
{
    rrqr_release(g->rows);
    rrqr_release(g->copy);
    rrqr_release(g->left);
    rrqr_release(g->candidates);
}

/* Forget one candidate; the last one takes its slot. */
void X(gram_drop)(const rrqr_factor *f, X(gram) *g, int slot)
{
    const int last = --g->count, k = f->rank;
    g->slots[g->candidates[slot]] = -1;
    if (slot == last) return;
    memcpy(AT(g->rows, g->n, k, slot), AT(g->rows, g->n, k, last), (size_t)(g->n - k) * sizeof(scalar));
    g->candidates[slot] = g->candidates[last];
    g->slots[g->candidates[slot]] = slot;
}

/* Forget all candidates. */
void X(gram_clear)(const rrqr_factor *f, X(gram) *g)
{
    while (g->count) X(gram_drop)(f, g, g->count - 1);
}

/* A new block: squared norms of all residual columns. The rows are forgotten where the largest of these has fallen so
 * far since the first row was fetched that what each block has added to its error could be felt in a choice. */
void X(gram_begin)(const rrqr_factor *f, X(gram) *g)
{
    const real *norms = f->norms;
    real largest = 0;
    g->smallest = 1;
    for (int j = f->rank; j < f->n; j++) {
        const real norm = norms[j] * g->scale;
        if (norm < g->smallest && norms[j] > 0) g->smallest = norm;
        g->left[j] = norm * norm;
        largest = g->left[j] > largest ? g->left[j] : largest;
    }
    if (largest < GRAM_REUSE * g->base) X(gram_clear)(f, g);
    if (!g->count) g->base = largest;
}

/* The k-th largest of x (reordered): Hoare's selection. */
real X(kth_largest)(real *x, int n, int k)
{
    int low = 0, high = n - 1, at = k - 1;
    while (low < high) {
        const real middle = x[low + (high - low) / 2];
        int i = low, j = high;
        while (i <= j) {
            while (x[i] > middle) i++;
            while (x[j] < middle) j--;
            if (i <= j) {
                real t = x[i];
                x[i++] = x[j], x[j--] = t;
            }
        }
        if (at <= j)
            high = j;
        else if (at >= i)
            low = i;
        else
            break;
    }
    return x[at];
}

/* Rows first..last-1 lose what steps from..to-1 of the block took: G -= U conj(U(candidates, :))^T. */
static void take(const rrqr_factor *f, X(gram) *g, int first, int last, int from, int to)
{
    const int columns = last - first, steps = to - from, k = f->rank;
    if (columns <= 0 || steps <= 0) return;
    const scalar *u = AT((const scalar *)f->f, f->n, 0, from);
    for (int l = 0; l < steps; l++)
        for (int c = 0; c < columns; c++)
            *AT(g->coefficients, columns, c, l) = *AT(u, f->n, g->candidates[first + c], l);
    gemm('N', 'C', f->n - k, columns, steps, -1, u + k, f->n, g->coefficients, columns, 1, AT(g->rows, g->n, k, first),
         g->n);
}

void X(gram_update)(const rrqr_factor *f, X(gram) *g, int from, int to) { take(f, g, 0, g->count, from, to); }

/* Fetch one column into the next free slot of a batch. */
static void add(const rrqr_factor *f, X(gram) *g, int column, int place)
{
    const scalar *a = AT((const scalar *)f->a, f->lda, f->rank, column);
    scalar *b = AT(g->copy, f->m - f->rank, 0, place);
    for (int i = 0; i < f->m - f->rank; i++) b[i] = a[i] * g->scale * g->boost;
    g->candidates[g->count] = column;
    g->slots[column] = g->count++;
}

/* Fetch what is missing of the `likely` columns of largest residual norm, at least `pivot` (unless it is negative),
 * brought up to date with the steps before `steps`. */
void X(gram_fetch)(const rrqr_factor *f, X(gram) *g, int likely, int pivot, int steps)
{
    const int k = f->rank, below = f->m - k;
    int others = 0, missing = 0;
    for (int j = k; j < f->n; j++)
        if (g->left[j] > 0 && (pivot < 0 || g->slots[j] < 0)) g->spare[others++] = g->left[j];
    likely = min_int(min_int(likely, others), g->capacity);
    const real threshold = likely ? X(kth_largest)(g->spare, others, likely) : 0;
    for (int j = k; j < f->n; j++) missing += g->slots[j] < 0 && g->left[j] > 0 && g->left[j] >= threshold;
    missing = min_int(missing, g->capacity);
    while (g->count + missing > g->capacity) { /* make room: forget what is least likely to be chosen */
        int least = 0;
        for (int c = 1; c < g->count; c++)
            if (g->left[g->candidates[c]] < g->left[g->candidates[least]]) least = c;
        X(gram_drop)(f, g, least);
    }
    if (pivot >= 0 && missing) missing--;
    for (int j = k; missing > 0 || pivot >= 0;) {
        const int first = g->count;
        int batch = 0;
        if (pivot >= 0) add(f, g, pivot, batch++);
        pivot = -1;
        for (; j < f->n && missing > 0 && batch < GRAM_FETCH; j++)
            if (g->slots[j] < 0 && g->left[j] > 0 && g->left[j] >= threshold) {
                add(f, g, j, batch++);
                missing--;
            }
        gemm('C', 'N', f->n - k, batch, below, g->scale / g->boost, AT((const scalar *)f->a, f->lda, k, k), f->lda,
             g->copy, below, 0, AT(g->rows, g->n, k, first), g->n);
        take(f, g, first, g->count, 0, steps);
    }
}

/* Follow the exchange of columns i and j of the matrix. */
void X(gram_swap)(X(gram) *g, int i, int j)
{
    if (i == j) return;
    for (int c = 0; c < g->count; c++) {
        scalar *x = AT(g->rows, g->n, i, c), *y = AT(g->rows, g->n, j, c), t = *x;
        *x = *y, *y = t;
    }
    const int a = g->slots[i], b = g->slots[j];
    g->slots[i] = b, g->slots[j] = a;
    if (a >= 0) g->candidates[a] = j;
    if (b >= 0) g->candidates[b] = i;
}
