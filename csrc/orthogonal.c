/* The factors in a usable form: R, Q, and products with Q, from the compact reflectors. */
#include "kernels.h"

/* The first `rows` rows of R, zeros below its diagonal (and in rows past the rank). */
void X(upper)(const rrqr_factor *f, int rows, void *r, int ldr)
{
    for (int j = 0; j < f->n; j++) {
        const scalar *a = AT((const scalar *)f->a, f->lda, 0, j);
        scalar *b = AT((scalar *)r, ldr, 0, j);
        const int stored = min_int(j + 1, min_int(f->rank, rows));
        for (int i = 0; i < stored; i++) b[i] = a[i];
        for (int i = stored; i < rows; i++) b[i] = 0;
    }
}

/* The same in row-major order, rows x n; r may be `a` where that is square and as large. Elements go in square tiles,
 * above the diagonal first: in place they come to lie where the reflectors were, in what the zeros do not touch. */
void X(upper_rows)(const rrqr_factor *f, int rows, void *r)
{
    const int n = f->n, stored = min_int(f->rank, rows);
    const scalar *a = f->a;
    scalar *b = r;
    for (int i0 = 0; i0 < stored; i0 += TILE)
        for (int j0 = i0; j0 < n; j0 += TILE) {
            const int i1 = min_int(i0 + TILE, stored), j1 = min_int(j0 + TILE, n);
            for (int i = i0; i < i1; i++)
                for (int j = j0 > i ? j0 : i; j < j1; j++) *AT(b, n, j, i) = *AT(a, f->lda, i, j);
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < (i < stored ? i : n); j++) *AT(b, n, j, i) = 0;
}

/* T of H_k ... H_{k+b-1} = I - V T V^H, from V and tau. v1 holds the unit lower triangle on top of V.
 * R. Schreiber, C. Van Loan, doi:10.1137/0910005. */
static void form_t(const rrqr_factor *f, int k, int b, const scalar *v1, scalar *t, scalar *products)
{
    const int below = f->m - k - b;
    const scalar *v2 = AT((const scalar *)f->a, f->lda, k + b, k);
    gemm('C', 'N', b, b, b, 1, v1, b, v1, b, 0, products, b);
    if (below) gemm('C', 'N', b, b, below, 1, v2, f->lda, v2, f->lda, 1, products, b);
    for (int j = 0; j < b; j++) {
        const scalar tau = ((const scalar *)f->tau)[k + j];
        scalar *column = AT(t, b, 0, j);
        for (int i = 0; i < j; i++) column[i] = 0;
        for (int l = 0; l < j; l++) {
            const scalar p = -tau * *AT(products, b, l, j);
            for (int i = 0; i <= l; i++) column[i] += *AT(t, b, i, l) * p;
        }
        column[j] = tau;
    }
}

/* C := op(I - V T V^H) C, or C op(...), where C has the rows (columns) k..m-1 of the whole. work: a row (column) of b
 * blocks beside 3 b^2 scalars. */
static void apply_block(const rrqr_factor *f, int k, int b, int left, int adjoint, int rows, int columns, scalar *c,
                        int ldc, scalar *work)
{
    const int below = f->m - k - b, lda = f->lda;
    const scalar *v2 = AT((const scalar *)f->a, lda, k + b, k);
    scalar *v1 = work, *t = v1 + (size_t)b * b, *w = t + (size_t)b * b;
    X(block_v1)(f, k, b, v1);
    form_t(f, k, b, v1, t, w);
    if (left) {
        scalar *c2 = c + b;
        gemm('C', 'N', b, columns, b, 1, v1, b, c, ldc, 0, w, b);
        if (below) gemm('C', 'N', b, columns, below, 1, v2, lda, c2, ldc, 1, w, b);
        trmm('L', 'U', adjoint ? 'C' : 'N', 'N', b, columns, t, b, w, b);
        gemm('N', 'N', b, columns, b, -1, v1, b, w, b, 1, c, ldc);
        if (below) gemm('N', 'N', below, columns, b, -1, v2, lda, w, b, 1, c2, ldc);
    } else {
        scalar *c2 = AT(c, ldc, 0, b);
        const int ldw = rows;
        gemm('N', 'N', rows, b, b, 1, c, ldc, v1, b, 0, w, ldw);
        if (below) gemm('N', 'N', rows, b, below, 1, c2, ldc, v2, lda, 1, w, ldw);
        trmm('R', 'U', adjoint ? 'C' : 'N', 'N', rows, b, t, b, w, ldw);
        gemm('N', 'C', rows, b, b, -1, w, ldw, v1, b, 1, c, ldc);
        if (below) gemm('N', 'C', rows, below, b, -1, w, ldw, v2, lda, 1, c2, ldc);
    }
}

rrqr_status X(apply_reflectors)(rrqr_context *context, const rrqr_factor *f, int first, int last, int left, int adjoint,
                                int rows, int columns, scalar *c, int ldc)
{
    const int width = min_int(last - first < Q_FEW ? Q_NARROW : RRQR_BLOCK, last - first), forward = left == adjoint;
    if (width <= 0 || rows <= 0 || columns <= 0) return RRQR_OK;
    const size_t block = width, across = max_size(left ? columns : rows, width);
    scalar *work = rrqr_allocate(context, 2 * block * block + block * across, sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    rrqr_status status = RRQR_OK;
    const int blocks = (last - first + width - 1) / width;
    for (int i = 0; i < blocks && !status; i++) {
        const int offset = (forward ? i : blocks - 1 - i) * width, k = first + offset, b = min_int(width, last - k);
        if (left)
            apply_block(f, k, b, left, adjoint, rows - offset, columns, c + offset, ldc, work);
        else
            apply_block(f, k, b, left, adjoint, rows, columns - offset, AT(c, ldc, 0, offset), ldc, work);
        if (rrqr_interrupted(context, 4.0 * b * rows * columns)) status = RRQR_INTERRUPTED;
    }
    rrqr_release(work);
    return status;
}

/* C := (I - V T V^H) C = C - V T (V1^H, V2^H C2) for the rows and columns k.. of C = (I 0; 0 C2), at most as many
 * columns as rows. work: a row of b blocks beside 2 b^2 scalars. */
static void form_block(const rrqr_factor *f, int k, int b, int columns, scalar *c, int ldc, scalar *work)
{
    const int below = f->m - k - b, right = columns - b, lda = f->lda;
    const scalar *v2 = AT((const scalar *)f->a, lda, k + b, k);
    scalar *v1 = work, *t = v1 + (size_t)b * b, *w = t + (size_t)b * b, *c2 = AT(c, ldc, b, b);
    X(block_v1)(f, k, b, v1);
    form_t(f, k, b, v1, t, w);
    for (int j = 0; j < b; j++)
        for (int i = 0; i < b; i++) *AT(w, b, i, j) = conjugate(*AT(v1, b, j, i));
    if (right) gemm('C', 'N', b, right, below, 1, v2, lda, c2, ldc, 0, AT(w, b, 0, b), b);
    trmm('L', 'U', 'N', 'N', b, columns, t, b, w, b);
    gemm('N', 'N', b, columns, b, -1, v1, b, w, b, 1, c, ldc);
    if (below) gemm('N', 'N', below, columns, b, -1, v2, lda, w, b, 1, c + b, ldc);
}

/* The first `columns` >= rank columns of Q = H_1 ... H_rank into q (m x columns). */
rrqr_status X(form_q)(rrqr_context *context, const rrqr_factor *f, int columns, void *q)
{
    const int m = f->m, ldq = m ? m : 1;
    for (int j = 0; j < columns; j++) {
        scalar *column = AT((scalar *)q, ldq, 0, j);
        for (int i = 0; i < m; i++) column[i] = i == j;
    }
    if ((ptrdiff_t)m * columns * (ptrdiff_t)(REALS_PER_SCALAR * REALS_PER_SCALAR) <= Q_ELEMENTS)
        return X(small_q)(context, f, columns, q, ldq);
    const int rank = f->rank, width = min_int(rank < Q_FEW ? Q_NARROW : RRQR_BLOCK, rank);
    if (!width) return RRQR_OK;
    scalar *work = rrqr_allocate(context, (size_t)width * (2 * (size_t)width + columns), sizeof(scalar));
    if (!work) return RRQR_NO_MEMORY;
    rrqr_status status = RRQR_OK;
    for (int k = (rank - 1) / width * width; k >= 0 && !status; k -= width) {
        const int b = min_int(width, rank - k);
        form_block(f, k, b, columns - k, AT((scalar *)q, ldq, k, k), ldq, work);
        if (rrqr_interrupted(context, 4.0 * b * (m - k) * (columns - k))) status = RRQR_INTERRUPTED;
    }
    rrqr_release(work);
    return status;
}

/* C := op(Q) C (left) or C op(Q), C is rows x columns. */
rrqr_status X(apply_q)(rrqr_context *context, const rrqr_factor *f, int left, int adjoint, int rows, int columns,
                       void *c)
{
    return X(apply_reflectors)(context, f, 0, f->rank, left, adjoint, rows, columns, c, rows ? rows : 1);
}
