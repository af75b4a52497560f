/* Runs of graphs with bodies, and of rows whose writes are left to the commit. */
#ifndef LI_UNIT_RUNTIME_CONTROL_SUPPORT_H
#define LI_UNIT_RUNTIME_CONTROL_SUPPORT_H

#include "unit/control_support.h"
#include "unit/runtime_support.h"

/* ---- Rows that write at the commit ---- */

static const struct li_op op_assign = {.name = "Assign",
                                       .inputs_min = 2,
                                       .inputs_max = 2,
                                       .forward = write_forward,
                                       .effects = LI_EFFECT_WRITE,
                                       .flags = LI_OP_COMMIT};
static const struct li_op op_assign_add = {.name = "AssignAdd",
                                           .inputs_min = 2,
                                           .inputs_max = 2,
                                           .forward = accumulate_forward,
                                           .effects = LI_EFFECT_WRITE,
                                           .flags = LI_OP_COMMIT};

/* ---- Runs ---- */

/* What a run with one float32 input ends in. */
static inline lince_status status_on(struct fixture *f, struct li_session *s, const struct li_shape *shape,
                                     const float *data)
{
    struct li_tensor input = float_tensor(shape, data);
    const struct li_tensor *out;
    return li_session_run(s, &input, 1, NULL, &out, &f->err);
}

/* The first element of the first output of a run on one number. */
static inline float run_number(struct fixture *f, struct li_session *s, float value)
{
    return first_of(run_on(f, s, SHAPE(1), &value));
}

#endif
