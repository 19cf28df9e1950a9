/* Strong rank-revealing QR: columns are exchanged until no exchange would enlarge |det R11| by more than a factor.
 *
 * M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
 * Comput. 17(4), 1996, doi:10.1137/0917055, Algorithm 4. The exchanges go on beside the factor (exchange.c), which only
 * grows by columns that come in; then it is computed afresh for the columns that were found, and looked at once more.
 *
 * Guarantee, with rho the largest rho_ij found (at most the bound) and q = sqrt(1 + rho^2 k (n - k)):
 *
 *     |T_ij| <= rho,    sigma_i(A) / q <= sigma_i(R11),    sigma_j(R22) <= sigma_{k+j}(A) q. */
#include "kernels.h"

/* Exchange columns while a rho_ij is above the limit, but at most so many times; *made is how many. */
static rrqr_status improve(rrqr_context *context, rrqr_factor *f, X(exchange) *e, double limit, int most, int *made,
                           rrqr_strength *strength)
{
    rrqr_status status = RRQR_OK;
    *made = 0;
    while (!status) {
        int i = 0, j = 0;
        strength->rho = X(exchange_largest)(e, &i, &j);
        strength->largest_t = e->largest;
        if (!(strength->rho > limit)) break;
        if (f->stale) { /* a bound of a norm may accuse, but must not decide */
            X(panel_close)(f);
            X(exchange_norms)(f, e);
            continue;
        }
        if (*made == most) break;
        if (j >= e->rows && f->rank < min_int(f->m, f->n)) {
            if (e->rows == e->capacity) break;
            j = X(exchange_fetch)(f, e, j);
        }
        status = X(exchange_columns)(context, f, e, i, j);
        ++*made;
        const double operations = 4.0 * (f->m - e->rows) * (f->n - e->rows) + 16.0 * e->k * e->n;
        if (!status && rrqr_interrupted(context, operations)) status = RRQR_INTERRUPTED;
    }
    return status;
}

/* The columns of R11 in greedy order, as positions in the factor. */
static rrqr_status greedy_order(rrqr_context *context, const X(exchange) *e, double tie_tol, int *wanted)
{
    const size_t k = e->k, width = min_int(RRQR_BLOCK, e->k);
    const rrqr_stop stop = {.rank = e->k, .rtol = -1, .atol = -1, .tie_tol = tie_tol};
    rrqr_factor r11 = {.m = e->k, .n = e->k, .lda = e->k ? e->k : 1, .width = (int)width};
    r11.a = rrqr_allocate(context, k * (k + 1 + width), sizeof(scalar));
    r11.norms = rrqr_allocate(context, 2 * k, sizeof(real));
    r11.pivots = wanted;
    rrqr_status status = RRQR_NO_MEMORY;
    if (r11.a && r11.norms) {
        r11.tau = (scalar *)r11.a + k * k;
        r11.f = (scalar *)r11.tau + k;
        r11.norms0 = (real *)r11.norms + k;
        X(transpose)(e->k, e->k, e->r, e->n, r11.a);
        status = X(begin)(context, &r11);
        if (!status) status = (e->k > STRONG_SMALL ? X(prefetch) : X(greedy))(context, &r11, &stop);
        for (int p = 0; p < e->k; p++) wanted[p] = e->order[wanted[p]];
    }
    rrqr_release(r11.a);
    rrqr_release(r11.norms);
    return status;
}

/* log |det R11|, scaled. */
static double volume(const X(exchange) *e)
{
    double sum = 0;
    for (int p = 0; p < e->k; p++) sum += log(modulus(*AT(e->r, e->n, p, p)));
    return sum;
}

/* Go on from the present rank until `stop` holds and no rho_ij exceeds the bound. Where leading columns are strong but
 * with the next ones numerically singular, the factor starts again from them; if that does not take it further they are
 * all that it gets. */
rrqr_status X(strong)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, double bound,
                      rrqr_strength *strength)
{
    /* below the bound by what rho_ij are known to, and above what equal columns have */
    const double slack = EXCHANGE_SLACK, least = 1 + slack;
    const double limit = bound * (1 - slack) > least ? bound * (1 - slack) : least;
    rrqr_stop present = *stop;
    int before = -1, furthest = -1, settled = 0;
    double reached = 0;
    *strength = (rrqr_strength){0};
    rrqr_status status = f->factored > f->rank ? X(retreat)(context, f, f->rank) : RRQR_OK;
    while (!status && !settled) {
        X(exchange) e;
        status = X(greedy)(context, f, &present);
        if (!status) status = X(exchange_open)(context, f, &e);
        if (status) break;
        /* a round that gained less than an exchange must: rounding decides, and it was the last */
        const int k = f->rank, leading = e.k, stuck = leading == before && !(volume(&e) > reached + log(least) / 2);
        int made;
        before = leading;
        reached = volume(&e);
        status = improve(context, f, &e, limit, stuck ? 0 : EXCHANGE_ROUNDS * e.capacity, &made, strength);
        strength->swaps += made;
        settled = !made && leading == k;
        if (!status && !settled) {
            if (leading < k) {
                if (leading <= furthest) present.rank = e.k;
                furthest = leading;
            }
            status = greedy_order(context, &e, stop->tie_tol, e.wanted);
            if (!status) status = X(reorder)(context, f, e.wanted, e.k);
        }
        X(exchange_close)(&e);
    }
    return status;
}
