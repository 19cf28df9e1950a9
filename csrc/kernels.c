/* The kernels of one dtype, as the binding sees them. */
#include "kernels.h"

const rrqr_kernels X(kernels) = {
    .routines = X(routines),
    .routine_count = ROUTINE_COUNT,
    .first_nonfinite_column = X(first_nonfinite_column),
    .transpose = X(transpose),
    .begin = X(begin),
    .greedy = X(greedy),
    .small = X(small),
    .prefetch = X(prefetch),
    .randomized = X(randomized),
    .strong = X(strong),
    .full = X(full),
    .truncate = X(truncate),
    .geqrf = X(geqrf),
    .settle = X(settle),
    .residual = X(residual),
    .maxresid = X(maxresid),
    .upper = X(upper),
    .form_q = X(form_q),
    .apply_q = X(apply_q),
    .lstsq = X(lstsq),
    .interpolation = X(interpolation),
    .gram_triangle = X(gram_triangle),
    .reflector_signs = X(reflector_signs),
    .cholesky_q = X(cholesky_q),
};
