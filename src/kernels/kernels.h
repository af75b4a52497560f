/*
 * kernels: arithmetic on plain pointers, float32. A kernel takes pointers, counts and strides; it neither allocates nor
 * fails nor checks (shapes were checked when the plan was made). Threads are its caller's business: what is worth
 * dividing says in how many tasks, and runs one.
 *
 * Each group of kernels exists as plain loops (files ref_GROUP.c: they define the right answer) and as vector code that
 * is written once (simd/GROUP.c) and compiled for every instruction set of the target.
 *
 * To add a group named G:
 *   G.h        struct li_G_kernels, its functions and their contract;
 *   ref_G.c    const struct li_G_kernels li_G_ref = {...};          plain loops
 *   simd/G.c   const struct li_G_kernels LI_SIMD_NAME(G) = {...};   over simd/simd.h; everything else in it is static
 *   here       include G.h and add X(G) to LI_KERNEL_GROUPS.
 * Build and tables follow. Callers write li_kernels_get(isa)->G->function(...).
 */
#ifndef LI_KERNELS_H
#define LI_KERNELS_H

#include "activation.h"
#include "backward.h"
#include "binary.h"
#include "conv.h"
#include "depthwise.h"
#include "filter.h"
#include "gemm.h"
#include "map.h"
#include "norm.h"
#include "optimizer.h"
#include "pooling.h"
#include "reduce.h"
#include "unary.h"

#define LI_KERNEL_GROUPS(X)                                                                                            \
    X(conv)                                                                                                            \
    X(depthwise)                                                                                                       \
    X(gemm)                                                                                                            \
    X(unary)                                                                                                           \
    X(binary)                                                                                                          \
    X(reduce)                                                                                                          \
    X(pooling)                                                                                                         \
    X(norm)                                                                                                            \
    X(backward)                                                                                                        \
    X(filter)                                                                                                          \
    X(optimizer)

struct li_kernels {
    const char *name; /* "avx512" */
    enum li_isa isa;
#define LI_KERNEL_MEMBER(group) const struct li_##group##_kernels *group;
    LI_KERNEL_GROUPS(LI_KERNEL_MEMBER)
#undef LI_KERNEL_MEMBER
};

/* The table for an instruction set, static; ref when this build has no code for it. The caller makes sure that the
 * processor has that instruction set (li_cpu_isa). */
const struct li_kernels *li_kernels_get(enum li_isa isa);

#endif
