/* Nodes, their attributes and functions as they are written. Private to the room. */
#ifndef LI_MODEL_NODES_OUT_H
#define LI_MODEL_NODES_OUT_H

#include "model/internal.h"

/* Where nodes stand: their field in a GraphDef, in a FunctionDef. */
enum li_nodes_in { LI_IN_GRAPH = 1, LI_IN_FUNCTION = 3 };

/*
 * A node between open and close. Inputs are names as the graph or function spells them, several in one text apart by
 * blanks: names that are written here have none. Give what open returns to close.
 */
size_t li_node_open(struct li_out *out, enum li_nodes_in in, const char *op, const char *name);
void li_node_inputs(struct li_out *out, const char *names);
void li_node_input(struct li_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

void li_attr_type_out(struct li_out *out, const char *key, int32_t dtype);
void li_attr_types_out(struct li_out *out, const char *key, const int32_t *dtype, size_t count);
void li_attr_int_out(struct li_out *out, const char *key, int64_t value);
void li_attr_ints_out(struct li_out *out, const char *key, const int32_t *value, size_t count);
void li_attr_bool_out(struct li_out *out, const char *key, bool value);
void li_attr_text_out(struct li_out *out, const char *key, const char *text);
void li_attr_shape_out(struct li_out *out, const char *key, const struct li_shape *shape);
void li_attr_function_out(struct li_out *out, const char *key, const char *function);
/* Those of a call: its function, and the dtypes of what goes in and what comes out. */
void li_attrs_of_call_out(struct li_out *out, const char *function, const int32_t *in, size_t ins,
                          const int32_t *result, size_t results);

/* "NODE:0" in this field. */
void li_node_tensor(struct li_out *out, uint32_t field, const char *node);
/* A shape as a message in this field. */
void li_shape_out(struct li_out *out, uint32_t field, const struct li_shape *shape);

/* An op whose only attribute is its type T. */
void li_node_plain(struct li_out *out, enum li_nodes_in in, const char *op, const char *name, const char *inputs,
                   int32_t type);
/* A Const of this tensor; of strings too. */
void li_node_const(struct li_out *out, enum li_nodes_in in, const char *name, const struct li_tensor *tensor);
void li_node_const_f32(struct li_out *out, enum li_nodes_in in, const char *name, const float *data, int64_t count);
/* Of one int32, or of several in a row; a count of 0 is a scalar, of f32 too. */
void li_node_const_i32(struct li_out *out, enum li_nodes_in in, const char *name, const int32_t *data, int64_t count);

/* ReadVariableOp of a float32 variable. */
void li_node_read(struct li_out *out, enum li_nodes_in in, const char *name, const char *handle, int32_t type);

#endif
