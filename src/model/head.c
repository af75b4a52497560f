/*
 * A head, dropout and a dense layer, as nodes of a function; and what stands before a body.
 *
 * layers: graphs of files
 */
#include "model/publish.h"

#include <stdio.h>

static const enum li_nodes_in IN = LI_IN_FUNCTION;

static void cast_type(struct li_out *out, const char *op, const char *name, const char *inputs)
{
    li_node_plain(out, IN, op, name, inputs, LINCE_FLOAT32);
}

/* What is kept is scaled by 1 / (1 - rate), as tf.nn.dropout does it. */
static void dropout(struct li_out *out, const char *features, double rate)
{
    const float edge = (float)rate, scale = (float)(1.0 / (1.0 - rate)), zero = 0;
    char inputs[128];
    size_t at = li_node_open(out, IN, "Shape", "dropout/Shape");
    li_node_inputs(out, features);
    li_attr_type_out(out, "T", LINCE_FLOAT32);
    li_attr_type_out(out, "out_type", LINCE_INT32);
    li_out_close(out, at);
    at = li_node_open(out, IN, "RandomUniform", "dropout/RandomUniform");
    li_node_inputs(out, "dropout/Shape:output:0");
    li_attr_type_out(out, "T", LINCE_INT32);
    li_attr_type_out(out, "dtype", LINCE_FLOAT32);
    li_attr_int_out(out, "seed", 0);
    li_attr_int_out(out, "seed2", 0);
    li_out_close(out, at);
    li_node_const_f32(out, IN, "dropout/rate", &edge, 0);
    li_node_const_f32(out, IN, "dropout/scale", &scale, 0);
    li_node_const_f32(out, IN, "dropout/zero", &zero, 0);
    cast_type(out, "GreaterEqual", "dropout/keep", "dropout/RandomUniform:output:0 dropout/rate:output:0");
    snprintf(inputs, sizeof inputs, "%s dropout/scale:output:0", features);
    cast_type(out, "Mul", "dropout/Mul", inputs);
    cast_type(out, "SelectV2", "dropout/SelectV2", "dropout/keep:z:0 dropout/Mul:z:0 dropout/zero:output:0");
}

void li_head_nodes(struct li_out *out, const struct li_head *head, const char *features, const char *kernel,
                   const char *bias, bool training)
{
    char inputs[128];
    if (training && head->dropout > 0) {
        dropout(out, features, head->dropout);
        features = "dropout/SelectV2:output:0";
    }
    li_node_read(out, IN, "head/kernel", kernel, LINCE_FLOAT32);
    li_node_read(out, IN, "head/bias", bias, LINCE_FLOAT32);
    snprintf(inputs, sizeof inputs, "%s head/kernel:value:0", features);
    cast_type(out, "MatMul", "head/MatMul", inputs);
    cast_type(out, "BiasAdd", "head/BiasAdd", "head/MatMul:product:0 head/bias:value:0");
}

void li_range_nodes(struct li_out *out, const char *images, const float mean[3], const float std[3])
{
    char inputs[128];
    li_node_const_f32(out, IN, "range/mean", mean, 3);
    li_node_const_f32(out, IN, "range/std", std, 3);
    snprintf(inputs, sizeof inputs, "%s range/mean:output:0", images);
    cast_type(out, "Sub", "range/Sub", inputs);
    cast_type(out, "RealDiv", "range/RealDiv", "range/Sub:z:0 range/std:output:0");
}

/* ---- The loss ---- */

/* factor * sum(op(kernel)) */
static void term(struct li_out *out, const char *op, const char *values, float factor, const char *const name[3])
{
    li_node_plain(out, IN, op, op, "kernel:value:0", LINCE_FLOAT32);
    size_t at = li_node_open(out, IN, "Sum", name[0]);
    li_node_inputs(out, values);
    li_node_inputs(out, "axes:output:0");
    li_attr_type_out(out, "T", LINCE_FLOAT32);
    li_attr_type_out(out, "Tidx", LINCE_INT32);
    li_attr_bool_out(out, "keep_dims", false);
    li_out_close(out, at);
    li_node_const_f32(out, IN, name[1], &factor, 0);
    at = li_node_open(out, IN, "Mul", name[2]);
    li_node_input(out, "%s:output:0", name[0]);
    li_node_input(out, "%s:output:0", name[1]);
    li_attr_type_out(out, "T", LINCE_FLOAT32);
    li_out_close(out, at);
}

/* l1 * sum(|w|) + l2 * sum(w * w), without a half, as Keras has it. */
static const char *loss_nodes(struct li_out *out, const struct li_head *head)
{
    static const int32_t axes[] = {0, 1};
    li_node_read(out, IN, "kernel", "capture_0", LINCE_FLOAT32);
    li_node_const_i32(out, IN, "axes", axes, 2);
    if (head->l1 > 0) {
        term(out, "Abs", "Abs:y:0", (float)head->l1, (const char *const[]){"l1/Sum", "l1/factor", "l1/Mul"});
    }
    if (head->l2 > 0) {
        term(out, "Square", "Square:y:0", (float)head->l2, (const char *const[]){"l2/Sum", "l2/factor", "l2/Mul"});
    }
    if (head->l1 > 0 && head->l2 > 0) {
        cast_type(out, "AddV2", "add", "l1/Mul:z:0 l2/Mul:z:0");
        return "add:z:0";
    }
    return head->l1 > 0 ? "l1/Mul:z:0" : "l2/Mul:z:0";
}

lince_status li_head_loss(struct li_publishing *p, int32_t *out)
{
    static const struct li_arg scalar = {.kind = LI_ARG_SPEC, .dtype = LINCE_FLOAT32};
    const struct li_arg *result = &scalar;
    struct li_draft *d = &p->draft;
    struct li_made made = {.captured = &p->kernel, .captures = 1};
    Tf__StructuredValue *both[] = {li_draft_sequence(d, NULL, 0), li_draft_dict(d, NULL, NULL, 0)};
    Tf__FunctionSpec *spec = li_draft_function_spec(d, NULL);
    char **trace = li_arena_alloc(&d->arena, sizeof *trace, d->err);
    if (!both[0] || !both[1] || !spec || !trace) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_made_open(&made, d, "head_loss"));
    const char *from = loss_nodes(&made.out, p->what->head);
    lince_status st = li_made_close(&made, &from, &result, 1, li_draft_sequence(d, both, 2),
                                    li_draft_spec(d, "", LINCE_FLOAT32, &scalar.shape));
    li_made_free(&made);
    trace[0] = (char *)(uintptr_t)made.name;
    return st ? st : li_draft_callable(d, trace, 1, spec, out);
}
