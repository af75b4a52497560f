/*
 * Nodes and attributes, field by field. The numbers are those of graph.proto.
 *
 * layers: graphs of files
 */
#include "model/nodes_out.h"

#include <stdio.h>
#include <string.h>

enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTR = 5 };
enum { KEY = 1, VALUE = 2 };
enum { AS_LIST = 1, AS_TEXT = 2, AS_INT = 3, AS_BOOL = 5, AS_TYPE = 6, AS_SHAPE = 7, AS_TENSOR = 8, AS_FUNCTION = 10 };
enum { LIST_INT = 3, LIST_TYPE = 6 };

size_t li_node_open(struct li_out *out, enum li_nodes_in in, const char *op, const char *name)
{
    size_t at = li_out_open(out, (uint32_t)in);
    li_out_text(out, NODE_NAME, name);
    li_out_text(out, NODE_OP, op);
    return at;
}

void li_node_inputs(struct li_out *out, const char *names)
{
    for (size_t n; *names; names += n + (names[n] == ' ')) {
        n = strcspn(names, " ");
        li_out_bytes(out, NODE_INPUT, (struct li_bytes){(const uint8_t *)names, n});
    }
}

void li_node_input(struct li_out *out, const char *format, ...)
{
    char text[2 * LI_MAX_NAME];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        li_out_fail(out, li_fail(out->err, LINCE_ELIMIT, "the name of an input has %d bytes", n));
        return;
    }
    li_out_text(out, NODE_INPUT, text);
}

/* ---- Attributes ---- */

struct entry {
    size_t entry, value;
};

static struct entry entry_open(struct li_out *out, const char *key)
{
    struct entry e = {.entry = li_out_open(out, NODE_ATTR)};
    li_out_text(out, KEY, key);
    e.value = li_out_open(out, VALUE);
    return e;
}

static void entry_close(struct li_out *out, struct entry e)
{
    li_out_close(out, e.value);
    li_out_close(out, e.entry);
}

static void number(struct li_out *out, const char *key, uint32_t field, int64_t value)
{
    struct entry e = entry_open(out, key);
    li_out_int(out, field, value);
    entry_close(out, e);
}

void li_attr_type_out(struct li_out *out, const char *key, int32_t dtype)
{
    number(out, key, AS_TYPE, dtype);
}

void li_attr_int_out(struct li_out *out, const char *key, int64_t value)
{
    number(out, key, AS_INT, value);
}

void li_attr_bool_out(struct li_out *out, const char *key, bool value)
{
    number(out, key, AS_BOOL, value);
}

void li_attr_text_out(struct li_out *out, const char *key, const char *text)
{
    struct entry e = entry_open(out, key);
    li_out_text(out, AS_TEXT, text);
    entry_close(out, e);
}

static void numbers(struct li_out *out, const char *key, uint32_t field, const int32_t *value, size_t count)
{
    struct entry e = entry_open(out, key);
    size_t list = li_out_open(out, AS_LIST);
    for (size_t i = 0; i < count; i++) {
        li_out_int(out, field, value[i]);
    }
    li_out_close(out, list);
    entry_close(out, e);
}

void li_attr_types_out(struct li_out *out, const char *key, const int32_t *dtype, size_t count)
{
    numbers(out, key, LIST_TYPE, dtype, count);
}

void li_attr_ints_out(struct li_out *out, const char *key, const int32_t *value, size_t count)
{
    numbers(out, key, LIST_INT, value, count);
}

void li_attr_function_out(struct li_out *out, const char *key, const char *function)
{
    struct entry e = entry_open(out, key);
    size_t list = li_out_open(out, AS_FUNCTION);
    li_out_text(out, 1, function);
    li_out_close(out, list);
    entry_close(out, e);
}

void li_attrs_of_call_out(struct li_out *out, const char *function, const int32_t *in, size_t ins,
                          const int32_t *result, size_t results)
{
    li_attr_types_out(out, "Tin", in, ins);
    li_attr_types_out(out, "Tout", result, results);
    li_attr_function_out(out, "f", function);
    li_attr_text_out(out, "config", "");
    li_attr_text_out(out, "config_proto", "");
    li_attr_text_out(out, "executor_type", "");
}

void li_node_tensor(struct li_out *out, uint32_t field, const char *node)
{
    size_t at = li_out_open(out, field);
    li_out_raw(out, (struct li_bytes){(const uint8_t *)node, strlen(node)});
    li_out_raw(out, (struct li_bytes){(const uint8_t *)":0", 2});
    li_out_close(out, at);
}

void li_shape_out(struct li_out *out, uint32_t field, const struct li_shape *shape)
{
    enum { DIM = 2, UNKNOWN_RANK = 3, SIZE = 1 };
    size_t at = li_out_open(out, field);
    for (int i = 0; i < shape->rank; i++) {
        size_t dim = li_out_open(out, DIM);
        li_out_int(out, SIZE, shape->dim[i]);
        li_out_close(out, dim);
    }
    if (shape->rank < 0) {
        li_out_int(out, UNKNOWN_RANK, 1);
    }
    li_out_close(out, at);
}

void li_attr_shape_out(struct li_out *out, const char *key, const struct li_shape *shape)
{
    struct entry e = entry_open(out, key);
    li_shape_out(out, AS_SHAPE, shape);
    entry_close(out, e);
}

/* ---- Whole nodes ---- */

void li_node_plain(struct li_out *out, enum li_nodes_in in, const char *op, const char *name, const char *inputs,
                   int32_t type)
{
    size_t at = li_node_open(out, in, op, name);
    li_node_inputs(out, inputs);
    li_attr_type_out(out, "T", type);
    li_out_close(out, at);
}

void li_node_read(struct li_out *out, enum li_nodes_in in, const char *name, const char *handle, int32_t type)
{
    size_t at = li_node_open(out, in, "ReadVariableOp", name);
    li_node_inputs(out, handle);
    li_attr_type_out(out, "dtype", type);
    li_out_close(out, at);
}

static void tensor_out(struct li_out *out, const struct li_tensor *tensor)
{
    enum { DTYPE = 1, SHAPE = 2, CONTENT = 4, STRINGS = 8 };
    size_t at = li_out_open(out, AS_TENSOR);
    li_out_int(out, DTYPE, tensor->dtype);
    li_shape_out(out, SHAPE, &tensor->shape);
    const lince_string *text = tensor->data;
    for (int64_t i = 0; tensor->dtype == LINCE_STRING && i < li_shape_count(&tensor->shape); i++) {
        li_out_bytes(out, STRINGS, (struct li_bytes){(const uint8_t *)text[i].data, text[i].size});
    }
    if (tensor->dtype != LINCE_STRING) {
        li_out_bytes(out, CONTENT, (struct li_bytes){tensor->data, tensor->size_bytes});
    }
    li_out_close(out, at);
}

void li_node_const(struct li_out *out, enum li_nodes_in in, const char *name, const struct li_tensor *tensor)
{
    size_t at = li_node_open(out, in, "Const", name);
    struct entry e = entry_open(out, "value");
    tensor_out(out, tensor);
    entry_close(out, e);
    li_attr_type_out(out, "dtype", tensor->dtype);
    li_out_close(out, at);
}

static struct li_tensor row(lince_dtype dtype, const void *data, int64_t count, size_t size)
{
    return (struct li_tensor){.dtype = dtype,
                              .shape = {.rank = count > 0, .dim = {count}},
                              .data = (void *)(uintptr_t)data,
                              .size_bytes = size * (size_t)LI_MAX(count, 1)};
}

void li_node_const_f32(struct li_out *out, enum li_nodes_in in, const char *name, const float *data, int64_t count)
{
    struct li_tensor tensor = row(LINCE_FLOAT32, data, count, sizeof *data);
    li_node_const(out, in, name, &tensor);
}

void li_node_const_i32(struct li_out *out, enum li_nodes_in in, const char *name, const int32_t *data, int64_t count)
{
    struct li_tensor tensor = row(LINCE_INT32, data, count, sizeof *data);
    li_node_const(out, in, name, &tensor);
}
