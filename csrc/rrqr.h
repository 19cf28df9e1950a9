/* The map of the C core: the types shared by the kernels and the binding, free of any dtype.
 *
 * A factor holds A P = Q R in LAPACK's compact form while it grows column by column. Kernels return a
 * status, never print, exit or keep state; memory and interruption come through the context. */
#ifndef RRQR_H
#define RRQR_H

#include <math.h>
#include <stddef.h>

#include "rrqr_lapack.h" /* what kernels return, rrqr_status, and the C interface of the package */
#include "tuning.h"

typedef struct rrqr_context {
    int (*interrupted)(void *data); /* nonzero: stop; NULL: never asked */
    void *data;                     /* what it is given */
    double work;                    /* operations since it was last asked */
    ptrdiff_t allocations_left;     /* allocations that still succeed; negative: no limit (tests count down) */
} rrqr_context;

/* Stop before step j when maxresid <= atol, maxresid / maxnorm <= rtol, or j columns reach rank. */
typedef struct {
    int rank;
    double rtol, atol; /* negative: off */
    double tie_tol;    /* norms within this fraction of the largest count as tied */
} rrqr_stop;

/* Columns 0..rank-1 are final. Rows 0..rank-1 of R are final in every column. The reflectors
 * panel..rank-1 have not been applied to the rows below: there A is behind by V F^H, V = A(rank:, panel:rank). */
typedef struct {
    int m, n, lda;
    int rank;           /* reflectors that count */
    int factored;       /* reflectors there are: more than rank only after LAPACK's full factorization */
    int panel;          /* first column of the open panel */
    int width;          /* columns of F */
    int stale;          /* columns of which only a bound of the norm is known */
    void *a;            /* m x n */
    const void *source; /* m x n: the matrix as it came, while `a` holds only what was eliminated; NULL otherwise */
    int by_rows;        /* whether the source is row-major, without gaps; else it lies as `a` does */
    int *pivots;        /* n: column j of A P is column pivots[j] of A */
    void *tau;          /* min(m, n) */
    void *norms;        /* n reals: norms of the residual columns, a bound where stale */
    void *norms0;       /* n reals: the same when last computed afresh, negative where stale */
    void *f;            /* n x width */
    double maxnorm;     /* largest column norm of A */
} rrqr_factor;

/* Row-major matrices of one size, and where their factors go, row-major too. */
typedef struct {
    ptrdiff_t count;
    int m, n;
    int columns, rows; /* of each Q, and of each R; more than the rank hold zeros */
    int tiny;          /* that loops of our own beat BLAS */
    int together;      /* that they may be done in groups */
    int lapack;        /* that Q is whole, and what is not done in groups has the pivots of ?geqp3, ties included */
    const void *a;     /* count x m x n */
    void *q;           /* count x m x columns, or NULL */
    void *r;           /* count x rows x n */
    int *pivots;       /* count x n */
    int *ranks;        /* count */
} rrqr_stack;

/* What a strong factorization certifies, rho_ij^2 = |T_ij|^2 + (gamma_j / omega_i)^2 (strong.c). */
typedef struct {
    int swaps;        /* exchanges of two columns that it took */
    double largest_t; /* largest |T_ij|, T = R11^{-1} R12 */
    double rho;       /* largest rho_ij */
} rrqr_strength;

/* A BLAS or LAPACK routine: where to find it, what it must look like, where its address goes. */
typedef struct {
    const char *library, *name, *signature;
    void *address; /* of the function pointer */
} rrqr_routine;

/* The kernels of one dtype. */
typedef struct {
    const rrqr_routine *routines;
    size_t routine_count;
    ptrdiff_t (*first_nonfinite_column)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t lda);
    void (*transpose)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t stride, void *b);
    rrqr_status (*begin)(rrqr_context *context, rrqr_factor *f);
    rrqr_status (*greedy)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
    rrqr_status (*small)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
    rrqr_status (*stack)(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop);
    rrqr_status (*prefetch)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
    rrqr_status (*randomized)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, const void *omega);
    rrqr_status (*strong)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, double bound,
                          rrqr_strength *strength);
    rrqr_status (*full)(rrqr_context *context, rrqr_factor *f);
    void (*truncate)(rrqr_factor *f, const rrqr_stop *stop);
    rrqr_status (*geqrf)(rrqr_context *context, rrqr_factor *f);
    void (*settle)(rrqr_factor *f);
    rrqr_status (*residual)(rrqr_context *context, const rrqr_factor *f, void *block, int ldb, void *norms);
    rrqr_status (*maxresid)(rrqr_context *context, const rrqr_factor *f, double *maxresid);
    void (*upper)(const rrqr_factor *f, int rows, void *r, int ldr);
    void (*upper_rows)(const rrqr_factor *f, int rows, void *r);
    rrqr_status (*form_q)(rrqr_context *context, const rrqr_factor *f, int columns, void *q);
    rrqr_status (*apply_q)(rrqr_context *context, const rrqr_factor *f, int left, int adjoint, int rows, int columns,
                           void *c);
    int (*numerical_rank)(const rrqr_factor *f);
    rrqr_status (*lstsq)(rrqr_context *context, const rrqr_factor *f, int rank, int columns, void *b, void *norms);
    rrqr_status (*interpolation)(rrqr_context *context, const rrqr_factor *f, void *t);
    rrqr_status (*gram_triangle)(rrqr_context *context, int m, int n, const void *a, void *r, int *passes);
    rrqr_status (*reflector_signs)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots,
                                   void *r);
    rrqr_status (*cholesky_q)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots, void *r,
                              int *passes, void *q);
    rrqr_status (*precondition)(rrqr_context *context, int m, int n, const void *a, int kept, void *y, void *c, void *r,
                                int *sound);
    rrqr_status (*preconditioned_q)(rrqr_context *context, int m, int n, int k, const void *c, void *q1, void *r,
                                    void *y, int wanted);
} rrqr_kernels;

/* The kernels of the four dtypes, compiled for one instruction set. */
typedef struct {
    const char *name;
    const rrqr_kernels *s, *d, *c, *z;
} rrqr_isa;

/* The columns of a block that suit an m x n matrix: what is not a product grows with them, what a block costs whatever
 * its columns with the matrix. */
static inline int rrqr_width(int m, int n, int blocks, int least, int most)
{
    const int share = (int)(sqrt((double)m * n) / blocks) / RRQR_EVEN * RRQR_EVEN;
    return share < least ? least : share < most ? share : most;
}

/* Whether the randomized kernel, which is to eliminate `left` columns, defers their updates: the residual is then never
 * touched, but each block is updated with all before it. */
static inline int rrqr_defers(int m, int n, int left)
{
    return left <= RRQR_DEFER && (double)RRQR_DEFER_SHARE * left <= (m < n ? m : n);
}

/* The columns of each block of the randomized kernel where so many of an m x n matrix are left in all: blocks of about
 * one size, a multiple of RRQR_EVEN. */
static inline int rrqr_share(int m, int n, int left)
{
    if (left <= 0) return 0;
    const int width = rrqr_defers(m, n, left) ? rrqr_width(m, n, RRQR_BLOCKS, RRQR_NARROW, RRQR_WIDE)
                                              : rrqr_width(m, n, RRQR_EAGER_BLOCKS, RRQR_EAGER_NARROW, RRQR_WIDE);
    const int blocks = (left + width - 1) / width;
    const int share = ((left + blocks - 1) / blocks + RRQR_EVEN - 1) / RRQR_EVEN * RRQR_EVEN;
    return share < left ? share : left;
}

/* isa.c */
extern const rrqr_isa rrqr_isas[];
extern const rrqr_isa *rrqr_chosen;
int rrqr_isa_count(void);

/* memory.c */
void *rrqr_allocate(rrqr_context *context, size_t count, size_t size);
void rrqr_release(void *memory);
int rrqr_interrupted(rrqr_context *context, double operations);

/* api.c */
extern const rrqr_api rrqr_interface;
extern const rrqr_routine rrqr_functions[];
extern const size_t rrqr_function_count;
int rrqr_open(const rrqr_context *context, char dtype, int m, int n, rrqr_handle **handle);

#endif
