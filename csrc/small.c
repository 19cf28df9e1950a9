/* Greedy QR of a matrix that stays in the cache: one reflector after the other, in loops of our own.
 *
 * P. A. Businger, G. H. Golub, doi:10.1007/BF01436084. A call of BLAS costs as much as a hundred elements, so that a
 * small matrix is done before the calls would have returned. The norms are followed as squares, without roots and
 * divisions, and computed afresh long before cancellation tells.
 *
 * Guarantee: that of greedy.c, and pivots that differ from its own only within rounding of the norms; small_sure ends
 * where these could. */
#include "kernels.h"

/* sum |x_i|^2 */
static inline real sum_of_squares(int m, const scalar *x)
{
    const real *v = (const real *)x;
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < m * (int)REALS_PER_SCALAR; i++) sum += v[i] * v[i];
    return sum;
}

/* The n columns of c become (I - factor v v^H) c. */
static void reflect(int m, int n, const scalar *restrict v, scalar factor, scalar *restrict c, int ldc)
{
    int j = 0;
#ifdef RRQR_COMPLEX
    for (; j < n; j++, c += ldc) {
        const real *x = (const real *)v, *y = (const real *)c;
        real t[2] = {0, 0};
#pragma omp simd reduction(+ : t)
        for (int i = 0; i < 2 * m; i += 2) {
            t[0] += x[i] * y[i] + x[i + 1] * y[i + 1];
            t[1] += x[i] * y[i + 1] - x[i + 1] * y[i];
        }
        const scalar product = factor * *(scalar *)t;
        for (int i = 0; i < m; i++) c[i] -= v[i] * product;
    }
#else
    for (; j + 4 <= n; j += 4, c += 4 * (ptrdiff_t)ldc) { /* four sums that need not wait for each other */
        scalar *c1 = c + ldc, *c2 = c1 + ldc, *c3 = c2 + ldc;
        scalar t0 = 0, t1 = 0, t2 = 0, t3 = 0;
#pragma omp simd reduction(+ : t0, t1, t2, t3)
        for (int i = 0; i < m; i++) {
            t0 += v[i] * c[i];
            t1 += v[i] * c1[i];
            t2 += v[i] * c2[i];
            t3 += v[i] * c3[i];
        }
        t0 *= factor, t1 *= factor, t2 *= factor, t3 *= factor;
#pragma omp simd
        for (int i = 0; i < m; i++) {
            c[i] -= v[i] * t0;
            c1[i] -= v[i] * t1;
            c2[i] -= v[i] * t2;
            c3[i] -= v[i] * t3;
        }
    }
    for (; j < n; j++, c += ldc) {
        scalar t = 0;
#pragma omp simd reduction(+ : t)
        for (int i = 0; i < m; i++) t += v[i] * c[i];
        t *= factor;
#pragma omp simd
        for (int i = 0; i < m; i++) c[i] -= v[i] * t;
    }
#endif
}

/* The vector of reflector k, written out into v: from the row, which is the answer, that leaves a whole number of cache
 * lines, with zeros above row k, so that loops over it have no remainders. */
static int written_out(const rrqr_factor *f, int k, scalar *v)
{
    const int line = 64 / sizeof(scalar), lines = (f->m - k + line - 1) / line;
    const int first = f->m > lines * line ? f->m - lines * line : 0;
    const scalar *x = AT((const scalar *)f->a, f->lda, 0, k);
    for (int i = first; i < k; i++) v[i - first] = 0;
    v[k - first] = 1;
    for (int i = k + 1; i < f->m; i++) v[i - first] = x[i];
    return first;
}

/* The reflector that takes x to (beta, 0), over x as LAPACK keeps it; its tau. */
static scalar reflector(int m, scalar *x)
{
    const real rest = sum_of_squares(m - 1, x + 1), *parts = (const real *)x;
    const real re = parts[0], im = REALS_PER_SCALAR == 2 ? parts[REALS_PER_SCALAR - 1] : 0;
    scalar tau = 0;
    if (rest == 0 && im == 0) return tau;
    if (!(rest > SMALL_LEAST)) {
        larfg(m, x, x + 1, &tau);
        return tau;
    }
    const real norm = square_root(re * re + im * im + rest), beta = signbit(re) ? norm : -norm;
    const real distance = (re - beta) * (re - beta) + im * im;
    scalar inverse = 0;
    ((real *)&tau)[0] = (beta - re) / beta;
    ((real *)&inverse)[0] = (re - beta) / distance;
    if (REALS_PER_SCALAR == 2) {
        ((real *)&tau)[REALS_PER_SCALAR - 1] = -im / beta;
        ((real *)&inverse)[REALS_PER_SCALAR - 1] = -im / distance;
    }
    for (int i = 1; i < m; i++) x[i] *= inverse;
    x[0] = beta;
    return tau;
}

/* The largest square, NaN when any is not finite, and of the columns tied with it the one that comes first in A. */
static int largest_square(const rrqr_factor *f, const real *squares, double tie_tol, real *largest)
{
    real most = 0, nan = 0;
#pragma omp simd reduction(max : most) reduction(+ : nan)
    for (int j = f->rank; j < f->n; j++) {
        most = squares[j] > most ? squares[j] : most;
        nan += squares[j] - squares[j];
    }
    const real tied = (real)(most * (1 - tie_tol) * (1 - tie_tol));
    int pivot = f->rank, first = f->n;
    for (int j = f->rank; j < f->n; j++)
        if (squares[j] >= tied && f->pivots[j] < first) {
            first = f->pivots[j];
            pivot = j;
        }
    *largest = most + nan;
    return pivot;
}

/* Eliminate with column `pivot`. squares0: the squares when last computed afresh; v: scratch of m scalars. */
static void reflect_by(rrqr_factor *f, int pivot, real *squares, real *squares0, scalar *v)
{
    const int k = f->rank, below = f->m - k;
    X(swap_columns)(f, k, pivot);
    squares[pivot] = squares[k];
    squares0[pivot] = squares0[k];
    const scalar tau = ((scalar *)f->tau)[k] = reflector(below, AT((scalar *)f->a, f->lda, k, k));
    const int first = written_out(f, k, v);
    reflect(f->m - first, f->n - k - 1, v, conjugate(tau), AT((scalar *)f->a, f->lda, first, k + 1), f->lda);
    for (int j = k + 1; j < f->n; j++) {
        const scalar *c = AT((const scalar *)f->a, f->lda, k, j);
        squares[j] -= square(*c);
        if (!(squares[j] > SMALL_FALL * squares0[j])) squares[j] = squares0[j] = sum_of_squares(below - 1, c + 1);
    }
    f->rank = f->factored = f->panel = k + 1;
}

/* Whether the pivot is without rivals. */
static int beyond_doubt(const rrqr_factor *f, const real *squares, int pivot)
{
    const real least = rival_square(squares[pivot], (real)f->maxnorm);
    int rivals = 0;
    for (int j = f->rank; j < f->n; j++) rivals += squares[j] >= least;
    return rivals == 1;
}

/* Go on from the present rank until `stop` holds; `sure`, only while the pivots are beyond doubt. */
static rrqr_status small_steps(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop, int sure)
{
    const int last = min_int(stop->rank, min_int(f->m, f->n));
    scalar *v = rrqr_allocate(context, (size_t)f->m + 2 * (size_t)f->n, sizeof(scalar));
    if (!v) return RRQR_NO_MEMORY;
    real *squares = (real *)(v + f->m), *squares0 = squares + f->n;
    rrqr_status status = RRQR_OK;
    real *norms = f->norms, *norms0 = f->norms0, largest;
    X(panel_close)(f);
    for (int j = f->rank; j < f->n; j++) squares[j] = squares0[j] = norms[j] * norms[j];
    int pivot = largest_square(f, squares, stop->tie_tol, &largest);
    while (f->rank < last && largest > SMALL_LEAST && largest < SMALL_MOST &&
           !X(stops)(f, stop, square_root(largest)) && (!sure || beyond_doubt(f, squares, pivot))) {
        if (rrqr_interrupted(context, 4.0 * (f->m - f->rank) * (f->n - f->rank))) {
            status = RRQR_INTERRUPTED;
            break;
        }
        reflect_by(f, pivot, squares, squares0, v);
        pivot = largest_square(f, squares, stop->tie_tol, &largest);
    }
    for (int j = f->rank; j < f->n; j++)
        norms[j] = norms0[j] = squares[j] > SMALL_LEAST && squares[j] < SMALL_MOST
                                   ? square_root(squares[j])
                                   : X(norm)(f->m - f->rank, AT((const scalar *)f->a, f->lda, f->rank, j));
    rrqr_release(v);
    if (status || sure) return status;
    X(pivot)(f, stop->tie_tol, &largest);
    if (f->rank < last && !X(stops)(f, stop, largest)) return X(greedy)(context, f, stop); /* squares failed */
    return RRQR_OK;
}

rrqr_status X(small)(rrqr_context *context, rrqr_factor *f, const rrqr_stop *stop)
{
    return small_steps(context, f, stop, 0);
}

/* From the beginning on all columns, or as many as have pivots that LAPACK chooses as well. */
rrqr_status X(small_sure)(rrqr_context *context, rrqr_factor *f)
{
    const rrqr_stop stop = {.rank = min_int(f->m, f->n), .rtol = -1, .atol = -1};
    return small_steps(context, f, &stop, 1);
}

/* The first `columns` >= rank columns of Q = H_1 ... H_rank into q (m x columns), which is the identity. */
rrqr_status X(small_q)(rrqr_context *context, const rrqr_factor *f, int columns, scalar *q, int ldq)
{
    scalar *v = rrqr_allocate(context, f->m, sizeof(scalar));
    if (!v) return RRQR_NO_MEMORY;
    for (int k = f->rank - 1; k >= 0; k--) {
        const int first = written_out(f, k, v);
        reflect(f->m - first, columns - k, v, ((const scalar *)f->tau)[k], AT(q, ldq, first, k), ldq);
    }
    rrqr_release(v);
    return RRQR_OK;
}
