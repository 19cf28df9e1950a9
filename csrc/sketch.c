/* A sketch B = Omega A of the residual columns: a few random combinations of the rows, in which lengths and angles of
 * the columns survive to a few percent, so that pivots can be chosen on it. QR with pivoting of all of B would cost
 * more than anything else; Gaussian elimination of B^T finds columns that are nearly as good in products, and QR of
 * these and of the longest puts them in order.
 *
 * J. A. Duersch, M. Gu, "Randomized QR with column pivoting", SIAM J. Sci. Comput. 39(4), 2017, doi:10.1137/15M1044680;
 * P. G. Martinsson, G. Quintana-Orti, N. Heavner, R. van de Geijn, "Householder QR factorization with randomization for
 * column pivoting (HQRRP)", SIAM J. Sci. Comput. 39(2), 2017, doi:10.1137/16M1081270. Elimination in place of QR:
 * Y. Dong, P. G. Martinsson, "Simpler is better", Adv. Comput. Math. 49, 2023, arXiv:2104.05877; M. Melnichenko et al.,
 * arXiv:2507.00976. */
#include "kernels.h"

#include <string.h>

rrqr_status X(sketch_open)(rrqr_context *context, const rrqr_factor *f, const scalar *omega, int wanted, X(sketch) *s)
{
    const size_t m = f->m, n = f->n, rows = wanted + RRQR_OVERSAMPLE, block = RRQR_BLOCK;
    const size_t scalars = rows * m + 2 * rows * n + block * n + rows;
    *s = (X(sketch)){.n = f->n, .rows = (int)rows};
    s->omega = rrqr_allocate(context, scalars, sizeof(scalar));
    s->positions = rrqr_allocate(context, 4 * n, sizeof(int));
    s->qr.norms = rrqr_allocate(context, 3 * n, sizeof(real));
    if (!s->omega || !s->positions || !s->qr.norms) {
        X(sketch_close)(s);
        return RRQR_NO_MEMORY;
    }
    s->b = s->omega + rows * m;
    s->copy = s->b + rows * n;
    s->qr.f = s->copy + rows * n;
    s->qr.tau = (scalar *)s->qr.f + block * n;
    s->qr.pivots = s->positions + 3 * n;
    s->qr.norms0 = (real *)s->qr.norms + n;
    s->sums = (real *)s->qr.norms + 2 * n;
    s->level = INFINITY; /* nothing is sketched yet */
    const real scale = power_of_two(-exponent(f->maxnorm));
    for (size_t i = 0; i < rows * m; i++) s->omega[i] = omega[i] * scale;
    return RRQR_OK;
}

void X(sketch_close)(X(sketch) *s)
{
    rrqr_release(s->omega);
    rrqr_release(s->positions);
    rrqr_release(s->qr.norms);
}

/* B = Omega A, over the residual block of a closed panel: where there is a source, that is all of the matrix. */
void X(sketch_form)(const rrqr_factor *f, X(sketch) *s, double level)
{
    const int k = f->rank, rows = s->rows;
    const int n = f->n - k;
    if (f->source)
        X(source_sketch)(f, rows, s->omega, s->copy);
    else
        gemm('T', 'T', n, rows, f->m - k, 1, AT((const scalar *)f->a, f->lda, k, k), f->lda, AT(s->omega, rows, 0, k),
             rows, 0, s->copy, n);
    for (int j0 = 0; j0 < n; j0 += TILE)
        for (int l = 0; l < rows; l++)
            for (int j = j0; j < min_int(j0 + TILE, n); j++)
                *AT(s->b, rows, l, k + j) = *AT(s->copy, n, f->source ? f->pivots[j] : j, l);
    s->level = level;
}

/* Which of the n residual columns may be pivots, in their order: those that Gaussian elimination of B^T with partial
 * pivoting takes as pivots, and as many of the longest others; their number. flags, order: n. */
static int likely_pivots(const rrqr_factor *f, X(sketch) *s, int n, int *flags, int *order)
{
    const int k = f->rank;
    const real *norms = (const real *)f->norms + k;
    int rows = s->rows, info = 0, others = 0, count = 0;
    X(transpose)(n, rows, AT(s->b, rows, 0, k), rows, s->copy);
    X(lapack).getrf(&n, &rows, s->copy, &n, flags, &info);
    for (int j = 0; j < n; j++) order[j] = j;
    for (int i = 0; i < rows; i++) {
        const int with = flags[i] - 1, t = order[i];
        order[i] = order[with], order[with] = t;
    }
    for (int j = 0; j < n; j++) flags[j] = 0;
    for (int i = 0; i < min_int(rows, f->m - k); i++) flags[order[i]] = 1; /* beyond that rank all is rounding error */
    for (int j = 0; j < n; j++)
        if (!flags[j]) s->sums[others++] = norms[j];
    const real least = X(kth_largest)(s->sums, others, rows);
    for (int j = 0, left = rows; j < n && left; j++)
        if (!flags[j] && norms[j] >= least) {
            flags[j] = 1;
            left--;
        }
    for (int j = 0; j < n; j++)
        if (flags[j]) order[count++] = j;
    return count;
}

/* Up to `wanted` pivots by QR of candidate columns of the sketch; columns are exchanged in the matrix and the sketch.
 * All columns are candidates where there are few, and where tied ones are to be found. */
rrqr_status X(sketch_pivots)(rrqr_context *context, rrqr_factor *f, X(sketch) *s, int wanted, double tie_tol)
{
    const int k = f->rank, n = f->n - k, rows = s->rows;
    /* of the sketch as it was formed, a column of which is about sqrt(rows) times as long as A's */
    const double length = s->level * power_of_two(-exponent(f->maxnorm)) * sqrt(rows);
    const rrqr_stop stop = {.rank = wanted, .rtol = -1, .atol = SKETCH_FALL * length, .tie_tol = tie_tol};
    int *at = s->positions, *held = at + s->n, *among = held + s->n; /* where a column is, and what is at a position */
    int count = n;
    if (n > 2 * rows && tie_tol == 0)
        count = likely_pivots(f, s, n, at, among);
    else
        for (int j = 0; j < n; j++) among[j] = j;
    for (int j = 0; j < count; j++)
        memcpy(AT(s->copy, rows, 0, j), AT(s->b, rows, 0, k + among[j]), rows * sizeof(scalar));
    rrqr_factor *qr = &s->qr;
    qr->m = qr->lda = rows;
    qr->n = count;
    qr->a = s->copy;
    qr->width = min_int(RRQR_BLOCK, count);
    rrqr_status status = X(begin)(context, qr);
    if (!status) status = (count > SKETCH_SMALL ? X(prefetch) : X(greedy))(context, qr, &stop);
    for (int j = 0; j < n; j++) at[j] = held[j] = j;
    for (int i = 0; i < qr->rank; i++) {
        const int from = at[among[qr->pivots[i]]];
        scalar *x = AT(s->b, rows, 0, k + i), *y = AT(s->b, rows, 0, k + from);
        X(swap_columns)(f, k + i, k + from);
        for (int l = 0; l < rows && from != i; l++) {
            const scalar t = x[l];
            x[l] = y[l], y[l] = t;
        }
        at[held[i]] = from;
        held[from] = held[i];
    }
    return status;
}

/* The sketch of what is left when columns k..k+b-1 are eliminated: B2 - B1 R11^{-1} R12. */
void X(sketch_downdate)(const rrqr_factor *f, X(sketch) *s, int k, int b)
{
    const int rest = f->n - k - b, rows = s->rows;
    if (rest <= 0) return;
    for (int j = 0; j < rest; j++)
        memcpy(AT(s->copy, b, 0, j), AT((const scalar *)f->a, f->lda, k, k + b + j), (size_t)b * sizeof(scalar));
    trsm('L', 'U', 'N', 'N', b, rest, AT((const scalar *)f->a, f->lda, k, k), f->lda, s->copy, b);
    gemm('N', 'N', rows, rest, b, -1, AT(s->b, rows, 0, k), rows, s->copy, b, 1, AT(s->b, rows, 0, k + b), rows);
}
