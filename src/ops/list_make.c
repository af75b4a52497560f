/*
 * Lists out of tensors, or of nothing: EmptyTensorList, TensorListReserve, TensorListFromTensor, TensorListSplit. A
 * tensor already is the list of its rows.
 */
#include "list.h"

#define SHAPE_TYPE LI_TYPE_SPEC("shape_type")

/* Dims that only the first element tells make a list unshaped. */
static lince_status new_list(const struct li_infer *s, int64_t n)
{
    struct li_list list = {.dtype = (lince_dtype)li_attr_int(s->node, "element_dtype"), .n = n};
    LI_TRY(li_list_element_shape(s, 0, &list.element));
    return li_list_out(s, 0, &list);
}

static lince_status blank_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    li_list_copy(&c->out[0], NULL, 0, begin, end);
    return LINCE_OK;
}

/* max_num_elements makes TensorFlow refuse a longer list; it changes no result, and is not looked at. */
static lince_status empty_shape(struct li_infer *s)
{
    return new_list(s, 0);
}

const struct li_op li_op_empty_tensor_list = {
    .name = "EmptyTensorList",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, SHAPE_TYPE),
    .shape = empty_shape,
    .forward = blank_forward,
    .grad = li_grad_none,
};

static lince_status reserve_shape(struct li_infer *s)
{
    int64_t n;
    LI_TRY(li_list_need_index(s, 1));
    LI_TRY(li_in_int(s, 1, &n));
    if (n < 0) {
        return li_infer_fail(s, LINCE_EDATA, "a list of %lld elements", (long long)n);
    }
    return new_list(s, n);
}

const struct li_op li_op_tensor_list_reserve = {
    .name = "TensorListReserve",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, SHAPE_TYPE),
    .shape = reserve_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = blank_forward,
    .grad = li_grad_none,
};

/* ---- Tensors that already are lists ---- */

static lince_status need_rows(const struct li_infer *s)
{
    LI_TRY(li_list_need_dtype(s, 0));
    return li_in_shape(s, 0)->rank >= 1 ? LINCE_OK
                                        : li_infer_fail(s, LINCE_EINVAL, "a scalar has no rows to make a list of");
}

static lince_status from_tensor_shape(struct li_infer *s)
{
    LI_TRY(need_rows(s));
    struct li_list list = {
        .dtype = li_in_dtype(s, 0), .n = li_in_shape(s, 0)->dim[0], .element = li_list_row(li_in_shape(s, 0))};
    LI_TRY(li_list_check(s, 1, &list.element));
    return li_list_out(s, 0, &list);
}

static lince_status from_tensor_grad(struct li_grad *g)
{
    g->dx[0] = g->dy[0];
    return LINCE_OK;
}

const struct li_op li_op_tensor_list_from_tensor = {
    .name = "TensorListFromTensor",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, SHAPE_TYPE),
    .shape = from_tensor_shape,
    .grad = from_tensor_grad,
    .flags = LI_OP_ALIAS,
};

/* The one length of all parts, which together are all rows. */
static lince_status part_length(const struct li_infer *s, const struct li_tensor *lengths, int64_t rows,
                                int64_t *length)
{
    int64_t n = li_shape_count(&lengths->shape), sum;
    *length = n > 0 ? li_tensor_int(lengths, 0) : 0;
    for (int64_t i = 1; i < n; i++) {
        if (li_tensor_int(lengths, i) != *length) {
            return li_infer_fail(s, LINCE_EUNSUPPORTED,
                                 "parts of %lld and %lld rows; in one list all elements have one shape here",
                                 (long long)*length, (long long)li_tensor_int(lengths, i));
        }
    }
    if (*length < 0 || __builtin_mul_overflow(*length, n, &sum) || sum != rows) {
        return li_infer_fail(s, LINCE_EDATA, "%lld parts of %lld rows; there are %lld", (long long)n,
                             (long long)*length, (long long)rows);
    }
    return LINCE_OK;
}

static lince_status split_shape(struct li_infer *s)
{
    const struct li_tensor *lengths;
    LI_TRY(need_rows(s));
    LI_TRY(li_ops_need(s, 2, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 2, 1));
    LI_TRY(li_in_value(s, 2, &lengths));
    struct li_list list = {
        .dtype = li_in_dtype(s, 0), .n = li_shape_count(&lengths->shape), .element = *li_in_shape(s, 0)};
    LI_TRY(part_length(s, lengths, list.element.dim[0], &list.element.dim[0]));
    if (list.n > 0) {
        LI_TRY(li_list_check(s, 1, &list.element));
    }
    return li_list_out(s, 0, &list);
}

static lince_status split_grad(struct li_grad *g)
{
    li_vid shape;
    LI_TRY(li_list_shape_of(g, g->in[0], 0, &shape));
    return li_grad_two(g, "Reshape", g->dy[0], shape, &g->dx[0]);
}

const struct li_op li_op_tensor_list_split = {
    .name = "TensorListSplit",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, SHAPE_TYPE),
    .shape = split_shape,
    .grad = split_grad,
    .flags = LI_OP_ALIAS,
};
