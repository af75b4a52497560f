/* Pad, PadV2, MirrorPad. Dims at the end that are not padded are one unit; the rest goes row by row of the output. */
#include "pad.h"

#include <string.h>

static lince_status pad_result(struct li_infer *s, int64_t most_extra)
{
    struct li_shape out = *li_in_shape(s, 0);
    const struct li_shape *in = li_in_shape(s, 0);
    const struct li_tensor *paddings;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 1, 2));
    if (li_in_shape(s, 1)->dim[0] != in->rank || li_in_shape(s, 1)->dim[1] != 2) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "paddings of shape %s for a value of rank %d",
                             li_shape_text(li_in_shape(s, 1), text), in->rank);
    }
    LI_TRY(li_in_value(s, 1, &paddings));
    for (int i = 0; i < in->rank; i++) {
        int64_t before = li_tensor_int(paddings, 2 * i), after = li_tensor_int(paddings, 2 * i + 1);
        int64_t most = most_extra < 0 ? INT64_MAX : in->dim[i] - most_extra;
        if (before < 0 || after < 0 || before > most || after > most ||
            __builtin_add_overflow(out.dim[i], before, &out.dim[i]) ||
            __builtin_add_overflow(out.dim[i], after, &out.dim[i])) {
            return li_infer_fail(s, LINCE_EINVAL, "dim %d of %lld cannot be padded by %lld and %lld", i,
                                 (long long)in->dim[i], (long long)before, (long long)after);
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

/* The loops of one call: `rank` padded dims, the last of them walked inside a row, units of `unit` bytes. */
struct pad {
    int rank;
    int64_t in[LI_MAX_RANK], out[LI_MAX_RANK], before[LI_MAX_RANK];
    size_t unit;
};

static lince_status describe(struct pad *p, struct li_call *c)
{
    const struct li_shape *in = c->in[0].shape, *out = c->out[0].shape;
    p->rank = in->rank;
    p->unit = li_dtype_size(c->in[0].dtype);
    for (int i = 0; i < in->rank; i++) {
        int64_t after = li_index_at(&c->in[1], 2 * i + 1);
        p->in[i] = in->dim[i];
        p->out[i] = out->dim[i];
        p->before[i] = li_index_at(&c->in[1], 2 * i);
        if (p->before[i] < 0 || after < 0 || p->before[i] > p->out[i] || p->in[i] + p->before[i] + after != p->out[i]) {
            return li_call_fail(c, LINCE_EDATA, "the paddings changed to ones of another shape");
        }
    }
    while (p->rank > 1 && p->in[p->rank - 1] == p->out[p->rank - 1]) {
        p->unit *= (size_t)p->in[--p->rank];
    }
    if (p->rank == 0) {
        p->rank = 1, p->in[0] = p->out[0] = 1, p->before[0] = 0;
    }
    return LINCE_OK;
}

static int64_t rows_of(const struct pad *p)
{
    int64_t rows = 1;
    for (int i = 0; i < p->rank - 1; i++) {
        rows *= p->out[i];
    }
    return rows;
}

static void repeat(char *to, const void *element, size_t size, size_t bytes)
{
    struct li_move m = {.size = size};
    li_move_dim(&m, (int64_t)(bytes / size), 1, 0);
    li_move_run(&m, to, element, 0, 1);
}

/* The row of the input that output row `row` shows, or -1 in the padding. */
static int64_t source_row(const struct pad *p, int64_t row)
{
    int64_t source = 0, step = 1;
    for (int i = p->rank - 2; i >= 0; i--) {
        int64_t at = row % p->out[i] - p->before[i];
        if (at < 0 || at >= p->in[i]) {
            return -1;
        }
        source += at * step;
        step *= p->in[i];
        row /= p->out[i];
    }
    return source;
}

static lince_status fill_around(struct li_call *c, const void *element)
{
    struct pad p;
    int64_t begin, end;
    size_t size = li_dtype_size(c->in[0].dtype);
    LI_TRY(describe(&p, c));
    size_t row_bytes = (size_t)p.out[p.rank - 1] * p.unit, in_bytes = (size_t)p.in[p.rank - 1] * p.unit;
    size_t before = (size_t)p.before[p.rank - 1] * p.unit;
    li_task_range(c, rows_of(&p), &begin, &end);
    for (int64_t row = begin; row < end && row_bytes; row++) {
        char *to = (char *)c->out[0].data + (size_t)row * row_bytes;
        int64_t source = source_row(&p, row);
        if (source < 0 || in_bytes == 0) {
            repeat(to, element, size, row_bytes);
            continue;
        }
        repeat(to, element, size, before);
        memcpy(to + before, (const char *)c->in[0].data + (size_t)source * in_bytes, in_bytes);
        repeat(to + before + in_bytes, element, size, row_bytes - before - in_bytes);
    }
    return LINCE_OK;
}

static lince_status pad_shape(struct li_infer *s)
{
    return pad_result(s, -1);
}

static lince_status pad_forward(struct li_call *c)
{
    static const uint64_t zero[2] = {0, 0};
    return fill_around(c, zero);
}

static lince_status pad_v2_shape(struct li_infer *s)
{
    LI_TRY(li_need_same_dtype(s, 0, 2));
    LI_TRY(li_need_rank(s, 2, 0));
    return pad_result(s, -1);
}

static lince_status pad_v2_forward(struct li_call *c)
{
    return fill_around(c, c->in[2].data);
}

/* The part of the gradient that shows the input. */
static lince_status pad_grad(struct li_grad *g)
{
    const struct li_shape in = g->graph->values[g->in[0]].shape;
    const struct li_tensor *paddings = g->graph->values[g->in[1]].constant, *own;
    int64_t begin[LI_MAX_RANK], size[LI_MAX_RANK];
    struct li_tensor vector = {
        .dtype = LINCE_INT64, .shape = {.rank = 1, .dim = {in.rank}}, .size_bytes = (size_t)in.rank * 8};
    li_vid args[3] = {g->dy[0], LI_NONE, LI_NONE};
    if (!paddings) {
        return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient, its paddings are not a constant",
                       g->node->name);
    }
    for (int i = 0; i < in.rank; i++) {
        begin[i] = li_tensor_int(paddings, 2 * i);
        size[i] = in.dim[i];
    }
    for (int k = 1; k < 3; k++) {
        vector.data = k == 1 ? begin : size;
        LI_TRY(li_graph_own_tensor(g->graph, &vector, &own, g->err));
        LI_TRY(li_graph_constant(g->graph, own, &args[k], g->err));
    }
    return li_grad_emit(g, "Slice", args, 3, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_pad = {
    .name = "Pad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tpaddings")),
    .shape = pad_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = pad_forward,
    .grad = pad_grad,
};

const struct li_op li_op_pad_v2 = {
    .name = "PadV2",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tpaddings")),
    .shape = pad_v2_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = pad_v2_forward,
    .grad = pad_grad,
};

/* ---- MirrorPad: REFLECT leaves the border itself out, SYMMETRIC repeats it ---- */

static lince_status mirror_shape(struct li_infer *s)
{
    return pad_result(s, li_attr_is(s->node, "mode", "REFLECT") ? 1 : 0);
}

static int64_t mirrored(int64_t at, int64_t n, bool reflect)
{
    if (at < 0) {
        return reflect ? -at : -at - 1;
    }
    return at < n ? at : reflect ? 2 * n - 2 - at : 2 * n - 1 - at;
}

static lince_status mirror_forward(struct li_call *c)
{
    struct pad p;
    int64_t begin, end;
    bool reflect = li_attr_is(c->node, "mode", "REFLECT");
    LI_TRY(describe(&p, c));
    int last = p.rank - 1;
    li_task_range(c, rows_of(&p), &begin, &end);
    for (int64_t row = begin; row < end && p.unit; row++) {
        int64_t source = 0, step = 1, rest = row;
        for (int i = last - 1; i >= 0; i--) {
            source += mirrored(rest % p.out[i] - p.before[i], p.in[i], reflect) * step;
            step *= p.in[i];
            rest /= p.out[i];
        }
        for (int64_t k = 0; k < p.out[last]; k++) {
            int64_t from = source * p.in[last] + mirrored(k - p.before[last], p.in[last], reflect);
            memcpy((char *)c->out[0].data + (size_t)(row * p.out[last] + k) * p.unit,
                   (const char *)c->in[0].data + (size_t)from * p.unit, p.unit);
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_mirror_pad = {
    .name = "MirrorPad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs =
        LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tpaddings"), {"mode", LI_ATTR_STRING, NULL, "REFLECT SYMMETRIC"}),
    .shape = mirror_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = mirror_forward,
    .grad = li_mirror_pad_grad,
};
