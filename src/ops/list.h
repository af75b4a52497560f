/*
 * TensorLists, as tf.TensorArray, tf.map_fn and Keras RNNs make them; private to list_*.c.
 *
 * A list of n elements is a dense value [n, element...]: elements that were never set are zeros (empty strings), which
 * is what TensorFlow reads from them. Until an element or the model tells the element's shape a list is [n, 0], marked
 * unshaped. What this cannot hold is refused: elements of different shapes in one list, and lists of lists.
 */
#ifndef LI_OPS_LIST_H
#define LI_OPS_LIST_H

#include "common.h"

#define LI_LIST_DTYPE                                                                                                  \
    {                                                                                                                  \
        "element_dtype", LI_ATTR_TYPE, NULL,                                                                           \
            "float32 float64 float16 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool string "          \
            "complex64 complex128"                                                                                     \
    }

struct li_list {
    lince_dtype dtype;
    int64_t n;
    struct li_shape element; /* rank -1: unshaped */
};

/* ---- Shapes (list.c) ---- */

/* What input i is: a list, of at most INT32_MAX elements. */
lince_status li_list_in(const struct li_infer *s, int i, struct li_list *list);
/* Output i is that list; one whose element is not fully known is unshaped. */
lince_status li_list_out(const struct li_infer *s, int i, const struct li_list *list);
/* Input i is of the type that attribute element_dtype says. */
lince_status li_list_need_dtype(const struct li_infer *s, int i);
/* Input i holds an index or a size, which are int32 in all these ops: sums of two never overflow. */
lince_status li_list_need_index(const struct li_infer *s, int i);
/* An input element_shape: a vector with -1 for dims that are open, or the scalar -1 for rank -1. */
lince_status li_list_element_shape(const struct li_infer *s, int i, struct li_shape *shape);
/* The element agrees with input element_shape, where that is known by now: it is only a check. */
lince_status li_list_check(const struct li_infer *s, int i, const struct li_shape *element);
/* The element of an unshaped list is what input element_shape says, in full; of others it stays. */
lince_status li_list_settle(const struct li_infer *s, int i, struct li_list *list);
/* The list takes in an element of that shape. */
lince_status li_list_take(const struct li_infer *s, const struct li_shape *element, struct li_list *list);
/* One axis more in front of an element's shape. */
lince_status li_list_stacked(const struct li_infer *s, int64_t n, const struct li_shape *element, struct li_shape *out);
/* An element of a list, without its axis: shape[1:]. */
struct li_shape li_list_row(const struct li_shape *shape);

/* ---- Elements (list.c); positions and counts in numbers or strings, not in elements of the list ---- */

/*
 * to[begin, end) from from[at + begin, at + end); what lies beyond the end of `from` is blank. An unshaped list ends at
 * once, as does none (NULL). Nothing moves where both are in one place.
 */
void li_list_copy(const struct li_operand *to, const struct li_operand *from, int64_t at, int64_t begin, int64_t end);
/* LINCE_EDATA for an index outside [0, n). */
lince_status li_list_check_index(const struct li_call *c, int64_t index, int64_t n);

/* ---- Gradients (list.c): the gradient of a list is a list of the same shape ---- */

/* Whether input i has numbers that a gradient could reach; one that is empty or unshaped has none. */
bool li_list_has_numbers(const struct li_grad *g, int i);
/* Emit an op of lists of the node's element type. */
lince_status li_list_emit(struct li_grad *g, const char *op, const li_vid *in, int nin, li_vid *out);
/* The shape that v has, from dim `first` on, as an element_shape. */
lince_status li_list_shape_of(struct li_grad *g, li_vid v, int first, li_vid *out);
/* v as long as the list in input 0. */
lince_status li_list_resize(struct li_grad *g, li_vid v, li_vid *out);

#endif
