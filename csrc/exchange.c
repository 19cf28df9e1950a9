/* What strong rank-revealing QR knows of a factor, and what an exchange of columns i < k and j >= k does to it.
 *
 * M. Gu, S. C. Eisenstat, "Efficient algorithms for computing a strong rank-revealing QR factorization", SIAM J. Sci.
 * Comput. 17(4), 1996, doi:10.1137/0917055, section 4: with T = R11^{-1} R12, gamma_j the norm of column j of R22 and
 * 1 / omega_i that of row i of R11^{-1}, the exchange multiplies |det R11| by
 *
 *     rho_ij = sqrt(|T_ij|^2 + (gamma_j / omega_i)^2).
 *
 * R is kept by rows, which rotations mix: those of R11 | R12 and below them those rows of R22 that are known, because a
 * column from below was eliminated to bring it here. Nothing else of R22 takes part but its column norms, which the
 * factor follows. R11^{-1} turns with the rows, and only its last column is new after an exchange; with U the columns
 * of R12 in terms of R11 without its last column, T follows from two products of a column and a row. O((m + k) n) each.
 *
 * Guarantee: R is that of the columns' present order as backward-stably as rotations make it; T and R11^{-1} are
 * computed from it anew before rounding could have grown in them beyond EXCHANGE_DOUBT. */
#include "kernels.h"

#include <string.h>

/* |x|^2 in double */
static inline double square_in_double(scalar x)
{
#ifdef RRQR_COMPLEX
    const double re = ((const real *)&x)[0], im = ((const real *)&x)[1];
    return re * re + im * im;
#else
    return (double)x * x;
#endif
}

/* a / b, also where |b|^2 leaves the range of numbers */
static scalar quotient(scalar a, scalar b)
{
    const real size = modulus(b);
    return a / size * conjugate(b / size);
}

/* c and s with (c s; -conj(s) conj(c)) (a; b) = (|(a, b)|; 0) */
static void rotation(scalar a, scalar b, scalar *c, scalar *s)
{
    const real length = hypotenuse(modulus(a), modulus(b));
    *c = length > 0 ? conjugate(a) / length : 1;
    *s = length > 0 ? conjugate(b) / length : 0;
}

/* (x; y) := (c s; -conj(s) conj(c)) (x; y) for rows x and y */
static void rotate(ptrdiff_t count, scalar *restrict x, scalar *restrict y, scalar c, scalar s)
{
    const scalar cc = conjugate(c), cs = conjugate(s);
    for (ptrdiff_t l = 0; l < count; l++) {
        const scalar t = c * x[l] + s * y[l];
        y[l] = cc * y[l] - cs * x[l];
        x[l] = t;
    }
}

/* Rotate rows p and p + 1 of R, zero before `first`, so that column `zeroed` of the lower one becomes 0. */
static void rotate_rows(X(exchange) *e, int p, int zeroed, int first, scalar *c, scalar *s)
{
    scalar *x = AT(e->r, e->n, 0, p), *y = AT(e->r, e->n, 0, p + 1);
    rotation(x[zeroed], y[zeroed], c, s);
    rotate(e->n - first, x + first, y + first, *c, *s);
    y[zeroed] = 0;
}

/* Squared norms of the rows of R11^{-1}. */
static void measure_rows(X(exchange) *e)
{
    for (int i = 0; i < e->k; i++) e->omega[i] = 0;
    for (int p = 0; p < e->k; p++)
        for (int i = 0; i < e->k; i++) e->omega[i] += square_in_double(*AT(e->w, e->ldw, i, p));
}

/* Squared norms of the columns of R22: of its known rows, and of the factor's residual below them. */
void X(exchange_norms)(const rrqr_factor *f, X(exchange) *e)
{
    for (int j = e->k; j < e->n; j++) {
        const double norm = j < e->rows || e->rows == f->m ? 0 : (double)((const real *)f->norms)[j] * e->scale;
        e->gamma[j] = norm * norm;
    }
    for (int p = e->k; p < e->rows; p++)
        for (int j = e->k; j < e->n; j++) e->gamma[j] += square_in_double(*AT(e->r, e->n, j, p));
}

/* R11^{-1} and T from R. Where R11 is numerically singular, by its diagonal or because its inverse leaves the range of
 * numbers, k falls to the number of leading columns that are not. */
static rrqr_status derive(rrqr_context *context, const rrqr_factor *f, X(exchange) *e)
{
    const double rtol = (double)(f->m > f->n ? f->m : f->n) * REAL_EPSILON;
    const int n = e->n;
    for (int p = 0; p < e->k; p++)
        if (!(modulus(*AT(e->r, n, p, p)) > rtol * modulus(*e->r))) e->k = p;
    if (e->k == n) return RRQR_OK; /* nothing to exchange with */
    for (int first = 0; first < e->k; first += SOLVE_CHUNK) {
        const int last = min_int(first + SOLVE_CHUNK, e->k);
        for (int p = first; p < last; p++)
            for (int i = 0; i < e->k; i++) *AT(e->w, e->ldw, i, p) = i == p;
        trsm('L', 'L', 'T', 'N', last, last - first, e->r, n, AT(e->w, e->ldw, 0, first), e->ldw);
        if (rrqr_interrupted(context, 1.0 * last * last * (last - first))) return RRQR_INTERRUPTED;
    }
    for (int p = 0; p < e->k; p++) {
        double sum = 0;
        for (int i = 0; i <= p; i++) sum += square_in_double(*AT(e->w, e->ldw, i, p));
        if (!(sum <= EXCHANGE_MOST)) e->k = p;
    }
    const int k = e->k;
    for (int first = k, rows; first < n && k; first += rows) {
        rows = min_int(SOLVE_CHUNK, n - first);
        for (int p = 0; p < k; p++) memcpy(AT(e->t, n, first, p), AT(e->r, n, first, p), (size_t)rows * sizeof(scalar));
        trsm('R', 'L', 'N', 'N', rows, k, e->r, n, AT(e->t, n, first, 0), n);
        if (rrqr_interrupted(context, 1.0 * k * k * rows)) return RRQR_INTERRUPTED;
    }
    measure_rows(e);
    X(exchange_norms)(f, e);
    e->doubt = 0;
    return RRQR_OK;
}

/* All of it for the factor's present rank. */
rrqr_status X(exchange_open)(rrqr_context *context, const rrqr_factor *f, X(exchange) *e)
{
    const int k = f->rank;
    const int room = min_int(min_int(f->m, f->n) - k, k / 2 > EXCHANGE_FRESH ? k / 2 : EXCHANGE_FRESH);
    const size_t n = f->n, chosen = k;
    *e = (X(exchange)){.n = f->n, .k = k, .rows = k, .capacity = k + room, .ldw = k ? k : 1};
    e->r = rrqr_allocate(context, n * (chosen + room), sizeof(scalar));
    e->t = rrqr_allocate(context, n * chosen + n + f->width + chosen * chosen + 2 * chosen, sizeof(scalar));
    e->gamma = rrqr_allocate(context, n + chosen, sizeof(double));
    e->order = rrqr_allocate(context, n + chosen, sizeof(int));
    if (!e->r || !e->t || !e->gamma || !e->order) {
        X(exchange_close)(e);
        return RRQR_NO_MEMORY;
    }
    e->work = e->t + n * chosen;
    e->w = e->work + n + f->width;
    e->u = e->w + chosen * chosen;
    e->omega = e->gamma + n;
    e->wanted = e->order + n;
    e->scale = power_of_two(-exponent(f->maxnorm));
    X(transpose)(f->n, k, f->a, f->lda, e->r);
    for (int p = 0; p < k; p++) {
        scalar *row = AT(e->r, e->n, 0, p);
        for (int j = 0; j < p; j++) row[j] = 0;
        for (int j = p; j < e->n; j++) row[j] *= e->scale;
    }
    for (int j = 0; j < e->n; j++) e->order[j] = j;
    const rrqr_status status = derive(context, f, e);
    if (status) X(exchange_close)(e);
    return status;
}

void X(exchange_close)(X(exchange) *e)
{
    rrqr_release(e->r);
    rrqr_release(e->t);
    rrqr_release(e->gamma);
    rrqr_release(e->order);
}

/* The largest rho_ij, and which i and j; the largest |T_ij|. */
double X(exchange_largest)(X(exchange) *e, int *chosen, int *other)
{
    const int n = e->n;
    const double *gamma = e->gamma;
    double best = 0, largest = 0;
    for (int i = 0; i < e->k; i++) {
        const scalar *t = AT(e->t, n, 0, i);
        const double omega = e->omega[i];
        double most = 0;
#pragma omp simd reduction(max : most, largest)
        for (int j = e->k; j < n; j++) {
            const double size = square_in_double(t[j]), rho = size + gamma[j] * omega;
            most = rho > most ? rho : most;
            largest = size > largest ? size : largest;
        }
        if (most > best) {
            best = most;
            *chosen = i;
        }
    }
    e->largest = sqrt(largest);
    *other = e->k;
    double most = 0;
    for (int j = e->k; j < n && best > 0; j++) {
        const double rho = square_in_double(*AT(e->t, n, j, *chosen)) + gamma[j] * e->omega[*chosen];
        if (rho > most) {
            most = rho;
            *other = j;
        }
    }
    return sqrt(best);
}

/* Exchange rows i and j of a matrix. */
static void swap_rows(scalar *a, int lda, int columns, int i, int j)
{
    for (int p = 0; p < columns; p++) {
        scalar *x = AT(a, lda, i, p), *y = AT(a, lda, j, p), t = *x;
        *x = *y, *y = t;
    }
}

/* Eliminate with column j, of which the factor has a part below the known rows; where it is then. */
int X(exchange_fetch)(rrqr_factor *f, X(exchange) *e, int j)
{
    const int p = e->rows, n = e->n;
    if (f->rank - f->panel >= f->width) X(panel_close)(f);
    X(panel_step)(f, j, e->work);
    if (f->stale) X(panel_close)(f);
    swap_rows(e->r, n, p, p, j);
    swap_rows(e->t, n, e->k, p, j);
    scalar *row = AT(e->r, n, 0, p);
    for (int l = 0; l < p; l++) row[l] = 0;
    for (int l = p; l < n; l++) row[l] = *AT((const scalar *)f->a, f->lda, p, l) * e->scale;
    e->rows++;
    return p;
}

/* Column i of R11 becomes its last one, as row i of T and of R11^{-1}. */
static void move_last(X(exchange) *e, int i)
{
    const int last = e->k - 1, n = e->n;
    const size_t moved = last - i;
    for (int p = 0; p <= last; p++) {
        scalar *r = AT(e->r, n, i, p), *w = AT(e->w, e->ldw, i, p), rx = *r, wx = *w;
        memmove(r, r + 1, moved * sizeof(scalar));
        memmove(w, w + 1, moved * sizeof(scalar));
        r[moved] = rx, w[moved] = wx;
    }
    memcpy(e->work, AT(e->t, n, 0, i), (size_t)n * sizeof(scalar));
    memmove(AT(e->t, n, 0, i), AT(e->t, n, 0, i + 1), moved * n * sizeof(scalar));
    memcpy(AT(e->t, n, 0, last), e->work, (size_t)n * sizeof(scalar));
    const int position = e->order[i];
    memmove(e->order + i, e->order + i + 1, moved * sizeof(int));
    e->order[last] = position;
    for (int p = i; p < last; p++) {
        scalar c, s;
        rotate_rows(e, p, p, p, &c, &s);
        rotate(last + 1, AT(e->w, e->ldw, 0, p), AT(e->w, e->ldw, 0, p + 1), conjugate(c), conjugate(s));
        *AT(e->w, e->ldw, last, p) = 0;
    }
}

/* Exchange column i of R11 with column j of R12, the part of which in R22 lies in known rows. */
rrqr_status X(exchange_columns)(rrqr_context *context, const rrqr_factor *f, X(exchange) *e, int i, int j)
{
    const int k = e->k, last = k - 1, n = e->n;
    scalar c, s, *out = e->u, *in = e->u + k, *row = e->work, *gone = AT(e->t, n, 0, last);
    move_last(e, i);
    for (int p = e->rows - 2; p >= k; p--) rotate_rows(e, p, j, k, &c, &s);

    /* with R11 = (S r; 0 alpha): out = S^{-1} r of the column that goes, in = S^{-1} r of the one that comes */
    double largest = 0;
    for (int p = 0; p < last; p++) {
        out[p] = -quotient(*AT(e->w, e->ldw, p, last), *AT(e->w, e->ldw, last, last));
        in[p] = *AT(e->t, n, j, p) + out[p] * gone[j];
        *AT(e->t, n, j, p) = 0;
        largest = square_in_double(out[p]) > largest ? square_in_double(out[p]) : largest;
    }
    gone[j] = 1;
    swap_rows(e->r, n, e->rows, last, j);
    const int position = e->order[last];
    e->order[last] = e->order[j], e->order[j] = position;
    if (e->rows > k) rotate_rows(e, last, last, last, &c, &s);

    /* T = (U - out gone; gone) becomes (U - in row; row) */
    const scalar diagonal = *AT(e->r, n, last, last);
    for (int l = k; l < n; l++) row[l] = quotient(*AT(e->r, n, l, last), diagonal);
    for (int p = 0; p < last; p++) {
        scalar *restrict t = AT(e->t, n, 0, p);
        const scalar x = out[p], y = in[p];
        for (int l = k; l < n; l++) t[l] += x * gone[l] - y * row[l];
        *AT(e->w, e->ldw, p, last) = -quotient(y, diagonal);
    }
    memcpy(gone + k, row + k, (size_t)(n - k) * sizeof(scalar));
    *AT(e->w, e->ldw, last, last) = quotient(1, diagonal);

    e->doubt += REAL_EPSILON * (1 + sqrt(largest)) * (1 + e->largest) * (1 + e->largest);
    if (!(e->doubt <= EXCHANGE_DOUBT)) return derive(context, f, e);
    measure_rows(e);
    X(exchange_norms)(f, e);
    return RRQR_OK;
}
