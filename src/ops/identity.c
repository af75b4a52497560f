/* What passes a value on: as it is, or after a check. */
#include "common.h"

#include <math.h>
#include <stdio.h>

static lince_status same_shape(struct li_infer *s)
{
    return li_out_same(s, 0, 0);
}

static lince_status pass_grad(struct li_grad *g)
{
    g->dx[0] = g->dy[0];
    return LINCE_OK;
}

#define PASS(id, op, arg, specs, gradient)                                                                             \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 1,                                                                                               \
        .inputs_max = 1,                                                                                               \
        .outputs = LI_OUTPUT(arg),                                                                                     \
        .attrs = specs,                                                                                                \
        .shape = same_shape,                                                                                           \
        .grad = gradient,                                                                                              \
        .flags = LI_OP_ALIAS,                                                                                          \
    }

PASS(identity, "Identity", "output", LI_ATTRS(LI_TYPE_SPEC("T")), pass_grad);
PASS(stop_gradient, "StopGradient", "output", LI_ATTRS(LI_TYPE_SPEC("T")), li_grad_none);
PASS(snapshot, "Snapshot", "output", LI_ATTRS(LI_TYPE_SPEC("T")), pass_grad);

/* The value may be fed; unfed it is its input. */
PASS(placeholder_with_default, "PlaceholderWithDefault", "output",
     LI_ATTRS(LI_TYPE_SPEC("dtype"), {"shape", LI_ATTR_SHAPE, "unknown", NULL}), pass_grad);

static lince_status prevent_grad(struct li_grad *g)
{
    return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": its gradient is forbidden by the model: %s", g->node->name,
                   li_attr(g->node, "message")->s);
}

PASS(prevent_gradient, "PreventGradient", "output", LI_ATTRS(LI_TYPE_SPEC("T"), {"message", LI_ATTR_STRING, "", NULL}),
     prevent_grad);

/* An input of the graph that nobody gave a value. */
static lince_status placeholder_shape(struct li_infer *s)
{
    return li_infer_fail(s, LINCE_EINVAL, "a placeholder inside the graph has no value");
}

const struct li_op li_op_placeholder = {
    .name = "Placeholder",
    .inputs_min = 0,
    .inputs_max = 0,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("dtype"), {"shape", LI_ATTR_SHAPE, "unknown", NULL}),
    .shape = placeholder_shape,
    .grad = li_grad_none,
};

/* ---- IdentityN ---- */

static lince_status identity_n_shape(struct li_infer *s)
{
    if (s->node->nin != s->node->nout) {
        return li_infer_fail(s, LINCE_EINVAL, "%d inputs and %d types", s->node->nin, s->node->nout);
    }
    for (int i = 0; i < s->node->nin; i++) {
        LI_TRY(li_out_same(s, i, i));
    }
    return LINCE_OK;
}

static lince_status identity_n_prepare(struct li_prepare *p)
{
    int64_t most = 0;
    for (int i = 0; i < p->node->nin; i++) {
        most = LI_MAX(most, li_shape_count(&li_ops_in(p, i)->shape));
    }
    p->tasks = li_task_count(most, LI_GRAIN_CHEAP);
    return LINCE_OK;
}

static void copy_operand(struct li_call *c, const struct li_operand *out, const struct li_operand *in)
{
    struct li_move m = {.size = li_dtype_size(in->dtype)};
    li_move_shape(&m, in->shape, out->stride, in->stride);
    li_move_run(&m, out->data, in->data, c->task, c->tasks);
}

static lince_status identity_n_forward(struct li_call *c)
{
    for (int i = 0; i < c->node->nin; i++) {
        if (c->in[i].dtype != LINCE_RESOURCE) {
            copy_operand(c, &c->out[i], &c->in[i]);
        }
    }
    return LINCE_OK;
}

/*
 * Functions with a custom gradient end in IdentityN, whose _gradient_op_type names that gradient. This one is for when
 * the file does not have it; for those that image models have, swish above all, it is the gradient of the nodes
 * themselves, computed with less memory.
 */
static lince_status identity_n_grad(struct li_grad *g)
{
    for (int i = 0; i < g->node->nin; i++) {
        g->dx[i] = g->dy[i];
    }
    return LINCE_OK;
}

const struct li_op li_op_identity_n = {
    .name = "IdentityN",
    .inputs_min = 1,
    .inputs_max = -1,
    .outputs = LI_OUTPUTS({"output", "T"}),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPES, NULL, NULL}, {"_gradient_op_type", LI_ATTR_STRING, "", NULL}),
    .shape = identity_n_shape,
    .layout = li_ops_layout_strided,
    .prepare = identity_n_prepare,
    .forward = identity_n_forward,
    .grad = identity_n_grad,
};

/* ---- Checks ---- */

static lince_status ensure_shape(struct li_infer *s)
{
    const struct li_attr *wanted = li_attr(s->node, "shape");
    char found[LI_SHAPE_TEXT], text[LI_SHAPE_TEXT];
    if (!li_shape_compatible(li_in_shape(s, 0), wanted->shape)) {
        return li_infer_fail(s, LINCE_EINVAL, "shape is %s, the model ensures %s",
                             li_shape_text(li_in_shape(s, 0), found), li_shape_text(wanted->shape, text));
    }
    return li_out_same(s, 0, 0);
}

const struct li_op li_op_ensure_shape = {
    .name = "EnsureShape",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"shape", LI_ATTR_SHAPE, NULL, NULL}, LI_TYPE_SPEC("T")),
    .shape = ensure_shape,
    .grad = pass_grad,
    .flags = LI_OP_ALIAS,
};

static lince_status check_numerics_forward(struct li_call *c)
{
    int64_t begin, end;
    lince_dtype dtype = c->in[0].dtype;
    li_task_range(c, li_count(&c->in[0]), &begin, &end);
    for (int64_t i = begin; i < end; i += LI_BLOCK) {
        union li_block block;
        int64_t n = LI_MIN(end - i, LI_BLOCK);
        li_block_load(&block, dtype, li_at(c->in[0].data, dtype, i), 1, n);
        for (int64_t k = 0; k < n; k++) {
            if (!isfinite(block.f[k])) {
                return li_call_fail(c, LINCE_EDATA, "%s: element %lld is %s", li_attr(c->node, "message")->s,
                                    (long long)(i + k), isnan(block.f[k]) ? "NaN" : "infinite");
            }
        }
        li_block_store(li_at(c->out[0].data, dtype, i), dtype, &block, n);
    }
    return LINCE_OK;
}

const struct li_op li_op_check_numerics = {
    .name = "CheckNumerics",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"message", LI_ATTR_STRING, "", NULL}),
    .shape = li_ops_same_float,
    .prepare = li_ops_prepare_cheap,
    .forward = check_numerics_forward,
    .grad = pass_grad,
    .flags = LI_OP_INPLACE,
    .effects = LI_EFFECT_FAIL,
};

static lince_status assert_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_BOOL));
    return li_need_rank(s, 0, 0);
}

/* The first elements of what the model wants shown, as "[1 2 3...]". */
static size_t show(char *text, size_t room, const struct li_operand *o, int64_t most)
{
    size_t used = (size_t)snprintf(text, room, " [");
    int64_t n = li_count(o), shown = most < 0 ? n : LI_MIN(n, most);
    for (int64_t i = 0; i < shown && used < room; i++) {
        const char *blank = i ? " " : "";
        const struct li_tensor view = {
            .dtype = o->dtype, .shape = *o->shape, .data = o->data, .size_bytes = (size_t)n * li_dtype_size(o->dtype)};
        if (o->dtype == LINCE_STRING) {
            const lince_string *s = &((const lince_string *)o->data)[i];
            used += (size_t)snprintf(text + used, room - used, "%s%.*s", blank, (int)LI_MIN(s->size, 200), s->data);
        } else if (li_dtype_is_float(o->dtype)) {
            used += (size_t)snprintf(text + used, room - used, "%s%g", blank, li_tensor_float(&view, i));
        } else if (li_dtype_in(o->dtype, LI_SET_INT | LI_SET_BOOL)) {
            used += (size_t)snprintf(text + used, room - used, "%s%lld", blank, (long long)li_tensor_int(&view, i));
        }
    }
    if (used < room) {
        used += (size_t)snprintf(text + used, room - used, "%s]", shown < n ? "..." : "");
    }
    return LI_MIN(used, room);
}

static lince_status assert_forward(struct li_call *c)
{
    char text[LINCE_ERROR_TEXT / 2] = "";
    size_t used = 0;
    if (*(const uint8_t *)c->in[0].data) {
        return LINCE_OK;
    }
    for (int i = 1; i < c->node->nin && used + 1 < sizeof(text); i++) {
        used += show(text + used, sizeof(text) - used, &c->in[i], li_attr_int(c->node, "summarize"));
    }
    return li_call_fail(c, LINCE_EDATA, "assertion failed:%s", text);
}

const struct li_op li_op_assert = {
    .name = "Assert",
    .inputs_min = 1,
    .inputs_max = -1,
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPES, "[]", NULL}, {"summarize", LI_ATTR_INT, "3", NULL}),
    .shape = assert_shape,
    .forward = assert_forward,
    .grad = li_grad_none,
    .effects = LI_EFFECT_FAIL,
};
