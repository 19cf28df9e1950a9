/* Every number that could be another one: what it decides, and the measurement or the reason that set it.
 *
 * Those that depend on the precision are macros of PICK and REAL_EPSILON (scalar.h), which only kernel files use. What
 * has no choice stands where it is used: LAPACK's own limits, the ranges of numbers, counts of operations. */
#ifndef RRQR_TUNING_H
#define RRQR_TUNING_H

/* --- columns at a time ------------------------------------------------------------------------------------------- */

enum {
    /* whose updates the greedy kernel defers: LAPACK's choice */
    RRQR_PANEL = 32,
    /* of a block, at most, that the prefetching kernel eliminates, or that is eliminated or taken back in a given
     * order: wide enough for products, while what is not a product grows with its square */
    RRQR_BLOCK = 96,
    /* of a block of the randomized kernel, at most, a multiple of RRQR_EVEN, which products like. Measured, with
     * candidates by elimination, against 104 without: 145 ms, not 166, for 4000^2 at rank 200; 300, not 424, for
     * 1000 x 20000 */
    RRQR_WIDE = 128,
    RRQR_EVEN = 8,
    /* of a block of either for a small matrix: the root of its elements over RRQR_BLOCKS, at least RRQR_NARROW.
     * Measured on one core against the widest blocks, prefetching: 8.6 ms, not 12.6, for 500^2; 49.7, not 57.4, for
     * 1000^2; randomized: 11.0, not 16.5; 54, not 75 */
    RRQR_BLOCKS = 24,
    RRQR_NARROW = 32,
    /* the same, of the randomized kernel where it defers nothing. Measured on one core, all of R, against the widths
     * above and deferred updates: 2.33 ms, not 3.5, for 300^2; 7.7, not 9.9, for 500^2; 42, not 49, for 1000^2 */
    RRQR_EAGER_BLOCKS = 36,
    RRQR_EAGER_NARROW = 16,
    /* whose updates the randomized kernel defers: up to so high a rank it needs no copy of the matrix. Measured:
     * 166 ms, not 179, for 4000^2 at rank 200; 389, not 506, for 8000^2 at rank 100 */
    RRQR_DEFER = 256,
    /* part of the rank that may be reached, at most, for it to do so: a block's own update grows with the columns
     * deferred, as the residual's does with the rows. Measured at ranks of a tenth to all of 200^2 to 4000^2 */
    RRQR_DEFER_SHARE = 5,
    /* that a triangular solve, or the residual, has in its buffer: enough for products, and little beside the matrix */
    SOLVE_CHUNK = 256,
    RESIDUAL_CHUNK = 128,
    /* of V when Q is formed or applied: RRQR_BLOCK, but Q_NARROW where there are fewer than Q_FEW. Measured against
     * ?orgqr, all of Q on one core: with Q_NARROW 1.55, 1.38, 1.25 and 1.15 times as fast for 300, 500, 700 and 1000,
     * with RRQR_BLOCK 1.13, 1.22, 1.20 and 1.21 */
    Q_NARROW = 32,
    Q_FEW = 800
};

/* --- loops of our own --------------------------------------------------------------------------------------------- */

enum {
    /* elements of a matrix up to which its product with a vector is a loop: BLAS checks, and may wake threads, at a
     * cost of a hundred elements */
    LOOP_ELEMENTS = 400,
    /* elements of Q, complex ones counted fourfold, up to which it is formed by reflectors in loops: as above */
    Q_ELEMENTS = 72 * 72,
    /* bytes of a group of matrices, one in each lane, up to which it stays in the cache. Measured up to 96 x 96 in four
     * dtypes: 1.6 to 4 times as fast as one by one */
    LANES_BYTES = 1 << 20,
    /* sums that do not wait for each other: they fill a few registers of any instruction set */
    LANES = 16,
    /* elements of a matrix, complex ones counted fourfold, up to which the small kernel beats BLAS, and elements below
     * which neither prefetching nor a sketch pays: what the drivers 'auto' and 'randomized' go by. Both measured: R of
     * 128^2 doubles takes the small kernel 0.8 of the greedy one's time, of 192^2 as long, of 64^2 complex 0.86 to 1.04
     */
    RRQR_TINY = 128 * 128,
    RRQR_SMALL = 320 * 320,
    /* rows and columns of a tile of a transposition: a multiple of a cache line's elements in all dtypes, and two tiles
     * fit the innermost cache */
    TILE = 32
};

/* --- norms -------------------------------------------------------------------------------------------------------- */

/* The range in which a sum of squares in double gives a norm. Above its lower end what underflowed is below rounding
 * for any length; below its upper end nothing overflowed. */
#define NORM_LEAST 0x1p-900
#define NORM_MOST 0x1p+1000
/* What must be left of a squared norm for downdating to be trusted: LAPACK's choice, half of the digits. */
#define DOWNDATE_TRUSTED square_root(REAL_EPSILON / 2)
/* The range of squared norms in which the small kernel, which does not scale, goes on: less than half of the exponents
 * of numbers, so that products of two are numbers. */
#define SMALL_LEAST PICK(0x1p-60f, 0x1p-400, 0x1p-60f, 0x1p-400)
#define SMALL_MOST PICK(0x1p+60f, 0x1p+400, 0x1p+60f, 0x1p+400)
/* How near another norm may come to that of a pivot, relative to the largest of A, before LAPACK is asked which of them
 * it takes: more than rounding makes of norms, of what ties, and of what is left where the rank ends. Measured on 3360
 * matrices of low rank, with ties, ill-conditioned: 26 have other pivots with 0 for 100, none with 4 */
#define PIVOT_DOUBT (100 * REAL_EPSILON)
/* What may be left of a square before the small kernel computes it afresh: its error is at most eps over this. */
#define SMALL_FALL PICK(0.05f, 1e-3, 0.05f, 1e-3)

/* --- prefetching -------------------------------------------------------------------------------------------------- */

enum {
    /* columns up to which prefetching does not pay: of a sketch, which has few rows (measured), and of R11 */
    SKETCH_SMALL = 700,
    STRONG_SMALL = 256,
    /* part of a block's columns that the first one has, since nothing is known yet of how fast the norms fall. A block
     * that ended early makes the next one as wide, at least PREFETCH_LEAST; a full one makes it PREFETCH_GROWTH times
     * as wide. With 4 in place of 2, and free steps in triangles, 1/j of 2000^2 at a rank of 5 % became 2.4 times as
     * fast as ?geqp3rk */
    PREFETCH_FIRST = 2,
    PREFETCH_LEAST = 8,
    PREFETCH_GROWTH = 4,
    /* columns fetched for each column of a block: the longest are a good guess, and one and a half to two times as many
     * as are chosen hold most of these */
    PREFETCH_CANDIDATES = 2,
    /* columns that a missed pivot is fetched with: a product so thin takes about as long as one column alone, since
     * both read the whole matrix */
    PREFETCH_BATCH = 32,
    /* steps that pay for a miss: more misses than one in so many, and one, say that the guess is poor */
    PREFETCH_MISS = 8,
    /* steps after which the candidates' rows are brought up to date by a product: before, by products with a vector */
    PREFETCH_INNER = 8,
    /* columns that a block must have chosen to have paid, and the plain steps after one that has not: twice as many
     * after each further one, up to a number at which trying costs nothing beside them */
    PREFETCH_PAID = 4,
    PREFETCH_PAUSE = 8,
    PREFETCH_LONGEST_PAUSE = 1024,
    /* rows kept for each column of a block: of those fetched for this one, and of what the blocks before it left */
    GRAM_KEPT = 3,
    /* columns fetched by one product: those of a whole block, which bounds the copy of them */
    GRAM_FETCH = PREFETCH_CANDIDATES * RRQR_BLOCK
};

/* The relative error of a squared norm that a choice may bear: in double, that of a norm is then 10 sqrt(eps). It alone
 * ends a block whose norms fall: the error of a Gram row is at least eps times the squared norms when it was fetched.
 */
#define PREFETCH_CHOICE PICK(1e-3, 3e-7, 1e-3, 3e-7)
/* How far the largest squared norm may fall beside what it was when the oldest row was fetched, for R to be taken from
 * Gram rows: that costs as many digits. */
#define PREFETCH_ACCURATE PICK(0.1f, 0.1, 0.1f, 0.1)
/* How far R of the Gram rows may be from that of the reflectors for the rows to be right, for each column of the block:
 * rounding. */
#define PREFETCH_AGREE (REAL_EPSILON / 2)
/* How far the largest squared norm may fall beside that, for rows to be used for another block. In double pivots were
 * the same down to here for Kahan's matrices of eight angles and three drops in eight seeds, and for stairs of 1e-1 to
 * 1e-5. Measured, all of a geometric matrix of 2000^2 to 1e-8, one core: 690 ms, 810 with 0.1; with 0, where the
 * bound of a choice alone ends blocks, 610 in one run and 780 in another; pivots are the same. */
#define GRAM_REUSE PICK(0.1f, 1e-5, 0.1f, 1e-5)
/* The exponent of two up to which the smaller factor of a Gram row's product is scaled up: half of the exponents. */
#define GRAM_BOOST PICK(60, 500, 60, 500)

/* --- sketches ----------------------------------------------------------------------------------------------------- */

enum {
    /* rows that a sketch has beyond the columns of a block: about what the papers behind randomized.c take */
    RRQR_OVERSAMPLE = 8,
    /* columns in all, for each one eliminated, down to which products are with the matrix as it came: they take in
     * those eliminated, which is wasted */
    SOURCE_COLUMNS = 4
};

/* What must be left of the largest norm for a sketch to be used on, from block to block and within one: below, it is
 * rounding error. */
#define SKETCH_FALL square_root(REAL_EPSILON)

/* --- Cholesky QR -------------------------------------------------------------------------------------------------- */

enum {
    /* rows taken at a time of a tall matrix */
    CHOLESKY_ROWS = 4096,
    /* strips of rows that are looked at first, and the columns for each row of one */
    CHOLESKY_STRIPS = 4,
    CHOLESKY_PROBE = 3,
    /* how many times larger than of all rows ||R^{-1}||_2^2 may be of the strips: of a Gaussian matrix's it is 56 */
    CHOLESKY_HOPE = 64,
    /* of the power method for ||R^{-1}||: vectors to start from, and steps */
    INVERSE_STARTS = 4,
    INVERSE_STEPS = 6,
    /* of the sketch by which an ill-conditioned matrix is preconditioned: rows for each column, which leave a condition
     * of at most about 6, and rows to which each row of the matrix is added: the papers' */
    PRECONDITION_ROWS = 2,
    SPARSE_SIGNS = 4
};

/* ||R^{-1}||_2^2 up to which one pass is enough, measured: Q^H Q is then I to 15 eps; and two: as far as the error of a
 * squared norm still lets pivots be chosen, with room for that of the estimate. */
#define CHOLESKY_ONCE 16
#define CHOLESKY_TWICE (PREFETCH_CHOICE / REAL_EPSILON / 16)
/* The same of a preconditioned matrix, of which one pass must be enough: what a sketch leaves is about 12. Its columns'
 * squared norms, which are about 1, and their inverses are no larger. */
#define PRECONDITIONED 64

/* --- exchanges ---------------------------------------------------------------------------------------------------- */

enum {
    /* columns, at least, that a round of exchanges may fetch; k / 2 where that is more */
    EXCHANGE_FRESH = 16,
    /* exchanges of a round for each row that it has room for: then R is computed afresh */
    EXCHANGE_ROUNDS = 4
};

/* The squared norm of a column of R11^{-1} above which R11 counts as singular: T and what is made of it are numbers. */
#define EXCHANGE_MOST PICK(1e60, 1e200, 1e60, 1e200)
/* What rounding may have grown to in T before it is computed from R again: half of the digits are right. */
#define EXCHANGE_DOUBT sqrt(REAL_EPSILON)
/* How far below the bound rho_ij must be, which are known to EXCHANGE_DOUBT. */
#define EXCHANGE_SLACK (4 * sqrt(REAL_EPSILON))

/* --- Ctrl-C ------------------------------------------------------------------------------------------------------- */

/* Operations between two questions whether to stop, about a tenth of a second: one costs a lock in Python. */
#define OPERATIONS_BETWEEN 1e9

#endif
