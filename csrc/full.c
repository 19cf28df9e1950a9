/* LAPACK's own factorizations: ?geqp3 for driver='lapack', ?geqrf for QR without pivoting. Neither is let near a
 * workspace whose length it could not express: it does not look. */
#include "kernels.h"

/* Rows or columns up to which LAPACK treats a matrix without blocks, with the least workspace. */
enum { UNBLOCKED = 32 };

/* All min(m, n) columns by ?geqp3. */
rrqr_status X(full)(rrqr_context *context, rrqr_factor *f)
{
    int info = 0, lwork = -1, m = f->m, n = f->n, lda = f->lda;
    if (n > WIDEST && m > UNBLOCKED) return RRQR_TOO_WIDE;
    for (int j = 0; j < n; j++) f->pivots[j] = 0;
#ifdef RRQR_COMPLEX
    const ptrdiff_t least = (ptrdiff_t)n + 1;
    real *rwork = rrqr_allocate(context, 2 * (size_t)n, sizeof(real));
    if (!rwork) return RRQR_NO_MEMORY;
#define GEQP3(work) X(lapack).geqp3(&m, &n, f->a, &lda, f->pivots, f->tau, work, &lwork, rwork, &info)
#else
    const ptrdiff_t least = 3 * (ptrdiff_t)n + 1;
    real *rwork = NULL;
#define GEQP3(work) X(lapack).geqp3(&m, &n, f->a, &lda, f->pivots, f->tau, work, &lwork, &info)
#endif
    scalar answer = 0;
    GEQP3(&answer);
    lwork = workspace(answer, least);
    scalar *work = lwork ? rrqr_allocate(context, lwork, sizeof(scalar)) : NULL;
    rrqr_status status = work ? RRQR_OK : lwork ? RRQR_NO_MEMORY : RRQR_TOO_WIDE;
    if (work) {
        GEQP3(work);
        for (int j = 0; j < n; j++) f->pivots[j]--;
        f->rank = f->factored = f->panel = min_int(m, n);
        f->maxnorm = f->rank ? modulus(*(scalar *)f->a) : 0;
        if (info) status = RRQR_BAD_CALL;
    }
    rrqr_release(work);
    rrqr_release(rwork);
    return status;
}

/* Of a full factorization let columns count, from the present rank on, until `stop` holds: the residual's largest norm
 * before step j is |r_jj|. */
void X(truncate)(rrqr_factor *f, const rrqr_stop *stop)
{
    const int last = min_int(stop->rank, f->factored);
    for (;; f->rank++) {
        const int k = f->rank;
        const double maxresid = k < f->factored ? modulus(*AT((scalar *)f->a, f->lda, k, k)) : 0;
        if (k >= last || X(stops)(f, stop, maxresid)) return;
    }
}

/* A = Q R without pivoting: where A is too wide for LAPACK, that of its leading columns, and Q^H by products for the
 * others. */
rrqr_status X(geqrf)(rrqr_context *context, rrqr_factor *f)
{
    int info = 0, lwork = -1, m = f->m, lda = f->lda, n = f->n > WIDEST ? min_int(m, WIDEST) : f->n;
    scalar answer = 0;
    X(lapack).geqrf(&m, &n, f->a, &lda, f->tau, &answer, &lwork, &info);
    lwork = workspace(answer, n ? n : 1);
    scalar *work = rrqr_allocate(context, lwork, sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    X(lapack).geqrf(&m, &n, f->a, &lda, f->tau, work, &lwork, &info);
    f->rank = f->factored = f->panel = min_int(m, n);
    rrqr_release(work);
    if (info) return RRQR_BAD_CALL;
    return X(apply_reflectors)(context, f, 0, f->rank, 1, 1, m, f->n - n, AT((scalar *)f->a, lda, 0, n), lda);
}
