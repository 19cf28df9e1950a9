/* The C interface of rrqr_lapack: truncated pivoted QR, A P = Q R, from C, C++ and Cython, without the GIL.
 *
 * A module asks once for the table of functions, while it is imported, and calls through it from then on:
 *
 *     #include <Python.h>
 *     #include "rrqr_lapack.h"       // in the folder rrqr_lapack.get_include()
 *
 *     static const rrqr_api *rrqr;   // in PyInit_...: if (!(rrqr = rrqr_lapack_import())) return NULL;
 *
 *     rrqr_handle *qr;
 *     int status = rrqr->create(&qr, 'd', m, n);
 *     if (!status) status = rrqr->factor(qr, a, m, n, 1e-10, -1, 0, RRQR_AUTO);
 *     // rrqr->rank(qr) columns of A, those at rrqr->pivots(qr), are a basis
 *     rrqr->destroy(qr);
 *
 * Matrices are column-major as in LAPACK, but for stacks; a, tau, q, r, t, c, b, x, omega have the handle's dtype
 * (complex: pairs of reals), norms its reals. Only `a` has a leading dimension: results are contiguous, and their room
 * is the caller's.
 *
 * What returns int returns 0, an rrqr_status, or -i where the i-th argument is wrong, as LAPACK's INFO; nothing has
 * been touched then. A NULL handle is a wrong first argument.
 *
 * Handles know nothing of each other and no call needs the GIL: each may be used in a thread of its own. One handle may
 * be read by several threads at once, while none of them is in a function that takes it without `const`. */
#ifndef RRQR_LAPACK_INTERFACE_H
#define RRQR_LAPACK_INTERFACE_H

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header: what was built for another RRQR_ABI, or for more RRQR_FEATURES than there are, is refused. */
enum {
    RRQR_ABI = 1,     /* changes when anything that was there changes */
    RRQR_FEATURES = 5 /* counts what was added at the end of the table since */
};

typedef enum {
    RRQR_OK = 0,
    RRQR_NO_MEMORY = 1,    /* an allocation failed; a factorization is valid at the rank it had reached */
    RRQR_INTERRUPTED = 2,  /* the callback asked to stop; a factorization is valid at the rank it had reached */
    RRQR_OVERFLOW = 3,     /* a column norm of A is too large for its dtype; A is as it was */
    RRQR_TOO_WIDE = 4,     /* more columns than a routine of LAPACK can take */
    RRQR_BAD_CALL = 5,     /* LAPACK refused an argument: a bug of rrqr_lapack */
    RRQR_NOT_FINITE = 6,   /* A holds NaN or infinity, first in column nonfinite_column; A is as it was */
    RRQR_NOT_FACTORED = 7, /* nothing has been factored with this handle, or what was tried last had no column norms */
    RRQR_SINGULAR = 8      /* R11 is numerically singular, so that T would not be numbers: factor with a tolerance */
} rrqr_status;

/* How pivots are chosen; they are the same ones but for rounding. */
typedef enum {
    RRQR_AUTO = 0,    /* what is fastest for the size of the matrix */
    RRQR_GREEDY = 1,  /* column by column, as LAPACK does it */
    RRQR_PREFETCH = 2 /* by matrix products */
} rrqr_driver;

/* A factorization of m x n matrices of one dtype, one after the other. */
typedef struct rrqr_handle rrqr_handle;

typedef struct {
    int abi, features;

    /* The status in words. */
    const char *(*message)(int status);

    /* A handle for m x n matrices of the dtype 's', 'd', 'c' or 'z', as LAPACK calls them; NULL where there is none.
     * It holds O(96 n) scalars, whatever it factors. */
    int (*create)(rrqr_handle **handle, char dtype, int m, int n);
    /* Give the handle's memory back; NULL is nothing. */
    void (*destroy)(rrqr_handle *handle);
    /* Ask `interrupted(data)` about ten times a second, in the thread that computes, whether to stop; NULL: never. */
    int (*set_interrupt)(rrqr_handle *handle, int (*interrupted)(void *data), void *data);

    /* A P = Q R over a, lda >= max(m, 1). Before step j let maxresid be the largest column norm of what is left of A;
     * stop when maxresid <= atol, or maxresid <= rtol times the largest column norm of A, or j = rank, or nothing is
     * left. A negative tolerance is off; a rank above min(m, n) is min(m, n). Columns whose norms are within tie_tol,
     * 0 <= tie_tol < 1, of the largest are tied, and the first of them in A is taken.
     * `a` becomes LAPACK's compact form: R in its first rank rows, reflectors below the diagonal of its first rank
     * columns, the rest in between two steps. It must stay where and as it is while the factorization is used. */
    int (*factor)(rrqr_handle *handle, void *a, int lda, int rank, double rtol, double atol, double tie_tol,
                  int driver);
    /* Go on from the present rank, at most up to this one, which is not smaller; with factor's tie_tol and driver. */
    int (*extend)(rrqr_handle *handle, int rank, double rtol, double atol);
    /* The first column of A with NaN or infinity, from 0, when factor last found one; otherwise -1. Of a stack: the
     * first matrix that holds one. */
    int (*nonfinite_column)(const rrqr_handle *handle);

    /* The columns eliminated, k; -1 where nothing has been factored. */
    int (*rank)(const rrqr_handle *handle);
    /* The n pivots: column j of A P is column pivots[j] of A, from 0. The handle's own, until it factors again; NULL
     * where nothing has been factored. */
    const int *(*pivots)(const rrqr_handle *handle);
    /* The min(m, n) factors of the reflectors, zero past the rank; as pivots. */
    const void *(*tau)(const rrqr_handle *handle);
    /* The largest column norm of the residual, and the same over that of A; either may be NULL. */
    int (*maxresid)(const rrqr_handle *handle, double *maxresid, double *relmaxresid);
    /* The n - k column norms of the residual A P - Q R, those of the columns pivots[k..]. */
    int (*residual_norms)(const rrqr_handle *handle, void *norms);

    /* R, k x n, upper trapezoidal. */
    int (*upper)(const rrqr_handle *handle, void *r);
    /* The first `columns` columns of Q, m x columns, k <= columns <= m. */
    int (*form_q)(const rrqr_handle *handle, int columns, void *q);
    /* c := op(Q) c, m x p, where side is 'L'; c op(Q), p x m, where it is 'R'. op(Q) is Q where trans is 'N', Q^H where
     * it is 'C'. Interrupted or out of memory it leaves c between the two. */
    int (*apply_q)(const rrqr_handle *handle, char side, char trans, int p, void *c);
    /* T, k x n, with A ~= A(:, pivots[..k-1]) T up to the residual, and the identity in its columns pivots[..k-1]. */
    int (*interpolation)(const rrqr_handle *handle, void *t);

    /* Basic least squares: x, n x p, of least ||A x - b|| with nonzeros in the rows pivots[..k-1] only; b, m x p, is
     * overwritten. Columns past the numerical rank of R11, |r_jj| <= max(m, n) eps |r_11|, take no part. The p residual
     * norms are in `norms`, which may be NULL. */
    int (*lstsq)(const rrqr_handle *handle, int p, void *b, void *x, void *norms);
    /* Go on as extend does, and exchange columns until no |T_ij| exceeds `bound`, at least 1: strong rank-revealing QR.
     * With rho, the largest rho_ij = (|T_ij|^2 + (gamma_j(R22) |row i of R11^{-1}|)^2)^(1/2), at most the bound too,
     * and s = (1 + rho^2 k (n - k))^(1/2): sigma_i(R11) >= sigma_i(A) / s and sigma_j(R22) <= s sigma_(k+j)(A). rho and
     * the largest |T_ij| are known to the root of eps; either place may be NULL. The rank may end below the present
     * one, where columns are numerically dependent. */
    int (*strong)(rrqr_handle *handle, int rank, double rtol, double atol, double bound, double *rho, double *largest);
    /* The rows of omega that factor_randomized takes for this rank. */
    int (*sketch_rows)(const rrqr_handle *handle, int rank);
    /* As factor, with pivots from the sketch omega A, for about the price of a QR without pivoting: omega is
     * sketch_rows(rank) x m, of independent standard normal numbers, also real ones where A is complex, from the
     * caller's generator; the same numbers give the same pivots. `extend` then goes on with greedy pivots, `strong`
     * makes them good ones for certain. From then on the handle holds O(256 n) scalars. */
    int (*factor_randomized)(rrqr_handle *handle, void *a, int lda, int rank, double rtol, double atol, double tie_tol,
                             const void *omega);
    /* Factor `count` matrices m x n of 100,000 elements or fewer, each by this rule, as NumPy has stacks: row-major,
     * without gaps. With l = min(rank, m, n): q, count x m x l, or NULL; r, count x l x n; pivots, count x n; ranks,
     * count. What is past the rank of a matrix is zero. Small ones are done several at once, in the lanes of the
     * processor's vectors. What the handle has factored stays; after an error the results are not complete. */
    int (*factor_stack)(rrqr_handle *handle, int count, const void *a, int rank, double rtol, double atol,
                        double tie_tol, void *q, void *r, int *pivots, int *ranks);
} rrqr_api;

#ifdef Py_PYTHON_H
/* The table of the rrqr_lapack that is installed, or NULL with an ImportError that says what to build again. */
static inline const rrqr_api *rrqr_lapack_import(void)
{
    const rrqr_api *api = (const rrqr_api *)PyCapsule_Import("rrqr_lapack._C_API", 0);
    if (!api) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError))
            PyErr_SetString(PyExc_ImportError, "the rrqr_lapack that is installed has no C interface, which this "
                                               "extension needs: pip install -U rrqr-lapack");
        return 0;
    }
    if (api->abi != RRQR_ABI) {
        PyErr_Format(PyExc_ImportError,
                     "this extension was built for the C interface %d of rrqr_lapack, the one installed has %d: "
                     "build the extension again, with the rrqr_lapack that is installed",
                     (int)RRQR_ABI, api->abi);
        return 0;
    }
    if (api->features < RRQR_FEATURES) {
        PyErr_Format(PyExc_ImportError,
                     "this extension was built for the C interface %d.%d of rrqr_lapack, the one installed has %d.%d: "
                     "pip install -U rrqr-lapack, or build the extension again with the one installed",
                     (int)RRQR_ABI, (int)RRQR_FEATURES, api->abi, api->features);
        return 0;
    }
    return api;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
