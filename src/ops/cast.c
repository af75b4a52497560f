/* Cast: numbers of one dtype as another's. */
#include "common.h"

#include <math.h>
#include <string.h>

static lince_status cast_shape(struct li_infer *s)
{
    lince_dtype to = (lince_dtype)li_attr_int(s->node, "DstT");
    LI_TRY(li_ops_need(s, 0, LI_SET_COMPUTED));
    if (!li_dtype_in(to, LI_SET_COMPUTED)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "casts to %s", li_dtype_name(to));
    }
    return li_out_is(s, 0, to, li_in_shape(s, 0));
}

/* ---- Floats to integers, toward zero ---- */

/* How many elements TensorFlow's packages for x86 convert together; 0: one by one, whatever their number. */
static int64_t packet(lince_dtype from, lince_dtype to)
{
    bool narrow = li_dtype_in(to, LI_SET_INT) && li_dtype_size(to) <= 2;
    if (!li_dtype_is_float(from) || (!narrow && to != LINCE_UINT32)) {
        return 0;
    }
    if (to == LINCE_UINT32 || from == LINCE_BFLOAT16) {
        return 8;
    }
    return from == LINCE_FLOAT32 ? 32 : 16;
}

/*
 * What does not fit is undefined in C++, and TensorFlow's answer depends on the element's place: whole packets go
 * through instructions that saturate, and what is left over after the last of them is converted one by one and loses
 * its high bits. These are the packets of one thread; with more, TensorFlow cuts large tensors into pieces, each with
 * such an end.
 */
static int64_t in_whole_packets(lince_dtype from, lince_dtype to, int64_t count)
{
    int64_t size = packet(from, to);
    return size > 0 ? count - count % size : 0;
}

/* x86 answers the most negative number where one does not fit: of int64 for the widest targets, else of int32. */
static int64_t truncated(double x, lince_dtype to)
{
    bool narrow = to != LINCE_INT64 && to != LINCE_UINT32;
    if (narrow) {
        return x > -2147483649.0 && x < 2147483648.0 ? (int64_t)x : INT32_MIN;
    }
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (int64_t)x : INT64_MIN;
}

static uint64_t truncated_u64(double x)
{
    return x >= 9223372036854775808.0 && x < 18446744073709551616.0 ? (uint64_t)x : (uint64_t)truncated(x, LINCE_INT64);
}

static void one_by_one(union li_block *b, lince_dtype to, int64_t begin, int64_t end)
{
    for (int64_t k = begin; k < end; k++) {
        b->i[k] = to == LINCE_UINT64 ? (int64_t)truncated_u64(b->f[k]) : truncated(b->f[k], to);
    }
}

/* uint32 takes the int32s too, for the sake of their bits; anything else becomes its highest bit. */
static void in_packets_u32(union li_block *b, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        b->i[k] = b->f[k] > -2147483649.0 && b->f[k] < 4294967296.0 ? (int64_t)b->f[k] : INT32_MIN;
    }
}

/*
 * Saturated to 8 and 16 bits by way of int32: what int32 cannot hold, NaN too, becomes the lowest number. Halves and
 * doubles reach uint8 by way of int16 besides.
 */
static void in_packets(union li_block *b, lince_dtype from, lince_dtype to, int64_t n)
{
    int bits = 8 * (int)li_dtype_size(to);
    bool is_signed = li_domain_of(to) == LI_DOMAIN_SIGNED;
    bool by_int16 = to == LINCE_UINT8 && (from == LINCE_FLOAT16 || from == LINCE_FLOAT64);
    double low = is_signed ? -ldexp(1, bits - 1) : 0, high = low + ldexp(1, bits) - 1;
    double limit = by_int16 ? 32768.0 : 2147483648.0;
    for (int64_t k = 0; k < n; k++) {
        double x = b->f[k] < limit ? b->f[k] : low;
        x = x > high ? high : x;
        b->i[k] = (int64_t)(x > low ? x : low);
    }
}

/* Of the n elements the first `whole` lie in whole packets. */
static void to_integers(union li_block *b, lince_dtype from, lince_dtype to, int64_t n, int64_t whole)
{
    if (to == LINCE_UINT32) {
        in_packets_u32(b, whole);
    } else if (whole > 0) {
        in_packets(b, from, to, whole);
    }
    one_by_one(b, to, whole, n);
}

/* ---- Blocks ---- */

static void to_bool(union li_block *b, enum li_domain from, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        b->i[k] = from == LI_DOMAIN_FLOAT ? b->f[k] != 0 : b->i[k] != 0;
    }
}

static void to_floats(union li_block *b, enum li_domain from, int64_t n)
{
    for (int64_t k = 0; k < n && from == LI_DOMAIN_SIGNED; k++) {
        b->f[k] = (double)b->i[k];
    }
    for (int64_t k = 0; k < n && from == LI_DOMAIN_UNSIGNED; k++) {
        b->f[k] = (double)b->u[k];
    }
}

/* Integers among themselves keep their low bits, which storing them does. */
static void convert(union li_block *b, lince_dtype from, lince_dtype to, int64_t n, int64_t whole)
{
    enum li_domain source = li_domain_of(from);
    if (to == LINCE_BOOL) {
        to_bool(b, source, n);
    } else if (li_dtype_is_float(to)) {
        to_floats(b, source, n);
    } else if (source == LI_DOMAIN_FLOAT) {
        to_integers(b, from, to, n, whole);
    }
}

/* n elements, of which the first `whole` lie in whole packets. */
static void by_blocks(void *to, lince_dtype to_dtype, void *from, lince_dtype from_dtype, int64_t n, int64_t whole)
{
    for (int64_t i = 0; i < n; i += LI_BLOCK) {
        union li_block block;
        int64_t some = LI_MIN(n - i, LI_BLOCK), packed = LI_MAX(0, LI_MIN(some, whole - i));
        li_block_load(&block, from_dtype, li_at(from, from_dtype, i), 1, some);
        convert(&block, from_dtype, to_dtype, some, packed);
        li_block_store(li_at(to, to_dtype, i), to_dtype, &block, some);
    }
}

/* ---- Pairs with a loop of their own ---- */

/* Pixels, the one cast that runs over whole pictures. */
static void pixels(float *to, const uint8_t *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] = (float)from[i];
    }
}

/* int64 to float32 in one rounding: by way of double it would be two. */
static void wide_integers(float *to, const void *from, bool is_signed, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] = is_signed ? (float)((const int64_t *)from)[i] : (float)((const uint64_t *)from)[i];
    }
}

/* bfloat16 has the exponents of float32: by bits, so that subnormal numbers stay what they are. */
static void bfloat16s(void *to, const void *from, bool narrow, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (narrow) {
            ((uint16_t *)to)[i] = li_float_to_bfloat16(((const float *)from)[i]);
        } else {
            ((float *)to)[i] = li_bfloat16_to_float(((const uint16_t *)from)[i]);
        }
    }
}

static void run(void *to, lince_dtype to_dtype, void *from, lince_dtype from_dtype, int64_t n, int64_t whole)
{
    bool to_float = to_dtype == LINCE_FLOAT32, wide = from_dtype == LINCE_INT64 || from_dtype == LINCE_UINT64;
    if (from_dtype == to_dtype) {
        memmove(to, from, (size_t)n * li_dtype_size(to_dtype));
    } else if (to_float && from_dtype == LINCE_UINT8) {
        pixels(to, from, n);
    } else if (to_float && wide) {
        wide_integers(to, from, from_dtype == LINCE_INT64, n);
    } else if (to_float && from_dtype == LINCE_BFLOAT16) {
        bfloat16s(to, from, false, n);
    } else if (to_dtype == LINCE_BFLOAT16 && from_dtype == LINCE_FLOAT32) {
        bfloat16s(to, from, true, n);
    } else {
        by_blocks(to, to_dtype, from, from_dtype, n, whole);
    }
}

/* ---- Truncate: low bits of the mantissa are dropped before, so that nothing is left to round ---- */

/* Of these pairs alone, as in TensorFlow; where the result is subnormal, some of what stays is rounded. */
static int dropped_bits(lince_dtype from, lince_dtype to)
{
    if (from == LINCE_FLOAT32) {
        return to == LINCE_BFLOAT16 ? 16 : to == LINCE_FLOAT16 ? 13 : 0;
    }
    if (from == LINCE_FLOAT64) {
        return to == LINCE_FLOAT32 ? 29 : to == LINCE_FLOAT16 ? 42 : 0;
    }
    return 0;
}

union words {
    uint32_t u32[LI_BLOCK];
    uint64_t u64[LI_BLOCK];
};

/* NaN, all exponent bits and a mantissa, keeps its mantissa: it might become infinite. */
static void drop_bits(union words *w, lince_dtype dtype, int bits, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        if (dtype == LINCE_FLOAT32) {
            w->u32[k] &= (w->u32[k] << 1) > 0xff000000u ? UINT32_MAX : UINT32_MAX << bits;
        } else {
            w->u64[k] &= (w->u64[k] << 1) > (uint64_t)0x7ff << 53 ? UINT64_MAX : UINT64_MAX << bits;
        }
    }
}

static void truncate_run(void *to, lince_dtype to_dtype, void *from, lince_dtype from_dtype, int64_t n, int bits)
{
    for (int64_t i = 0; i < n; i += LI_BLOCK) {
        union words words;
        int64_t some = LI_MIN(n - i, LI_BLOCK);
        memcpy(&words, li_at(from, from_dtype, i), (size_t)some * li_dtype_size(from_dtype));
        drop_bits(&words, from_dtype, bits, some);
        run(li_at(to, to_dtype, i), to_dtype, &words, from_dtype, some, 0);
    }
}

/* ---- The row ---- */

static lince_status cast_forward(struct li_call *c)
{
    int64_t begin, end, count = li_count(&c->in[0]);
    lince_dtype from = c->in[0].dtype, to = c->out[0].dtype;
    int bits = li_attr_int(c->node, "Truncate") ? dropped_bits(from, to) : 0;
    li_task_range(c, count, &begin, &end);
    void *x = li_at(c->in[0].data, from, begin), *y = li_at(c->out[0].data, to, begin);
    if (bits > 0) {
        truncate_run(y, to, x, from, end - begin, bits);
    } else {
        run(y, to, x, from, end - begin, in_whole_packets(from, to, count) - begin);
    }
    return LINCE_OK;
}

static lince_status cast_grad(struct li_grad *g)
{
    lince_dtype from = g->graph->values[g->in[0]].dtype, to = g->graph->values[g->out[0]].dtype;
    if (!li_dtype_is_float(from) || !li_dtype_is_float(to)) {
        return LINCE_OK;
    }
    return li_grad_emit(g, "Cast", g->dy, 1, (struct li_attr[]){LI_TYPE("SrcT", to), LI_TYPE("DstT", from)}, 2,
                        &g->dx[0]);
}

const struct li_op li_op_cast = {
    .name = "Cast",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("y"),
    .attrs =
        LI_ATTRS(LI_TYPE_SPEC("SrcT"), {"DstT", LI_ATTR_TYPE, NULL, NULL}, {"Truncate", LI_ATTR_BOOL, "false", NULL}),
    .shape = cast_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = cast_forward,
    .grad = cast_grad,
};
