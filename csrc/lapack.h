/* The table of BLAS and LAPACK routines of one dtype, and by-value calls into it. */
#ifndef RRQR_LAPACK_H
#define RRQR_LAPACK_H

#include <limits.h>

#include "rrqr.h"
#include "scalar.h"

typedef struct {
#define ROUTINE(library, name, s, d, c, z, result, arguments) result(*name) arguments;
#include "lapack.def"
#undef ROUTINE
} lapack_table;

extern lapack_table X(lapack);
extern const rrqr_routine X(routines)[];

enum {
#define ROUTINE(library, name, s, d, c, z, result, arguments) ROUTINE_##name,
#include "lapack.def"
#undef ROUTINE
    ROUTINE_COUNT
};

/* Columns, at most, of a matrix that LAPACK may treat in blocks. The workspace of a block of as many as 128 columns has
 * a length that is an int then; beyond, LAPACK takes whatever that wraps around to for its length. */
enum { WIDEST = INT_MAX / 128 };

/* The length of a workspace: LAPACK's answer to a query, which is a scalar, rounded up (a float cannot hold every int),
 * and at least what LAPACK's documentation says is enough. 0 where that is no int. */
static inline int workspace(scalar answer, ptrdiff_t least)
{
    const double length = ((real *)&answer)[0] * (1 + (double)REAL_EPSILON);
    if (least > INT_MAX) return 0;
    if (!(length > (double)least)) return (int)least;
    return length < INT_MAX ? (int)length : INT_MAX;
}

/* norm2 = ||x||_2 */
static inline real nrm2(int n, const scalar *x, int incx) { return X(lapack).nrm2(&n, (scalar *)x, &incx); }

/* y := alpha op(A) x + beta y, A is m x n; op is N or C */
static inline void gemv(char trans, int m, int n, scalar alpha, const scalar *a, int lda, const scalar *x, int incx,
                        scalar beta, scalar *y, int incy)
{
    if ((ptrdiff_t)m * n > LOOP_ELEMENTS || incx != 1 || incy != 1) {
        X(lapack).gemv(&trans, &m, &n, &alpha, (scalar *)a, &lda, (scalar *)x, &incx, &beta, y, &incy);
        return;
    }
    const int length = trans == 'N' ? m : n;
    if (beta != (scalar)1)
        for (int i = 0; i < length; i++) y[i] = beta == (scalar)0 ? 0 : beta * y[i];
    for (int j = 0; j < n; j++) {
        const scalar *column = a + (ptrdiff_t)j * lda;
        if (trans == 'N') {
            const scalar t = alpha * x[j];
            for (int i = 0; i < m; i++) y[i] += t * column[i];
        } else {
            scalar sum = 0;
            for (int i = 0; i < m; i++) sum += conjugate(column[i]) * x[i];
            y[j] += alpha * sum;
        }
    }
}

/* C := alpha op(A) op(B) + beta C, C is m x n */
static inline void gemm(char transa, char transb, int m, int n, int k, scalar alpha, const scalar *a, int lda,
                        const scalar *b, int ldb, scalar beta, scalar *c, int ldc)
{
    X(lapack).gemm(&transa, &transb, &m, &n, &k, &alpha, (scalar *)a, &lda, (scalar *)b, &ldb, &beta, c, &ldc);
}

/* the upper triangle of C := A^H A + beta C, C is n x n, A is k x n */
static inline void herk(int n, int k, const scalar *a, int lda, real beta, scalar *c, int ldc)
{
    char uplo = 'U', trans = 'C';
    real one = 1;
    X(lapack).herk(&uplo, &trans, &n, &k, &one, (scalar *)a, &lda, &beta, c, &ldc);
}

/* B := op(T)^{-1} B or B op(T)^{-1}, T triangular, B is m x n */
static inline void trsm(char side, char uplo, char trans, char diag, int m, int n, const scalar *t, int ldt, scalar *b,
                        int ldb)
{
    scalar one = 1;
    X(lapack).trsm(&side, &uplo, &trans, &diag, &m, &n, &one, (scalar *)t, &ldt, b, &ldb);
}

/* B := op(T) B or B op(T), T triangular, B is m x n */
static inline void trmm(char side, char uplo, char trans, char diag, int m, int n, const scalar *t, int ldt, scalar *b,
                        int ldb)
{
    scalar one = 1;
    X(lapack).trmm(&side, &uplo, &trans, &diag, &m, &n, &one, (scalar *)t, &ldt, b, &ldb);
}

/* The upper triangle of A := R with R^H R = A; not 0 where A is not positive definite */
static inline int potrf(int n, scalar *a, int lda)
{
    char uplo = 'U';
    int info;
    X(lapack).potrf(&uplo, &n, a, &lda, &info);
    return info;
}

/* H = I - tau (1, v) (1, v)^H with H^H (alpha, x) = (beta, 0); alpha := beta, x := v */
static inline void larfg(int n, scalar *alpha, scalar *x, scalar *tau)
{
    int one = 1;
    X(lapack).larfg(&n, alpha, x, &one, tau);
}

#endif
