/* The instruction sets for which the kernels were compiled, and those that this processor has. */
#include "rrqr.h"

#define TABLES(isa) \
    extern const rrqr_kernels rrqr_s_##isa##_kernels, rrqr_d_##isa##_kernels, rrqr_c_##isa##_kernels, \
        rrqr_z_##isa##_kernels
#define ISA(isa) \
    {#isa, &rrqr_s_##isa##_kernels, &rrqr_d_##isa##_kernels, &rrqr_c_##isa##_kernels, &rrqr_z_##isa##_kernels}

TABLES(baseline);
#ifdef RRQR_AVX
TABLES(avx2);
TABLES(avx512);
const rrqr_isa rrqr_isas[] = {ISA(baseline), ISA(avx2), ISA(avx512)};
#else
const rrqr_isa rrqr_isas[] = {ISA(baseline)};
#endif

/* Those that are in use. */
const rrqr_isa *rrqr_chosen = rrqr_isas;

/* How many of them, each wider than those before it, this processor and its system have. */
int rrqr_isa_count(void)
{
    int count = 1;
#ifdef RRQR_AVX
    __builtin_cpu_init();
    count += __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    count += count == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#endif
    return count;
}
