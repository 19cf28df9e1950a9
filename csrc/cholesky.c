/* QR of a tall matrix by Cholesky's factor of its Gram matrix, at the rate of products: with R^H R = A^H A the columns
 * of Q = A R^{-1} are orthonormal. Column norms do not change under Q^H, so that R has the pivots of A: it is formed
 * without them, its small triangle is pivoted by any kernel, and Q follows from a triangular solve with what that gave.
 *
 * Q of one pass is orthonormal up to about eps ||R^{-1}||^2, with the columns of R scaled to norm 1. That is a few eps
 * for a well-conditioned matrix; up to the limit at which its square would no longer tell pivots apart, the same once
 * more, with Q for A, is orthonormal to rounding. Y. Yamamoto, Y. Nakatsukasa, Y. Yanagisawa, T. Fukaya, "Roundoff
 * error analysis of the CholeskyQR2 algorithm", Electron. Trans. Numer. Anal. 44, 2015. Anything else is not confirmed:
 * rank-deficient, ill-conditioned (precondition.c), or of a range whose squares are no normal numbers. */
#include "kernels.h"

#include <string.h>

/* What is left to do when a matrix is seen for the first time: nothing that can be trusted, one pass, or two. */
enum { UNCONFIRMED = 0, ONCE = 1, TWICE = 2 };

/* ||R^{-1}||_2^2 of an upper triangle, to a factor of two and from below: the power method from a few random signs.
 * x: n INVERSE_STARTS scalars. */
static real inverse_norm(int n, const scalar *r, scalar *x)
{
    unsigned state = 1;
    real largest = 0;
    for (ptrdiff_t i = 0; i < (ptrdiff_t)n * INVERSE_STARTS; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = state >> 31 ? 1 : -1;
    }
    for (int step = 0; step < INVERSE_STEPS; step++) {
        largest = 0;
        for (int j = 0; j < INVERSE_STARTS; j++) {
            scalar *column = AT(x, n, 0, j);
            const real inverse = 1 / X(norm)(n, column);
            for (int i = 0; i < n; i++) column[i] *= inverse;
        }
        trsm('L', 'U', 'C', 'N', n, INVERSE_STARTS, r, n, x, n);
        for (int j = 0; j < INVERSE_STARTS; j++) {
            const real length = X(norm)(n, AT(x, n, 0, j));
            largest = length > largest || length != length ? length : largest;
        }
        trsm('L', 'U', 'N', 'N', n, INVERSE_STARTS, r, n, x, n);
    }
    return largest * largest;
}

/* R := Cholesky's factor of the Gram matrix G, of which the upper triangle is known, with zeros below; ||R^{-1}||_2^2
 * with R's columns scaled to norm 1, infinite where there is no R. lengths: n; x: n INVERSE_STARTS scalars. */
real X(factor_gram)(int n, const scalar *g, scalar *r, real *lengths, scalar *x)
{
    const real least = REAL_MIN / (REAL_EPSILON * REAL_EPSILON), most = PICK(FLT_MAX, DBL_MAX, FLT_MAX, DBL_MAX);
    for (int j = 0; j < n; j++) {
        const real squared = ((const real *)AT(g, n, j, j))[0];
        if (!(squared > least && squared < most)) return (real)INFINITY;
        lengths[j] = square_root(squared);
    }
    for (int j = 0; j < n; j++) {
        scalar *column = AT(r, n, 0, j);
        for (int i = 0; i < j; i++) column[i] = *AT(g, n, i, j) / lengths[i] / lengths[j];
        column[j] = 1;
        for (int i = j + 1; i < n; i++) column[i] = 0;
    }
    if (potrf(n, r, n)) return (real)INFINITY;
    const real growth = inverse_norm(n, r, x);
    for (int j = 0; j < n; j++)
        for (int i = 0; i <= j; i++) *AT(r, n, i, j) *= lengths[j];
    return growth;
}

/* R (n x n), upper triangular with R^H R = A^H A, m >= n; *passes is how many make Q of it, 0 where R is nothing. What
 * depends on each other in A does so in any of its rows: a few strips of them tell whether to look at the others. */
rrqr_status X(gram_triangle)(rrqr_context *context, int m, int n, const void *a, void *r, int *passes)
{
    scalar *gram = rrqr_allocate(context, (size_t)n * n, sizeof(scalar));
    scalar *x = rrqr_allocate(context, (size_t)n * INVERSE_STARTS, sizeof(scalar));
    real *lengths = rrqr_allocate(context, n, sizeof(real));
    rrqr_status status = gram && x && lengths ? RRQR_OK : RRQR_NO_MEMORY;
    const int strip = m / CHOLESKY_STRIPS, probe = min_int(strip, n / CHOLESKY_PROBE + 1);
    real growth = 1;
    for (int part = 0; part < 2 && growth <= CHOLESKY_HOPE * CHOLESKY_TWICE && !status; part++) {
        for (int i = 0; i < CHOLESKY_STRIPS && !status; i++) {
            const int begin = i * strip + part * probe, next = i + 1 < CHOLESKY_STRIPS ? (i + 1) * strip : m;
            const int end = part ? next : begin + probe;
            for (int first = begin, rows; first < end && !status; first += rows) {
                rows = min_int(CHOLESKY_ROWS, end - first);
                herk(n, rows, (const scalar *)a + first, m, first > 0, gram, n);
                if (rrqr_interrupted(context, 1.0 * rows * n * n)) status = RRQR_INTERRUPTED;
            }
        }
        if (!status) growth = X(factor_gram)(n, gram, r, lengths, x);
    }
    *passes = growth <= CHOLESKY_ONCE ? ONCE : growth <= CHOLESKY_TWICE ? TWICE : UNCONFIRMED;
    rrqr_release(gram);
    rrqr_release(x);
    rrqr_release(lengths);
    return status;
}

/* Rows first..first+rows-1 of the k columns of A at `pivots`, into y. */
static void gather(int m, int k, int first, int rows, const scalar *a, const int *pivots, scalar *y, int ldy)
{
    for (int j = 0; j < k; j++) memcpy(AT(y, ldy, 0, j), AT(a, m, first, pivots[j]), (size_t)rows * sizeof(scalar));
}

/* The signs that Householder reflectors give to the rows of R where Q has T (k x k, lost) as its first rows: those of
 * the pivots in the elimination of Q - diag(s), s_j opposite to the j-th of them. G. Ballard, J. Demmel, L. Grigori, M.
 * Jacquelin, H. D. Nguyen, E. Solomonik, "Reconstructing Householder vectors from tall-skinny QR", IPDPS 2014,
 * doi:10.1109/IPDPS.2014.120. */
rrqr_status X(elimination_signs)(rrqr_context *context, int k, scalar *t, signed char *signs)
{
    for (int first = 0, last; first < k; first = last) {
        last = first + min_int(RRQR_PANEL, k - first);
        for (int j = first; j < last; j++) {
            scalar *pivot = AT(t, k, j, j);
            signs[j] = ((const real *)pivot)[0] < 0 ? 1 : -1;
            *pivot -= signs[j];
            const scalar inverse = 1 / *pivot;
            for (int i = j + 1; i < k; i++) *AT(t, k, i, j) *= inverse;
            for (int l = j + 1; l < last; l++) {
                const scalar factor = *AT(t, k, j, l);
                for (int i = j + 1; i < k; i++) *AT(t, k, i, l) -= factor * *AT(t, k, i, j);
            }
        }
        const int b = last - first, rest = k - last;
        if (!rest) break;
        trsm('L', 'L', 'N', 'U', b, rest, AT(t, k, first, first), k, AT(t, k, first, last), k);
        gemm('N', 'N', rest, rest, b, -1, AT(t, k, last, first), k, AT(t, k, first, last), k, 1, AT(t, k, last, last),
             k);
        if (rrqr_interrupted(context, 2.0 * b * rest * rest)) return RRQR_INTERRUPTED;
    }
    return RRQR_OK;
}

/* Give the k rows of R (k x n) those signs. */
void X(sign_rows)(int n, int k, scalar *r, const signed char *signs)
{
    for (int j = 0; j < n; j++)
        for (int i = 0; i <= j && i < k; i++) *AT(r, k, i, j) *= signs[i];
}

/* The same of the R of A P, whose Q is not at hand. */
rrqr_status X(reflector_signs)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots, void *r)
{
    scalar *t = rrqr_allocate(context, (size_t)k * k, sizeof(scalar));
    signed char *signs = rrqr_allocate(context, k, 1);
    rrqr_status status = t && signs ? RRQR_OK : RRQR_NO_MEMORY;
    if (!status) {
        gather(m, k, 0, k, a, pivots, t, k);
        trsm('R', 'U', 'N', 'N', k, k, r, k, t, k);
        status = X(elimination_signs)(context, k, t, signs);
    }
    if (!status) X(sign_rows)(n, k, r, signs);
    rrqr_release(t);
    rrqr_release(signs);
    return status;
}

/* Whether G, of which the upper triangle is known, is the identity to a digit at least. */
static int near_identity(int k, const scalar *g)
{
    real sum = 0;
    for (int j = 0; j < k; j++) {
        for (int i = 0; i < j; i++) sum += 2 * square(*AT(g, k, i, j));
        sum += square(*AT(g, k, j, j) - 1);
    }
    return sum < 0.01;
}

/* Q = A P R^{-1} (m x k) with the first k columns of A P, unless q is NULL, and the k x n matrix R, upper trapezoidal
 * with zeros below. A second pass makes Q orthonormal, and R := Q^H A P with or without a Q that stays; *passes becomes
 * 0 where it shows that the first went wrong. */
rrqr_status X(cholesky_q)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots, void *r,
                          int *passes, void *q)
{
    const int twice = *passes == TWICE, rest = twice ? n - k : 0, step = min_int(CHOLESKY_ROWS, m);
    const size_t beside = (size_t)step * (rest + (q ? 0 : k));
    scalar *gram = rrqr_allocate(context, beside + (twice ? (size_t)k * k : 0), sizeof(scalar));
    scalar *others = AT((scalar *)r, k, 0, k), *right = gram + (twice ? (size_t)k * k : 0);
    rrqr_status status = gram ? RRQR_OK : RRQR_NO_MEMORY;
    for (int first = 0, rows; first < m && !status; first += rows) {
        scalar *y = q ? (scalar *)q + first : right + (size_t)step * rest;
        const int ldy = q ? m : step;
        rows = min_int(step, m - first);
        gather(m, k, first, rows, a, pivots, y, ldy);
        trsm('R', 'U', 'N', 'N', rows, k, r, k, y, ldy);
        if (twice) herk(k, rows, y, ldy, first > 0, gram, k);
        if (rest) {
            gather(m, rest, first, rows, a, pivots + k, right, step);
            gemm('C', 'N', k, rest, rows, 1, y, ldy, right, step, first > 0, others, k);
        }
        if (rrqr_interrupted(context, 2.0 * rows * k * (k + rest))) status = RRQR_INTERRUPTED;
    }
    if (twice && !status && (!near_identity(k, gram) || potrf(k, gram, k))) *passes = UNCONFIRMED;
    if (twice && !status && *passes) {
        trmm('L', 'U', 'N', 'N', k, k, gram, k, r, k);
        if (rest) trsm('L', 'U', 'C', 'N', k, rest, gram, k, others, k);
    }
    for (int first = 0, rows; twice && q && *passes && first < m && !status; first += rows) {
        rows = min_int(step, m - first);
        trsm('R', 'U', 'N', 'N', rows, k, gram, k, (scalar *)q + first, m);
        if (rrqr_interrupted(context, 1.0 * rows * k * k)) status = RRQR_INTERRUPTED;
    }
    rrqr_release(gram);
    return status;
}
