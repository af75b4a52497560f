/*
 * Python values where a trace takes a tensor: numbers, strings and nested lists of them become one, of the dtype that
 * is expected. A value that TensorFlow would have to narrow or reinterpret (a float for an integer, a number for a
 * bool) becomes none.
 */
#include "model/internal.h"

#include <math.h>
#include <string.h>

/* Whether a leaf becomes an element of the dtype. */
static bool converts(const struct li_arg *v, lince_dtype dtype)
{
    switch (v->kind) {
    case LI_ARG_BOOL:
        return dtype == LINCE_BOOL;
    case LI_ARG_INT:
        if (li_dtype_is_float(dtype)) {
            return true;
        }
        if (!li_dtype_is_integer(dtype)) {
            return false;
        }
        switch (dtype) {
        case LINCE_INT8:
            return v->i >= INT8_MIN && v->i <= INT8_MAX;
        case LINCE_UINT8:
            return v->i >= 0 && v->i <= UINT8_MAX;
        case LINCE_INT16:
            return v->i >= INT16_MIN && v->i <= INT16_MAX;
        case LINCE_UINT16:
            return v->i >= 0 && v->i <= UINT16_MAX;
        case LINCE_INT32:
            return v->i >= INT32_MIN && v->i <= INT32_MAX;
        case LINCE_UINT32:
            return v->i >= 0 && v->i <= UINT32_MAX;
        case LINCE_UINT64:
            return v->i >= 0;
        default:
            return dtype == LINCE_INT64;
        }
    case LI_ARG_FLOAT:
        return li_dtype_is_float(dtype);
    case LI_ARG_STRING:
        return dtype == LINCE_STRING;
    default:
        return false;
    }
}

static double number(const struct li_arg *v)
{
    return v->kind == LI_ARG_FLOAT ? v->f : (double)v->i;
}

/* v converts to dtype. Integers of every width are the low bytes of one of 64 bits: numbers are little-endian here. */
static void store(void *to, lince_dtype dtype, const struct li_arg *v)
{
    switch (dtype) {
    case LINCE_FLOAT32:
        *(float *)to = (float)number(v);
        return;
    case LINCE_FLOAT64:
        *(double *)to = number(v);
        return;
    case LINCE_FLOAT16:
        *(uint16_t *)to = li_float_to_half((float)number(v));
        return;
    case LINCE_BFLOAT16:
        *(uint16_t *)to = li_float_to_bfloat16((float)number(v));
        return;
    case LINCE_STRING:
        *(lince_string *)to = (lince_string){v->text, strlen(v->text)};
        return;
    default:
        memcpy(to, &v->i, li_dtype_size(dtype));
    }
}

static bool is_sequence(const struct li_arg *v)
{
    return v->kind == LI_ARG_LIST || v->kind == LI_ARG_TUPLE;
}

/* The shape of a nested list, as its first elements have it. */
static bool shape_of(const struct li_arg *v, struct li_shape *shape)
{
    shape->rank = 0;
    while (is_sequence(v)) {
        if (shape->rank == LI_MAX_RANK) {
            return false;
        }
        shape->dim[shape->rank++] = (int64_t)v->count;
        if (!v->count) {
            return true;
        }
        v = &v->child[0];
    }
    return true;
}

/*
 * Every list at a depth has the same length, and every leaf converts. *to moves on over what is stored; NULL data: only
 * check.
 */
static bool walk(const struct li_arg *v, const struct li_shape *shape, int depth, lince_dtype dtype, char **to)
{
    if (depth == shape->rank) {
        if (!converts(v, dtype)) {
            return false;
        }
        if (*to) {
            store(*to, dtype, v);
            *to += li_dtype_size(dtype);
        }
        return true;
    }
    if (!is_sequence(v) || (int64_t)v->count != shape->dim[depth]) {
        return false;
    }
    for (size_t i = 0; i < v->count; i++) {
        if (!walk(&v->child[i], shape, depth + 1, dtype, to)) {
            return false;
        }
    }
    return true;
}

lince_status li_convert(struct li_tensor *out, bool *made, const struct li_arg *value, const struct li_arg *spec,
                        struct li_arena *arena, lince_error *err)
{
    char *to = NULL;
    *made = false;
    *out = (struct li_tensor){.dtype = spec->dtype};
    if (!shape_of(value, &out->shape) || !walk(value, &out->shape, 0, spec->dtype, &to) ||
        !li_shape_compatible(&out->shape, &spec->shape)) {
        return LINCE_OK;
    }
    LI_TRY(li_shape_bytes(&out->shape, out->dtype, &out->size_bytes, err));
    if (!(to = out->data = li_arena_alloc(arena, out->size_bytes, err))) {
        return LINCE_ENOMEM;
    }
    walk(value, &out->shape, 0, spec->dtype, &to);
    *made = true;
    return LINCE_OK;
}
