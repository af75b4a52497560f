/* Whole lists, as tensors and as other lists: TensorListStack, Concat, Length, ElementShape, Resize, ConcatLists. */
#include "list.h"

/* Output 0 begins as input 0 does; blank beyond it. */
static lince_status prefix_forward(struct li_call *c)
{
    int64_t begin, end;
    li_task_range(c, li_count(&c->out[0]), &begin, &end);
    li_list_copy(&c->out[0], &c->in[0], 0, begin, end);
    return LINCE_OK;
}

/* ---- Stack: the list is the tensor ---- */

static lince_status stack_shape(struct li_infer *s)
{
    struct li_list list;
    struct li_shape out;
    int64_t wanted = li_attr_int(s->node, "num_elements");
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    if (wanted != -1 && wanted != list.n) {
        return li_infer_fail(s, LINCE_EDATA, "a list of %lld elements, wanted %lld", (long long)list.n,
                             (long long)wanted);
    }
    LI_TRY(li_list_settle(s, 1, &list));
    LI_TRY(li_list_check(s, 1, &list.element));
    LI_TRY(li_list_stacked(s, list.n, &list.element, &out));
    return li_out_is(s, 0, list.dtype, &out);
}

/* The gradient is the list's, too. */
static lince_status stack_grad(struct li_grad *g)
{
    g->dx[0] = li_list_has_numbers(g, 0) ? g->dy[0] : LI_NONE;
    return LINCE_OK;
}

const struct li_op li_op_tensor_list_stack = {
    .name = "TensorListStack",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("tensor"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE, {"num_elements", LI_ATTR_INT, "-1", NULL}),
    .shape = stack_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = prefix_forward,
    .grad = stack_grad,
    .flags = LI_OP_INPLACE,
};

/* ---- Concat: elements [d, rest...] one after the other; all have the same d ---- */

/*
 * wanted is the element's shape as far as the model tells. What leading_dims says of elements that were never set is
 * not asked: they have the shape of the others.
 */
static lince_status concat_out(struct li_infer *s, const struct li_list *list, struct li_shape wanted)
{
    struct li_shape out;
    char text[LI_SHAPE_TEXT];
    if (list->element.rank >= 0) {
        wanted = list->element;
    } else if (list->n == 0 && wanted.rank > 0 && wanted.dim[0] < 0) {
        wanted.dim[0] = 0;
    }
    if (!li_shape_full(&wanted) || wanted.rank < 1) {
        return li_infer_fail(s, LINCE_EINVAL, "%lld elements of shape %s do not make one tensor", (long long)list->n,
                             li_shape_text(&wanted, text));
    }
    out = wanted;
    if (__builtin_mul_overflow(list->n, wanted.dim[0], &out.dim[0])) {
        return li_infer_fail(s, LINCE_ELIMIT, "%lld elements of shape %s are too many rows", (long long)list->n,
                             li_shape_text(&wanted, text));
    }
    LI_TRY(li_out_is(s, 0, list->dtype, &out));
    return li_out_is(s, 1, LINCE_INT64, &(struct li_shape){.rank = 1, .dim = {list->n}});
}

static lince_status concat_v2_shape(struct li_infer *s)
{
    struct li_list list;
    struct li_shape wanted = {.rank = -1};
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    if (list.element.rank < 0) {
        LI_TRY(li_list_element_shape(s, 1, &wanted));
    } else {
        LI_TRY(li_list_check(s, 1, &list.element));
    }
    return concat_out(s, &list, wanted);
}

static lince_status concat_v1_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_in(s, 0, &list));
    return concat_out(s, &list, *li_attr(s->node, "element_shape")->shape);
}

static lince_status concat_forward(struct li_call *c)
{
    int64_t n = li_count(&c->out[1]);
    for (int64_t i = 0; c->task == 0 && i < n; i++) {
        ((int64_t *)c->out[1].data)[i] = c->out[0].shape->dim[0] / n;
    }
    return prefix_forward(c);
}

static lince_status concat_grad(struct li_grad *g)
{
    li_vid shape;
    if (!li_list_has_numbers(g, 0)) {
        return LINCE_OK;
    }
    LI_TRY(li_list_shape_of(g, g->in[0], 0, &shape));
    return li_grad_two(g, "Reshape", g->dy[0], shape, &g->dx[0]);
}

#define CONCAT_OUTPUTS LI_OUTPUTS({"tensor", NULL}, {"lengths", NULL})

const struct li_op li_op_tensor_list_concat = {
    .name = "TensorListConcat",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = CONCAT_OUTPUTS,
    .attrs = LI_ATTRS(LI_LIST_DTYPE, {"element_shape", LI_ATTR_SHAPE, "unknown", NULL}),
    .shape = concat_v1_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = concat_forward,
    .grad = concat_grad,
};

const struct li_op li_op_tensor_list_concat_v2 = {
    .name = "TensorListConcatV2",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = CONCAT_OUTPUTS,
    .attrs = LI_ATTRS(LI_LIST_DTYPE, LI_TYPE_SPEC("shape_type")),
    .shape = concat_v2_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = concat_forward,
    .grad = concat_grad,
};

/* ---- Questions: answered as soon as shapes are known, so forward seldom runs ---- */

static lince_status length_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_in(s, 0, &list));
    return li_ops_known(s, 0, LINCE_INT32, &list.n, -1);
}

static lince_status length_forward(struct li_call *c)
{
    *(int32_t *)c->out[0].data = (int32_t)c->in[0].shape->dim[0];
    return LINCE_OK;
}

const struct li_op li_op_tensor_list_length = {
    .name = "TensorListLength",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("length"),
    .shape = length_shape,
    .forward = length_forward,
    .grad = li_grad_none,
};

/*
 * The scalar -1 of an unshaped list, as an input element_shape has it. TensorFlow tells what the list was made with,
 * which may be less than its elements show.
 */
static lince_status element_shape(struct li_infer *s)
{
    struct li_list list;
    static const int64_t unknown = -1;
    lince_dtype type = (lince_dtype)li_attr_int(s->node, "shape_type");
    LI_TRY(li_list_in(s, 0, &list));
    return li_ops_known(s, 0, type, list.element.rank < 0 ? &unknown : list.element.dim, list.element.rank);
}

static lince_status element_forward(struct li_call *c)
{
    for (int64_t d = 0; d < li_count(&c->out[0]); d++) {
        int64_t dim = c->out[0].shape->rank == 0 ? -1 : c->in[0].shape->dim[d + 1];
        if (c->out[0].dtype == LINCE_INT32) {
            ((int32_t *)c->out[0].data)[d] = (int32_t)dim;
        } else {
            ((int64_t *)c->out[0].data)[d] = dim;
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_tensor_list_element_shape = {
    .name = "TensorListElementShape",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("element_shape"),
    .attrs = LI_ATTRS({"shape_type", LI_ATTR_TYPE, NULL, "int32 int64"}),
    .shape = element_shape,
    .forward = element_forward,
    .grad = li_grad_none,
};

/* ---- Lists of other lengths ---- */

static lince_status resize_shape(struct li_infer *s)
{
    struct li_list list;
    LI_TRY(li_list_in(s, 0, &list));
    LI_TRY(li_list_need_index(s, 1));
    LI_TRY(li_in_int(s, 1, &list.n));
    if (list.n < 0) {
        return li_infer_fail(s, LINCE_EDATA, "a list of %lld elements", (long long)list.n);
    }
    return li_list_out(s, 0, &list);
}

static lince_status resize_grad(struct li_grad *g)
{
    return li_list_has_numbers(g, 0) ? li_list_resize(g, g->dy[0], &g->dx[0]) : LINCE_OK;
}

const struct li_op li_op_tensor_list_resize = {
    .name = "TensorListResize",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output_handle"),
    .shape = resize_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = prefix_forward,
    .grad = resize_grad,
    .flags = LI_OP_INPLACE,
};

/* One of the two may be unshaped: its elements are blank. */
static lince_status join_shape(struct li_infer *s)
{
    struct li_list a, b;
    LI_TRY(li_list_need_dtype(s, 0));
    LI_TRY(li_list_need_dtype(s, 1));
    LI_TRY(li_list_in(s, 0, &a));
    LI_TRY(li_list_in(s, 1, &b));
    if (b.element.rank >= 0) {
        LI_TRY(li_list_take(s, &b.element, &a));
    }
    a.n += b.n;
    return li_list_out(s, 0, &a);
}

static lince_status join_forward(struct li_call *c)
{
    struct li_operand second = c->out[0];
    int64_t begin, end, n = li_count(&c->out[0]);
    int64_t rows = c->out[0].shape->dim[0], from = rows ? n / rows * c->in[0].shape->dim[0] : 0;
    li_task_range(c, n, &begin, &end);
    if (begin < from) {
        li_list_copy(&c->out[0], &c->in[0], 0, begin, LI_MIN(end, from));
    }
    if (end > from) {
        second.data = li_at(c->out[0].data, second.dtype, from);
        li_list_copy(&second, &c->in[1], 0, LI_MAX(begin, from) - from, end - from);
    }
    return LINCE_OK;
}

const struct li_op li_op_tensor_list_concat_lists = {
    .name = "TensorListConcatLists",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_LIST_DTYPE),
    .shape = join_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = join_forward,
    .grad = li_grad_none, /* as in TensorFlow */
};
