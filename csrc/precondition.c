/* QR of a tall matrix that is too ill-conditioned for its Gram matrix: the same for Y = A S^{-1}, where S is the
 * triangle of a sketch of A. The columns of Y are orthonormal up to the distortion of the sketch whatever the condition
 * of A, so that Cholesky's factor C of Y^H Y is accurate, and R = C S is that of A: A = (Y C^{-1}) R, row by row to
 * rounding, since a triangular solve is. R, n x n, is pivoted by any kernel, R P = Q1 R1, and Q = Y C^{-1} Q1 follows
 * by products.
 *
 * Nothing is left to chance: Y^H Y shows whether the sketch has seen all of A. Preconditioning by a sketch: M.
 * Melnichenko et al., "CholeskyQR with randomization and pivoting for tall matrices (CQRRPT)" (2023), arXiv:2311.08316,
 * who take the sketch's pivots as well. The sketch, a few random signs for each row: J. Nelson, H. L. Nguyen, "OSNAP:
 * faster numerical linear algebra algorithms via sparser subspace embeddings", FOCS 2013, arXiv:1211.1002. */
#include "kernels.h"

#include <stdint.h>
#include <string.h>

/* S = Omega A (rows x n): each row of A, with a random sign, is added to SPARSE_SIGNS rows of S, one in each of as many
 * strips. places: SPARSE_SIGNS m; signs: m. */
static rrqr_status sparse_sketch(rrqr_context *context, int m, int n, const scalar *a, int rows, scalar *s, int *places,
                                 real *signs)
{
    const unsigned strip = rows / SPARSE_SIGNS;
    uint64_t state = 1;
    for (int i = 0; i < m; i++) {
        for (int l = 0; l < SPARSE_SIGNS; l++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            places[i * (ptrdiff_t)SPARSE_SIGNS + l] = (int)(l * strip + (state >> 32) % strip);
        }
        signs[i] = state >> 63 ? 1 : -1;
    }
    memset(s, 0, (size_t)rows * n * sizeof(scalar));
    for (int j = 0; j < n; j++) {
        scalar *column = AT(s, rows, 0, j);
        for (int i = 0; i < m; i++) {
            const scalar x = signs[i] * *AT(a, m, i, j);
            for (int l = 0; l < SPARSE_SIGNS; l++) column[places[i * (ptrdiff_t)SPARSE_SIGNS + l]] += x;
        }
        if (rrqr_interrupted(context, 2.0 * SPARSE_SIGNS * m)) return RRQR_INTERRUPTED;
    }
    return RRQR_OK;
}

/* The triangle of a sketch of A; RRQR_OVERFLOW where a norm of the sketch is no number. */
static rrqr_status sketched_triangle(rrqr_context *context, int m, int n, const scalar *a, scalar *r)
{
    const int rows = PRECONDITION_ROWS * (n > 1 ? n : SPARSE_SIGNS); /* at least one of each strip */
    rrqr_factor f = {.m = rows, .n = n, .lda = rows, .width = min_int(RRQR_BLOCK, n)};
    f.a = rrqr_allocate(context, ((size_t)rows + f.width + 1) * n, sizeof(scalar));
    f.norms = rrqr_allocate(context, 2 * (size_t)n + m, sizeof(real));
    f.pivots = rrqr_allocate(context, n + SPARSE_SIGNS * (size_t)m, sizeof(int));
    rrqr_status status = f.a && f.norms && f.pivots ? RRQR_OK : RRQR_NO_MEMORY;
    if (!status) {
        f.f = AT((scalar *)f.a, rows, 0, n);
        f.tau = AT((scalar *)f.f, n, 0, f.width);
        f.norms0 = (real *)f.norms + n;
        status = sparse_sketch(context, m, n, a, rows, f.a, f.pivots + n, (real *)f.norms0 + n);
    }
    if (!status) status = X(begin)(context, &f);
    if (!status) status = X(eliminate_in_order)(context, &f, n);
    if (!status) X(upper)(&f, n, r, n);
    rrqr_release(f.a);
    rrqr_release(f.norms);
    rrqr_release(f.pivots);
    return status;
}

/* R (n x n) with A = (Y C^{-1}) R, m at least 6 n, and C (n x n) and the first `kept` rows of Y; *sound says
 * whether these can be trusted. */
rrqr_status X(precondition)(rrqr_context *context, int m, int n, const void *a, int kept, void *y, void *c, void *r,
                            int *sound)
{
    const int step = min_int(CHOLESKY_ROWS, m);
    scalar *gram = rrqr_allocate(context, (size_t)n * n, sizeof(scalar));
    scalar *part = rrqr_allocate(context, (size_t)n * max_size(step, INVERSE_STARTS), sizeof(scalar));
    real *lengths = rrqr_allocate(context, n, sizeof(real));
    rrqr_status status = gram && part && lengths ? sketched_triangle(context, m, n, a, r) : RRQR_NO_MEMORY;
    *sound = !status;
    if (status == RRQR_OVERFLOW) status = RRQR_OK; /* other kernels may do */
    for (int j = 0; j < n && *sound; j++) *sound = modulus(*AT((scalar *)r, n, j, j)) > 0;
    for (int first = 0, rows; first < m && *sound; first += rows) {
        rows = min_int(step, m - first);
        for (int j = 0; j < n; j++)
            memcpy(AT(part, step, 0, j), AT((const scalar *)a, m, first, j), rows * sizeof(scalar));
        trsm('R', 'U', 'N', 'N', rows, n, r, n, part, step);
        herk(n, rows, part, step, first > 0, gram, n);
        const int here = min_int(rows, kept - first);
        for (int j = 0; j < n && here > 0; j++)
            memcpy(AT((scalar *)y, kept, first, j), AT(part, step, 0, j), here * sizeof(scalar));
        if (rrqr_interrupted(context, 2.0 * rows * n * n)) {
            status = RRQR_INTERRUPTED;
            break;
        }
    }
    for (int j = 0; j < n && *sound; j++) {
        const real squared = ((const real *)AT(gram, n, j, j))[0];
        *sound = squared > (real)1 / PRECONDITIONED && squared < PRECONDITIONED;
    }
    if (*sound && !status) *sound = X(factor_gram)(n, gram, c, lengths, part) <= PRECONDITIONED;
    if (*sound && !status) trmm('L', 'U', 'N', 'N', n, n, c, n, r, n);
    rrqr_release(gram);
    rrqr_release(part);
    rrqr_release(lengths);
    return status;
}

/* From R P = Q1 R1 of a kernel: R1 (k x n) with the signs that Householder reflectors of A would give, and, if wanted,
 * the m x k matrix Q = Y C^{-1} Q1 in the place of Y; otherwise k rows of Y, m x n, are enough. q1 (n x k) is lost. */
rrqr_status X(preconditioned_q)(rrqr_context *context, int m, int n, int k, const void *c, void *q1, void *r, void *y,
                                int wanted)
{
    const int step = min_int(CHOLESKY_ROWS, m);
    scalar *top = rrqr_allocate(context, (size_t)k * k, sizeof(scalar));
    scalar *part = rrqr_allocate(context, wanted ? (size_t)step * n : 0, sizeof(scalar));
    signed char *signs = rrqr_allocate(context, k, 1);
    rrqr_status status = top && part && signs ? RRQR_OK : RRQR_NO_MEMORY;
    if (!status) {
        trsm('L', 'U', 'N', 'N', n, k, c, n, q1, n);
        gemm('N', 'N', k, k, n, 1, y, m, q1, n, 0, top, k);
        status = X(elimination_signs)(context, k, top, signs);
    }
    if (!status) X(sign_rows)(n, k, r, signs);
    for (int j = 0; j < k && !status; j++)
        for (int i = 0; i < n; i++) *AT((scalar *)q1, n, i, j) *= signs[j];
    for (int first = 0, rows; wanted && first < m && !status; first += rows) {
        rows = min_int(step, m - first);
        for (int j = 0; j < n; j++) memcpy(AT(part, step, 0, j), AT((scalar *)y, m, first, j), rows * sizeof(scalar));
        gemm('N', 'N', rows, k, n, 1, part, step, q1, n, 0, AT((scalar *)y, m, first, 0), m);
        if (rrqr_interrupted(context, 2.0 * rows * n * k)) status = RRQR_INTERRUPTED;
    }
    rrqr_release(top);
    rrqr_release(part);
    rrqr_release(signs);
    return status;
}
