/* Elements by a vector of indices: TensorListGather, TensorListScatter, ScatterV2, ScatterIntoExistingList. */
#include "list.h"

#include <string.h>

/* ---- Gather: a tensor of the elements named ---- */

static lince_status gather_shape(struct li_infer *s)
{
    struct li_list list;
    struct li_shape out;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    LI_TRY(li_ops_need(s, 1, LI_BIT(LINCE_INT32)));
    LI_TRY(li_list_settle(s, 2, &list));
    LI_TRY(li_list_check(s, 2, &list.element));
    LI_TRY(li_list_stacked(s, li_shape_count(li_in_shape(s, 1)), &list.element, &out));
    return li_out_is(s, 0, list.dtype, &out);
}

/* Row `row` of `to` from row `index` of an unshaped list, which is blank, or of another. */
static void copy_row(const struct li_operand *to, int64_t row, const struct li_operand *from, int64_t index,
                     int64_t inner)
{
    struct li_operand part = *to;
    part.data = li_at(to->data, to->dtype, row * inner);
    li_list_copy(&part, from, li_count(from) ? index * inner : 0, 0, inner);
}

static lince_status gather_forward(struct li_call *c)
{
    const struct li_operand *out = &c->out[0];
    int64_t begin, end, inner = li_ops_product(out->shape, 1, out->shape->rank);
    li_task_range(c, out->shape->dim[0], &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        int64_t index = li_index_at(&c->in[1], row);
        LI_TRY(li_list_check_index(c, index, c->in[0].shape->dim[0]));
        copy_row(out, row, &c->in[0], index, inner);
    }
    return LINCE_OK;
}

/*
 * What arrives at an element that was gathered more than once adds up. TensorFlow keeps the last of them only, which is
 * no derivative; where indices differ it is the same.
 */
static lince_status gather_grad(struct li_grad *g)
{
    const struct li_shape indices = g->graph->values[g->in[1]].shape;
    li_vid in[4] = {LI_NONE, g->in[1], LI_NONE, g->dy[0]}, count;
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    if (indices.rank != 1) {
        LI_TRY(li_grad_ints(g, (int64_t[]){li_shape_count(&indices)}, 1, &count));
        LI_TRY(li_grad_two(g, "Reshape", g->in[1], count, &in[1]));
    }
    LI_TRY(li_list_shape_of(g, g->in[0], 0, &in[0]));
    LI_TRY(li_grad_ints(g, (int64_t[]){0}, 1, &in[2]));
    return li_grad_emit(g, "_LiGatherGrad", in, 4, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_tensor_list_gather = {
    .name = "TensorListGather",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("values"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE),
    .shape = gather_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = gather_forward,
    .grad = gather_grad,
};

/* ---- Scatter: the rows of a tensor become the elements named; of an index that stands twice the last counts ---- */

static lince_status need_rows(const struct li_infer *s, int tensor, int indices)
{
    const struct li_shape *rows = li_in_shape(s, tensor);
    LI_TRY(li_list_need_dtype(s, tensor));
    LI_TRY(li_ops_need(s, tensor, LI_SET_MOVABLE));
    LI_TRY(li_ops_need(s, indices, LI_BIT(LINCE_INT32)));
    LI_TRY(li_need_rank(s, indices, 1));
    if (rows->rank < 1 || rows->dim[0] != li_in_shape(s, indices)->dim[0]) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "%lld indices for a tensor of shape %s",
                             (long long)li_in_shape(s, indices)->dim[0], li_shape_text(rows, text));
    }
    return LINCE_OK;
}

/* n is made larger where an index asks for that. */
static lince_status reach(const struct li_infer *s, int indices, int64_t *n)
{
    const struct li_tensor *known;
    LI_TRY(li_in_value(s, indices, &known));
    for (int64_t i = 0; i < li_shape_count(&known->shape); i++) {
        int64_t index = li_tensor_int(known, i);
        if (index < 0) {
            return li_infer_fail(s, LINCE_EDATA, "index %lld is below 0", (long long)index);
        }
        *n = LI_MAX(*n, index + 1);
    }
    return LINCE_OK;
}

static lince_status scattered(const struct li_infer *s, int64_t n)
{
    struct li_list list = {.dtype = li_in_dtype(s, 0), .n = n, .element = li_list_row(li_in_shape(s, 0))};
    LI_TRY(li_list_check(s, 2, &list.element));
    return li_list_out(s, 0, &list);
}

static lince_status scatter_v1_shape(struct li_infer *s)
{
    int64_t n = 0;
    LI_TRY(need_rows(s, 0, 1));
    LI_TRY(reach(s, 1, &n));
    return scattered(s, n);
}

/* num_elements -1: as many as the indices reach. */
static lince_status scatter_v2_shape(struct li_infer *s)
{
    int64_t n;
    LI_TRY(need_rows(s, 0, 1));
    LI_TRY(li_list_need_index(s, 3));
    LI_TRY(li_in_int(s, 3, &n));
    if (n < -1) {
        return li_infer_fail(s, LINCE_EDATA, "a list of %lld elements", (long long)n);
    }
    if (n == -1) {
        n = 0;
        LI_TRY(reach(s, 1, &n));
    }
    return scattered(s, n);
}

static lince_status scatter_into_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    LI_TRY(need_rows(s, 1, 2));
    struct li_shape row = li_list_row(li_in_shape(s, 1));
    LI_TRY(li_list_take(s, &row, &list));
    LI_TRY(reach(s, 2, &list.n));
    return li_list_out(s, 0, &list);
}

/*
 * What `old` has not got is blank, all where it is NULL. Tasks divide the elements, not the list, so that indices count
 * in their order.
 */
static lince_status scatter(struct li_call *c, const struct li_operand *old, const struct li_operand *rows,
                            const struct li_operand *indices)
{
    const struct li_operand *out = &c->out[0];
    int64_t n = out->shape->dim[0], inner = li_ops_product(out->shape, 1, out->shape->rank), begin, end;
    li_task_range(c, inner, &begin, &end);
    for (int64_t i = 0; begin < end && i < n; i++) {
        li_list_copy(out, old, 0, i * inner + begin, i * inner + end);
    }
    for (int64_t row = 0; row < li_count(indices); row++) {
        int64_t index = li_index_at(indices, row);
        LI_TRY(li_list_check_index(c, index, n));
        if (begin < end) {
            memcpy(li_at(out->data, out->dtype, index * inner + begin),
                   li_at(rows->data, out->dtype, row * inner + begin),
                   (size_t)(end - begin) * li_dtype_size(out->dtype));
        }
    }
    return LINCE_OK;
}

static lince_status scatter_forward(struct li_call *c)
{
    return scatter(c, NULL, &c->in[0], &c->in[1]);
}

static lince_status scatter_into_forward(struct li_call *c)
{
    return scatter(c, &c->in[0], &c->in[1], &c->in[2]);
}

/* Rows come back from where they were put; one that another overwrote gets the other's, as in TensorFlow. */
static lince_status rows_back(struct li_grad *g, int rows, int indices)
{
    li_vid in[3] = {g->dy[0], g->in[indices], LI_NONE};
    LI_TRY(li_list_shape_of(g, g->in[rows], 1, &in[2]));
    return li_list_emit(g, "TensorListGather", in, 3, &g->dx[rows]);
}

static lince_status scatter_grad(struct li_grad *g)
{
    return rows_back(g, 0, 1);
}

/* The list keeps what no row overwrote. */
static lince_status scatter_into_grad(struct li_grad *g)
{
    li_vid in[3] = {g->dy[0], LI_NONE, g->in[2]}, list;
    LI_TRY(rows_back(g, 1, 2));
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    LI_TRY(li_grad_one(g, "ZerosLike", g->in[1], &in[1]));
    LI_TRY(li_list_emit(g, "TensorListScatterIntoExistingList", in, 3, &list));
    return li_list_resize(g, list, &g->dx[0]);
}

const struct li_op li_op_tensor_list_scatter = {
    .name = "TensorListScatter",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, LI_TYPE_SPEC("shape_type")),
    .shape = scatter_v1_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = scatter_forward,
    .grad = scatter_grad,
};

const struct li_op li_op_tensor_list_scatter_v2 = {
    .name = "TensorListScatterV2",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, LI_TYPE_SPEC("shape_type")),
    .shape = scatter_v2_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = scatter_forward,
    .grad = scatter_grad,
};

const struct li_op li_op_tensor_list_scatter_into_existing_list = {
    .name = "TensorListScatterIntoExistingList",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE),
    .shape = scatter_into_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = scatter_into_forward,
    .grad = scatter_into_grad,
    .flags = LI_OP_INPLACE,
};
