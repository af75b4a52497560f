/* The table of kernels for each instruction set this build has code for. */
#include "kernels.h"

#define DECLARE_REF(group) extern const struct li_##group##_kernels li_##group##_ref;
#define DECLARE_AVX2(group) extern const struct li_##group##_kernels li_##group##_avx2;
#define DECLARE_AVX512(group) extern const struct li_##group##_kernels li_##group##_avx512;
#define DECLARE_NEON(group) extern const struct li_##group##_kernels li_##group##_neon;
#define MEMBER_REF(group) .group = &li_##group##_ref,
#define MEMBER_AVX2(group) .group = &li_##group##_avx2,
#define MEMBER_AVX512(group) .group = &li_##group##_avx512,
#define MEMBER_NEON(group) .group = &li_##group##_neon,

LI_KERNEL_GROUPS(DECLARE_REF)
static const struct li_kernels ref = {.name = "ref", .isa = LI_ISA_REF, LI_KERNEL_GROUPS(MEMBER_REF)};

#ifdef LI_HAVE_AVX2
LI_KERNEL_GROUPS(DECLARE_AVX2)
static const struct li_kernels avx2 = {.name = "avx2", .isa = LI_ISA_AVX2, LI_KERNEL_GROUPS(MEMBER_AVX2)};
#endif
#ifdef LI_HAVE_AVX512
LI_KERNEL_GROUPS(DECLARE_AVX512)
static const struct li_kernels avx512 = {.name = "avx512", .isa = LI_ISA_AVX512, LI_KERNEL_GROUPS(MEMBER_AVX512)};
#endif
#ifdef LI_HAVE_NEON
LI_KERNEL_GROUPS(DECLARE_NEON)
static const struct li_kernels neon = {.name = "neon", .isa = LI_ISA_NEON, LI_KERNEL_GROUPS(MEMBER_NEON)};
#endif

const struct li_kernels *li_kernels_get(enum li_isa isa)
{
    switch (isa) {
#ifdef LI_HAVE_AVX2
    case LI_ISA_AVX2:
        return &avx2;
#endif
#ifdef LI_HAVE_AVX512
    case LI_ISA_AVX512:
        return &avx512;
#endif
#ifdef LI_HAVE_NEON
    case LI_ISA_NEON:
        return &neon;
#endif
    default:
        return &ref;
    }
}
