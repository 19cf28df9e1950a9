/* What is solved with R11, as far as it can be: basic least squares and the interpolation matrix. */
#include "kernels.h"

/* Leading columns with |r_jj| > max(m, n) eps |r_00|: those with which R11 may be solved. */
int X(numerical_rank)(const rrqr_factor *f)
{
    if (!f->rank) return 0;
    const real least = (f->m > f->n ? f->m : f->n) * REAL_EPSILON * modulus(*(const scalar *)f->a);
    int j = 0;
    while (j < f->rank && !(modulus(*AT((const scalar *)f->a, f->lda, j, j)) <= least)) j++;
    return j;
}

/* min ||A P(:, 0:rank) z - b|| for the columns of b (m x columns, overwritten): z in the first `rank` rows,
 * the residual norms in `norms`. */
rrqr_status X(lstsq)(rrqr_context *context, const rrqr_factor *f, int rank, int columns, void *b, void *norms)
{
    const int ldb = f->m ? f->m : 1;
    rrqr_status status = X(apply_reflectors)(context, f, 0, rank, 1, 1, f->m, columns, b, ldb);
    if (status) return status;
    for (int j = 0; j < columns; j++) ((real *)norms)[j] = X(norm)(f->m - rank, AT((scalar *)b, ldb, rank, j));
    if (rank && columns) trsm('L', 'U', 'N', 'N', rank, columns, f->a, f->lda, b, ldb);
    return RRQR_OK;
}

/* T (rank x n) with T(:, P(0:rank)) = I and T(:, P(rank:)) = R11^{-1} R12, so that A ~= A(:, P(0:rank)) T.
 * H. Cheng, Z. Gimbutas, P. G. Martinsson, V. Rokhlin, "On the compression of low rank matrices",
 * SIAM J. Sci. Comput. 26(4), 2005, doi:10.1137/030602678. Error: exactly R22. */
rrqr_status X(interpolation)(rrqr_context *context, const rrqr_factor *f, void *t)
{
    const int k = f->rank, right = f->n - k;
    if (!k) return RRQR_OK;
    scalar *buffer = rrqr_allocate(context, (size_t)k * min_int(SOLVE_CHUNK, right), sizeof(scalar));
    if (!buffer) return RRQR_NO_MEMORY;
    for (int j = 0; j < k; j++) {
        scalar *column = AT((scalar *)t, k, 0, f->pivots[j]);
        for (int i = 0; i < k; i++) column[i] = i == j;
    }
    rrqr_status status = RRQR_OK;
    for (int first = k, columns; first < f->n && !status; first += columns) {
        columns = min_int(SOLVE_CHUNK, f->n - first);
        for (int j = 0; j < columns; j++)
            for (int i = 0; i < k; i++) AT(buffer, k, 0, j)[i] = AT((const scalar *)f->a, f->lda, 0, first + j)[i];
        trsm('L', 'U', 'N', 'N', k, columns, f->a, f->lda, buffer, k);
        for (int j = 0; j < columns; j++)
            for (int i = 0; i < k; i++) AT((scalar *)t, k, 0, f->pivots[first + j])[i] = AT(buffer, k, 0, j)[i];
        if (rrqr_interrupted(context, 1.0 * k * k * columns)) status = RRQR_INTERRUPTED;
    }
    rrqr_release(buffer);
    return status;
}
