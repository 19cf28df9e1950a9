/* LAPACK's own factorizations: ?geqp3 for driver='lapack', ?geqrf for QR without pivoting. */
#include "kernels.h"

/* All min(m, n) columns by ?geqp3. */
rrqr_status X(full)(rrqr_context *context, rrqr_factor *f)
{
    int info = 0, lwork = -1, m = f->m, n = f->n, lda = f->lda;
    for (int j = 0; j < n; j++) f->pivots[j] = 0;
#ifdef RRQR_COMPLEX
    real *rwork = rrqr_allocate(context, 2 * (size_t)n, sizeof(real));
    if (!rwork) return RRQR_NO_MEMORY;
#define GEQP3(work) X(lapack).geqp3(&m, &n, f->a, &lda, f->pivots, f->tau, work, &lwork, rwork, &info)
#else
    real *rwork = NULL;
#define GEQP3(work) X(lapack).geqp3(&m, &n, f->a, &lda, f->pivots, f->tau, work, &lwork, &info)
#endif
    scalar size;
    GEQP3(&size);
    lwork = workspace(size);
    scalar *work = rrqr_allocate(context, lwork, sizeof(scalar));
    rrqr_status status = work ? RRQR_OK : RRQR_NO_MEMORY;
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

/* A = Q R without pivoting. */
rrqr_status X(geqrf)(rrqr_context *context, rrqr_factor *f)
{
    int info = 0, lwork = -1, m = f->m, n = f->n, lda = f->lda;
    scalar size;
    X(lapack).geqrf(&m, &n, f->a, &lda, f->tau, &size, &lwork, &info);
    lwork = workspace(size);
    scalar *work = rrqr_allocate(context, lwork, sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    X(lapack).geqrf(&m, &n, f->a, &lda, f->tau, work, &lwork, &info);
    f->rank = f->factored = f->panel = min_int(m, n);
    rrqr_release(work);
    return info ? RRQR_BAD_CALL : RRQR_OK;
}
