/* One step of column-pivoted Householder QR inside a panel whose updates are deferred.
 *
 * G. Quintana-Orti, X. Sun, C. H. Bischof, "A BLAS-3 version of the QR factorization with column pivoting",
 * SIAM J. Sci. Comput. 19(5), 1998, doi:10.1137/S1064827595296732.
 * Z. Drmac, Z. Bujanovic, "On the failure of rank-revealing QR factorization software", ACM TOMS 35(2), 2008,
 * doi:10.1145/1377612.1377616 (LAPACK Working Note 176): when a downdated norm can no longer be trusted.
 *
 * To rounding, (A + E) P = Q R with ||E|| = O(eps) ||A||, and |r_kk|^2 >= sum_{i=k..j} |r_ij|^2 for all j > k. */
#include "kernels.h"

/* ||x||^2 loses removed^2: the norm of what is left of column j. Where cancellation leaves too little of it to be
 * trusted the column is marked stale, and its norm becomes a bound: what is left is below the root of DOWNDATE_TRUSTED
 * times norms0. */
void X(downdate)(rrqr_factor *f, int j, real removed)
{
    const real trusted = DOWNDATE_TRUSTED;
    real *norms = f->norms, *norms0 = f->norms0;
    if (norms[j] == 0 || norms0[j] < 0) return;
    real ratio = removed / norms[j];
    real left = (1 + ratio) * (1 - ratio);
    left = left > 0 ? left : 0;
    real fallen = norms[j] / norms0[j];
    if (left * fallen * fallen <= trusted) {
        norms[j] = square_root(2 * trusted) * norms0[j];
        norms0[j] = -norms0[j];
        f->stale++;
    } else {
        norms[j] *= square_root(left);
    }
}

/* Eliminate with column `pivot`. A reflector that is the identity leaves a closed panel closed.
 * work: n + width scalars. */
void X(panel_step)(rrqr_factor *f, int pivot, scalar *work)
{
    const int k = f->rank, j = k - f->panel, below = f->m - k, right = f->n - k - 1;
    scalar *row = work, *update = work + f->width;
    X(swap_columns)(f, k, pivot);
    scalar *column = AT((scalar *)f->a, f->lda, k, k);
    scalar *rest = AT((scalar *)f->a, f->lda, k, k + 1);
    const scalar *v = AT((scalar *)f->a, f->lda, k, f->panel);
    scalar *fold = AT((scalar *)f->f, f->n, k + 1, 0), *fnew = AT((scalar *)f->f, f->n, k + 1, j);

    /* bring the pivot column up to date: a_k -= V F(k, :)^H */
    for (int l = 0; l < j; l++) row[l] = conjugate(*AT((scalar *)f->f, f->n, k, l));
    if (j) gemv('N', below, j, -1, v, f->lda, row, 1, 1, column, 1);

    scalar *tau = (scalar *)f->tau + k;
    larfg(below, column, column + (below > 1), tau);
    f->rank = f->factored = k + 1;
    if (!j && *tau == 0) {
        f->panel = k + 1;
        for (int l = 0; l < right; l++) X(downdate)(f, k + 1 + l, modulus(*AT(rest, f->lda, 0, l)));
        return;
    }
    const scalar diagonal = *column;
    *column = 1;

    /* F(:, j) = tau (A^H v - F V^H v), over the columns to the right */
    if (right) {
        gemv('C', below, right, *tau, rest, f->lda, column, 1, 0, fnew, 1);
        if (j) {
            gemv('C', below, j, -*tau, v, f->lda, column, 1, 0, row, 1);
            gemv('N', right, j, 1, fold, f->n, row, 1, 1, fnew, 1);
        }
        /* row k of R: a_k: -= V(k, :) F^H, and the norms of what lies below it */
        for (int l = 0; l <= j; l++) row[l] = conjugate(*AT(v, f->lda, 0, l));
        gemv('N', right, j + 1, 1, fold, f->n, row, 1, 0, update, 1);
        for (int l = 0; l < right; l++) {
            scalar *r = AT(rest, f->lda, 0, l);
            *r -= conjugate(update[l]);
            X(downdate)(f, k + 1 + l, modulus(*r));
        }
    }
    *column = diagonal;
}

/* Apply the panel to the rows below it, A -= V F^H, and compute the stale norms anew. */
void X(panel_close)(rrqr_factor *f)
{
    const int k = f->rank, width = k - f->panel, below = f->m - k, right = f->n - k;
    X(settle)(f);
    scalar *rest = AT((scalar *)f->a, f->lda, k, k);
    int reflectors = 0; /* that are not the identity */
    for (int l = f->panel; l < k; l++) reflectors += ((const scalar *)f->tau)[l] != 0;
    if (below && right && reflectors)
        gemm('N', 'C', below, right, width, -1, AT((scalar *)f->a, f->lda, k, f->panel), f->lda,
             AT((scalar *)f->f, f->n, k, 0), f->n, 1, rest, f->lda);
    real *norms = f->norms, *norms0 = f->norms0;
    for (int j = k; j < f->n && f->stale; j++)
        if (norms0[j] < 0) {
            norms[j] = norms0[j] = X(norm)(below, AT(rest, f->lda, 0, j - k));
            f->stale--;
        }
    f->panel = k;
    f->stale = 0;
}
