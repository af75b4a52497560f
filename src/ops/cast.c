/* Cast and Bitcast. */
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

/*
 * Toward zero. What does not fit is undefined in TensorFlow, and what x86 makes of it in practice: the most negative
 * int32 for targets of up to 32 bits (before higher bits are dropped), else the most negative int64.
 */
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

static void to_bool(union li_block *b, enum li_domain from, int64_t n)
{
    for (int64_t k = 0; k < n; k++) {
        b->i[k] = from == LI_DOMAIN_FLOAT ? b->f[k] != 0 : b->i[k] != 0;
    }
}

static void convert(union li_block *b, lince_dtype from, lince_dtype to, int64_t n)
{
    enum li_domain source = li_domain_of(from), target = li_domain_of(to);
    if (to == LINCE_BOOL) {
        to_bool(b, source, n);
        return;
    }
    for (int64_t k = 0; k < n; k++) {
        if (source == LI_DOMAIN_FLOAT && target != LI_DOMAIN_FLOAT) {
            b->i[k] = to == LINCE_UINT64 ? (int64_t)truncated_u64(b->f[k]) : truncated(b->f[k], to);
        } else if (source == LI_DOMAIN_SIGNED && target == LI_DOMAIN_FLOAT) {
            b->f[k] = (double)b->i[k];
        } else if (source == LI_DOMAIN_UNSIGNED && target == LI_DOMAIN_FLOAT) {
            b->f[k] = (double)b->u[k];
        }
    }
}

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

static lince_status cast_forward(struct li_call *c)
{
    int64_t begin, end;
    lince_dtype from = c->in[0].dtype, to = c->out[0].dtype;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    if (from == to) {
        memmove(li_at(c->out[0].data, to, begin), li_at(c->in[0].data, from, begin),
                (size_t)(end - begin) * li_dtype_size(to));
        return LINCE_OK;
    }
    if (to == LINCE_FLOAT32 && from == LINCE_UINT8) {
        pixels((float *)c->out[0].data + begin, (const uint8_t *)c->in[0].data + begin, end - begin);
        return LINCE_OK;
    }
    if (to == LINCE_FLOAT32 && (from == LINCE_INT64 || from == LINCE_UINT64)) {
        wide_integers((float *)c->out[0].data + begin, li_at(c->in[0].data, from, begin), from == LINCE_INT64,
                      end - begin);
        return LINCE_OK;
    }
    if ((to == LINCE_BFLOAT16 && from == LINCE_FLOAT32) || (to == LINCE_FLOAT32 && from == LINCE_BFLOAT16)) {
        bfloat16s(li_at(c->out[0].data, to, begin), li_at(c->in[0].data, from, begin), to == LINCE_BFLOAT16,
                  end - begin);
        return LINCE_OK;
    }
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block block;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&block, from, li_at(c->in[0].data, from, i), 1, n);
        convert(&block, from, to, n);
        li_block_store(li_at(c->out[0].data, to, i), to, &block, n);
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

/* ---- Bitcast: the same bytes; a size that differs makes or takes a last dim ---- */

static lince_status bitcast_shape(struct li_infer *s)
{
    struct li_shape shape = *li_in_shape(s, 0);
    lince_dtype type = (lince_dtype)li_attr_int(s->node, "type");
    unsigned set = LI_SET_MOVABLE & ~LI_SET_STRING & ~LI_SET_BOOL;
    LI_TRY(li_ops_need(s, 0, set));
    if (!li_dtype_in(type, set)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "casts to %s", li_dtype_name(type));
    }
    size_t from = li_dtype_size(li_in_dtype(s, 0)), to = li_dtype_size(type);
    if (from > to) {
        if (shape.rank == LI_MAX_RANK) {
            return li_infer_fail(s, LINCE_ELIMIT, "the result would have more than %d dims", LI_MAX_RANK);
        }
        shape.dim[shape.rank++] = (int64_t)(from / to);
    } else if (from < to) {
        if (shape.rank == 0 || shape.dim[shape.rank - 1] != (int64_t)(to / from)) {
            char text[LI_SHAPE_TEXT];
            return li_infer_fail(s, LINCE_EINVAL, "shape %s of %s does not end in the %zu that make one %s",
                                 li_shape_text(&shape, text), li_dtype_name(li_in_dtype(s, 0)), to / from,
                                 li_dtype_name(type));
        }
        shape.rank--;
    }
    return li_out_is(s, 0, type, &shape);
}

static lince_status bitcast_forward(struct li_call *c)
{
    size_t bytes = (size_t)li_count(&c->out[0]) * li_dtype_size(c->out[0].dtype);
    if (bytes && c->out[0].data != c->in[0].data) {
        memcpy(c->out[0].data, c->in[0].data, bytes);
    }
    return LINCE_OK;
}

const struct li_op li_op_bitcast = {
    .name = "Bitcast",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"type", LI_ATTR_TYPE, NULL, NULL}),
    .shape = bitcast_shape,
    .forward = bitcast_forward,
    .flags = LI_OP_INPLACE,
};
