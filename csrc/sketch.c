/* A sketch B = Omega A of the residual columns: a few random combinations of the rows, in which lengths and angles of
 * the columns survive to a few percent, so that pivots can be chosen on it.
 *
 * J. A. Duersch, M. Gu, "Randomized QR with column pivoting", SIAM J. Sci. Comput. 39(4), 2017, doi:10.1137/15M1044680;
 * P. G. Martinsson, G. Quintana-Orti, N. Heavner, R. van de Geijn, "Householder QR factorization with randomization for
 * column pivoting (HQRRP)", SIAM J. Sci. Comput. 39(2), 2017, doi:10.1137/16M1081270. */
#include "kernels.h"

#include <string.h>

rrqr_status X(sketch_open)(rrqr_context *context, const rrqr_factor *f, const scalar *omega, X(sketch) *s)
{
    const size_t m = f->m, n = f->n, rows = RRQR_SKETCH, block = RRQR_BLOCK;
    const size_t scalars = rows * m + rows * n + block * n + block * n + rows;
    *s = (X(sketch)){0};
    s->omega = rrqr_allocate(context, scalars, sizeof(scalar));
    s->positions = rrqr_allocate(context, 3 * n, sizeof(int));
    s->qr.norms = rrqr_allocate(context, 3 * n, sizeof(real));
    if (!s->omega || !s->positions || !s->qr.norms) {
        X(sketch_close)(s);
        return RRQR_NO_MEMORY;
    }
    s->b = s->omega + rows * m;
    s->copy = s->b + rows * n;
    s->qr.f = s->copy + block * n;
    s->qr.tau = (scalar *)s->qr.f + block * n;
    s->qr.pivots = s->positions + 2 * n;
    s->qr.norms0 = (real *)s->qr.norms + n;
    s->sums = (real *)s->qr.norms + 2 * n;
    s->level = INFINITY; /* nothing is sketched yet */
    const int LARGEST = PICK(120, 1018, 120, 1018);
    int e = 0;
    if (f->maxnorm > 0) (void)frexp(f->maxnorm, &e);
    const real scale = (real)ldexp(1, -(e > LARGEST ? LARGEST : e < -LARGEST ? -LARGEST : e));
    for (size_t i = 0; i < rows * m; i++) s->omega[i] = omega[i] * scale;
    return RRQR_OK;
}

void X(sketch_close)(X(sketch) *s)
{
    rrqr_release(s->omega);
    rrqr_release(s->positions);
    rrqr_release(s->qr.norms);
}

/* B = Omega A, over the residual block of a closed panel, its columns one beside the other. */
void X(sketch_form)(const rrqr_factor *f, X(sketch) *s, double level)
{
    const int k = f->rank, rows = RRQR_SKETCH;
    gemm('N', 'N', rows, f->n - k, f->m - k, 1, AT(s->omega, rows, 0, k), rows, X(column)(f, k, k), f->lda, 0,
         AT(s->b, rows, 0, k), rows);
    s->level = level;
}

/* Up to `wanted` pivots by QR of the sketch; the columns of the matrix are exchanged as those of the sketch were. */
rrqr_status X(sketch_pivots)(rrqr_context *context, rrqr_factor *f, X(sketch) *s, int wanted, double tie_tol)
{
    const int k = f->rank, n = f->n - k, SMALL = 700; /* columns below which prefetching does not pay, measured */
    const rrqr_stop stop = {.rank = wanted, .rtol = -1, .atol = -1, .tie_tol = tie_tol};
    rrqr_factor *qr = &s->qr;
    qr->m = qr->lda = RRQR_SKETCH;
    qr->n = n;
    qr->a = AT(s->b, RRQR_SKETCH, 0, k);
    qr->width = min_int(RRQR_BLOCK, n);
    rrqr_status status = X(begin)(context, qr);
    if (!status) status = (n > SMALL ? X(prefetch) : X(greedy))(context, qr, &stop);
    X(panel_close)(qr);
    int *at = s->positions, *held = s->positions + n; /* where a column is, and what is at a position */
    for (int j = 0; j < n; j++) at[j] = held[j] = j;
    for (int i = 0; i < qr->rank; i++) {
        const int from = at[qr->pivots[i]];
        X(swap_columns)(f, k + i, k + from);
        at[held[i]] = from;
        held[from] = held[i];
    }
    return status;
}

/* The sketch of what is left when columns k..k+b-1 are eliminated: with its own R = (S11 S12; 0 S22) and that of the
 * matrix, B - Omega Q1 R = Qs (S12 - S11 R11^{-1} R12; S22). */
void X(sketch_downdate)(const rrqr_factor *f, X(sketch) *s, int k, int b)
{
    const int rest = f->n - k - b, rows = RRQR_SKETCH;
    if (rest <= 0) return;
    for (int j = 0; j < rest; j++)
        memcpy(AT(s->copy, b, 0, j), AT((const scalar *)f->a, f->lda, k, k + b + j), (size_t)b * sizeof(scalar));
    trsm('L', 'U', 'N', 'N', b, rest, AT((const scalar *)f->a, f->lda, k, k), f->lda, s->copy, b);
    trmm('L', 'U', 'N', 'N', b, rest, AT(s->b, rows, 0, k), rows, s->copy, b);
    for (int j = 0; j < rest; j++) {
        scalar *top = AT(s->b, rows, 0, k + b + j);
        for (int i = 0; i < b; i++) top[i] -= AT(s->copy, b, 0, j)[i];
    }
}
