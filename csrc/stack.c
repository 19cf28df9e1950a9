/* A stack of small matrices of one size, without coming back to Python between them. */
#include "kernels.h"

/* Factor matrix `item` with the workspace of f; q: m x columns of scratch. */
static rrqr_status factor_item(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop, ptrdiff_t item,
                               rrqr_factor *f, scalar *q)
{
    const int m = s->m, n = s->n;
    scalar *r = (scalar *)s->r + item * s->rows * n;
    f->pivots = s->pivots + item * n;
    X(transpose)(m, n, (const scalar *)s->a + item * m * n, n, f->a);
    rrqr_status status = s->lapack ? X(full)(context, f) : X(begin)(context, f);
    if (!status && !s->lapack) status = (s->tiny ? X(small) : X(greedy))(context, f, stop);
    if (status) return status;
    X(transpose)(n, s->rows, f->a, m, r);
    for (int i = 0; i < s->rows; i++)
        for (int j = 0; j < (i < f->rank ? min_int(i, n) : n); j++) r[(ptrdiff_t)i * n + j] = 0;
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
