/*
 * Speed of the kernels on the layers of ResNet-50 and MobileNetV2, one thread: microseconds, GFLOP/s and the share of
 * the multiply-add rate measured in the same run.
 *
 *     kernels [avx512|avx2|ref|neon] [batch]
 *
 * Each layer runs for about 60 ms; median of the calls. Vary nothing else on the machine meanwhile.
 */
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MAX_CALLS = 4096 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GFLOP/s of independent multiply-adds that never leave registers. */
#if defined(__x86_64__)
#define PEAK(name, isa, type, set, fma, width)                                                                         \
    __attribute__((target(isa))) static double name(void)                                                              \
    {                                                                                                                  \
        enum { CALLS = 4000000, AT_ONCE = 12 };                                                                        \
        type sum[AT_ONCE], x = set(0.999f), y = set(1e-3f);                                                            \
        for (int i = 0; i < AT_ONCE; i++) {                                                                            \
            sum[i] = set((float)i);                                                                                    \
        }                                                                                                              \
        double start = now();                                                                                          \
        for (int k = 0; k < CALLS; k++) {                                                                              \
            _Pragma("GCC unroll 12") for (int i = 0; i < AT_ONCE; i++)                                                 \
            {                                                                                                          \
                sum[i] = fma(sum[i], x, y);                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        double seconds = now() - start;                                                                                \
        for (int i = 0; i < AT_ONCE; i++) {                                                                            \
            __asm__ volatile("" : "+v"(sum[i]));                                                                       \
        }                                                                                                              \
        return CALLS * (AT_ONCE * 2.0 * width) / seconds * 1e-9;                                                       \
    }
PEAK(peak_avx512, "avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps, 16)
PEAK(peak_avx2, "avx2,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps, 8)
#endif

static double peak(enum li_isa isa)
{
    double best = 0;
    for (int i = 0; i < 3; i++) {
        double rate = 0;
#if defined(__x86_64__)
        rate = isa == LI_ISA_AVX512 ? peak_avx512() : isa == LI_ISA_AVX2 ? peak_avx2() : 0;
#endif
        best = LI_MAX(best, rate);
    }
    return best;
}

enum kind { CONV, DEPTHWISE, GEMM, MAX_POOL, GLOBAL_AVERAGE, SWISH, ADD, MOMENTS };

/* Square pictures, SAME padding. A gemm is [side, cin] x [cin, cout]. */
struct layer {
    const char *label;
    enum kind kind;
    int64_t side, cin, cout, kernel, stride;
    enum li_activation activation;
    bool residual, halo;
};

static const struct layer layers[] = {
    {"resnet50 stem", CONV, 224, 3, 64, 7, 2, LI_ACT_RELU, false, false},
    {"resnet50 2 reduce", CONV, 56, 256, 64, 1, 1, LI_ACT_RELU, false, false},
    {"resnet50 2 middle", CONV, 56, 64, 64, 3, 1, LI_ACT_RELU, false, false},
    {"resnet50 2 middle", CONV, 56, 64, 64, 3, 1, LI_ACT_RELU, false, true},
    {"resnet50 2 expand", CONV, 56, 64, 256, 1, 1, LI_ACT_RELU, true, false},
    {"resnet50 3 middle", CONV, 28, 128, 128, 3, 1, LI_ACT_RELU, false, false},
    {"resnet50 3 middle", CONV, 28, 128, 128, 3, 1, LI_ACT_RELU, false, true},
    {"resnet50 3 expand", CONV, 28, 128, 512, 1, 1, LI_ACT_RELU, true, false},
    {"resnet50 4 shortcut", CONV, 28, 512, 1024, 1, 2, LI_ACT_NONE, false, false},
    {"resnet50 4 reduce", CONV, 14, 1024, 256, 1, 1, LI_ACT_RELU, false, false},
    {"resnet50 4 middle", CONV, 14, 256, 256, 3, 1, LI_ACT_RELU, false, false},
    {"resnet50 4 middle", CONV, 14, 256, 256, 3, 1, LI_ACT_RELU, false, true},
    {"resnet50 4 expand", CONV, 14, 256, 1024, 1, 1, LI_ACT_RELU, true, false},
    {"resnet50 5 strided", CONV, 14, 512, 512, 3, 2, LI_ACT_RELU, false, false},
    {"resnet50 5 middle", CONV, 7, 512, 512, 3, 1, LI_ACT_RELU, false, false},
    {"resnet50 5 middle", CONV, 7, 512, 512, 3, 1, LI_ACT_RELU, false, true},
    {"resnet50 5 expand", CONV, 7, 512, 2048, 1, 1, LI_ACT_RELU, true, false},
    {"resnet50 5 reduce", CONV, 7, 2048, 512, 1, 1, LI_ACT_RELU, false, false},
    {"mobilenet stem", CONV, 224, 3, 32, 3, 2, LI_ACT_RELU6, false, false},
    {"mobilenet 1 depth", DEPTHWISE, 112, 32, 32, 3, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 1 depth", DEPTHWISE, 112, 32, 32, 3, 1, LI_ACT_RELU6, false, true},
    {"mobilenet 1 project", CONV, 112, 32, 16, 1, 1, LI_ACT_NONE, false, false},
    {"mobilenet 2 expand", CONV, 112, 16, 96, 1, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 2 depth", DEPTHWISE, 112, 96, 96, 3, 2, LI_ACT_RELU6, false, false},
    {"mobilenet 2 project", CONV, 56, 96, 24, 1, 1, LI_ACT_NONE, false, false},
    {"mobilenet 3 depth", DEPTHWISE, 56, 144, 144, 3, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 4 expand", CONV, 14, 64, 384, 1, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 4 depth", DEPTHWISE, 14, 384, 384, 3, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 4 depth", DEPTHWISE, 14, 384, 384, 3, 1, LI_ACT_RELU6, false, true},
    {"mobilenet 4 project", CONV, 14, 384, 64, 1, 1, LI_ACT_NONE, true, false},
    {"mobilenet 7 depth", DEPTHWISE, 7, 960, 960, 3, 1, LI_ACT_RELU6, false, false},
    {"mobilenet 7 project", CONV, 7, 960, 320, 1, 1, LI_ACT_NONE, false, false},
    {"mobilenet head", CONV, 7, 320, 1280, 1, 1, LI_ACT_RELU6, false, false},
    {"efficientnet expand", CONV, 56, 24, 144, 1, 1, LI_ACT_SWISH, false, false},
    {"efficientnet depth", DEPTHWISE, 28, 240, 240, 5, 1, LI_ACT_SWISH, false, false},
    {"convnext depth", DEPTHWISE, 56, 96, 96, 7, 1, LI_ACT_NONE, false, false},
    {"vit mlp", GEMM, 196, 768, 3072, 1, 1, LI_ACT_GELU, false, false},
    {"classifier", GEMM, 1, 2048, 1000, 1, 1, LI_ACT_NONE, false, false},
    {"classifier", GEMM, 8, 2048, 1000, 1, 1, LI_ACT_NONE, false, false},
    {"max pool", MAX_POOL, 112, 64, 64, 3, 2, LI_ACT_NONE, false, false},
    {"global average", GLOBAL_AVERAGE, 7, 2048, 2048, 7, 1, LI_ACT_NONE, false, false},
    {"swish", SWISH, 56, 144, 144, 1, 1, LI_ACT_SWISH, false, false},
    {"add", ADD, 56, 256, 256, 1, 1, LI_ACT_NONE, false, false},
    {"moments", MOMENTS, 56, 256, 256, 1, 1, LI_ACT_NONE, false, false},
};

/* Everything a call needs; the buffers are shared by all layers. */
struct bench {
    const struct li_kernels *k;
    int64_t batch;
    float *x, *y, *filter, *packed, *bias;
    struct li_conv conv;
    struct li_depthwise depthwise;
    struct li_gemm gemm;
    struct li_pooling pooling;
};

/* SAME padding. */
static struct li_window window_of(const struct layer *l)
{
    int64_t out = (l->side + l->stride - 1) / l->stride, pad = LI_MAX(0, (out - 1) * l->stride + l->kernel - l->side);
    return (struct li_window){.in_h = l->side,
                              .in_w = l->side,
                              .out_h = out,
                              .out_w = out,
                              .kernel_h = l->kernel,
                              .kernel_w = l->kernel,
                              .stride_h = l->stride,
                              .stride_w = l->stride,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .pad_top = pad / 2,
                              .pad_left = pad / 2,
                              .pad_bottom = pad - pad / 2,
                              .pad_right = pad - pad / 2};
}

static void prepare(struct bench *b, const struct layer *l)
{
    struct li_window w = window_of(l);
    int64_t around = l->halo ? w.pad_top + w.pad_bottom : 0;
    struct li_map x = li_map_dense(l->side + around, l->side + around, l->cin),
                  y = li_map_dense(w.out_h, w.out_w, l->cout);
    if (l->kind == CONV) {
        b->conv = (struct li_conv){.window = w,
                                   .batch = b->batch,
                                   .cin = l->cin,
                                   .cout = l->cout,
                                   .groups = 1,
                                   .x = x,
                                   .y = y,
                                   .residual = y,
                                   .halo = l->halo,
                                   .activation = l->activation,
                                   .alpha = 1};
        b->k->conv->pack(&b->conv, b->filter, b->packed);
    } else if (l->kind == DEPTHWISE) {
        b->depthwise = (struct li_depthwise){.window = w,
                                             .batch = b->batch,
                                             .channels = l->cin,
                                             .multiplier = 1,
                                             .x = x,
                                             .y = y,
                                             .halo = l->halo,
                                             .activation = l->activation,
                                             .alpha = 1};
    } else if (l->kind == GEMM) {
        b->gemm = (struct li_gemm){.batch = 1,
                                   .m = l->side * b->batch,
                                   .n = l->cout,
                                   .k = l->cin,
                                   .a_row = l->cin,
                                   .c_row = l->cout,
                                   .activation = l->activation};
        b->k->gemm->pack(l->cin, l->cout, b->filter, l->cout, false, b->packed);
    } else if (l->kind == MAX_POOL) {
        b->pooling = (struct li_pooling){.window = w, .batch = b->batch, .channels = l->cin, .x = x, .y = y};
    }
}

static void call(struct bench *b, const struct layer *l)
{
    int64_t n = b->batch * l->side * l->side * l->cin;
    const float *x = b->x + (l->halo ? (l->kernel / 2) * (l->side + l->kernel) * l->cin : 0);
    if (l->kind == CONV) {
        struct li_conv_data data = {x, b->packed, b->bias, l->residual ? b->y : NULL, b->y};
        for (int64_t i = 0, tasks = b->k->conv->tasks(&b->conv); i < tasks; i++) {
            b->k->conv->run(&b->conv, &data, i);
        }
    } else if (l->kind == DEPTHWISE) {
        struct li_depthwise_data data = {x, b->filter, b->bias, b->y};
        for (int64_t i = 0, tasks = b->k->depthwise->tasks(&b->depthwise); i < tasks; i++) {
            b->k->depthwise->run(&b->depthwise, &data, i);
        }
    } else if (l->kind == GEMM) {
        struct li_gemm_data data = {x, b->packed, b->bias, NULL, b->y};
        for (int64_t i = 0, tasks = b->k->gemm->tasks(&b->gemm); i < tasks; i++) {
            b->k->gemm->run(&b->gemm, &data, i);
        }
    } else if (l->kind == MAX_POOL) {
        for (int64_t i = 0, tasks = b->k->pooling->tasks(&b->pooling); i < tasks; i++) {
            b->k->pooling->max(&b->pooling, x, b->y, i);
        }
    } else if (l->kind == GLOBAL_AVERAGE) {
        struct li_map map = li_map_dense(l->side, l->side, l->cin);
        for (int64_t i = 0; i < b->batch; i++) {
            b->k->reduce->picture(LI_REDUCE_SUM, b->y + i * l->cin, x + i * map.image, l->side, l->side, l->cin, &map,
                                  1.0f);
        }
    } else if (l->kind == SWISH) {
        b->k->unary->activate(LI_ACT_SWISH, 1, b->y, x, n);
    } else if (l->kind == ADD) {
        b->k->binary->rows(LI_BINARY_ADD, &(struct li_binary_rows){.rows = 1, .cols = n}, b->y, x, b->y);
    } else if (l->kind == MOMENTS) {
        int64_t rows = b->batch * l->side * l->side;
        for (int64_t i = 0, chunks = b->k->norm->moment_chunks(rows, l->cin); i < chunks; i++) {
            b->k->norm->moments_partial(x, rows, l->cin, l->cin, i, b->packed);
        }
        b->k->norm->moments_combine(b->packed, rows, l->cin, b->y, b->y + l->cin);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median_seconds(struct bench *b, const struct layer *l)
{
    static double seconds[MAX_CALLS];
    int n = 0;
    prepare(b, l);
    call(b, l);
    for (double start = now(); n < 5 || (n < MAX_CALLS && now() - start < 0.06); n++) {
        double before = now();
        call(b, l);
        seconds[n] = now() - before;
    }
    qsort(seconds, (size_t)n, sizeof(double), compare);
    return seconds[n / 2];
}

static double flops(const struct layer *l, int64_t batch)
{
    double out = (double)((l->side + l->stride - 1) / l->stride), taps = (double)(l->kernel * l->kernel);
    switch (l->kind) {
    case CONV:
        return 2 * (double)batch * out * out * taps * (double)l->cin * (double)l->cout;
    case GEMM:
        return 2 * (double)(batch * l->side) * (double)l->cin * (double)l->cout;
    case DEPTHWISE:
    case MAX_POOL:
        return 2 * (double)batch * out * out * taps * (double)l->cin;
    default:
        return 2 * (double)batch * out * out * (double)l->cin;
    }
}

static float *numbers(size_t count)
{
    float *p = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
    if (!p) {
        fprintf(stderr, "kernels: no memory for %zu floats\n", count);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        p[i] = (float)(i % 17) / 64 - 0.125f;
    }
    return p;
}

int main(int argc, char **argv)
{
    enum li_isa isa = LI_ISA_AVX512;
    const char *name = argc > 1 ? argv[1] : "avx512";
    isa = !strcmp(name, "avx2")   ? LI_ISA_AVX2
          : !strcmp(name, "neon") ? LI_ISA_NEON
          : !strcmp(name, "ref")  ? LI_ISA_REF
                                  : isa;
    struct bench b = {.k = li_kernels_get(isa), .batch = argc > 2 ? LI_MAX(1, atoi(argv[2])) : 1};
    size_t largest = (size_t)b.batch * 118 * 118 * 130;
    b.x = numbers(largest);
    b.y = numbers(largest);
    b.filter = numbers(2400000);
    b.packed = numbers(2400000);
    b.bias = numbers(4096);
    double rate = peak(b.k->isa);
    printf("%s, batch %lld, one thread, multiply-add peak %.0f GFLOP/s\n", b.k->name, (long long)b.batch, rate);
    for (size_t i = 0; i < LI_COUNT(layers); i++) {
        const struct layer *l = &layers[i];
        double seconds = median_seconds(&b, l), gflops = flops(l, b.batch) / seconds * 1e-9;
        printf("%-20s %3lld %4lld -> %4lld k%lld s%lld%s%s %9.1f us %7.1f GFLOP/s %5.1f %%\n", l->label,
               (long long)l->side, (long long)l->cin, (long long)l->cout, (long long)l->kernel, (long long)l->stride,
               l->residual ? " +res" : "", l->halo ? " halo" : "", seconds * 1e6, gflops,
               rate > 0 ? 100 * gflops / rate : 0);
    }
    free(b.x), free(b.y), free(b.filter), free(b.packed), free(b.bias);
    return 0;
}
