/* What shape rules ask and say, and the same small questions of forward and gradients. */
#include "internal.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- Failing with the node's name -------------------------------------------------------------------------------- */

lince_status li_infer_fail(const struct li_infer *s, lince_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    li_vfail(s->err, code, format, args);
    va_end(args);
    return li_prefix(s->err, code, "node \"%s\" (%s)", s->node->name, s->node->op->name);
}

lince_status li_call_fail(const struct li_call *c, lince_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    li_vfail(c->err, code, format, args);
    va_end(args);
    return li_prefix(c->err, code, "node \"%s\" (%s)", c->node->name, c->node->op->name);
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

static const struct li_value *input(const struct li_infer *s, int i)
{
    return &s->graph->values[s->node->in[i]];
}

const struct li_shape *li_in_shape(const struct li_infer *s, int i)
{
    return &input(s, i)->shape;
}

lince_dtype li_in_dtype(const struct li_infer *s, int i)
{
    return input(s, i)->dtype;
}

lince_status li_in_value(const struct li_infer *s, int i, const struct li_tensor **out)
{
    const struct li_tensor *tensor = input(s, i)->constant;
    if (!tensor && s->known && s->known[s->node->in[i]].tensor) {
        tensor = s->known[s->node->in[i]].tensor;
        *s->asked |= s->known[s->node->in[i]].roots;
    }
    if (!tensor) {
        return LI_DEFER;
    }
    *out = tensor;
    return LINCE_OK;
}

lince_status li_in_ints(const struct li_infer *s, int i, int64_t *values, int max, int *count)
{
    const struct li_shape *shape = li_in_shape(s, i);
    lince_dtype dtype = li_in_dtype(s, i);
    char text[LI_SHAPE_TEXT];
    const struct li_tensor *tensor;

    if (dtype != LINCE_INT32 && dtype != LINCE_INT64) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d is %s, wanted int32 or int64", i, li_dtype_name(dtype));
    }
    if (shape->rank > 1 || li_shape_count(shape) > max) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d has shape %s, wanted at most %d numbers", i,
                             li_shape_text(shape, text), max);
    }
    LI_TRY(li_in_value(s, i, &tensor));
    *count = (int)li_shape_count(shape);
    for (int k = 0; k < *count; k++) {
        values[k] = li_tensor_int(tensor, k);
    }
    return LINCE_OK;
}

lince_status li_in_int(const struct li_infer *s, int i, int64_t *value)
{
    int count;
    LI_TRY(li_in_ints(s, i, value, 1, &count));
    return count == 1 ? LINCE_OK : li_infer_fail(s, LINCE_EINVAL, "input %d is empty, wanted a number", i);
}

/* ---- Outputs ----------------------------------------------------------------------------------------------------- */

lince_status li_out_is(const struct li_infer *s, int i, lince_dtype dtype, const struct li_shape *shape)
{
    size_t bytes;
    lince_status st = li_shape_bytes(shape, dtype, &bytes, s->err);
    if (st) {
        return li_prefix(s->err, st, "node \"%s\" (%s): output %d", s->node->name, s->node->op->name, i);
    }
    struct li_value *value = &s->graph->values[s->node->out[i]];
    value->dtype = dtype;
    value->shape = *shape;
    return LINCE_OK;
}

/* A handle stays a handle of the same resource. */
lince_status li_out_same(const struct li_infer *s, int output, int in)
{
    LI_TRY(li_out_is(s, output, li_in_dtype(s, in), li_in_shape(s, in)));
    struct li_value *out = &s->graph->values[s->node->out[output]];
    out->resource = input(s, in)->resource;
    out->unshaped = input(s, in)->unshaped;
    return LINCE_OK;
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

lince_status li_need_rank(const struct li_infer *s, int i, int rank)
{
    const struct li_shape *shape = li_in_shape(s, i);
    char text[LI_SHAPE_TEXT];
    if (shape->rank != rank) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d has shape %s, wanted rank %d", i, li_shape_text(shape, text),
                             rank);
    }
    return LINCE_OK;
}

lince_status li_need_same_dtype(const struct li_infer *s, int a, int b)
{
    if (li_in_dtype(s, a) != li_in_dtype(s, b)) {
        return li_infer_fail(s, LINCE_EINVAL, "input %d is %s and input %d is %s, wanted one type", a,
                             li_dtype_name(li_in_dtype(s, a)), b, li_dtype_name(li_in_dtype(s, b)));
    }
    return LINCE_OK;
}

lince_status li_axis(const struct li_infer *s, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank) {
        return li_infer_fail(s, LINCE_EINVAL, "axis is %" PRId64 ", wanted %d to %d", axis, -rank, rank - 1);
    }
    *out = (int)(axis < 0 ? axis + rank : axis);
    return LINCE_OK;
}

lince_status li_broadcast(const struct li_infer *s, const struct li_shape *a, const struct li_shape *b,
                          struct li_shape *out)
{
    char left[LI_SHAPE_TEXT], right[LI_SHAPE_TEXT];
    struct li_shape shape = {.rank = LI_MAX(a->rank, b->rank)};
    for (int d = 0; d < shape.rank; d++) {
        int i = d - (shape.rank - a->rank), j = d - (shape.rank - b->rank);
        int64_t m = i < 0 ? 1 : a->dim[i], n = j < 0 ? 1 : b->dim[j];
        if (m != n && m != 1 && n != 1) {
            return li_infer_fail(s, LINCE_EINVAL, "shapes %s and %s do not broadcast", li_shape_text(a, left),
                                 li_shape_text(b, right));
        }
        shape.dim[d] = m == 1 ? n : m;
    }
    *out = shape;
    return LINCE_OK;
}

/* ---- Tasks ------------------------------------------------------------------------------------------------------- */

void li_task_range(const struct li_call *c, int64_t n, int64_t *begin, int64_t *end)
{
    int64_t each = n / c->tasks, more = n % c->tasks; /* the first `more` tasks take one more */
    *begin = c->task * each + LI_MIN(c->task, more);
    *end = *begin + each + (c->task < more);
}

/* Enough for the largest pool to share evenly; more would only cost calls. */
enum { MOST_TASKS = 4 * LI_MAX_THREADS };

int64_t li_task_count(int64_t n, int64_t elements_per_task)
{
    int64_t tasks = n / LI_MAX(elements_per_task, 1);
    return LI_MAX(1, LI_MIN(tasks, MOST_TASKS));
}
