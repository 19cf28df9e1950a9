/* A stack of small matrices of one size, without coming back to Python between them. */
#include "kernels.h"

/* All columns of a row-major matrix with LAPACK's pivots: in loops of our own unless one is in doubt. */
static rrqr_status as_lapack(rrqr_context *context, const scalar *a, int tiny, rrqr_factor *f)
{
    const int m = f->m, n = f->n;
    X(transpose)(m, n, a, n, f->a);
    if (tiny && !X(begin)(context, f)) {
        const rrqr_status status = X(small_sure)(context, f);
        if (status || f->rank == min_int(m, n)) return status;
        X(transpose)(m, n, a, n, f->a);
    }
    return X(full)(context, f);
}

/* The columns that `stop` lets in. */
static rrqr_status truncated(rrqr_context *context, const scalar *a, int tiny, const rrqr_stop *stop, rrqr_factor *f)
{
    X(transpose)(f->m, f->n, a, f->n, f->a);
    const rrqr_status status = X(begin)(context, f);
    return status ? status : (tiny ? X(small) : X(greedy))(context, f, stop);
}

/* Factor matrix `item` with the workspace of f; q: m x columns of scratch. */
static rrqr_status factor_item(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop, ptrdiff_t item,
                               rrqr_factor *f, scalar *q)
{
    const int m = s->m, n = s->n;
    scalar *r = (scalar *)s->r + item * s->rows * n;
    f->pivots = s->pivots + item * n;
    const scalar *a = (const scalar *)s->a + item * m * n;
    rrqr_status status = s->lapack ? as_lapack(context, a, s->tiny, f) : truncated(context, a, s->tiny, stop, f);
    if (status) return status;
    X(upper_rows)(f, s->rows, r);
    s->ranks[item] = f->rank;
    if (!s->q) return RRQR_OK;
    const int kept = s->lapack ? s->columns : f->rank;
    status = X(form_q)(context, f, kept, q);
    for (ptrdiff_t i = (ptrdiff_t)m * kept; i < (ptrdiff_t)m * s->columns; i++) q[i] = 0;
    if (!status) X(transpose)(s->columns, m, q, m, (scalar *)s->q + item * m * s->columns);
    return status;
}

/* Factor each matrix: in groups where many are `together` and small enough, else one by one. */
rrqr_status X(stack)(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop)
{
    const int m = s->m, n = s->n, least = min_int(m, n);
    const int grouped = s->together && X(lanes_fit)(s);
    rrqr_status status = grouped ? X(lanes)(context, s, stop) : RRQR_OK;
    ptrdiff_t item = 0;
    while (grouped && !status && item < s->count && s->ranks[item] >= 0) item++;
    if (status || item == s->count) return status;
    const size_t scalars = (size_t)m * n + least + (size_t)n * RRQR_PANEL + (s->q ? (size_t)m * s->columns : 0);
    scalar *memory = rrqr_allocate(context, scalars + 2 * (size_t)n, sizeof(scalar));
    if (!memory) return RRQR_NO_MEMORY;
    rrqr_factor f = {.m = m, .n = n, .lda = m, .width = min_int(RRQR_PANEL, least), .a = memory};
    scalar *tau = memory + (size_t)m * n, *updates = tau + least, *q = updates + (size_t)n * RRQR_PANEL;
    f.tau = tau, f.f = updates;
    f.norms = memory + scalars, f.norms0 = (real *)f.norms + n;
    for (; item < s->count && !status; item++)
        if (!grouped || s->ranks[item] < 0) status = factor_item(context, s, stop, item, &f, q);
    rrqr_release(memory);
    return status;
}
