/* A block of chosen columns: its panel, and what it does to the other columns, by products alone.
 *
 * R. Schreiber, C. Van Loan, "A storage-efficient WY representation for products of Householder transformations", SIAM
 * J. Sci. Stat. Comput. 10(1), 1989, doi:10.1137/0910005; E. Elmroth, F. Gustavson, "Applying recursion to serial and
 * parallel QR factorization leads to better performance", IBM J. Res. Dev. 44(4), 2000, doi:10.1147/rd.444.0605.
 *
 * With V0, F0 the reflectors that wait in the open panel and V, T those of the block, A - V0 F0^H is to become
 * (I - V T^H V^H)(A - V0 F0^H) = A - V0 F0^H - V F^H. */
#include "kernels.h"

/* Bring columns k..k+b-1 up to date, whose panel is to come: A -= V0 F0^H, and nothing is left to be done to them. */
void X(block_update)(rrqr_factor *f, int k, int b)
{
    const int pending = k - f->panel;
    if (!pending) return;
    gemm('N', 'C', f->m - k, b, pending, -1, AT((scalar *)f->a, f->lda, k, f->panel), f->lda,
         AT((scalar *)f->f, f->n, k, 0), f->n, 1, AT((scalar *)f->a, f->lda, k, k), f->lda);
    for (int l = 0; l < pending; l++)
        for (int j = 0; j < b; j++) *AT((scalar *)f->f, f->n, k + j, l) = 0;
}

/* Factor columns k..k+b-1, which must be up to date, by recursive Householder QR: I - V T V^H, T is b x b. */
rrqr_status X(block_panel)(rrqr_factor *f, int k, int b, scalar *t)
{
    int below = f->m - k, lda = f->lda, info = 0;
    X(lapack).geqrt3(&below, &b, AT((scalar *)f->a, lda, k, k), &lda, t, &b, &info);
    for (int l = 0; l < b; l++) ((scalar *)f->tau)[k + l] = *AT(t, b, l, l);
    return info ? RRQR_BAD_CALL : RRQR_OK;
}

/* The unit lower triangle on top of V. */
void X(block_v1)(const rrqr_factor *f, int k, int b, scalar *v1)
{
    const scalar *v = AT((const scalar *)f->a, f->lda, k, k);
    for (int j = 0; j < b; j++)
        for (int i = 0; i < b; i++) *AT(v1, b, i, j) = i > j ? *AT(v, f->lda, i, j) : i == j;
}

/* For columns first..last-1: F = (A^H V - F0 (V0^H V)) T, and on top R = A1 - V0 F0^H - V1 F^H.
 * work: b (b + width) scalars, and b n where there is a source. */
void X(block_rows)(rrqr_factor *f, int k, int b, int first, int last, const scalar *t, scalar *work)
{
    const int pending = k - f->panel, columns = last - first, below = f->m - k - b, lda = f->lda, n = f->n;
    if (columns <= 0 || !b) return;
    scalar *v1 = work, *cross = work + (size_t)b * b;
    const scalar *v = AT((scalar *)f->a, lda, k, k), *v0 = AT((scalar *)f->a, lda, k, f->panel);
    scalar *a1 = AT((scalar *)f->a, lda, k, first);
    scalar *f0 = AT((scalar *)f->f, n, first, 0), *rows = AT((scalar *)f->f, n, first, pending);
    X(block_v1)(f, k, b, v1);
    if (f->source) {
        X(source_rows)(f, k, b, first, last, pending, v1, cross + (size_t)b * pending);
    } else {
        gemm('C', 'N', columns, b, b, 1, a1, lda, v1, b, 0, rows, n);
        if (below) gemm('C', 'N', columns, b, below, 1, a1 + b, lda, v + b, lda, 1, rows, n);
    }
    if (pending) {
        gemm('C', 'N', pending, b, b, 1, v0, lda, v1, b, 0, cross, pending);
        if (below) gemm('C', 'N', pending, b, below, 1, v0 + b, lda, v + b, lda, 1, cross, pending);
        gemm('N', 'N', columns, b, pending, -1, f0, n, cross, pending, 1, rows, n);
        gemm('N', 'C', b, columns, pending, -1, v0, lda, f0, n, 1, a1, lda);
    }
    trmm('R', 'U', 'N', 'N', columns, b, t, b, rows, n);
    gemm('N', 'C', b, columns, b, -1, v1, b, rows, n, 1, a1, lda);
}

/* The residual norms lose rows k..k+b-1. */
void X(block_downdate)(rrqr_factor *f, int k, int b)
{
    for (int j = k + b; j < f->n; j++) X(downdate)(f, j, X(norm)(b, AT((const scalar *)f->a, f->lda, k, j)));
}

/* Eliminate with the next b columns, which must be up to date. t: b x b; work: as for block_rows. */
rrqr_status X(block_eliminate)(rrqr_factor *f, int b, scalar *t, scalar *work)
{
    const int k = f->rank;
    const rrqr_status status = X(block_panel)(f, k, b, t);
    X(block_rows)(f, k, b, k + b, f->n, t, work);
    f->rank = f->factored = k + b;
    X(block_downdate)(f, k, b);
    return status;
}

/* Take rows k+kept..k+b-1 of columns first..last-1 back to what block_rows found there. work: b^2 scalars. */
void X(block_undo)(rrqr_factor *f, int k, int kept, int b, int first, int last, scalar *work)
{
    const int pending = k - f->panel, columns = last - first, lost = b - kept;
    if (columns <= 0 || lost <= 0) return;
    scalar *a = AT((scalar *)f->a, f->lda, k + kept, first);
    const scalar *f0 = AT((scalar *)f->f, f->n, first, 0);
    X(block_v1)(f, k, b, work);
    gemm('N', 'C', lost, columns, b, 1, work + kept, b, AT(f0, f->n, 0, pending), f->n, 1, a, f->lda);
    if (pending)
        gemm('N', 'C', lost, columns, pending, 1, AT((scalar *)f->a, f->lda, k + kept, f->panel), f->lda, f0, f->n, 1,
             a, f->lda);
}
