/* Questions about shapes. Their answers are constants as soon as shapes are known, so forward seldom runs. */
#include "common.h"

static void put(const struct li_operand *out, int64_t i, int64_t value)
{
    if (out->dtype == LINCE_INT32) {
        ((int32_t *)out->data)[i] = (int32_t)value;
    } else {
        ((int64_t *)out->data)[i] = value;
    }
}

static lince_status shape_shape(struct li_infer *s)
{
    lince_dtype type = (lince_dtype)li_attr_int(s->node, "out_type");
    for (int i = 0; i < s->node->nin; i++) {
        LI_TRY(li_ops_known(s, i, type, li_in_shape(s, i)->dim, li_in_shape(s, i)->rank));
    }
    return LINCE_OK;
}

static lince_status shape_forward(struct li_call *c)
{
    for (int i = 0; i < c->node->nin; i++) {
        for (int d = 0; d < c->in[i].shape->rank; d++) {
            put(&c->out[i], d, c->in[i].shape->dim[d]);
        }
    }
    return LINCE_OK;
}

#define OUT_TYPE                                                                                                       \
    {                                                                                                                  \
        "out_type", LI_ATTR_TYPE, "int32", "int32 int64"                                                               \
    }

const struct li_op li_op_shape = {
    .name = "Shape",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), OUT_TYPE),
    .shape = shape_shape,
    .forward = shape_forward,
    .grad = li_grad_none,
};

const struct li_op li_op_shape_n = {
    .name = "ShapeN",
    .inputs_min = 1,
    .inputs_max = -1,
    .outputs = LI_OUTPUTS({"output", "N"}),
    .attrs = LI_ATTRS({"N", LI_ATTR_INT, NULL, NULL}, LI_TYPE_SPEC("T"), OUT_TYPE),
    .shape = shape_shape,
    .forward = shape_forward,
    .grad = li_grad_none,
};

static lince_status size_shape(struct li_infer *s)
{
    int64_t count = li_shape_count(li_in_shape(s, 0));
    return li_ops_known(s, 0, (lince_dtype)li_attr_int(s->node, "out_type"), &count, -1);
}

static lince_status size_forward(struct li_call *c)
{
    put(&c->out[0], 0, li_count(&c->in[0]));
    return LINCE_OK;
}

const struct li_op li_op_size = {
    .name = "Size",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), OUT_TYPE),
    .shape = size_shape,
    .forward = size_forward,
    .grad = li_grad_none,
};

static lince_status rank_shape(struct li_infer *s)
{
    int64_t rank = li_in_shape(s, 0)->rank;
    return li_ops_known(s, 0, LINCE_INT32, &rank, -1);
}

static lince_status rank_forward(struct li_call *c)
{
    put(&c->out[0], 0, c->in[0].shape->rank);
    return LINCE_OK;
}

const struct li_op li_op_rank = {
    .name = "Rank",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = rank_shape,
    .forward = rank_forward,
    .grad = li_grad_none,
};

/* ---- BroadcastArgs: the shape two shapes broadcast to ---- */

static lince_status args_shape(struct li_infer *s)
{
    for (int i = 0; i < 2; i++) {
        LI_TRY(li_ops_need(s, i, LI_SET_INDEX));
        LI_TRY(li_need_rank(s, i, 1));
    }
    LI_TRY(li_need_same_dtype(s, 0, 1));
    struct li_shape shape = {.rank = 1, .dim = {LI_MAX(li_in_shape(s, 0)->dim[0], li_in_shape(s, 1)->dim[0])}};
    return li_out_is(s, 0, li_in_dtype(s, 0), &shape);
}

static lince_status args_forward(struct li_call *c)
{
    int64_t n = li_count(&c->out[0]), missing[2] = {n - li_count(&c->in[0]), n - li_count(&c->in[1])};
    for (int64_t i = 0; i < n; i++) {
        int64_t a = i < missing[0] ? 1 : li_index_at(&c->in[0], i - missing[0]);
        int64_t b = i < missing[1] ? 1 : li_index_at(&c->in[1], i - missing[1]);
        if (a != b && a != 1 && b != 1) {
            return li_call_fail(c, LINCE_EDATA, "dims %lld and %lld do not broadcast", (long long)a, (long long)b);
        }
        put(&c->out[0], i, a == 1 ? b : a);
    }
    return LINCE_OK;
}

const struct li_op li_op_broadcast_args = {
    .name = "BroadcastArgs",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("r0"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = args_shape,
    .forward = args_forward,
    .grad = li_grad_none,
};

/* ---- ConcatOffset: where each part of a concatenation begins ---- */

static lince_status offset_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_INT32)));
    LI_TRY(li_need_rank(s, 0, 0));
    if (s->node->nout != s->node->nin - 1) {
        return li_infer_fail(s, LINCE_EINVAL, "%d shapes and %d offsets", s->node->nin - 1, s->node->nout);
    }
    for (int i = 1; i < s->node->nin; i++) {
        LI_TRY(li_ops_need(s, i, LI_SET_INDEX));
        LI_TRY(li_need_rank(s, i, 1));
        if (!li_shape_equal(li_in_shape(s, i), li_in_shape(s, 1))) {
            return li_infer_fail(s, LINCE_EINVAL, "shape %d has another length than shape 0", i - 1);
        }
        LI_TRY(li_out_same(s, i - 1, i));
    }
    return LINCE_OK;
}

static lince_status offset_forward(struct li_call *c)
{
    int64_t rank = li_count(&c->in[1]), axis = li_index_at(&c->in[0], 0), sum = 0;
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank) {
        return li_call_fail(c, LINCE_EDATA, "concatenates along %lld of %lld dims",
                            (long long)li_index_at(&c->in[0], 0), (long long)rank);
    }
    for (int i = 1; i < c->node->nin; i++) {
        for (int64_t d = 0; d < rank; d++) {
            put(&c->out[i - 1], d, d == axis ? sum : 0);
        }
        sum += li_index_at(&c->in[i], axis);
    }
    return LINCE_OK;
}

const struct li_op li_op_concat_offset = {
    .name = "ConcatOffset",
    .inputs_min = 2,
    .inputs_max = -1,
    .outputs = LI_OUTPUTS({"offset", "N"}),
    .attrs = LI_ATTRS({"N", LI_ATTR_INT, NULL, NULL}, {"shape_type", LI_ATTR_TYPE, "int32", NULL}),
    .shape = offset_shape,
    .forward = offset_forward,
    .grad = li_grad_none,
};

/* ---- InvertPermutation ---- */

/* Of a constant the inverse is one too: the gradient of Transpose needs it while the graph is made. */
static lince_status invert_shape(struct li_infer *s)
{
    const struct li_tensor *perm = s->graph->values[s->node->in[0]].constant;
    int64_t inverse[LI_MAX_RANK] = {0};
    LI_TRY(li_ops_need(s, 0, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 0, 1));
    int64_t n = li_in_shape(s, 0)->dim[0];
    if (!perm || n > LI_MAX_RANK) {
        return li_out_same(s, 0, 0);
    }
    unsigned seen = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t to = li_tensor_int(perm, i);
        if (to < 0 || to >= n || (seen & 1u << to)) {
            return li_infer_fail(s, LINCE_EINVAL, "%lld at %lld makes this no permutation of %lld", (long long)to,
                                 (long long)i, (long long)n);
        }
        seen |= 1u << to;
        inverse[to] = i;
    }
    return li_ops_known(s, 0, li_in_dtype(s, 0), inverse, (int)n);
}

static lince_status invert_forward(struct li_call *c)
{
    int64_t n = li_count(&c->in[0]);
    for (int64_t i = 0; i < n; i++) {
        put(&c->out[0], i, -1);
    }
    for (int64_t i = 0; i < n; i++) {
        int64_t to = li_index_at(&c->in[0], i);
        if (to < 0 || to >= n || li_index_at(&c->out[0], to) >= 0) {
            return li_call_fail(c, LINCE_EDATA, "%lld at %lld makes this no permutation of %lld", (long long)to,
                                (long long)i, (long long)n);
        }
        put(&c->out[0], to, i);
    }
    return LINCE_OK;
}

const struct li_op li_op_invert_permutation = {
    .name = "InvertPermutation",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("y"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T")),
    .shape = invert_shape,
    .forward = invert_forward,
    .grad = li_grad_none,
};
