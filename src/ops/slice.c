/* A regular part of a value: Slice and StridedSlice, and StridedSliceGrad, which puts it back into zeros. */
#include "common.h"

#include <string.h>

/* ---- Slice ---- */

/* Sizes; -1 takes the rest. Fails where the part leaves the value. */
static lince_status slice_size(const struct li_shape *in, int i, int64_t begin, int64_t size, int64_t *out)
{
    int64_t n = in->dim[i];
    if (begin < 0 || begin > n || size < -1 || size > n - begin) {
        return LINCE_EINVAL;
    }
    *out = size == -1 ? n - begin : size;
    return LINCE_OK;
}

static lince_status slice_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = {.rank = in->rank};
    int64_t begin[LI_MAX_RANK], size[LI_MAX_RANK];
    int begins, sizes;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_in_ints(s, 1, begin, LI_MAX_RANK, &begins));
    LI_TRY(li_in_ints(s, 2, size, LI_MAX_RANK, &sizes));
    if (begins != in->rank || sizes != in->rank) {
        return li_infer_fail(s, LINCE_EINVAL, "%d begins and %d sizes for %d dims", begins, sizes, in->rank);
    }
    for (int i = 0; i < in->rank; i++) {
        if (slice_size(in, i, begin[i], size[i], &out.dim[i])) {
            return li_infer_fail(s, LINCE_EINVAL, "dim %d: takes %lld from %lld on, of %lld", i, (long long)size[i],
                                 (long long)begin[i], (long long)in->dim[i]);
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status slice_forward(struct li_call *c)
{
    const struct li_operand *in = &c->in[0], *out = &c->out[0];
    struct li_move m = {.size = li_dtype_size(in->dtype)};
    int64_t at = 0;
    for (int i = 0; i < in->shape->rank; i++) {
        int64_t begin = li_index_at(&c->in[1], i), size;
        if (slice_size(in->shape, i, begin, out->shape->dim[i], &size)) {
            return li_call_fail(c, LINCE_EDATA, "dim %d: begins at %lld of %lld", i, (long long)begin,
                                (long long)in->shape->dim[i]);
        }
        at += begin * in->stride[i];
    }
    li_move_shape(&m, out->shape, out->stride, in->stride);
    li_move_run(&m, out->data, li_at(in->data, in->dtype, at), c->task, c->tasks);
    return LINCE_OK;
}

/* Zeros around the gradient. */
static lince_status slice_grad(struct li_grad *g)
{
    const struct li_shape *in = &g->graph->values[g->in[0]].shape, *out = &g->graph->values[g->out[0]].shape;
    const struct li_tensor *begin = g->graph->values[g->in[1]].constant, *own;
    int64_t paddings[LI_MAX_RANK][2];
    li_vid padding;
    if (!begin) {
        return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient, its begin is not a constant",
                       g->node->name);
    }
    for (int i = 0; i < in->rank; i++) {
        paddings[i][0] = li_tensor_int(begin, i);
        paddings[i][1] = in->dim[i] - out->dim[i] - paddings[i][0];
    }
    const struct li_tensor tensor = {.dtype = LINCE_INT64,
                                     .shape = {.rank = 2, .dim = {in->rank, 2}},
                                     .data = paddings,
                                     .size_bytes = (size_t)in->rank * 2 * sizeof(int64_t)};
    LI_TRY(li_graph_own_tensor(g->graph, &tensor, &own, g->err));
    LI_TRY(li_graph_constant(g->graph, own, &padding, g->err));
    return li_grad_emit(g, "Pad", (li_vid[]){g->dy[0], padding}, 2, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_slice = {
    .name = "Slice",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Index")),
    .shape = slice_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = slice_forward,
    .grad = slice_grad,
};

/* ---- StridedSlice ---- */

/* What is taken of each input dim, and the shape before and after new and dropped axes. */
struct part {
    int64_t begin[LI_MAX_RANK], stride[LI_MAX_RANK], count[LI_MAX_RANK]; /* by input dim */
    struct li_shape out;
    int at; /* the input dim next to be described */
};

struct spec {
    int64_t begin, end, stride;
    bool open_begin, open_end, shrink;
};

static int64_t clamp(int64_t x, int64_t low, int64_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* One entry that consumes a dim of n; NULL or what is wrong. */
static const char *take(struct part *p, const struct spec *e, int64_t n)
{
    int i = p->at++;
    int64_t low = e->stride > 0 ? 0 : -1, high = e->stride > 0 ? n : n - 1;
    if (e->stride == 0 || e->stride == INT64_MIN) {
        return "a stride is 0, or the lowest number there is";
    }
    p->stride[i] = e->stride;
    if (e->shrink) {
        int64_t index = e->open_begin ? 0 : e->begin + (e->begin < 0 ? n : 0);
        if (e->stride < 0 || index < 0 || index >= n) {
            return e->stride < 0 ? "a dropped dim has a negative stride" : "an index is out of bounds";
        }
        p->begin[i] = index;
        p->count[i] = 1;
        return NULL;
    }
    int64_t begin = e->open_begin ? (e->stride > 0 ? 0 : n - 1) : clamp(e->begin + (e->begin < 0 ? n : 0), low, high);
    int64_t end = e->open_end ? (e->stride > 0 ? n : -1) : clamp(e->end + (e->end < 0 ? n : 0), low, high);
    int64_t distance = e->stride > 0 ? end - begin : begin - end, step = e->stride > 0 ? e->stride : -e->stride;
    p->begin[i] = begin;
    p->count[i] = distance <= 0 ? 0 : (distance - 1) / step + 1;
    if (p->out.rank == LI_MAX_RANK) {
        return "the result has too many dims";
    }
    p->out.dim[p->out.rank++] = p->count[i];
    return NULL;
}

static const char *take_whole(struct part *p, const struct li_shape *in, int count)
{
    const struct spec whole = {.stride = 1, .open_begin = true, .open_end = true};
    const char *wrong = NULL;
    for (int k = 0; !wrong && k < count; k++) {
        wrong = take(p, &whole, in->dim[p->at]);
    }
    return wrong;
}

struct masks {
    int64_t begin, end, ellipsis, new_axis, shrink;
};

static struct masks read_masks(const struct li_node *node)
{
    return (struct masks){li_attr_int(node, "begin_mask"), li_attr_int(node, "end_mask"),
                          li_attr_int(node, "ellipsis_mask"), li_attr_int(node, "new_axis_mask"),
                          li_attr_int(node, "shrink_axis_mask")};
}

/* Ellipsis beats new axis beats shrink, as in TensorFlow. NULL or what is wrong. */
static const char *resolve(struct part *p, const struct li_shape *in, const struct masks *m, int entries,
                           const int64_t *begin, const int64_t *end, const int64_t *stride)
{
    int consumed = 0;
    bool seen = false;
    *p = (struct part){0};
    for (int i = 0; i < entries; i++) {
        bool ellipsis = m->ellipsis >> i & 1;
        if (ellipsis && seen) {
            return "there is more than one ellipsis";
        }
        seen |= ellipsis;
        consumed += !ellipsis && !(m->new_axis >> i & 1);
    }
    if (consumed > in->rank) {
        return "there are more entries than dims";
    }
    const char *wrong = NULL;
    for (int i = 0; !wrong && i < entries; i++) {
        if (m->ellipsis >> i & 1) {
            wrong = take_whole(p, in, in->rank - consumed);
        } else if (m->new_axis >> i & 1) {
            if (p->out.rank == LI_MAX_RANK) {
                return "the result has too many dims";
            }
            p->out.dim[p->out.rank++] = 1;
        } else {
            const struct spec e = {begin[i], end[i], stride[i], m->begin >> i & 1, m->end >> i & 1, m->shrink >> i & 1};
            wrong = take(p, &e, in->dim[p->at]);
        }
    }
    return wrong ? wrong : take_whole(p, in, in->rank - p->at);
}

enum { MAX_ENTRIES = 2 * LI_MAX_RANK + 1 };

/* Whether all that is taken are whole dims and single elements: then the shape is the same wherever these are. */
static bool is_settled_by_masks(const struct masks *m, int64_t entries)
{
    int64_t settled = m->ellipsis | m->new_axis | m->shrink | (m->begin & m->end), all = ((int64_t)1 << entries) - 1;
    return (settled & all) == all;
}

/* Begins or ends; what the shape does not depend on, and nobody knows yet, counts as zeros. */
static lince_status strided_bounds(struct li_infer *s, int input, const struct masks *masks, int64_t *values,
                                   int *count)
{
    li_vid v = s->node->in[input];
    int64_t entries = s->graph->values[v].shape.dim[0];
    bool known = s->graph->values[v].constant || (s->known && s->known[v].tensor);
    if (known || entries > MAX_ENTRIES || !is_settled_by_masks(masks, entries)) {
        return li_in_ints(s, input, values, MAX_ENTRIES, count);
    }
    LI_TRY(li_ops_need(s, input, LI_SET_INDEX));
    memset(values, 0, (size_t)entries * sizeof *values);
    *count = (int)entries;
    return LINCE_OK;
}

static lince_status strided_shape(struct li_infer *s)
{
    int64_t values[3][MAX_ENTRIES];
    int counts[3];
    struct part p;
    const struct masks masks = read_masks(s->node);
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    for (int k = 0; k < 3; k++) {
        LI_TRY(li_need_rank(s, k + 1, 1));
        LI_TRY(k < 2 ? strided_bounds(s, k + 1, &masks, values[k], &counts[k])
                     : li_in_ints(s, k + 1, values[k], MAX_ENTRIES, &counts[k]));
    }
    if (counts[0] != counts[1] || counts[0] != counts[2]) {
        return li_infer_fail(s, LINCE_EINVAL, "%d begins, %d ends and %d strides", counts[0], counts[1], counts[2]);
    }
    const char *wrong = resolve(&p, li_in_shape(s, 0), &masks, counts[0], values[0], values[1], values[2]);
    if (wrong) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "slice of %s: %s", li_shape_text(li_in_shape(s, 0), text), wrong);
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &p.out);
}

/* Read the operands again and move between the dense `small` and its place in `whole`. */
static lince_status strided_part(struct li_call *c, const struct li_shape *whole, int first, struct part *p)
{
    int64_t values[3][MAX_ENTRIES];
    int entries = (int)li_count(&c->in[first]);
    const struct masks masks = read_masks(c->node);
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < entries; i++) {
            values[k][i] = li_index_at(&c->in[first + k], i);
        }
    }
    const char *wrong = resolve(p, whole, &masks, entries, values[0], values[1], values[2]);
    return wrong ? li_call_fail(c, LINCE_EDATA, "%s", wrong) : LINCE_OK;
}

/* The loops over the input's dims, dropped ones included: steps in the whole and in the dense part. */
static int64_t strided_loops(struct li_move *m, const struct part *p, int rank, const int64_t *whole, bool from_whole)
{
    int64_t at = 0, step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int64_t far = p->stride[i] * whole[i];
        li_move_dim(m, p->count[i], from_whole ? step : far, from_whole ? far : step);
        step *= p->count[i];
        at += p->begin[i] * whole[i];
    }
    return at;
}

static lince_status strided_forward(struct li_call *c)
{
    const struct li_operand *in = &c->in[0];
    struct li_move m = {.size = li_dtype_size(in->dtype)};
    struct part p;
    LI_TRY(strided_part(c, in->shape, 1, &p));
    if (!li_shape_equal(&p.out, c->out[0].shape)) {
        return li_call_fail(c, LINCE_EDATA, "the bounds changed to ones of another shape");
    }
    int64_t at = strided_loops(&m, &p, in->shape->rank, in->stride, true);
    if (li_count(&c->out[0]) > 0) {
        li_move_run(&m, c->out[0].data, li_at(in->data, in->dtype, at), c->task, c->tasks);
    }
    return LINCE_OK;
}

static lince_status strided_grad(struct li_grad *g)
{
    li_vid shape;
    LI_TRY(li_grad_one(g, "Shape", g->in[0], &shape));
    return li_grad_emit(g, "StridedSliceGrad", (li_vid[]){shape, g->in[1], g->in[2], g->in[3], g->dy[0]}, 5,
                        g->node->attrs, g->node->nattrs, &g->dx[0]);
}

#define MASK(name)                                                                                                     \
    {                                                                                                                  \
        name, LI_ATTR_INT, "0", NULL                                                                                   \
    }
#define SLICE_SPECS                                                                                                    \
    LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Index"), MASK("begin_mask"), MASK("end_mask"), MASK("ellipsis_mask"),    \
             MASK("new_axis_mask"), MASK("shrink_axis_mask"))

const struct li_op li_op_strided_slice = {
    .name = "StridedSlice",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = SLICE_SPECS,
    .shape = strided_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = strided_forward,
    .grad = strided_grad,
};

/* ---- StridedSliceGrad(shape, begin, end, strides, dy) ---- */

static lince_status strided_grad_shape(struct li_infer *s)
{
    struct li_shape out = {0};
    LI_TRY(li_ops_need(s, 4, LI_SET_MOVABLE & ~LI_SET_STRING));
    LI_TRY(li_in_ints(s, 0, out.dim, LI_MAX_RANK, &out.rank));
    for (int k = 1; k < 4; k++) {
        LI_TRY(li_ops_need(s, k, LI_SET_INDEX));
        LI_TRY(li_need_rank(s, k, 1));
        if (li_in_shape(s, k)->dim[0] > MAX_ENTRIES || li_in_shape(s, k)->dim[0] != li_in_shape(s, 1)->dim[0]) {
            return li_infer_fail(s, LINCE_EINVAL, "begin, end and strides must have one length, at most %d",
                                 MAX_ENTRIES);
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 4), &out);
}

static lince_status strided_grad_forward(struct li_call *c)
{
    const struct li_operand *dy = &c->in[4];
    struct li_move m = {.size = li_dtype_size(dy->dtype)};
    struct part p;
    LI_TRY(strided_part(c, c->out[0].shape, 1, &p));
    if (!li_shape_equal(&p.out, dy->shape)) {
        return li_call_fail(c, LINCE_EDATA, "the gradient has another shape than the slice");
    }
    if (li_count(&c->out[0]) > 0) {
        memset(c->out[0].data, 0, (size_t)li_count(&c->out[0]) * m.size);
    }
    int64_t at = strided_loops(&m, &p, c->out[0].shape->rank, c->out[0].stride, false);
    if (li_count(dy) > 0) {
        li_move_run(&m, li_at(c->out[0].data, dy->dtype, at), dy->data, 0, 1);
    }
    return LINCE_OK;
}

/* What was put apart is taken out again. */
static lince_status strided_second(struct li_grad *g)
{
    return li_grad_emit(g, "StridedSlice", (li_vid[]){g->dy[0], g->in[1], g->in[2], g->in[3]}, 4, g->node->attrs,
                        g->node->nattrs, &g->dx[4]);
}

const struct li_op li_op_strided_slice_grad = {
    .name = "StridedSliceGrad",
    .inputs_min = 5,
    .inputs_max = 5,
    .outputs = LI_OUTPUT("output"),
    .attrs = SLICE_SPECS,
    .shape = strided_grad_shape,
    .forward = strided_grad_forward,
    .grad = strided_second,
};
