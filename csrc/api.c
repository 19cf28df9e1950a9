/* The C interface of the package: what rrqr_lapack.h promises to other extensions, over the kernels of any dtype.
 *
 * Nobody checks the arguments for these callers, so all are checked here, before anything is touched. */
#include "rrqr.h"

#include <math.h>
#include <string.h>

struct rrqr_handle {
    const rrqr_kernels *kernels;
    size_t scalar, real; /* bytes of a number of the matrix, and of its absolute value */
    rrqr_context context;
    rrqr_factor f;
    double tie_tol;
    int driver;
    int begun;     /* whether f holds a factorization */
    int nonfinite; /* the first column that is not finite, or -1 */
};

static const struct {
    char name;
    size_t scalar, real;
} dtypes[] = {
    /* in the order of rrqr_isa */
    {'s', sizeof(float), sizeof(float)},
    {'d', sizeof(double), sizeof(double)},
    {'c', 2 * sizeof(float), sizeof(float)},
    {'z', 2 * sizeof(double), sizeof(double)},
};

static const char *api_message(int status)
{
    if (status < 0) return "an argument is wrong, the one whose number is the status without its sign";
    switch (status) {
    case RRQR_OK:
        return "success";
    case RRQR_NO_MEMORY:
        return "no memory";
    case RRQR_INTERRUPTED:
        return "interrupted by the callback";
    case RRQR_OVERFLOW:
        return "a column norm is too large for the dtype; scale the matrix down, or use a wider dtype";
    case RRQR_TOO_WIDE:
        return "more columns than LAPACK can take";
    case RRQR_BAD_CALL:
        return "LAPACK refused an argument; please report this as a bug of rrqr_lapack";
    case RRQR_NOT_FINITE:
        return "the matrix holds NaN or infinity; nonfinite_column says where";
    case RRQR_NOT_FACTORED:
        return "the handle holds no factorization";
    case RRQR_SINGULAR:
        return "R11 is numerically singular; factor with a tolerance or a smaller rank";
    default:
        return "no status of rrqr_lapack";
    }
}

static void api_destroy(rrqr_handle *h)
{
    if (!h) return;
    rrqr_release(h->f.pivots);
    rrqr_release(h->f.tau);
    rrqr_release(h->f.norms);
    rrqr_release(h->f.norms0);
    rrqr_release(h->f.f);
    rrqr_release(h);
}

/* A handle whose calls are given this context, less what creating it has used up. */
int rrqr_open(const rrqr_context *context, char dtype, int m, int n, rrqr_handle **handle)
{
    size_t t = 0;
    const int least = m < n ? m : n;
    *handle = NULL;
    while (t < sizeof dtypes / sizeof *dtypes && dtypes[t].name != dtype) t++;
    if (t == sizeof dtypes / sizeof *dtypes) return -2;
    if (m < 0) return -3;
    if (n < 0) return -4;
    rrqr_context left = *context;
    rrqr_handle *h = rrqr_allocate(&left, 1, sizeof *h);
    if (!h) return RRQR_NO_MEMORY;
    memset(h, 0, sizeof *h);
    const rrqr_kernels *const kernels[] = {rrqr_chosen->s, rrqr_chosen->d, rrqr_chosen->c, rrqr_chosen->z};
    h->kernels = kernels[t];
    h->scalar = dtypes[t].scalar, h->real = dtypes[t].real;
    h->nonfinite = -1;
    rrqr_factor *f = &h->f;
    f->m = m, f->n = n;
    f->width = least < RRQR_BLOCK ? least : RRQR_BLOCK;
    f->pivots = rrqr_allocate(&left, n, sizeof(int));
    f->tau = rrqr_allocate(&left, least, h->scalar);
    f->norms = rrqr_allocate(&left, n, h->real);
    f->norms0 = rrqr_allocate(&left, n, h->real);
    f->f = rrqr_allocate(&left, (size_t)n * f->width, h->scalar);
    if (!f->pivots || !f->tau || !f->norms || !f->norms0 || !f->f) {
        api_destroy(h);
        return RRQR_NO_MEMORY;
    }
    h->context = left;
    *handle = h;
    return RRQR_OK;
}

static int api_create(rrqr_handle **handle, char dtype, int m, int n)
{
    const rrqr_context context = {.allocations_left = -1};
    return handle ? rrqr_open(&context, dtype, m, n, handle) : -1;
}

static int api_set_interrupt(rrqr_handle *h, int (*interrupted)(void *data), void *data)
{
    if (!h) return -1;
    h->context.interrupted = interrupted;
    h->context.data = data;
    return RRQR_OK;
}

/* Whether loops of our own beat BLAS. */
static int tiny(const rrqr_handle *h)
{
    const double parts = (double)(h->scalar / h->real);
    return (double)h->f.m * h->f.n * parts * parts <= RRQR_TINY;
}

/* Factor, or go on, until the rule holds. */
static rrqr_status advance(rrqr_handle *h, int rank, double rtol, double atol)
{
    rrqr_factor *f = &h->f;
    rrqr_context context = h->context;
    const rrqr_stop stop = {rank, rtol, atol, h->tie_tol};
    const double elements = (double)f->m * f->n;
    if (h->driver == RRQR_AUTO && tiny(h)) return h->kernels->small(&context, f, &stop);
    if (h->driver == RRQR_PREFETCH || (h->driver == RRQR_AUTO && elements >= RRQR_SMALL))
        return h->kernels->prefetch(&context, f, &stop);
    return h->kernels->greedy(&context, f, &stop);
}

/* The first of the rule's numbers that is wrong, from 1; 0 where none is. */
static int wrong_rule(int rank, double rtol, double atol, double tie_tol)
{
    if (rank < 0) return 1;
    if (!isfinite(rtol)) return 2;
    if (!isfinite(atol)) return 3;
    return tie_tol >= 0 && tie_tol < 1 ? 0 : 4;
}

/* The arguments that both ways to factor have: 0, or -i. */
static int wrong_factor(const rrqr_handle *h, const void *a, int lda, int rank, double rtol, double atol,
                        double tie_tol)
{
    if (!h) return -1;
    if (!a && h->f.m && h->f.n) return -2;
    if (lda < 1 || lda < h->f.m) return -3;
    const int rule = wrong_rule(rank, rtol, atol, tie_tol);
    return rule ? -3 - rule : 0;
}

/* The state before the first step. */
static rrqr_status begin_over(rrqr_handle *h, void *a, int lda, double tie_tol, int driver)
{
    rrqr_factor *f = &h->f;
    f->a = a ? a : f->tau; /* of no elements */
    f->lda = lda;
    h->tie_tol = tie_tol, h->driver = driver;
    rrqr_context context = h->context;
    h->begun = h->kernels->begin(&context, f) == RRQR_OK && f->maxnorm == f->maxnorm;
    h->nonfinite = h->begun ? -1 : (int)h->kernels->first_nonfinite_column(f->m, f->n, a, lda);
    if (h->begun) return RRQR_OK;
    return h->nonfinite >= 0 ? RRQR_NOT_FINITE : RRQR_OVERFLOW;
}

static int api_factor(rrqr_handle *h, void *a, int lda, int rank, double rtol, double atol, double tie_tol, int driver)
{
    const int wrong = wrong_factor(h, a, lda, rank, rtol, atol, tie_tol);
    if (wrong) return wrong;
    if (driver != RRQR_AUTO && driver != RRQR_GREEDY && driver != RRQR_PREFETCH) return -8;
    const rrqr_status status = begin_over(h, a, lda, tie_tol, driver);
    return status ? status : advance(h, rank, rtol, atol);
}

static int api_sketch_rows(const rrqr_handle *h, int rank)
{
    if (!h) return -1;
    if (rank < 0) return -2;
    const rrqr_factor *f = &h->f;
    const int least = f->m < f->n ? f->m : f->n;
    return rrqr_share(f->m, f->n, rank < least ? rank : least) + RRQR_OVERSAMPLE;
}

/* Room for the updates that the randomized kernel defers, which are more than those of the others. */
static rrqr_status widen(rrqr_handle *h)
{
    rrqr_factor *f = &h->f;
    const int least = f->m < f->n ? f->m : f->n, width = least < RRQR_DEFER ? least : RRQR_DEFER;
    if (f->width >= width) return RRQR_OK;
    rrqr_context context = h->context;
    void *updates = rrqr_allocate(&context, (size_t)f->n * width, h->scalar);
    if (!updates) return RRQR_NO_MEMORY;
    rrqr_release(f->f);
    f->f = updates;
    f->width = width;
    return RRQR_OK;
}

static int api_factor_randomized(rrqr_handle *h, void *a, int lda, int rank, double rtol, double atol, double tie_tol,
                                 const void *omega)
{
    const int wrong = wrong_factor(h, a, lda, rank, rtol, atol, tie_tol);
    if (wrong) return wrong;
    if (!omega && h->f.m) return -8;
    h->begun = 0; /* its open panel goes */
    rrqr_status status = widen(h);
    if (!status) status = begin_over(h, a, lda, tie_tol, RRQR_AUTO);
    if (status) return status;
    rrqr_context context = h->context;
    const rrqr_stop stop = {rank, rtol, atol, tie_tol};
    return h->kernels->randomized(&context, &h->f, &stop, omega);
}

static int api_extend(rrqr_handle *h, int rank, double rtol, double atol)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (rank < h->f.rank) return -2;
    if (!isfinite(rtol)) return -3;
    if (!isfinite(atol)) return -4;
    return advance(h, rank, rtol, atol);
}

static int api_strong(rrqr_handle *h, int rank, double rtol, double atol, double bound, double *rho, double *largest)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (rank < h->f.rank) return -2;
    if (!isfinite(rtol)) return -3;
    if (!isfinite(atol)) return -4;
    if (!(bound >= 1 && isfinite(bound))) return -5;
    rrqr_context context = h->context;
    const rrqr_stop stop = {rank, rtol, atol, h->tie_tol};
    rrqr_strength strength;
    const rrqr_status status = h->kernels->strong(&context, &h->f, &stop, bound, &strength);
    if (status) return status;
    if (rho) *rho = strength.rho;
    if (largest) *largest = strength.largest_t;
    return RRQR_OK;
}

static int api_factor_stack(rrqr_handle *h, int count, const void *a, int rank, double rtol, double atol,
                            double tie_tol, void *q, void *r, int *pivots, int *ranks)
{
    if (!h) return -1;
    const int m = h->f.m, n = h->f.n, least = m < n ? m : n, most = rank < least ? rank : least;
    if (count < 0) return -2;
    if (!a && count && m && n) return -3;
    const int rule = wrong_rule(rank, rtol, atol, tie_tol);
    if (rule) return -3 - rule;
    if (!r && count && most && n) return -9;
    if (!pivots && count && n) return -10;
    if (!ranks && count) return -11;
    if (!most) { /* no column of any is eliminated */
        for (int i = 0; i < count; i++)
            for (int j = 0; j < n; j++) pivots[(ptrdiff_t)i * n + j] = j;
        for (int i = 0; i < count; i++) ranks[i] = 0;
    }
    const ptrdiff_t row = h->kernels->first_nonfinite_column(n, m ? (ptrdiff_t)count * m : 0, a, n);
    h->nonfinite = row < 0 ? -1 : (int)(row / m);
    if (row >= 0) return RRQR_NOT_FINITE;
    if (!most || !count) return RRQR_OK;
    rrqr_context context = h->context;
    const rrqr_stop stop = {most, rtol, atol, tie_tol};
    const rrqr_stack stack = {
        .count = count,
        .m = m,
        .n = n,
        .columns = q ? most : 0,
        .rows = most,
        .tiny = tiny(h),
        .together = count > 1,
        .a = a,
        .q = q,
        .r = r,
        .pivots = pivots,
        .ranks = ranks,
    };
    return h->kernels->stack(&context, &stack, &stop);
}

static int api_nonfinite_column(const rrqr_handle *h) { return h ? h->nonfinite : -1; }
static int api_rank(const rrqr_handle *h) { return h && h->begun ? h->f.rank : -1; }
static const int *api_pivots(const rrqr_handle *h) { return h && h->begun ? h->f.pivots : NULL; }
static const void *api_tau(const rrqr_handle *h) { return h && h->begun ? h->f.tau : NULL; }

static int api_maxresid(const rrqr_handle *h, double *maxresid, double *relmaxresid)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    double largest;
    rrqr_context context = h->context;
    const rrqr_status status = h->kernels->maxresid(&context, &h->f, &largest);
    if (status) return status;
    if (maxresid) *maxresid = largest;
    if (relmaxresid) *relmaxresid = h->f.maxnorm > 0 ? largest / h->f.maxnorm : 0;
    return RRQR_OK;
}

static int api_residual_norms(const rrqr_handle *h, void *norms)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (h->f.rank == h->f.n) return RRQR_OK;
    if (!norms) return -2;
    rrqr_context context = h->context;
    return h->kernels->residual(&context, &h->f, NULL, 0, norms);
}

static int api_upper(const rrqr_handle *h, void *r)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (!h->f.rank) return RRQR_OK;
    if (!r) return -2;
    h->kernels->upper(&h->f, h->f.rank, r, h->f.rank);
    return RRQR_OK;
}

static int api_form_q(const rrqr_handle *h, int columns, void *q)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (columns < h->f.rank || columns > h->f.m) return -2;
    if (!columns) return RRQR_OK;
    if (!q) return -3;
    rrqr_context context = h->context;
    return h->kernels->form_q(&context, &h->f, columns, q);
}

static int api_apply_q(const rrqr_handle *h, char side, char trans, int p, void *c)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (side != 'L' && side != 'R') return -2;
    if (trans != 'N' && trans != 'C') return -3;
    if (p < 0) return -4;
    const int left = side == 'L', rows = left ? h->f.m : p, columns = left ? p : h->f.m;
    if (!rows || !columns) return RRQR_OK;
    if (!c) return -5;
    rrqr_context context = h->context;
    return h->kernels->apply_q(&context, &h->f, left, trans == 'C', rows, columns, c);
}

static int api_interpolation(const rrqr_handle *h, void *t)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    if (h->kernels->numerical_rank(&h->f) < h->f.rank) return RRQR_SINGULAR;
    if (!h->f.rank) return RRQR_OK;
    if (!t) return -2;
    rrqr_context context = h->context;
    return h->kernels->interpolation(&context, &h->f, t);
}

static int api_lstsq(const rrqr_handle *h, int p, void *b, void *x, void *norms)
{
    if (!h) return -1;
    if (!h->begun) return RRQR_NOT_FACTORED;
    const rrqr_factor *f = &h->f;
    if (p < 0) return -2;
    if (!b && f->m && p) return -3;
    if (!x && f->n && p) return -4;
    const int used = h->kernels->numerical_rank(f);
    const size_t column = (size_t)f->n * h->scalar;
    if (p && norms && !f->m) memset(norms, 0, (size_t)p * h->real);
    if (p && x && !f->m) memset(x, 0, (size_t)p * column);
    if (!p || !f->m || (!f->n && !norms)) return RRQR_OK;
    rrqr_context context = h->context;
    /* x, which is at least as large, takes the norms that nobody wants */
    const rrqr_status status = h->kernels->lstsq(&context, f, used, p, b, norms ? norms : x);
    if (status) return status;
    if (x) memset(x, 0, (size_t)p * column);
    for (int j = 0; j < p; j++)
        for (int i = 0; i < used; i++)
            memcpy((char *)x + (size_t)j * column + (size_t)f->pivots[i] * h->scalar,
                   (const char *)b + ((size_t)j * f->m + i) * h->scalar, h->scalar);
    return RRQR_OK;
}

const rrqr_api rrqr_interface = {
    .abi = RRQR_ABI,
    .features = RRQR_FEATURES,
    .message = api_message,
    .create = api_create,
    .destroy = api_destroy,
    .set_interrupt = api_set_interrupt,
    .factor = api_factor,
    .extend = api_extend,
    .nonfinite_column = api_nonfinite_column,
    .rank = api_rank,
    .pivots = api_pivots,
    .tau = api_tau,
    .maxresid = api_maxresid,
    .residual_norms = api_residual_norms,
    .upper = api_upper,
    .form_q = api_form_q,
    .apply_q = api_apply_q,
    .interpolation = api_interpolation,
    .lstsq = api_lstsq,
    .strong = api_strong,
    .sketch_rows = api_sketch_rows,
    .factor_randomized = api_factor_randomized,
    .factor_stack = api_factor_stack,
};

#define FUNCTION(name, result, arguments) \
    {"rrqr_lapack", #name, #result " " #arguments, \
     (void *)_Generic(rrqr_interface.name, result(*) arguments: &rrqr_interface.name)}

/* The same, each by its name and signature, for callers who have no header; the compiler compares the two. */
const rrqr_routine rrqr_functions[] = {
    FUNCTION(message, const char *, (int)),
    FUNCTION(create, int, (rrqr_handle **, char, int, int)),
    FUNCTION(destroy, void, (rrqr_handle *)),
    FUNCTION(set_interrupt, int, (rrqr_handle *, int (*)(void *), void *)),
    FUNCTION(factor, int, (rrqr_handle *, void *, int, int, double, double, double, int)),
    FUNCTION(extend, int, (rrqr_handle *, int, double, double)),
    FUNCTION(nonfinite_column, int, (const rrqr_handle *)),
    FUNCTION(rank, int, (const rrqr_handle *)),
    FUNCTION(pivots, const int *, (const rrqr_handle *)),
    FUNCTION(tau, const void *, (const rrqr_handle *)),
    FUNCTION(maxresid, int, (const rrqr_handle *, double *, double *)),
    FUNCTION(residual_norms, int, (const rrqr_handle *, void *)),
    FUNCTION(upper, int, (const rrqr_handle *, void *)),
    FUNCTION(form_q, int, (const rrqr_handle *, int, void *)),
    FUNCTION(apply_q, int, (const rrqr_handle *, char, char, int, void *)),
    FUNCTION(interpolation, int, (const rrqr_handle *, void *)),
    FUNCTION(lstsq, int, (const rrqr_handle *, int, void *, void *, void *)),
    FUNCTION(strong, int, (rrqr_handle *, int, double, double, double, double *, double *)),
    FUNCTION(sketch_rows, int, (const rrqr_handle *, int)),
    FUNCTION(factor_randomized, int, (rrqr_handle *, void *, int, int, double, double, double, const void *)),
    FUNCTION(factor_stack, int,
             (rrqr_handle *, int, const void *, int, double, double, double, void *, void *, int *, int *)),
};
const size_t rrqr_function_count = sizeof rrqr_functions / sizeof *rrqr_functions;
