/* Element types, shapes, and single elements of a tensor. */
#include "base/base.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* ---- Element types ----------------------------------------------------------------------------------------------- */

struct dtype_row {
    const char *name;
    size_t size;
};

/* As TensorFlow holds them in memory: the 4-bit integers take a byte each. */
static const struct dtype_row dtypes[] = {
    [LINCE_DTYPE_NONE] = {"none", 0},
    [LINCE_FLOAT32] = {"float32", 4},
    [LINCE_FLOAT64] = {"float64", 8},
    [LINCE_INT32] = {"int32", 4},
    [LINCE_UINT8] = {"uint8", 1},
    [LINCE_INT16] = {"int16", 2},
    [LINCE_INT8] = {"int8", 1},
    [LINCE_STRING] = {"string", sizeof(lince_string)},
    [LINCE_COMPLEX64] = {"complex64", 8},
    [LINCE_INT64] = {"int64", 8},
    [LINCE_BOOL] = {"bool", 1},
    [LINCE_QINT8] = {"qint8", 1},
    [LINCE_QUINT8] = {"quint8", 1},
    [LINCE_QINT32] = {"qint32", 4},
    [LINCE_BFLOAT16] = {"bfloat16", 2},
    [LINCE_QINT16] = {"qint16", 2},
    [LINCE_QUINT16] = {"quint16", 2},
    [LINCE_UINT16] = {"uint16", 2},
    [LINCE_COMPLEX128] = {"complex128", 16},
    [LINCE_FLOAT16] = {"float16", 2},
    [LINCE_RESOURCE] = {"resource", 0},
    [LINCE_VARIANT] = {"variant", 0},
    [LINCE_UINT32] = {"uint32", 4},
    [LINCE_UINT64] = {"uint64", 8},
    [LINCE_FLOAT8_E5M2] = {"float8_e5m2", 1},
    [LINCE_FLOAT8_E4M3FN] = {"float8_e4m3fn", 1},
    [LINCE_INT4] = {"int4", 1},
    [LINCE_UINT4] = {"uint4", 1},
};

static const struct dtype_row *dtype_row(lince_dtype dtype)
{
    size_t i = (size_t)dtype;

    return i < LI_COUNT(dtypes) && dtypes[i].name ? &dtypes[i] : NULL;
}

const char *li_dtype_name(lince_dtype dtype)
{
    const struct dtype_row *row = dtype_row(dtype);

    return row ? row->name : "unknown";
}

size_t li_dtype_size(lince_dtype dtype)
{
    const struct dtype_row *row = dtype_row(dtype);

    return row ? row->size : 0;
}

bool li_dtype_is_float(lince_dtype dtype)
{
    return dtype == LINCE_FLOAT32 || dtype == LINCE_FLOAT64 || dtype == LINCE_FLOAT16 || dtype == LINCE_BFLOAT16;
}

bool li_dtype_is_integer(lince_dtype dtype)
{
    switch (dtype) {
    case LINCE_INT8:
    case LINCE_INT16:
    case LINCE_INT32:
    case LINCE_INT64:
    case LINCE_UINT8:
    case LINCE_UINT16:
    case LINCE_UINT32:
    case LINCE_UINT64:
    case LINCE_INT4:
    case LINCE_UINT4:
        return true;
    default:
        return false;
    }
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

int64_t li_shape_count(const struct li_shape *shape)
{
    int64_t count = 1;

    for (int i = 0; i < shape->rank; i++) {
        count *= shape->dim[i];
    }
    return count;
}

bool li_shape_equal(const struct li_shape *a, const struct li_shape *b)
{
    if (a->rank != b->rank) {
        return false;
    }
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] != b->dim[i]) {
            return false;
        }
    }
    return true;
}

bool li_shape_full(const struct li_shape *shape)
{
    if (shape->rank < 0) {
        return false;
    }
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0) {
            return false;
        }
    }
    return true;
}

bool li_shape_compatible(const struct li_shape *a, const struct li_shape *b)
{
    if (a->rank < 0 || b->rank < 0) {
        return true;
    }
    if (a->rank != b->rank) {
        return false;
    }
    for (int i = 0; i < a->rank; i++) {
        if (a->dim[i] >= 0 && b->dim[i] >= 0 && a->dim[i] != b->dim[i]) {
            return false;
        }
    }
    return true;
}

/*
 * Zero dims do not excuse the others: the product of the rest must fit as well, because strides are made of it and
 * li_shape_count multiplies in order.
 */
lince_status li_shape_bytes(const struct li_shape *shape, lince_dtype dtype, size_t *bytes, lince_error *err)
{
    char text[LI_SHAPE_TEXT];
    int64_t product = 1;
    bool empty = false;

    if (shape->rank < 0 || shape->rank > LI_MAX_RANK) {
        return li_fail(err, LINCE_ELIMIT, "a shape has rank %d, wanted 0 to %d", shape->rank, LI_MAX_RANK);
    }
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dim[i];
        if (dim < 0) {
            return li_fail(err, LINCE_ELIMIT, "shape %s: dimension %d is %" PRId64 ", wanted at least 0",
                           li_shape_text(shape, text), i, dim);
        }
        empty |= dim == 0;
        if (dim && __builtin_mul_overflow(product, dim, &product)) {
            return li_fail(err, LINCE_ELIMIT, "shape %s has more elements than 64 bits can count",
                           li_shape_text(shape, text));
        }
    }
    size_t total;
    if (!li_mul_size(empty ? 0 : (size_t)product, li_dtype_size(dtype), &total) || total > LI_MAX_TENSOR_BYTES) {
        return li_fail(err, LINCE_ELIMIT, "a %s tensor of shape %s passes the limit of %zu bytes", li_dtype_name(dtype),
                       li_shape_text(shape, text), LI_MAX_TENSOR_BYTES);
    }
    *bytes = total;
    return LINCE_OK;
}

/* At most "[" and 8 dims of 20 characters, each with a comma or the closing bracket: 169 bytes. */
char *li_shape_text(const struct li_shape *shape, char buffer[LI_SHAPE_TEXT])
{
    int at = 0;

    if (shape->rank < 0 || shape->rank > LI_MAX_RANK) {
        snprintf(buffer, LI_SHAPE_TEXT, "unknown");
        return buffer;
    }
    buffer[at++] = '[';
    for (int i = 0; i < shape->rank; i++) {
        const char *comma = i ? "," : "";
        if (shape->dim[i] == -1) {
            at += snprintf(buffer + at, (size_t)(LI_SHAPE_TEXT - at), "%s?", comma);
        } else {
            at += snprintf(buffer + at, (size_t)(LI_SHAPE_TEXT - at), "%s%" PRId64, comma, shape->dim[i]);
        }
    }
    snprintf(buffer + at, (size_t)(LI_SHAPE_TEXT - at), "]");
    return buffer;
}

/* ---- Elements ---------------------------------------------------------------------------------------------------- */

/* Toward zero; what does not fit goes to the nearest end, NaN to 0. */
static int64_t int_of_double(double value)
{
    if (isnan(value)) {
        return 0;
    }
    if (value >= 0x1p63) {
        return INT64_MAX;
    }
    return value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

static bool float_element(const struct li_tensor *tensor, int64_t i, double *value)
{
    switch (tensor->dtype) {
    case LINCE_FLOAT32:
        *value = ((const float *)tensor->data)[i];
        return true;
    case LINCE_FLOAT64:
        *value = ((const double *)tensor->data)[i];
        return true;
    case LINCE_FLOAT16:
        *value = li_half_to_float(((const uint16_t *)tensor->data)[i]);
        return true;
    case LINCE_BFLOAT16:
        *value = li_bfloat16_to_float(((const uint16_t *)tensor->data)[i]);
        return true;
    default:
        return false;
    }
}

int64_t li_tensor_int(const struct li_tensor *tensor, int64_t i)
{
    const void *data = tensor->data;
    double value;

    switch (tensor->dtype) {
    case LINCE_BOOL:
    case LINCE_UINT8:
    case LINCE_QUINT8:
    case LINCE_UINT4:
        return ((const uint8_t *)data)[i];
    case LINCE_INT8:
    case LINCE_QINT8:
    case LINCE_INT4:
        return ((const int8_t *)data)[i];
    case LINCE_INT16:
    case LINCE_QINT16:
        return ((const int16_t *)data)[i];
    case LINCE_UINT16:
    case LINCE_QUINT16:
        return ((const uint16_t *)data)[i];
    case LINCE_INT32:
    case LINCE_QINT32:
        return ((const int32_t *)data)[i];
    case LINCE_UINT32:
        return ((const uint32_t *)data)[i];
    case LINCE_INT64:
    case LINCE_UINT64:
        return ((const int64_t *)data)[i];
    default:
        return float_element(tensor, i, &value) ? int_of_double(value) : 0;
    }
}

double li_tensor_float(const struct li_tensor *tensor, int64_t i)
{
    double value;

    if (float_element(tensor, i, &value)) {
        return value;
    }
    if (tensor->dtype == LINCE_UINT64) {
        return (double)((const uint64_t *)tensor->data)[i];
    }
    return (double)li_tensor_int(tensor, i);
}
