/* What a scalar is. Each kernel file is compiled once for every dtype and instruction set: with one of RRQR_DTYPE_s,
 * _d, _c, _z defined, and RRQR_ISA the name of the set. X(name) is their own symbol, PICK(...) the dtype's own choice
 * of four. */
#ifndef RRQR_SCALAR_H
#define RRQR_SCALAR_H

#include <complex.h>
#include <float.h>
#include <math.h>
#undef I

#if defined RRQR_DTYPE_s || defined RRQR_DTYPE_c
typedef float real;
#define REAL_EPSILON FLT_EPSILON
#define REAL_MIN FLT_MIN
#else
typedef double real;
#define REAL_EPSILON DBL_EPSILON
#define REAL_MIN DBL_MIN
#endif

#if defined RRQR_DTYPE_s
typedef float scalar;
#define PICK(s, d, c, z) s
#elif defined RRQR_DTYPE_d
typedef double scalar;
#define PICK(s, d, c, z) d
#elif defined RRQR_DTYPE_c
typedef float _Complex scalar;
#define PICK(s, d, c, z) c
#elif defined RRQR_DTYPE_z
typedef double _Complex scalar;
#define PICK(s, d, c, z) z
#else
#error "compile with one of RRQR_DTYPE_s, RRQR_DTYPE_d, RRQR_DTYPE_c, RRQR_DTYPE_z"
#endif

#if defined RRQR_DTYPE_c || defined RRQR_DTYPE_z
#define RRQR_COMPLEX
#endif

#define SYMBOL(dtype, isa, name) rrqr_##dtype##_##isa##_##name
#define SYMBOL_OF(dtype, isa, name) SYMBOL(dtype, isa, name)
#define X(name) SYMBOL_OF(PICK(s, d, c, z), RRQR_ISA, name)

/* Reals in a scalar: complex arrays are walked as twice as many reals where only sizes matter. */
#define REALS_PER_SCALAR (sizeof(scalar) / sizeof(real))

static inline scalar conjugate(scalar x) { return PICK(x, x, conjf(x), conj(x)); }
static inline real modulus(scalar x) { return PICK(fabsf(x), fabs(x), cabsf(x), cabs(x)); }
/* |x|^2 in the matrix's own precision */
static inline real square(scalar x)
{
#ifdef RRQR_COMPLEX
    const real re = ((const real *)&x)[0], im = ((const real *)&x)[1];
    return re * re + im * im;
#else
    return x * x;
#endif
}
static inline real square_root(real x) { return PICK(sqrtf(x), sqrt(x), sqrtf(x), sqrt(x)); }
static inline real hypotenuse(real x, real y) { return PICK(hypotf, hypot, hypotf, hypot)(x, y); }

/* e of the power 2^-e that takes x > 0 near 1, as far as it and its inverse are normal numbers: scaling by it is exact
 */
static inline int exponent(double x)
{
    const int largest = PICK(120, 1018, 120, 1018);
    int e = 0;
    if (x > 0) (void)frexp(x, &e);
    return e > largest ? largest : e < -largest ? -largest : e;
}
static inline real power_of_two(int e) { return (real)ldexp(1, e); }

#endif
