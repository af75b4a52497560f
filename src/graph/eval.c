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
    struct li_operand *in, *out, state_in, state_out;
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

static lince_status make_state(struct evaluation *e, const struct li_resource *r)
{
    struct li_tensor before = r->value, after = r->value;
    size_t room = r->value.size_bytes + 2 * (size_t)LI_ALIGN;
    char *bytes = li_arena_alloc(&e->arena, 2 * room, e->err);
    if (!bytes) {
        return LINCE_ENOMEM;
    }
    bytes += (LI_ALIGN - (uintptr_t)bytes % LI_ALIGN) % LI_ALIGN;
    before.data = bytes;
    after.data = bytes + room / LI_ALIGN * LI_ALIGN;
    LI_TRY(li_store_read(e->g->store, e->node->resource, before.data, before.size_bytes, e->err));
    LI_TRY(describe(e, &e->state_in, &before));
    return describe(e, &e->state_out, &after);
}

static bool has_state(const struct evaluation *e)
{
    unsigned effects = LI_EFFECT_READ | LI_EFFECT_WRITE | LI_EFFECT_RANDOM;
    return (e->node->op->effects & effects) && e->node->resource >= 0 && e->g->store;
}

static bool writes_state(const struct evaluation *e)
{
    return has_state(e) && (e->node->op->effects & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM));
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
    if (has_state(e)) {
        LI_TRY(make_state(e, li_store_get(e->g->store, node->resource)));
    }
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
        .plan = e->prepared.plan,
        .tasks = e->prepared.tasks,
        .scratch = e->scratch,
        .kernels = e->env->kernels,
        .err = e->err,
    };
    if (has_state(e)) {
        call.state_in = &e->state_in;
        call.state_out = writes_state(e) ? &e->state_out : NULL;
    }
    if ((e->node->op->effects & LI_EFFECT_LOOKUP) && e->node->resource >= 0 && e->g->store) {
        call.resource = li_store_get(e->g->store, e->node->resource);
    }
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
    const void *from = has_state(e) ? e->state_in.data : e->node->nin > 0 ? in[0].data : NULL;
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
    if (writes_state(e)) {
        size_t bytes = li_store_get(e->g->store, e->node->resource)->value.size_bytes;
        LI_TRY(li_store_write(e->g->store, e->node->resource, e->state_out.data, bytes, e->err));
    }
    return LINCE_OK;
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
