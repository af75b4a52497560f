/*
 * Numbers below 2^-126 cost x86 processors a hundred times the time of others, and no network means them. TensorFlow's
 * threads flush them to zero (tsl/platform/denormal.cc); so do ours while they compute, results only: what comes in as
 * such, from a file or a caller, is read as it stands. Arm's processors are as quick with them, and are left alone.
 */
#include "base/base.h"

#if defined(__x86_64__)
enum { FLUSH = 0x8000 }; /* of MXCSR: flush to zero */

unsigned li_subnormals_flush(void)
{
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | FLUSH);
    return before;
}

void li_subnormals_restore(unsigned before)
{
    __builtin_ia32_ldmxcsr(before);
}
#else
unsigned li_subnormals_flush(void)
{
    return 0;
}

void li_subnormals_restore(unsigned before)
{
    (void)before;
}
#endif
