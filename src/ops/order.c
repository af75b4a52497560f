/* What depends on order: ArgMax, ArgMin, TopKV2. */
#include "common.h"

#include <float.h>

/* ---- ArgMax, ArgMin: the first of equals ---- */

static lince_status arg_shape(struct li_infer *s)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = {0};
    int64_t wanted;
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_COMPUTED));
    LI_TRY(li_in_int(s, 1, &wanted));
    LI_TRY(li_axis(s, wanted, in->rank, &axis));
    if (in->dim[axis] == 0) {
        return li_infer_fail(s, LINCE_EINVAL, "axis %d has no elements to choose from", axis);
    }
    for (int i = 0; i < in->rank; i++) {
        if (i != axis) {
            out.dim[out.rank++] = in->dim[i];
        }
    }
    return li_out_is(s, 0, (lince_dtype)li_attr_int(s->node, "output_type"), &out);
}

/* Whether x[0] comes before the best so far. */
static bool better(enum li_domain domain, const union li_block *x, const union li_block *best, bool largest)
{
    switch (domain) {
    case LI_DOMAIN_FLOAT:
        return largest ? x->f[0] > best->f[0] : x->f[0] < best->f[0];
    case LI_DOMAIN_SIGNED:
        return largest ? x->i[0] > best->i[0] : x->i[0] < best->i[0];
    default:
        return largest ? x->u[0] > best->u[0] : x->u[0] < best->u[0];
    }
}

static double largest_finite(lince_dtype dtype)
{
    switch ((int)dtype) {
    case LINCE_FLOAT16:
        return 65504;
    case LINCE_BFLOAT16:
        return 0x1.fep127;
    case LINCE_FLOAT32:
        return (double)FLT_MAX;
    default:
        return DBL_MAX;
    }
}

/*
 * What the first element has to surpass. For floats that is the lowest finite number, as in TensorFlow: NaN and -inf
 * never do, so index 0 stands for a row of nothing else. Mirrored for the smallest.
 */
static void begin(union li_block *best, lince_dtype dtype, const void *first, bool largest)
{
    li_block_load(best, dtype, first, 1, 1);
    if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
        best->f[0] = largest ? -largest_finite(dtype) : largest_finite(dtype);
    }
}

static void store_index(const struct li_operand *out, int64_t at, int64_t index)
{
    union li_block b;
    if (li_domain_of(out->dtype) == LI_DOMAIN_UNSIGNED) {
        b.u[0] = (uint64_t)index;
    } else {
        b.i[0] = index;
    }
    li_block_store(li_at(out->data, out->dtype, at), out->dtype, &b, 1);
}

/* The index of the best of n elements, `stride` apart. */
static int64_t find_best(lince_dtype dtype, void *data, int64_t n, int64_t stride, bool largest)
{
    enum li_domain domain = li_domain_of(dtype);
    union li_block best, x;
    int64_t index = 0;
    begin(&best, dtype, data, largest);
    for (int64_t k = 0; k < n; k++) {
        li_block_load(&x, dtype, li_at(data, dtype, k * stride), 1, 1);
        if (better(domain, &x, &best, largest)) {
            best.u[0] = x.u[0];
            index = k;
        }
    }
    return index;
}

static lince_status arg_forward(struct li_call *c, bool largest)
{
    const struct li_shape *in = c->in[0].shape;
    lince_dtype dtype = c->in[0].dtype;
    int64_t axis = li_index_at(&c->in[1], 0), from, to;
    axis += axis < 0 ? in->rank : 0;
    if (axis < 0 || axis >= in->rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, in->rank);
    }
    int64_t n = in->dim[axis], inner = li_ops_product(in, (int)axis + 1, in->rank);
    li_task_range(c, li_count(&c->out[0]), &from, &to);
    for (int64_t o = from; o < to; o++) {
        int64_t first = o / inner * n * inner + o % inner;
        store_index(&c->out[0], o, find_best(dtype, li_at(c->in[0].data, dtype, first), n, inner, largest));
    }
    return LINCE_OK;
}

static lince_status arg_max_forward(struct li_call *c)
{
    return arg_forward(c, true);
}

static lince_status arg_min_forward(struct li_call *c)
{
    return arg_forward(c, false);
}

static lince_status arg_prepare(struct li_prepare *p)
{
    p->tasks = LI_MAX(1, LI_MIN(li_shape_count(&li_ops_out(p, 0)->shape),
                                li_task_count(li_shape_count(&li_ops_in(p, 0)->shape), LI_GRAIN_COSTLY)));
    return LINCE_OK;
}

#define ARG(id, op, run)                                                                                               \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("output"),                                                                                \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tidx"),                                                     \
                          {"output_type", LI_ATTR_TYPE, "int64", "int32 int64 int16 uint16"}),                         \
        .shape = arg_shape,                                                                                            \
        .prepare = arg_prepare,                                                                                        \
        .forward = run,                                                                                                \
        .grad = li_grad_none,                                                                                          \
    }

ARG(arg_max, "ArgMax", arg_max_forward);
ARG(arg_min, "ArgMin", arg_min_forward);

/* ---- TopKV2: the largest first, of equals the one with the lower index ---- */

static lince_status top_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    int64_t k;
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_in_int(s, 1, &k));
    if (out.rank < 1 || k < 0 || k > out.dim[out.rank - 1]) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "takes %lld along the last axis of %s", (long long)k,
                             li_shape_text(&out, text));
    }
    out.dim[out.rank - 1] = k;
    LI_TRY(li_out_is(s, 0, li_in_dtype(s, 0), &out));
    return li_out_is(s, 1, (lince_dtype)li_attr_int(s->node, "index_type"), &out);
}

static bool after(enum li_domain domain, const struct li_call *c, int64_t row, int64_t a, int64_t b)
{
    union li_block x, y;
    lince_dtype dtype = c->in[0].dtype;
    li_block_load(&x, dtype, li_at(c->in[0].data, dtype, row + a), 1, 1);
    li_block_load(&y, dtype, li_at(c->in[0].data, dtype, row + b), 1, 1);
    return better(domain, &y, &x, true) || (!better(domain, &x, &y, true) && b < a);
}

/* Sift heap[at] down: the root comes after all others. */
static void sift(const struct li_call *c, enum li_domain domain, int64_t row, int64_t *heap, int64_t size, int64_t at)
{
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= size) {
            return;
        }
        if (child + 1 < size && after(domain, c, row, heap[child + 1], heap[child])) {
            child++;
        }
        if (!after(domain, c, row, heap[child], heap[at])) {
            return;
        }
        int64_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

/* Of row `row` (its first element) into heap[k], in order. */
static void top_row(const struct li_call *c, int64_t row, int64_t n, int64_t k, int64_t *heap)
{
    enum li_domain domain = li_domain_of(c->in[0].dtype);
    for (int64_t i = 0; i < k; i++) {
        heap[i] = i;
    }
    for (int64_t i = k / 2 - 1; i >= 0; i--) {
        sift(c, domain, row, heap, k, i);
    }
    for (int64_t i = k; i < n; i++) {
        if (after(domain, c, row, heap[0], i)) {
            heap[0] = i;
            sift(c, domain, row, heap, k, 0);
        }
    }
    for (int64_t size = k - 1; size > 0; size--) {
        int64_t worst = heap[0];
        heap[0] = heap[size];
        heap[size] = worst;
        sift(c, domain, row, heap, size, 0);
    }
}

static lince_status top_forward(struct li_call *c)
{
    const struct li_shape *in = c->in[0].shape;
    lince_dtype dtype = c->in[0].dtype;
    int64_t n = in->dim[in->rank - 1], k = c->out[0].shape->dim[in->rank - 1], begin, end, *heap = c->scratch;
    if (k == 0) {
        return LINCE_OK;
    }
    li_task_range(c, li_ops_product(in, 0, in->rank - 1), &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        top_row(c, row * n, n, k, heap);
        for (int64_t i = 0; i < k; i++) {
            struct li_move m = {.size = li_dtype_size(dtype)};
            li_move_run(&m, li_at(c->out[0].data, dtype, row * k + i), li_at(c->in[0].data, dtype, row * n + heap[i]),
                        0, 1);
            store_index(&c->out[1], row * k + i, heap[i]);
        }
    }
    return LINCE_OK;
}

static lince_status top_prepare(struct li_prepare *p)
{
    const struct li_shape *out = &li_ops_out(p, 0)->shape;
    p->scratch_bytes = (size_t)out->dim[out->rank - 1] * sizeof(int64_t);
    p->tasks = LI_MAX(1, LI_MIN(li_ops_product(out, 0, out->rank - 1),
                                li_task_count(li_shape_count(&li_ops_in(p, 0)->shape), LI_GRAIN_COSTLY)));
    return LINCE_OK;
}

/* The values are gathered along the last axis; equals that were not chosen get nothing. */
static lince_status top_grad(struct li_grad *g)
{
    const struct li_shape in = g->graph->values[g->in[0]].shape;
    const struct li_attr batch = LI_INT("batch_dims", in.rank - 1), to = LI_TYPE("DstT", LINCE_INT32);
    li_vid from[4] = {LI_NONE, g->out[1], LI_NONE, g->dy[0]};
    if (g->graph->values[g->out[1]].dtype == LINCE_INT16) {
        LI_TRY(li_grad_emit(g, "Cast", &g->out[1], 1, &to, 1, &from[1]));
    }
    LI_TRY(li_grad_ints(g, in.dim, in.rank, &from[0]));
    LI_TRY(li_grad_ints(g, (int64_t[]){in.rank - 1}, 1, &from[2]));
    return li_grad_emit(g, "_LiGatherGrad", from, 4, &batch, 1, &g->dx[0]);
}

const struct li_op li_op_top_k_v2 = {
    .name = "TopKV2",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUTS({"values", NULL}, {"indices", NULL}),
    .attrs = LI_ATTRS({"sorted", LI_ATTR_BOOL, "true", NULL}, LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tk"),
                      {"index_type", LI_ATTR_TYPE, "int32", "int32 int64 int16"}),
    .shape = top_shape,
    .prepare = top_prepare,
    .forward = top_forward,
    .grad = top_grad,
};
