/*
 * TensorProto and TensorShapeProto. Values come as raw content, or as a typed list that may be shorter than the
 * tensor: the last value then stands for all that follow, and no value at all means zeros.
 */
#include "proto/proto.h"

#include <inttypes.h>
#include <string.h>

lince_status li_proto_shape(struct li_shape *out, const Tf__TensorShapeProto *shape, lince_error *err)
{
    size_t product = 1;
    *out = (struct li_shape){0};
    if (!shape) {
        return LINCE_OK;
    }
    if (shape->unknown_rank) {
        out->rank = -1;
        return shape->n_dim ? li_fail(err, LINCE_EINVAL, "a shape of unknown rank has %zu dimensions", shape->n_dim)
                            : LINCE_OK;
    }
    if (shape->n_dim > LI_MAX_RANK) {
        return li_fail(err, LINCE_ELIMIT, "a shape has rank %zu, wanted at most %d", shape->n_dim, LI_MAX_RANK);
    }
    for (size_t i = 0; i < shape->n_dim; i++) {
        int64_t size = shape->dim[i]->size;
        if (size < -1) {
            return li_fail(err, LINCE_EINVAL,
                           "dimension %zu of a shape is %" PRId64 ", wanted at least 0, or -1 for unknown", i, size);
        }
        if (size > 0 && !li_mul_size(product, (size_t)size, &product)) {
            return li_fail(err, LINCE_ELIMIT, "the dimensions of a shape multiply to more than 2^64 at dimension %zu",
                           i);
        }
        out->dim[i] = size;
    }
    out->rank = (int)shape->n_dim;
    return LINCE_OK;
}

lince_status li_proto_dtype(lince_dtype *out, int32_t dtype, lince_error *err)
{
    if (dtype == LINCE_DTYPE_NONE) {
        return li_fail(err, LINCE_EINVAL, "dtype 0 is no dtype");
    }
    if (!li_dtype_size((lince_dtype)dtype)) {
        return li_fail(err, LINCE_EUNSUPPORTED, "dtype %" PRId32 " (%s) holds no plain values", dtype,
                       li_dtype_name((lince_dtype)dtype));
    }
    *out = (lince_dtype)dtype;
    return LINCE_OK;
}

/* The typed list of a TensorProto. */
struct values {
    const void *data;
    size_t n;
    size_t width; /* bytes of one */
};

/* Which list carries which dtype. Complex numbers are pairs there, so a pair counts as one value of twice the width. */
static struct values typed_values(const Tf__TensorProto *p, lince_dtype dtype)
{
    switch (dtype) {
    case LINCE_FLOAT32:
        return (struct values){p->float_val, p->n_float_val, sizeof(float)};
    case LINCE_FLOAT64:
        return (struct values){p->double_val, p->n_double_val, sizeof(double)};
    case LINCE_STRING:
        return (struct values){p->string_val, p->n_string_val, sizeof(ProtobufCBinaryData)};
    case LINCE_COMPLEX64:
        return (struct values){p->scomplex_val, p->n_scomplex_val / 2, 2 * sizeof(float)};
    case LINCE_COMPLEX128:
        return (struct values){p->dcomplex_val, p->n_dcomplex_val / 2, 2 * sizeof(double)};
    case LINCE_INT64:
        return (struct values){p->int64_val, p->n_int64_val, sizeof(int64_t)};
    case LINCE_BOOL:
        return (struct values){p->bool_val, p->n_bool_val, sizeof(protobuf_c_boolean)};
    case LINCE_FLOAT16:
    case LINCE_BFLOAT16:
        return (struct values){p->half_val, p->n_half_val, sizeof(int32_t)};
    case LINCE_UINT32:
        return (struct values){p->uint32_val, p->n_uint32_val, sizeof(uint32_t)};
    case LINCE_UINT64:
        return (struct values){p->uint64_val, p->n_uint64_val, sizeof(uint64_t)};
    case LINCE_FLOAT8_E5M2:
    case LINCE_FLOAT8_E4M3FN:
        return (struct values){p->float8_val.data, p->float8_val.len, 1};
    default: /* all other integers */
        return (struct values){p->int_val, p->n_int_val, sizeof(int32_t)};
    }
}

/* Store value i of the list as an element of `size` bytes. Narrow integers and halves are the low bytes of an int32. */
static void store_value(void *element, lince_dtype dtype, size_t size, const struct values *from, size_t i)
{
    const char *value = (const char *)from->data + i * from->width;
    if (dtype == LINCE_STRING) {
        const ProtobufCBinaryData *text = (const ProtobufCBinaryData *)value;
        lince_string string = {.data = text->len ? (const char *)text->data : "", .size = text->len};
        memcpy(element, &string, sizeof string);
    } else if (dtype == LINCE_BOOL) {
        protobuf_c_boolean flag;
        memcpy(&flag, value, sizeof flag);
        *(uint8_t *)element = flag != 0;
    } else if (size < from->width) {
        int32_t wide;
        memcpy(&wide, value, sizeof wide);
        uint8_t byte = (uint8_t)wide;
        uint16_t pair = (uint16_t)wide;
        memcpy(element, size == 1 ? (const void *)&byte : (const void *)&pair, size);
    } else {
        memcpy(element, value, size);
    }
}

/* Element i of the first `done` is there; fill [done, n) with copies of the last, doubling what is copied. */
static void repeat_last(char *data, size_t size, size_t done, size_t n)
{
    const char *last = data + (done - 1) * size;
    char *to = data + done * size;
    size_t left = (n - done) * size, ready = size;
    while (left) {
        size_t some = LI_MIN(left, ready);
        memcpy(to, last, some);
        to += some;
        left -= some;
        ready += some;
    }
}

static lince_status fill_values(struct li_tensor *out, const Tf__TensorProto *proto, struct li_arena *arena,
                                lince_error *err)
{
    struct values from = typed_values(proto, out->dtype);
    size_t size = li_dtype_size(out->dtype), n = out->size_bytes / size, given = LI_MIN(from.n, n);
    char text[LI_SHAPE_TEXT];
    lince_string nothing = {"", 0};
    if (given < n && out->size_bytes > LI_MAX_SPLAT_BYTES) {
        return li_fail(err, LINCE_ELIMIT,
                       "a %s constant of shape %s takes %zu bytes of which the file gives %zu values; limit %zu",
                       li_dtype_name(out->dtype), li_shape_text(&out->shape, text), out->size_bytes, given,
                       LI_MAX_SPLAT_BYTES);
    }
    char *data = li_arena_alloc(arena, out->size_bytes, err);
    if (!data) {
        return li_prefix(err, err ? err->code : LINCE_ENOMEM, "a constant of shape %s",
                         li_shape_text(&out->shape, text));
    }
    out->data = data;
    for (size_t i = 0; i < given; i++) {
        store_value(data + i * size, out->dtype, size, &from, i);
    }
    if (!given && n) {
        if (out->dtype == LINCE_STRING) {
            memcpy(data, &nothing, sizeof nothing);
        } else {
            memset(data, 0, size);
        }
        given = 1;
    }
    if (given < n) {
        repeat_last(data, size, given, n);
    }
    return LINCE_OK;
}

/* String content: a varint length for each element, then all their bytes. */
static lince_status read_strings(struct li_tensor *out, struct li_bytes content, struct li_arena *arena,
                                 lince_error *err)
{
    size_t n = out->size_bytes / sizeof(lince_string);
    uint64_t length;
    if (n > content.len) { /* each length is a byte at least */
        return li_fail(err, LINCE_EINVAL, "a constant of %zu strings has %zu bytes of content", n, content.len);
    }
    lince_string *string = li_arena_alloc(arena, out->size_bytes, err);
    if (!string) {
        return li_prefix(err, err ? err->code : LINCE_ENOMEM, "a constant of %zu strings", n);
    }
    for (size_t i = 0; i < n; i++) {
        if (!li_read_varint(&content, &length) || length > SIZE_MAX) {
            return li_fail(err, LINCE_EINVAL, "a constant of %zu strings has no length for string %zu", n, i);
        }
        string[i].size = (size_t)length;
    }
    for (size_t i = 0; i < n; i++) {
        struct li_bytes text;
        if (!li_read_bytes(&content, string[i].size, &text)) {
            return li_fail(err, LINCE_EINVAL, "string %zu of a constant has %zu bytes, %zu are left", i, string[i].size,
                           content.len);
        }
        string[i].data = text.len ? (const char *)text.data : "";
    }
    if (content.len) {
        return li_fail(err, LINCE_EINVAL, "a constant of %zu strings has %zu bytes of content too many", n,
                       content.len);
    }
    out->data = string;
    return LINCE_OK;
}

static lince_status use_content(struct li_tensor *out, struct li_bytes content, struct li_arena *arena,
                                lince_error *err)
{
    char text[LI_SHAPE_TEXT];
    if (out->dtype == LINCE_STRING) {
        return read_strings(out, content, arena, err);
    }
    if (content.len != out->size_bytes) {
        return li_fail(err, LINCE_EINVAL, "a %s constant of shape %s has %zu bytes of content, wanted %zu",
                       li_dtype_name(out->dtype), li_shape_text(&out->shape, text), content.len, out->size_bytes);
    }
    if ((uintptr_t)content.data % LI_MIN(li_dtype_size(out->dtype), (size_t)8)) {
        void *copy = li_arena_alloc(arena, content.len, err);
        if (!copy) {
            return li_prefix(err, err ? err->code : LINCE_ENOMEM, "a constant of shape %s",
                             li_shape_text(&out->shape, text));
        }
        out->data = memcpy(copy, content.data, content.len);
    } else {
        out->data = (void *)(uintptr_t)content.data;
    }
    return LINCE_OK;
}

lince_status li_proto_tensor(struct li_tensor *out, const Tf__TensorProto *proto, struct li_arena *arena,
                             lince_error *err)
{
    struct li_tensor tensor = {0};
    char text[LI_SHAPE_TEXT];
    LI_TRY(li_proto_dtype(&tensor.dtype, proto->dtype, err));
    LI_TRY(li_proto_shape(&tensor.shape, proto->tensor_shape, err));
    if (!li_shape_full(&tensor.shape)) {
        return li_fail(err, LINCE_EINVAL, "a constant has shape %s, wanted every dimension known",
                       li_shape_text(&tensor.shape, text));
    }
    LI_TRY(li_shape_bytes(&tensor.shape, tensor.dtype, &tensor.size_bytes, err));
    if (proto->tensor_content.len) {
        struct li_bytes content = {proto->tensor_content.data, proto->tensor_content.len};
        LI_TRY(use_content(&tensor, content, arena, err));
    } else {
        LI_TRY(fill_values(&tensor, proto, arena, err));
    }
    *out = tensor;
    return LINCE_OK;
}
