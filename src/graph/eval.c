/* Running a single node on tensors: how constants are folded, and ops tested. */
#include "internal.h"

#include <string.h>

/* One evaluation; what it needs lies in arena, but for outputs and scratch. */
struct evaluation {
    const struct li_graph *g;
    const struct li_node *node;
    const struct li_env *env;
    lince_error *err;
    struct li_arena arena;
    struct li_operand *in, *out, *before, *after; /* the latter two by touch */
    struct li_state *state;
    struct li_prepare prepared;
    void *scratch;
};

static lince_status describe(struct evaluation *e, struct li_operand *operand, const struct li_tensor *tensor)
{
    struct li_view *view = li_arena_calloc(&e->arena, 1, sizeof *view, e->err);
    struct li_shape *shape = li_arena_alloc(&e->arena, sizeof *shape, e->err);
    if (!view || !shape) {
        return LINCE_ENOMEM;
    }
    *shape = tensor->shape;
    int64_t stride = 1;
    for (int d = shape->rank - 1; d >= 0; d--) {
        view->stride[d] = stride;
        stride *= shape->dim[d];
    }
    view->base = LI_NONE;
    view->buffer_count = stride;
    *operand = (struct li_operand){
        .data = tensor->data, .dtype = tensor->dtype, .shape = shape, .stride = view->stride, .view = view};
    return LINCE_OK;
}

static lince_status make_output(struct evaluation *e, int i, struct li_tensor *tensor)
{
    const struct li_value *value = &e->g->values[e->node->out[i]];
    *tensor = (struct li_tensor){.dtype = value->dtype, .shape = value->shape};
    LI_TRY(li_shape_bytes(&tensor->shape, tensor->dtype, &tensor->size_bytes, e->err));
    tensor->data = li_alloc(e->env->mem, tensor->size_bytes, e->err);
    return tensor->data ? describe(e, &e->out[i], tensor) : LINCE_ENOMEM;
}

static bool has_value(const struct li_touch *touch)
{
    return touch->how & (LI_EFFECT_READ | LI_EFFECT_WRITE | LI_EFFECT_RANDOM);
}

static bool is_written(const struct li_touch *touch)
{
    return touch->how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM);
}

static lince_status state_room(struct evaluation *e, const struct li_resource *r, struct li_operand *operand)
{
    struct li_tensor tensor = r->value;
    char *bytes = li_arena_alloc(&e->arena, r->value.size_bytes + (size_t)LI_ALIGN, e->err);
    if (!bytes) {
        return LINCE_ENOMEM;
    }
    tensor.data = bytes + (LI_ALIGN - (uintptr_t)bytes % LI_ALIGN) % LI_ALIGN;
    return describe(e, operand, &tensor);
}

static lince_status make_state(struct evaluation *e, int i)
{
    const struct li_touch *touch = &e->node->touch[i];
    const struct li_resource *r = li_store_get(e->g->store, touch->resource);
    e->state[i].resource = r;
    if (has_value(touch)) {
        LI_TRY(state_room(e, r, &e->before[i]));
        LI_TRY(li_store_read(e->g->store, touch->resource, e->before[i].data, r->value.size_bytes, e->err));
        e->state[i].in = &e->before[i];
    }
    if (is_written(touch)) {
        LI_TRY(state_room(e, r, &e->after[i]));
        e->state[i].out = &e->after[i];
    }
    return LINCE_OK;
}

static lince_status make_states(struct evaluation *e)
{
    size_t count = (size_t)e->node->touches;
    e->before = li_arena_calloc(&e->arena, count, sizeof *e->before, e->err);
    e->after = li_arena_calloc(&e->arena, count, sizeof *e->after, e->err);
    e->state = li_arena_calloc(&e->arena, count, sizeof *e->state, e->err);
    if (!e->before || !e->after || !e->state) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < e->node->touches; i++) {
        LI_TRY(make_state(e, i));
    }
    return LINCE_OK;
}

static lince_status write_states(const struct evaluation *e)
{
    for (int i = 0; i < e->node->touches; i++) {
        const struct li_state *state = &e->state[i];
        if (state->out) {
            LI_TRY(li_store_write(e->g->store, e->node->touch[i].resource, state->out->data,
                                  state->resource->value.size_bytes, e->err));
        }
    }
    return LINCE_OK;
}

static lince_status set_up(struct evaluation *e, const struct li_tensor *in, struct li_tensor *out)
{
    const struct li_node *node = e->node;
    e->in = li_arena_calloc(&e->arena, (size_t)node->nin, sizeof *e->in, e->err);
    e->out = li_arena_calloc(&e->arena, (size_t)node->nout, sizeof *e->out, e->err);
    if (!e->in || !e->out) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < node->nin; i++) {
        LI_TRY(describe(e, &e->in[i], &in[i]));
    }
    for (int i = 0; i < node->nout; i++) {
        LI_TRY(make_output(e, i, &out[i]));
    }
    LI_TRY(make_states(e));
    e->prepared =
        (struct li_prepare){.graph = e->g, .node = node, .env = e->env, .arena = &e->arena, .err = e->err, .tasks = 1};
    if (node->op->prepare) {
        LI_TRY(node->op->prepare(&e->prepared));
    }
    e->scratch = li_alloc(e->env->mem, e->prepared.scratch_bytes, e->err);
    return e->scratch ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status run_tasks(struct evaluation *e)
{
    struct li_call call = {
        .node = e->node,
        .in = e->in,
        .out = e->out,
        .state = e->state,
        .plan = e->prepared.plan,
        .tasks = e->prepared.tasks,
        .scratch = e->scratch,
        .kernels = e->env->kernels,
        .err = e->err,
    };
    unsigned mode = li_subnormals_flush();
    lince_status st = LINCE_OK;
    for (; call.task < call.tasks && !st; call.task++) {
        st = e->node->op->forward(&call);
    }
    li_subnormals_restore(mode);
    return st;
}

/* Aliases and plain reads have no forward. */
static lince_status copy_whole(struct evaluation *e, const struct li_tensor *in, struct li_tensor *out)
{
    const struct li_operand *read = e->node->touches ? e->state[0].in : NULL;
    const void *from = read ? read->data : e->node->nin > 0 ? in[0].data : NULL;
    if (e->node->nout != 1 || !from) {
        return li_fail(e->err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): cannot be run", e->node->name, e->node->op->name);
    }
    if (out[0].size_bytes) {
        memcpy(out[0].data, from, out[0].size_bytes);
    }
    return LINCE_OK;
}

static lince_status evaluate(struct evaluation *e, const struct li_tensor *in, struct li_tensor *out)
{
    LI_TRY(set_up(e, in, out));
    if (!e->node->op->forward || (e->node->op->flags & LI_OP_ALIAS)) {
        return copy_whole(e, in, out);
    }
    LI_TRY(run_tasks(e));
    return write_states(e);
}

lince_status li_node_eval(const struct li_graph *g, const struct li_node *node, const struct li_tensor *in,
                          struct li_tensor *out, const struct li_env *env, lince_error *err)
{
    struct evaluation e = {.g = g, .node = node, .env = env, .err = err};
    li_arena_init(&e.arena, env->mem, 0);
    for (int i = 0; i < node->nout; i++) {
        out[i].data = NULL;
    }
    lince_status st = evaluate(&e, in, out);
    li_free(env->mem, e.scratch);
    li_arena_free(&e.arena);
    for (int i = 0; st && i < node->nout; i++) {
        li_free(env->mem, out[i].data);
        out[i].data = NULL;
    }
    return st;
}
