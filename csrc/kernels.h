/* The kernels of one dtype, as their files define them; rrqr.h says what the arguments mean. */
#ifndef RRQR_KERNELS_H
#define RRQR_KERNELS_H

#include "lapack.h"

/* Element (i, j) of a column-major matrix: the offset is formed in ptrdiff_t. */
#define AT(a, ld, i, j) ((a) + (ptrdiff_t)(j) * (ld) + (i))

static inline int min_int(int a, int b) { return a < b ? a : b; }
static inline size_t max_size(size_t a, size_t b) { return a > b ? a : b; }

/* finite.c */
ptrdiff_t X(first_nonfinite_column)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t lda);
/* transpose.c */
void X(transpose)(ptrdiff_t m, ptrdiff_t n, const void *a, ptrdiff_t stride, void *b);
/* norm.c */
real X(norm)(int m, const scalar *x);
void X(norms_by_rows)(int m, int n, const scalar *a, double *sums, real *norms);
/* source.c */
void X(fetch)(const rrqr_factor *f, int k, int rows, int first, int last, scalar *b, int ldb);
void X(load)(rrqr_factor *f, int k, int first, int last);
void X(settle)(rrqr_factor *f);
void X(source_sketch)(const rrqr_factor *f, int rows, const scalar *omega, scalar *b);
void X(source_rows)(rrqr_factor *f, int k, int b, int first, int last, int at, scalar *v1, scalar *work);
/* pivot.c */
int X(pivot)(const rrqr_factor *f, double tie_tol, real *maxresid);
int X(next_pivot)(rrqr_factor *f, const rrqr_stop *stop, real *maxresid);
void X(swap_columns)(rrqr_factor *f, int i, int j);
int X(stops)(const rrqr_factor *f, const rrqr_stop *stop, double maxresid);
/* panel.c */
void X(downdate)(rrqr_factor *f, int j, real removed);
void X(panel_step)(rrqr_factor *f, int pivot, scalar *work);
void X(panel_close)(rrqr_factor *f);
/* The least square with which a column rivals a pivot of square `top`, so that whoever computes the norms, in whatever
 * order, might choose it: LAPACK downdates a square as long as sqrt(eps) of it is left, and may bear an error of eps
 * times what it was before, at most maxnorm^2. */
static inline real rival_square(real top, real maxnorm)
{
    const real most = maxnorm * maxnorm, before = most < top / DOWNDATE_TRUSTED ? most : top / DOWNDATE_TRUSTED;
    const real norm = square_root(top) - PIVOT_DOUBT * maxnorm, afresh = norm > 0 ? norm * norm : 0;
    const real downdated = top - 2 * PIVOT_DOUBT * before;
    return downdated < afresh ? downdated : afresh;
}
/* begin.c */
rrqr_status X(begin)(rrqr_context *context, rrqr_factor *f);
/* greedy.c */
rrqr_status X(greedy)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
rrqr_status X(greedy_steps)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, int steps);
/* small.c */
rrqr_status X(small)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
rrqr_status X(small_sure)(rrqr_context *context, rrqr_factor *f);
rrqr_status X(small_q)(rrqr_context *context, const rrqr_factor *f, int columns, scalar *q, int ldq);
/* lanes.c */
int X(lanes_fit)(const rrqr_stack *s);
rrqr_status X(lanes)(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop);
/* stack.c */
rrqr_status X(stack)(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop);
/* gram.c: Gram rows of candidate columns against every residual column, as the steps of a block change them */
typedef struct {
    int n, capacity, count;
    scalar *rows;    /* n x capacity: a_j^H a_c of the residual columns, scaled, row j for the column at position j */
    int *candidates; /* capacity: the position of each candidate */
    int *slots;      /* n: the row of the candidate at a position, or -1 */
    real *left;      /* n: squared norms of the residual columns, scaled; -1 once chosen */
    real *spare;     /* n: for selection */
    scalar *copy;    /* m x min(capacity, GRAM_FETCH): scaled candidate columns */
    scalar *coefficients; /* capacity x RRQR_BLOCK */
    real scale;           /* a power of two that takes the largest norm near 1 */
    real boost;           /* a power of two that keeps products in range */
    real smallest;        /* the smallest residual norm that is not 0, scaled, at most 1 */
    real base;            /* the largest of `left` when the oldest row was fetched */
} X(gram);
rrqr_status X(gram_open)(rrqr_context *context, const rrqr_factor *f, X(gram) *g);
void X(gram_close)(X(gram) *g);
void X(gram_begin)(const rrqr_factor *f, X(gram) *g);
void X(gram_fetch)(const rrqr_factor *f, X(gram) *g, int likely, int pivot, int steps);
void X(gram_drop)(const rrqr_factor *f, X(gram) *g, int slot);
void X(gram_clear)(const rrqr_factor *f, X(gram) *g);
void X(gram_update)(const rrqr_factor *f, X(gram) *g, int from, int to);
void X(gram_swap)(X(gram) *g, int i, int j);
real X(kth_largest)(real *x, int n, int k);
/* block.c */
void X(block_v1)(const rrqr_factor *f, int k, int b, scalar *v1);
void X(block_update)(rrqr_factor *f, int k, int b);
rrqr_status X(block_panel)(rrqr_factor *f, int k, int b, scalar *t);
void X(block_rows)(rrqr_factor *f, int k, int b, int first, int last, const scalar *t, scalar *work);
void X(block_downdate)(rrqr_factor *f, int k, int b);
rrqr_status X(block_eliminate)(rrqr_factor *f, int b, scalar *t, scalar *work);
void X(block_undo)(rrqr_factor *f, int k, int kept, int b, int first, int last, scalar *work);
/* sketch.c: B = Omega A of the residual columns, rows x n */
typedef struct {
    int n, rows;
    scalar *omega;  /* rows x m, times a power of two that takes the largest norm near 1 */
    scalar *b;      /* rows x n */
    scalar *copy;   /* rows x n */
    int *positions; /* 3 n */
    real *sums;     /* n */
    rrqr_factor qr; /* of the columns of B among which pivots are chosen */
    double level;   /* the largest residual norm when B was formed, infinite when B is no longer that of A */
} X(sketch);
rrqr_status X(sketch_open)(rrqr_context *context, const rrqr_factor *f, const scalar *omega, int wanted, X(sketch) *s);
void X(sketch_close)(X(sketch) *s);
void X(sketch_form)(const rrqr_factor *f, X(sketch) *s, double level);
rrqr_status X(sketch_pivots)(rrqr_context *context, rrqr_factor *f, X(sketch) *s, int wanted, double tie_tol);
void X(sketch_downdate)(const rrqr_factor *f, X(sketch) *s, int k, int b);
/* randomized.c */
rrqr_status X(randomized)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, const void *omega);
/* prefetch.c */
rrqr_status X(prefetch)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop);
/* reorder.c */
rrqr_status X(retreat)(rrqr_context *context, rrqr_factor *f, int kept);
rrqr_status X(reorder)(rrqr_context *context, rrqr_factor *f, int *wanted, int count);
rrqr_status X(eliminate_in_order)(rrqr_context *context, rrqr_factor *f, int last);
/* exchange.c: R, T = R11^{-1} R12 and R11^{-1} as columns of R11 and R12 are exchanged; scaled by a power of two */
typedef struct {
    int n, k;           /* columns, and those of them in R11 */
    int rows, capacity; /* known rows of R, and room for them */
    int ldw;
    scalar *r;      /* n x capacity: R^T */
    scalar *t;      /* n x k: T^T, from row k on */
    scalar *w;      /* k x k: R11^{-1} */
    scalar *u;      /* 2 k */
    scalar *work;   /* n + width */
    double *gamma;  /* n: squared norms of the columns of R22, from k on */
    double *omega;  /* k: squared norms of the rows of R11^{-1} */
    int *order;     /* n: the position in the factor of each column */
    int *wanted;    /* k */
    real scale;     /* a power of two that takes the largest norm near 1 */
    double largest; /* |T_ij| */
    double doubt;   /* what rounding may have grown to in T since it was computed from R */
} X(exchange);
rrqr_status X(exchange_open)(rrqr_context *context, const rrqr_factor *f, X(exchange) *e);
void X(exchange_close)(X(exchange) *e);
void X(exchange_norms)(const rrqr_factor *f, X(exchange) *e);
double X(exchange_largest)(X(exchange) *e, int *chosen, int *other);
int X(exchange_fetch)(rrqr_factor *f, X(exchange) *e, int j);
rrqr_status X(exchange_columns)(rrqr_context *context, const rrqr_factor *f, X(exchange) *e, int i, int j);
/* strong.c */
rrqr_status X(strong)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, double bound,
                      rrqr_strength *strength);
/* full.c */
rrqr_status X(full)(rrqr_context *context, rrqr_factor *f);
void X(truncate)(rrqr_factor *f, const rrqr_stop *stop);
rrqr_status X(geqrf)(rrqr_context *context, rrqr_factor *f);
/* residual.c */
rrqr_status X(residual)(rrqr_context *context, const rrqr_factor *f, void *block, int ldb, void *norms);
rrqr_status X(maxresid)(rrqr_context *context, const rrqr_factor *f, double *maxresid);
/* orthogonal.c */
void X(upper)(const rrqr_factor *f, int rows, void *r, int ldr);
void X(upper_rows)(const rrqr_factor *f, int rows, void *r);
rrqr_status X(form_q)(rrqr_context *context, const rrqr_factor *f, int columns, void *q);
rrqr_status X(apply_q)(rrqr_context *context, const rrqr_factor *f, int left, int adjoint, int rows, int columns,
                       void *c);
rrqr_status X(apply_reflectors)(rrqr_context *context, const rrqr_factor *f, int first, int last, int left, int adjoint,
                                int rows, int columns, scalar *c, int ldc);
/* solve.c */
int X(numerical_rank)(const rrqr_factor *f);
rrqr_status X(lstsq)(rrqr_context *context, const rrqr_factor *f, int rank, int columns, void *b, void *norms);
rrqr_status X(interpolation)(rrqr_context *context, const rrqr_factor *f, void *t);
/* cholesky.c */
rrqr_status X(gram_triangle)(rrqr_context *context, int m, int n, const void *a, void *r, int *passes);
real X(factor_gram)(int n, const scalar *g, scalar *r, real *lengths, scalar *x);
rrqr_status X(elimination_signs)(rrqr_context *context, int k, scalar *t, signed char *signs);
void X(sign_rows)(int n, int k, scalar *r, const signed char *signs);
rrqr_status X(reflector_signs)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots, void *r);
rrqr_status X(cholesky_q)(rrqr_context *context, int m, int n, int k, const void *a, const int *pivots, void *r,
                          int *passes, void *q);

/* precondition.c */
rrqr_status X(precondition)(rrqr_context *context, int m, int n, const void *a, int kept, void *y, void *c, void *r,
                            int *sound);
rrqr_status X(preconditioned_q)(rrqr_context *context, int m, int n, int k, const void *c, void *q1, void *r, void *y,
                                int wanted);

#endif
