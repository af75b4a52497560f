/*
 * One element of a list: TensorListSetItem, GetItem, PushBack, PopBack. Loops call these in every turn with an index
 * that only running tells, so shapes ask for its content only where a list may grow by it.
 */
#include "list.h"

#include <string.h>

/* ---- Writing one ---- */

/*
 * The list in input 0 with the item as element `index`. Where output and input are one place only the item is written;
 * tasks divide the list, so that each finds its part of the item either way.
 */
static void put(struct li_call *c, const struct li_operand *item, int64_t index)
{
    const struct li_operand *out = &c->out[0];
    int64_t begin, end, at = index * li_count(item);
    li_task_range(c, li_count(out), &begin, &end);
    li_list_copy(out, &c->in[0], 0, begin, end);
    begin = LI_MAX(begin, at);
    end = LI_MIN(end, at + li_count(item));
    if (begin < end) {
        memcpy(li_at(out->data, out->dtype, begin), li_at(item->data, out->dtype, begin - at),
               (size_t)(end - begin) * li_dtype_size(out->dtype));
    }
}

/* The list in input 0, which takes in the item. */
static lince_status list_with(const struct li_infer *s, int item, struct li_list *list)
{
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_need_dtype(s, item));
    LI_TRY(li_list_in(s, 0, list));
    return li_list_take(s, li_in_shape(s, item), list);
}

static lince_status grow(const struct li_infer *s, struct li_list *list)
{
    int64_t index;
    LI_TRY(li_in_int(s, 1, &index));
    if (index < 0) {
        return li_infer_fail(s, LINCE_EDATA, "index %lld is below 0", (long long)index);
    }
    list->n = LI_MAX(list->n, index + 1);
    return LINCE_OK;
}

static lince_status set_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(list_with(s, 2, &list));
    LI_TRY(li_list_need_index(s, 1));
    if (li_attr_int(s->node, "resize_if_index_out_of_bounds")) {
        LI_TRY(grow(s, &list));
    }
    return li_list_out(s, 0, &list);
}

static lince_status set_forward(struct li_call *c)
{
    int64_t index = li_index_at(&c->in[1], 0);
    LI_TRY(li_list_check_index(c, index, c->out[0].shape->dim[0]));
    put(c, &c->in[2], index);
    return LINCE_OK;
}

/* What was overwritten has no part in the result. */
static lince_status set_grad(struct li_grad *g)
{
    li_vid in[3] = {g->dy[0], g->in[1], LI_NONE}, list;
    LI_TRY(li_list_shape_of(g, g->in[2], 0, &in[2]));
    LI_TRY(li_list_emit(g, "TensorListGetItem", in, 3, &g->dx[2]));
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    LI_TRY(li_grad_one(g, "ZerosLike", g->in[2], &in[2]));
    LI_TRY(li_list_emit(g, "TensorListSetItem", in, 3, &list));
    return li_list_resize(g, list, &g->dx[0]);
}

const struct li_op li_op_tensor_list_set_item = {
    .name = "TensorListSetItem",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, {"resize_if_index_out_of_bounds", LI_ATTR_BOOL, "false", NULL}),
    .shape = set_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = set_forward,
    .grad = set_grad,
    .flags = LI_OP_INPLACE,
};

static lince_status push_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(list_with(s, 1, &list));
    list.n++;
    return li_list_out(s, 0, &list);
}

static lince_status push_forward(struct li_call *c)
{
    put(c, &c->in[1], c->in[0].shape->dim[0]);
    return LINCE_OK;
}

static lince_status push_grad(struct li_grad *g)
{
    li_vid in[3] = {g->dy[0], LI_NONE, LI_NONE};
    LI_TRY(li_grad_one(g, "TensorListLength", g->in[0], &in[1]));
    LI_TRY(li_list_shape_of(g, g->in[1], 0, &in[2]));
    LI_TRY(li_list_emit(g, "TensorListGetItem", in, 3, &g->dx[1]));
    return li_list_has_numbers(g, 0) ? li_list_resize(g, g->dy[0], &g->dx[0]) : LINCE_OK;
}

const struct li_op li_op_tensor_list_push_back = {
    .name = "TensorListPushBack",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output_handle"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE),
    .shape = push_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = push_forward,
    .grad = push_grad,
};

/* ---- Reading one ---- */

/* This task's part of an output that is element `index`; an unshaped list has none, wherever it is. */
static void take(struct li_call *c, int output, int64_t index)
{
    int64_t begin, end, count = li_count(&c->out[output]);
    li_task_range(c, count, &begin, &end);
    li_list_copy(&c->out[output], &c->in[0], li_count(&c->in[0]) ? index * count : 0, begin, end);
}

/* TensorFlow looks at element_shape for elements that were not set, and there only. */
static lince_status get_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    LI_TRY(li_list_need_index(s, 1));
    LI_TRY(li_list_settle(s, 2, &list));
    return li_out_is(s, 0, list.dtype, &list.element);
}

static lince_status get_forward(struct li_call *c)
{
    int64_t index = li_index_at(&c->in[1], 0);
    LI_TRY(li_list_check_index(c, index, c->in[0].shape->dim[0]));
    take(c, 0, index);
    return LINCE_OK;
}

/* Zeros but for the element. */
static lince_status get_grad(struct li_grad *g)
{
    li_vid in[3] = {LI_NONE, g->in[1], g->dy[0]};
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    LI_TRY(li_grad_one(g, "ZerosLike", g->in[0], &in[0]));
    return li_list_emit(g, "TensorListSetItem", in, 3, &g->dx[0]);
}

const struct li_op li_op_tensor_list_get_item = {
    .name = "TensorListGetItem",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("item"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, LI_TYPE_SPEC("Tshape")),
    .shape = get_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = get_forward,
    .grad = get_grad,
};

static lince_status pop_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    if (list.n == 0) {
        return li_infer_fail(s, LINCE_EDATA, "takes an element from an empty list");
    }
    list.n--;
    LI_TRY(li_list_out(s, 0, &list));
    LI_TRY(li_list_settle(s, 1, &list));
    return li_out_is(s, 1, list.dtype, &list.element);
}

static lince_status pop_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    li_list_copy(&c->out[0], &c->in[0], 0, begin, end);
    take(c, 1, c->out[0].shape->dim[0]);
    return LINCE_OK;
}

static lince_status pop_grad(struct li_grad *g)
{
    li_vid part[2];
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    for (int k = 0; k < 2; k++) {
        part[k] = g->dy[k];
        if (part[k] == LI_NONE) {
            LI_TRY(li_grad_one(g, "ZerosLike", g->out[k], &part[k]));
        }
    }
    return li_list_emit(g, "TensorListPushBack", part, 2, &g->dx[0]);
}

const struct li_op li_op_tensor_list_pop_back = {
    .name = "TensorListPopBack",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUTS({"output_handle", NULL}, {"tensor", NULL}),
    .attrs = LI_ATTRS(LI_LIST_DTYPE),
    .shape = pop_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = pop_forward,
    .grad = pop_grad,
};
