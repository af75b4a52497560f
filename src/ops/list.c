/* What rows of lists ask about shapes, and the copy that most of them are. */
#include "list.h"

#include <string.h>

/* ---- Shapes ---- */

struct li_shape li_list_row(const struct li_shape *shape)
{
    struct li_shape row = {.rank = shape->rank - 1};
    for (int d = 0; d < row.rank; d++) {
        row.dim[d] = shape->dim[d + 1];
    }
    return row;
}

/*
 * By its shape, as the mark does not follow a value from one graph to the next. A list of vectors without elements
 * looks the same; that one needs an element_shape in full, and gets the same elements by it.
 */
static bool is_unshaped(const struct li_shape *shape)
{
    return shape->rank == 2 && shape->dim[1] == 0;
}

lince_status li_list_in(const struct li_infer *s, int i, struct li_list *list)
{
    const struct li_shape *shape = li_in_shape(s, i);
    LI_TRY(li_ops_need(s, i, LI_SET_MOVABLE));
    if (shape->rank < 1) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d is no list", i);
    }
    if (shape->dim[0] > INT32_MAX) {
        return li_infer_fail(s, LINCE_ELIMIT, "a list of %lld elements; an int32 is to count them",
                             (long long)shape->dim[0]);
    }
    *list = (struct li_list){.dtype = li_in_dtype(s, i), .n = shape->dim[0], .element = li_list_row(shape)};
    if (is_unshaped(shape)) {
        list->element.rank = -1;
    }
    return LINCE_OK;
}

lince_status li_list_stacked(const struct li_infer *s, int64_t n, const struct li_shape *element, struct li_shape *out)
{
    if (element->rank >= LI_MAX_RANK) {
        return li_infer_fail(s, LINCE_ELIMIT, "a list of elements with %d dims; wanted fewer than %d", element->rank,
                             LI_MAX_RANK);
    }
    *out = (struct li_shape){.rank = element->rank + 1, .dim = {n}};
    for (int d = 0; d < element->rank; d++) {
        out->dim[d + 1] = element->dim[d];
    }
    return LINCE_OK;
}

lince_status li_list_out(const struct li_infer *s, int i, const struct li_list *list)
{
    struct li_shape shape = {.rank = 2, .dim = {list->n, 0}};
    bool shaped = li_shape_full(&list->element);
    if (shaped) {
        LI_TRY(li_list_stacked(s, list->n, &list->element, &shape));
    }
    LI_TRY(li_out_is(s, i, list->dtype, &shape));
    s->graph->values[s->node->out[i]].unshaped = !shaped;
    return LINCE_OK;
}

lince_status li_list_need_dtype(const struct li_infer *s, int i)
{
    lince_dtype wanted = (lince_dtype)li_attr_int(s->node, "element_dtype");
    if (li_in_dtype(s, i) != wanted) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d is %s, its list has elements of type %s", i,
                             li_dtype_name(li_in_dtype(s, i)), li_dtype_name(wanted));
    }
    return LINCE_OK;
}

lince_status li_list_need_index(const struct li_infer *s, int i)
{
    LI_TRY(li_ops_need(s, i, LI_BIT(LINCE_INT32)));
    return li_need_rank(s, i, 0);
}

lince_status li_list_element_shape(const struct li_infer *s, int i, struct li_shape *shape)
{
    int64_t dim[LI_MAX_RANK];
    int count;
    LI_TRY(li_in_ints(s, i, dim, LI_MAX_RANK - 1, &count));
    bool scalar = li_in_shape(s, i)->rank == 0;
    *shape = (struct li_shape){.rank = scalar ? -1 : count};
    for (int d = 0; d < count; d++) {
        if (dim[d] < -1 || (scalar && dim[d] != -1)) {
            return li_infer_fail(s, LINCE_EINVAL, "an element shape holds %lld; wanted %s", (long long)dim[d],
                                 scalar ? "-1 for one that is unknown" : "dims, or -1 for those that are unknown");
        }
        shape->dim[d] = dim[d];
    }
    return LINCE_OK;
}

lince_status li_list_check(const struct li_infer *s, int i, const struct li_shape *element)
{
    struct li_shape wanted;
    char found[LI_SHAPE_TEXT], text[LI_SHAPE_TEXT];
    lince_status st = li_list_element_shape(s, i, &wanted);
    if (st == LI_DEFER) {
        return LINCE_OK;
    }
    LI_TRY(st);
    if (!li_shape_compatible(element, &wanted)) {
        return li_infer_fail(s, LINCE_EINVAL, "elements have shape %s, wanted %s", li_shape_text(element, found),
                             li_shape_text(&wanted, text));
    }
    return LINCE_OK;
}

lince_status li_list_settle(const struct li_infer *s, int i, struct li_list *list)
{
    char text[LI_SHAPE_TEXT];
    if (list->element.rank >= 0) {
        return LINCE_OK;
    }
    LI_TRY(li_list_element_shape(s, i, &list->element));
    if (!li_shape_full(&list->element)) {
        return li_infer_fail(s, LINCE_EINVAL,
                             "no element of the list was set, and the element shape %s does not tell what they are",
                             li_shape_text(&list->element, text));
    }
    return LINCE_OK;
}

/* A list without elements takes any. */
lince_status li_list_take(const struct li_infer *s, const struct li_shape *element, struct li_list *list)
{
    char found[LI_SHAPE_TEXT], text[LI_SHAPE_TEXT];
    if (list->element.rank >= 0 && list->n > 0 && !li_shape_equal(&list->element, element)) {
        return li_infer_fail(s, LINCE_EINVAL, "an element of shape %s for a list of elements %s; all have one shape",
                             li_shape_text(element, found), li_shape_text(&list->element, text));
    }
    list->element = *element;
    return LINCE_OK;
}

/* ---- Elements ---- */

static void blank(void *to, lince_dtype dtype, int64_t count)
{
    if (dtype != LINCE_STRING) {
        memset(to, 0, (size_t)count * li_dtype_size(dtype));
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        ((lince_string *)to)[i] = (lince_string){"", 0};
    }
}

void li_list_copy(const struct li_operand *to, const struct li_operand *from, int64_t at, int64_t begin, int64_t end)
{
    lince_dtype dtype = to->dtype;
    int64_t middle = from ? LI_MAX(begin, LI_MIN(end, li_count(from) - at)) : begin;
    if (middle > begin && !(to->data == from->data && at == 0)) {
        memcpy(li_at(to->data, dtype, begin), li_at(from->data, dtype, at + begin),
               (size_t)(middle - begin) * li_dtype_size(dtype));
    }
    if (end > middle) {
        blank(li_at(to->data, dtype, middle), dtype, end - middle);
    }
}

lince_status li_list_check_index(const struct li_call *c, int64_t index, int64_t n)
{
    if (index < 0 || index >= n) {
        return li_call_fail(c, LINCE_EDATA, "index %lld is outside the list's %lld elements", (long long)index,
                            (long long)n);
    }
    return LINCE_OK;
}

/* ---- Gradients ---- */

bool li_list_has_numbers(const struct li_grad *g, int i)
{
    return li_shape_count(&g->graph->values[g->in[i]].shape) > 0;
}

lince_status li_list_emit(struct li_grad *g, const char *op, const li_vid *in, int nin, li_vid *out)
{
    const struct li_attr dtype = LI_TYPE("element_dtype", (lince_dtype)li_attr_int(g->node, "element_dtype"));
    return li_grad_emit(g, op, in, nin, &dtype, 1, out);
}

lince_status li_list_shape_of(struct li_grad *g, li_vid v, int first, li_vid *out)
{
    const struct li_shape shape = g->graph->values[v].shape;
    return li_grad_ints(g, shape.dim + first, shape.rank - first, out);
}

lince_status li_list_resize(struct li_grad *g, li_vid v, li_vid *out)
{
    li_vid length;
    if (g->graph->values[v].shape.dim[0] == g->graph->values[g->in[0]].shape.dim[0]) {
        *out = v;
        return LINCE_OK;
    }
    LI_TRY(li_grad_one(g, "TensorListLength", g->in[0], &length));
    return li_grad_two(g, "TensorListResize", v, length, out);
}
