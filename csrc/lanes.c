/* Greedy QR of many small matrices of one size, one in each lane of the processor's vectors.
 *
 * P. A. Businger, G. H. Golub, doi:10.1007/BF01436084. Element (i, j) of all matrices of a group is one vector, so that
 * the arithmetic of one matrix is that of all. Each has its own pivots and its own end: exchanges are masked, and the
 * reflectors of a matrix that has ended are the identity. The norms are computed afresh at every step, in the sweep
 * that updates their columns, where they cost nothing.
 *
 * Guarantee: that of small.c. What its squares are not good for is left to others: NaN, sizes near the ends of the
 * range of numbers, and where LAPACK's pivots are wanted those that are in doubt. */
#include <stdint.h>
#include <string.h>

#include "kernels.h"

#ifdef __AVX2__ /* and no wider: measured on a Zen 4, groups half as large are worth more, 24 us, not 29, for 64 x 64 \
                 */
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

typedef PICK(int32_t, int64_t, int32_t, int64_t) integer;
typedef real vec __attribute__((vector_size(VECTOR_BYTES)));
typedef integer ints __attribute__((vector_size(VECTOR_BYTES))); /* as a mask, -1 where something holds, else 0 */

#if defined RRQR_DTYPE_s || defined RRQR_DTYPE_c
#define GROUP (VECTOR_BYTES / 4) /* matrices */
#else
#define GROUP (VECTOR_BYTES / 8)
#endif
enum {
    PARTS = sizeof(scalar) / sizeof(real),                        /* of an element: vectors */
    ABREAST = 4 / PARTS,                                          /* columns whose sums need not wait for each other */
    Q_COLUMNS = GROUP / PARTS > ABREAST ? GROUP / PARTS : ABREAST /* of Q, formed at a time */
};

/* a0 b0 a1 b1 ... of the first half of the lanes, and of the second */
#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
#if !__has_builtin(__builtin_shufflevector) /* GCC before 12 */
static inline vec riffled(vec a, vec b, int first)
{
    vec x;
    for (int l = 0; l < GROUP; l++) x[l] = (l % 2 ? b : a)[first + l / 2];
    return x;
}
#define LOW_HALVES(a, b) riffled(a, b, 0)
#define HIGH_HALVES(a, b) riffled(a, b, GROUP / 2)
#elif GROUP == 2
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 1, 3)
#elif GROUP == 4
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
#define LOW_HALVES(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_HALVES(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#endif

typedef struct {
    int m, n;
    ptrdiff_t ld; /* vectors from a column to the next: those of an odd number of rows, so that a row spreads over the
                     cache */
    vec *a;       /* m x n */
    vec *q;       /* m x Q_COLUMNS */
    vec *tau;     /* min(m, n) */
    vec *squares; /* n: of the norms of the residual columns */
    ints *pivots; /* n: as those of a factor */
    ints working; /* the lanes that go on */
    ints failed;  /* those of which nothing is known */
    ints rank;
} group;

static inline vec blend(ints where, vec a, vec b) { return (vec)((where & (ints)a) | (~where & (ints)b)); }
static inline ints blend_ints(ints where, ints a, ints b) { return (where & a) | (~where & b); }
static inline vec everywhere(real x) { return x - (vec){0}; }
static inline ints everywhere_int(integer x) { return x - (ints){0}; }

static inline int any_of(ints where)
{
    integer sum = 0;
    for (int l = 0; l < GROUP; l++) sum |= where[l];
    return sum != 0;
}

static inline vec roots(vec x)
{
    for (int l = 0; l < GROUP; l++) x[l] = square_root(x[l]);
    return x;
}

/* t + conj(x) y */
static inline void add_product(vec *t, const vec *x, const vec *y)
{
#ifdef RRQR_COMPLEX
    t[0] += x[0] * y[0] + x[1] * y[1];
    t[1] += x[0] * y[1] - x[1] * y[0];
#else
    t[0] += x[0] * y[0];
#endif
}

/* y - x t */
static inline void subtract_product(vec *y, const vec *x, const vec *t)
{
#ifdef RRQR_COMPLEX
    const vec re = y[0] - x[0] * t[0] + x[1] * t[1];
    y[1] = y[1] - x[0] * t[1] - x[1] * t[0];
    y[0] = re;
#else
    y[0] -= x[0] * t[0];
#endif
}

/* sum + |x|^2 */
static inline vec add_square(vec sum, const vec *x)
{
    for (int p = 0; p < PARTS; p++) sum += x[p] * x[p];
    return sum;
}

/* Of `width` columns, a constant, c becomes (I - factor v v^H) c, v_0 = 1; squares (or NULL): those of the norms of
 * what lies below row 0. */
static inline void reflect_columns(int m, int width, const vec *restrict v, const vec *factor, vec *restrict c,
                                   ptrdiff_t ldc, vec *squares)
{
    vec t[ABREAST][PARTS], sum[ABREAST];
    for (int j = 0; j < width; j++)
        for (int p = 0; p < PARTS; p++) t[j][p] = c[j * ldc + p];
    for (int i = 1; i < m; i++)
        for (int j = 0; j < width; j++) add_product(t[j], v + i * PARTS, c + j * ldc + i * PARTS);
    for (int j = 0; j < width; j++) {
#ifdef RRQR_COMPLEX
        const vec re = factor[0] * t[j][0] - factor[1] * t[j][1];
        t[j][1] = factor[0] * t[j][1] + factor[1] * t[j][0];
        t[j][0] = re;
#else
        t[j][0] *= factor[0];
#endif
        for (int p = 0; p < PARTS; p++) c[j * ldc + p] -= t[j][p];
        sum[j] = everywhere(0);
    }
    for (int i = 1; i < m; i++)
        for (int j = 0; j < width; j++) {
            vec *x = c + j * ldc + i * PARTS;
            subtract_product(x, v + i * PARTS, t[j]);
            if (squares) sum[j] = add_square(sum[j], x);
        }
    for (int j = 0; squares && j < width; j++) squares[j] = sum[j];
}

static void reflect_lanes(int m, int n, const vec *v, const vec *factor, vec *c, ptrdiff_t ldc, vec *squares)
{
    int j = 0;
    for (; j + ABREAST <= n; j += ABREAST) reflect_columns(m, ABREAST, v, factor, c + j * ldc, ldc, squares + j);
    for (; j < n; j++) reflect_columns(m, 1, v, factor, c + j * ldc, ldc, squares + j);
}

/* Where a vector of the matrix stands. */
static inline vec *at(const group *g, vec *a, int i, int j) { return a + j * g->ld + i * PARTS; }

/* Let rows be columns: log2(GROUP) times the halves are shuffled like cards. */
static inline void turn(vec *x)
{
    vec y[GROUP];
    for (int round = 1; round < GROUP; round *= 2) {
        for (int r = 0; r < GROUP / 2; r++) {
            y[2 * r] = LOW_HALVES(x[r], x[r + GROUP / 2]);
            y[2 * r + 1] = HIGH_HALVES(x[r], x[r + GROUP / 2]);
        }
        for (int r = 0; r < GROUP; r++) x[r] = y[r];
    }
}

/* `items` row-major matrices into the lanes; the first one again where there are no more. */
static void load_lanes(group *g, const scalar *a, int items)
{
    const ptrdiff_t size = (ptrdiff_t)g->m * g->n * PARTS;
    const int row = g->n * PARTS;
    const real *from[GROUP];
    for (int l = 0; l < GROUP; l++) from[l] = (const real *)a + (l < items ? l : 0) * size;
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < row; j += GROUP) {
            const int width = min_int(GROUP, row - j);
            vec x[GROUP];
            for (int l = 0; l < GROUP; l++) {
                const real *next = from[l] + (ptrdiff_t)i * row + j;
                if (width == GROUP) {
                    memcpy(x + l, next, sizeof(vec));
                } else {
                    x[l] = everywhere(0);
                    memcpy(x + l, next, width * sizeof(real));
                }
            }
            turn(x);
            for (int c = 0; c < width; c++) at(g, g->a, i, (j + c) / PARTS)[(j + c) % PARTS] = x[c];
        }
}

/* The norms, and the lanes in which their squares are numbers that will not overflow. */
static void begin_lanes(group *g)
{
    vec total = everywhere(0);
    for (int j = 0; j < g->n; j++) {
        vec sum = everywhere(0);
        for (int i = 0; i < g->m; i++) sum = add_square(sum, at(g, g->a, i, j));
        g->squares[j] = sum;
        total += sum;
        g->pivots[j] = everywhere_int(j);
    }
    g->working = total < everywhere(SMALL_MOST);
    g->failed = ~g->working;
    g->rank = everywhere_int(0);
}

/* The largest square of each lane and its column: of those tied with it the one that comes first in A, or for LAPACK in
 * the present order. */
static vec largest_squares(const group *g, int k, double tie_tol, int lapack, ints *pivot)
{
    vec most = g->squares[k];
    for (int j = k + 1; j < g->n; j++) most = blend(g->squares[j] > most, g->squares[j], most);
    const vec tied = most * (real)((1 - tie_tol) * (1 - tie_tol));
    ints first = everywhere_int(g->n);
    *pivot = everywhere_int(k);
    for (int j = k; j < g->n; j++) {
        const ints place = lapack ? everywhere_int(j) : g->pivots[j];
        const ints better = (g->squares[j] >= tied) & (place < first);
        first = blend_ints(better, place, first);
        *pivot = blend_ints(better, everywhere_int(j), *pivot);
    }
    return most;
}

/* The lanes whose pivot has rivals. */
static ints in_doubt(const group *g, int k, vec most, vec maxnorm)
{
    vec least;
    for (int l = 0; l < GROUP; l++) least[l] = rival_square(most[l], maxnorm[l]);
    ints rivals = everywhere_int(0);
    for (int j = k; j < g->n; j++) rivals -= g->squares[j] >= least;
    return rivals > everywhere_int(1);
}

/* Let the lanes go on for which the rule does not hold before step k. */
static void go_on(group *g, int k, vec most, vec maxnorm, const rrqr_stop *stop)
{
    g->failed |= g->working & ~(most > everywhere(SMALL_LEAST));
    g->working &= ~g->failed;
    if (stop->rtol >= 0 || stop->atol >= 0) {
        const vec maxresid = roots(most);
        for (int l = 0; l < GROUP; l++)
            if (maxresid[l] <= stop->atol || (double)maxresid[l] / maxnorm[l] <= stop->rtol) g->working[l] = 0;
    }
    g->rank = blend_ints(g->working, everywhere_int(k + 1), g->rank);
}

/* Exchange column k and the pivot of each working lane. */
static void exchange_lanes(group *g, int k, ints pivot)
{
    ints left = g->working & (pivot != k), here[GROUP];
    vec *x = at(g, g->a, 0, k), *y[GROUP];
    int others = 0; /* columns that are pivots */
    for (int l = 0; l < GROUP; l++) {
        if (!left[l]) continue;
        const int j = (int)pivot[l];
        const ints lanes = left & (pivot == j), t = g->pivots[k];
        left &= ~lanes;
        y[others] = at(g, g->a, 0, j);
        here[others++] = lanes;
        g->squares[j] = blend(lanes, g->squares[k], g->squares[j]);
        g->pivots[k] = blend_ints(lanes, g->pivots[j], t);
        g->pivots[j] = blend_ints(lanes, t, g->pivots[j]);
    }
    for (ptrdiff_t i = 0; others && i < (ptrdiff_t)g->m * PARTS; i++) {
        const vec t = x[i];
        vec chosen = t;
        for (int q = 0; q < others; q++) {
            chosen = blend(here[q], y[q][i], chosen);
            y[q][i] = blend(here[q], t, y[q][i]);
        }
        x[i] = chosen;
    }
}

/* The reflectors that take x to (beta, 0), over x as LAPACK keeps them; their tau, 0 in lanes at rest. */
static void reflectors(group *g, int m, vec *x, vec *tau)
{
    vec rest = everywhere(0), inverse[PARTS], norm = rest;
    for (int i = 1; i < m; i++) rest = add_square(rest, x + i * PARTS);
    g->failed |= g->working & (rest > 0) & ~(rest > everywhere(SMALL_LEAST));
    g->working &= ~g->failed;
    norm = roots(add_square(rest, x));
    const vec beta = blend((ints)x[0] < 0, norm, -norm), away = x[0] - beta; /* the sign of -0 counts too */
    ints moves = rest > 0;
#ifdef RRQR_COMPLEX
    moves |= x[1] != 0;
    const vec distance = away * away + x[1] * x[1];
    inverse[0] = away / distance, inverse[1] = -x[1] / distance;
    tau[1] = -x[1] / beta;
#else
    inverse[0] = 1 / away;
#endif
    tau[0] = -away / beta;
    moves &= g->working;
    for (int p = 0; p < PARTS; p++) {
        tau[p] = blend(moves, tau[p], everywhere(0));
        inverse[p] = blend(moves, inverse[p], everywhere(p == 0));
    }
    for (vec *y = x + PARTS; y < x + m * PARTS; y += PARTS) {
#ifdef RRQR_COMPLEX
        const vec re = y[0] * inverse[0] - y[1] * inverse[1];
        y[1] = y[0] * inverse[1] + y[1] * inverse[0];
        y[0] = re;
#else
        y[0] *= inverse[0];
#endif
    }
    x[0] = blend(moves, beta, x[0]);
#ifdef RRQR_COMPLEX
    x[1] = blend(moves, everywhere(0), x[1]);
#endif
}

/* Steps in all lanes, until no lane goes on. */
static void factor_lanes(group *g, const rrqr_stop *stop, int lapack)
{
    const int last = min_int(stop->rank, min_int(g->m, g->n));
    vec maxnorm = everywhere(0);
    int k = 0;
    for (; k < last; k++) {
        ints pivot;
        const vec most = largest_squares(g, k, stop->tie_tol, lapack, &pivot);
        if (k == 0) maxnorm = roots(most);
        if (lapack) g->failed |= g->working & in_doubt(g, k, most, maxnorm);
        go_on(g, k, most, maxnorm, stop);
        if (!any_of(g->working)) break;
        exchange_lanes(g, k, pivot);
        vec *v = at(g, g->a, k, k), *tau = g->tau + k * PARTS, adjoint[PARTS];
        reflectors(g, g->m - k, v, tau);
        for (int p = 0; p < PARTS; p++) adjoint[p] = p ? -tau[p] : tau[p];
        reflect_lanes(g->m - k, g->n - k - 1, v, adjoint, at(g, g->a, k, k + 1), g->ld, g->squares + k + 1);
    }
    for (int p = 0; p < (last - k) * PARTS; p++) g->tau[k * PARTS + p] = everywhere(0);
}

/* `width` vectors x, which are lost, as consecutive reals of each matrix of `size` reals. */
static inline void put(real *to, ptrdiff_t size, int items, int width, vec *x)
{
    turn(x);
    if (width == GROUP)
        for (int l = 0; l < items; l++) memcpy(to + l * size, x + l, sizeof(vec));
    else
        for (int l = 0; l < items; l++) memcpy(to + l * size, x + l, width * sizeof(real));
}

/* The upper triangles, each of its lane's rank, into row-major matrices of so many rows. */
static void store_r(const group *g, int rows, int items, real *r)
{
    const int row = g->n * PARTS;
    for (int i = 0; i < rows; i++) {
        const ints within = g->rank > i;
        for (int j = 0; j < row; j += GROUP) {
            const int width = min_int(GROUP, row - j);
            vec x[GROUP];
            for (int c = 0; c < GROUP; c++) {
                const int column = (j + c) / PARTS, above = c < width && i <= column;
                x[c] = above ? blend(within, at(g, g->a, i, column)[(j + c) % PARTS], everywhere(0)) : everywhere(0);
            }
            put(r + (ptrdiff_t)i * row + j, (ptrdiff_t)rows * row, items, width, x);
        }
    }
}

/* Q = H_1 ... H_last into row-major matrices, a few columns at a time; of each lane as many as it keeps, then zeros. */
static void store_q(const group *g, int last, int columns, ints kept, int items, real *q)
{
    const int row = columns * PARTS;
    for (int first = 0; first < columns; first += Q_COLUMNS) {
        const int width = min_int(Q_COLUMNS, columns - first);
        memset(g->q, 0, Q_COLUMNS * g->ld * sizeof(vec));
        for (int j = 0; j < width; j++) at(g, g->q, first + j, j)[0] = everywhere(1);
        for (int k = min_int(last, first + width) - 1; k >= 0; k--)
            for (int j = 0; j < Q_COLUMNS; j += ABREAST)
                reflect_columns(g->m - k, ABREAST, at(g, g->a, k, k), g->tau + k * PARTS, at(g, g->q, k, j), g->ld,
                                NULL);
        for (int i = 0; i < g->m; i++)
            for (int j = 0; j < width * PARTS; j += GROUP) {
                vec x[GROUP];
                for (int c = 0; c < GROUP; c++) {
                    const int column = (j + c) / PARTS;
                    x[c] = blend(kept > first + column, at(g, g->q, i, column)[(j + c) % PARTS], everywhere(0));
                }
                put(q + (ptrdiff_t)i * row + first * PARTS + j, (ptrdiff_t)g->m * row, items,
                    min_int(GROUP, width * PARTS - j), x);
            }
    }
}

/* Vectors that a group takes. */
static size_t vectors(const rrqr_stack *s)
{
    return ((s->m | 1) * (s->n + (size_t)Q_COLUMNS) + min_int(s->m, s->n)) * PARTS + 2 * (size_t)s->n;
}

/* Whether groups of these matrices stay in the cache. */
int X(lanes_fit)(const rrqr_stack *s) { return vectors(s) * sizeof(vec) <= LANES_BYTES; }

/* Factor all matrices of the stack; the ranks of those that must be left to others become -1. */
rrqr_status X(lanes)(rrqr_context *context, const rrqr_stack *s, const rrqr_stop *stop)
{
    char *memory = rrqr_allocate(context, vectors(s) + 1, sizeof(vec));
    if (!memory) return RRQR_NO_MEMORY;
    group g = {.m = s->m, .n = s->n, .ld = (s->m | 1) * PARTS};
    g.a = (vec *)(memory + (-(uintptr_t)memory) % sizeof(vec));
    g.tau = g.a + s->n * g.ld;
    g.squares = g.tau + min_int(s->m, s->n) * PARTS;
    g.pivots = (ints *)(g.squares + s->n);
    g.q = (vec *)(g.pivots + s->n);
    const int last = min_int(stop->rank, min_int(s->m, s->n));
    rrqr_status status = RRQR_OK;
    for (ptrdiff_t first = 0; first < s->count && !status; first += GROUP) {
        const int items = (int)(s->count - first < GROUP ? s->count - first : GROUP);
        load_lanes(&g, (const scalar *)s->a + first * s->m * s->n, items);
        begin_lanes(&g);
        factor_lanes(&g, stop, s->lapack);
        store_r(&g, s->rows, items, (real *)((scalar *)s->r + first * s->rows * s->n));
        if (s->q)
            store_q(&g, last, s->columns, s->lapack ? everywhere_int(s->columns) : g.rank, items,
                    (real *)((scalar *)s->q + first * s->m * s->columns));
        for (int l = 0; l < items; l++) {
            s->ranks[first + l] = g.failed[l] ? -1 : (int)g.rank[l];
            for (int j = 0; j < s->n; j++) s->pivots[(first + l) * s->n + j] = (int)g.pivots[j][l];
        }
        if (rrqr_interrupted(context, 8.0 * GROUP * s->m * s->n * last)) status = RRQR_INTERRUPTED;
    }
    rrqr_release(memory);
    return status;
}
