/* Appending nodes of a training step, to a bound graph or an inferred one; private to this room. */
#ifndef LI_OPS_BUILD_H
#define LI_OPS_BUILD_H

#include "common.h"
#include "ops.h"

/* The first failure stays in `status`; after it nothing is appended, and values are LI_NONE. */
struct li_build {
    struct li_graph *g;
    const char *name; /* of what is built: nodes are named NAME/OP */
    bool inferred;    /* g is: new values have shapes at once */
    lince_status status;
    lince_error *err;
};

/* One node; its first output, or LI_NONE where it has none. */
li_vid li_build_node(struct li_build *b, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                     int nattrs);
li_vid li_build_one(struct li_build *b, const char *op, li_vid x);
li_vid li_build_two(struct li_build *b, const char *op, li_vid x, li_vid y);
/* Constants. count -1: a scalar. */
li_vid li_build_number(struct li_build *b, float number);
li_vid li_build_numbers(struct li_build *b, const float *numbers, int count); /* [count] */
li_vid li_build_ints(struct li_build *b, const int32_t *values, int count);
/* Sum or mean over one axis, which may be -1. */
li_vid li_build_reduce(struct li_build *b, const char *op, li_vid x, int axis);
/* The sum of all elements, a scalar. */
li_vid li_build_total(struct li_build *b, li_vid x);

#endif
