/*
 * If, Case, While: rows that run bodies. What they do with them is the same for all of a kind and stands in graph and
 * runtime; here is what a selector means.
 */
#include "common.h"

/* A number other than 0, a text that is not empty; of what is no scalar, whether it has elements. */
static bool holds(const struct li_tensor *t)
{
    if (t->shape.rank != 0 || t->size_bytes == 0) {
        return t->size_bytes != 0;
    }
    if (t->dtype == LINCE_STRING) {
        return ((const lince_string *)t->data)->size != 0;
    }
    return li_tensor_float(t, 0) != 0;
}

/* then_branch is the first. */
static int choose_if(const struct li_tensor *selector, int bodies)
{
    (void)bodies;
    return holds(selector) ? 0 : 1;
}

/* Any number that is no branch's means the last. */
static int choose_case(const struct li_tensor *selector, int bodies)
{
    int64_t branch = li_tensor_int(selector, 0);
    return branch < 0 || branch >= bodies ? bodies - 1 : (int)branch;
}

static lince_status case_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_INT32)));
    return li_need_rank(s, 0, 0);
}

/* Shapes that a trace was made with; those that a call has decide. */
#define OUTPUT_SHAPES                                                                                                  \
    {                                                                                                                  \
        "output_shapes", LI_ATTR_SHAPES, "[]", NULL                                                                    \
    }

/* A function's name is for messages: the graph is the node's body. */
#define FUNCTION(name)                                                                                                 \
    {                                                                                                                  \
        name, LI_ATTR_FUNC, NULL, NULL                                                                                 \
    }

#define TYPES(name)                                                                                                    \
    {                                                                                                                  \
        name, LI_ATTR_TYPES, NULL, NULL                                                                                \
    }

#define IF_ROW                                                                                                         \
    .inputs_min = 1, .inputs_max = -1, .outputs = LI_OUTPUTS({"output", "Tout"}),                                      \
    .attrs = LI_ATTRS({"Tcond", LI_ATTR_TYPE, NULL, NULL}, TYPES("Tin"), TYPES("Tout"), FUNCTION("then_branch"),       \
                      FUNCTION("else_branch"), OUTPUT_SHAPES),                                                         \
    .control = LI_CONTROL_BRANCH, .bodies = (const char *const[]){"then_branch", "else_branch", NULL},                 \
    .grad = li_grad_bodies, .choose = choose_if

#define CASE_ROW                                                                                                       \
    .inputs_min = 1, .inputs_max = -1, .outputs = LI_OUTPUTS({"output", "Tout"}),                                      \
    .attrs = LI_ATTRS(TYPES("Tin"), TYPES("Tout"), {"branches", LI_ATTR_FUNCS, NULL, NULL}, OUTPUT_SHAPES),            \
    .control = LI_CONTROL_BRANCH, .bodies = (const char *const[]){"branches", NULL}, .shape = case_shape,              \
    .grad = li_grad_bodies, .choose = choose_case

#define WHILE_ROW                                                                                                      \
    .inputs_min = 0, .inputs_max = -1, .outputs = LI_OUTPUTS({"output", "T"}),                                         \
    .attrs = LI_ATTRS(TYPES("T"), FUNCTION("cond"), FUNCTION("body"), OUTPUT_SHAPES,                                   \
                      {"parallel_iterations", LI_ATTR_INT, "10", NULL}),                                               \
    .control = LI_CONTROL_LOOP, .bodies = (const char *const[]){"cond", "body", NULL}, .grad = li_grad_bodies,         \
    .choose = choose_if

const struct li_op li_op_case = {.name = "Case", CASE_ROW};
const struct li_op li_op_if = {.name = "If", IF_ROW};
const struct li_op li_op_stateless_case = {.name = "StatelessCase", CASE_ROW};
const struct li_op li_op_stateless_if = {.name = "StatelessIf", IF_ROW};
const struct li_op li_op_stateless_while = {.name = "StatelessWhile", WHILE_ROW};
const struct li_op li_op_while = {.name = "While", WHILE_ROW};
