/* From a graph that gives a loss to one that trains: backward and update behind the forward nodes. */
#include "train.h"

#include <string.h>

enum { LOSS, LOGITS, GIVEN };

/* ---- What came out of inference ---- */

/* Where data decides a shape, the outputs are what the rest needs, and the loss is not among them. */
static lince_status check_whole(const struct li_graph *g, lince_error *err)
{
    const struct li_node *node = g->output_count == GIVEN ? li_producer(g, g->outputs[LOSS]) : NULL;
    return node && strncmp(node->name, "training/", strlen("training/")) == 0
               ? LINCE_OK
               : li_fail(err, LINCE_EUNSUPPORTED, "shapes depend on data, and such a model cannot be trained");
}

static lince_status check_targets(const struct li_training *t, const struct li_graph *g, lince_error *err)
{
    const struct li_shape *logits = &g->values[g->outputs[LOGITS]].shape;
    const struct li_value *targets = &g->values[g->inputs[t->targets]];
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    bool fits = t->sparse ? logits->rank == 2 && targets->shape.rank == 1 && targets->shape.dim[0] == logits->dim[0]
                          : li_shape_equal(&targets->shape, logits);
    return fits ? LINCE_OK
                : li_fail(err, LINCE_EINVAL, "the targets are %s%s, the model's result is float32%s",
                          li_dtype_name(targets->dtype), li_shape_text(&targets->shape, found),
                          li_shape_text(logits, wanted));
}

static lince_status check_weights(const struct li_training *t, const struct li_graph *g, lince_error *err)
{
    const struct li_shape *logits = &g->values[g->outputs[LOGITS]].shape;
    const struct li_shape *weights = t->weights < 0 ? NULL : &g->values[g->inputs[t->weights]].shape;
    char found[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    bool fits = !weights || (weights->rank == 1 && logits->rank >= 1 && weights->dim[0] == logits->dim[0]);
    return fits
               ? LINCE_OK
               : li_fail(err, LINCE_EINVAL, "the weights are float32%s, one for each image is wanted: result float32%s",
                         li_shape_text(weights, found), li_shape_text(logits, wanted));
}

lince_status li_training_check(const struct li_graph *bound, const struct li_tensor *inputs, const struct li_env *env,
                               lince_error *err)
{
    struct li_inferred inferred;
    struct li_infer_input *given = li_calloc(env->mem, (size_t)bound->input_count + 1, sizeof *given, err);
    if (!given) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < bound->input_count; i++) {
        given[i] = (struct li_infer_input){.dtype = inputs[i].dtype, .shape = inputs[i].shape};
    }
    lince_status st = li_graph_infer(&inferred, bound, given, env, err);
    li_free(env->mem, given);
    LI_TRY(st);
    const struct li_node *first = inferred.loop.op ? &inferred.loop : inferred.rest ? &inferred.rest->nodes[0] : NULL;
    st = first ? li_fail(err, LINCE_EUNSUPPORTED,
                         "node \"%s\" (%s): its shape depends on data, and such a model cannot be trained", first->name,
                         first->op->name)
               : LINCE_OK;
    li_inferred_free(&inferred);
    return st;
}

/* ---- Backward ---- */

struct building {
    const struct li_training *t;
    struct li_graph *g; /* the one that is being made */
    struct li_arena arena;
    li_vid *targets, *grads; /* a target for each variable, then `by` */
    int32_t count;
    lince_error *err;
};

static bool by_input(const struct li_training *t, const struct li_graph *from)
{
    return t->by >= 0 && li_dtype_is_float(from->values[from->inputs[t->by]].dtype);
}

/* A copy with a handle of each variable, whether the call uses it or not. */
static lince_status find_targets(struct building *b, const struct li_graph *from)
{
    size_t room = (size_t)b->t->count + 1;
    b->targets = li_arena_alloc(&b->arena, room * sizeof *b->targets, b->err);
    b->grads = li_arena_alloc(&b->arena, room * sizeof *b->grads, b->err);
    if (!b->targets || !b->grads) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_graph_copy(&b->g, from, b->err));
    for (b->count = 0; b->count < b->t->count; b->count++) {
        LI_TRY(li_graph_resource(b->g, b->t->variables[b->count].resource, &b->targets[b->count], b->err));
    }
    if (by_input(b->t, from)) {
        b->targets[b->count++] = from->inputs[b->t->by];
    }
    return LINCE_OK;
}

static lince_status differentiate(struct building *b, const struct li_env *env)
{
    struct li_gradient_options how = b->t->how;
    struct li_graph *g;
    how.outputs = &b->g->outputs[LOSS];
    how.upstream = NULL;
    how.output_count = 1;
    how.targets = b->targets;
    how.target_count = b->count;
    how.none = true;
    b->g->env = env;
    LI_TRY(li_gradient(&g, b->g, &how, b->grads, b->err));
    li_graph_free(b->g);
    b->g = g;
    g->env = env;
    return LINCE_OK;
}

/* ---- Update ---- */

static lince_status update_one(struct building *b, int32_t i, li_vid gradient, int64_t offset)
{
    const struct li_training *t = b->t;
    const struct li_trained *v = &t->variables[i];
    struct li_ops_step step = {.kind = t->step,
                               .resource = {v->resource},
                               .slots = t->slots,
                               .gradient = gradient,
                               .offset = offset,
                               .factors = b->g->inputs[t->factors]};
    step.name = li_arena_printf(&b->arena, b->err, "training/%s", v->name);
    for (int k = 0; k < t->slots; k++) {
        step.resource[1 + k] = v->slot[k];
    }
    return step.name ? li_ops_update(b->g, &step, b->err) : LINCE_ENOMEM;
}

static lince_status update_all(struct building *b, li_vid *flat)
{
    const struct li_training *t = b->t;
    int32_t reached = 0;
    int64_t offset = 0;
    for (int32_t i = 0; i < t->count; i++) {
        reached += b->grads[i] >= 0;
    }
    if (reached == 0) {
        return li_fail(b->err, LINCE_EINVAL, "the loss does not depend on any of the %d variables to train",
                       (int)t->count);
    }
    LI_TRY(li_ops_clip(b->g, &t->clip, b->grads, t->count, b->err));
    if (t->flat) {
        LI_TRY(li_ops_flatten(b->g, b->grads, t->count, flat, b->err));
    }
    for (int32_t i = 0; i < t->count; i++) {
        if (b->grads[i] >= 0) { /* Keras leaves a variable without a gradient alone, its decay too */
            LI_TRY(update_one(b, i, t->flat ? *flat : b->grads[i], t->flat ? offset : -1));
            offset += li_shape_count(&b->g->values[b->grads[i]].shape);
        }
    }
    return li_ops_count_step(b->g, t->iterations, b->err);
}

/* ---- The whole ---- */

/* Assignments of the call, to variables that are no counters, are nobody's wish any more. */
static void drop_statistics(struct li_graph *g, int32_t nodes)
{
    for (int32_t n = 0; n < nodes; n++) {
        struct li_node *node = &g->nodes[n];
        bool only_writes = node->nout == 0 && node->touches == 1 && (node->effects & LI_EFFECT_WRITE);
        if (only_writes && li_dtype_is_float(li_store_get(g->store, node->touch[0].resource)->dtype)) {
            node->required = false;
        }
    }
}

/* Zeros of a target that the loss does not depend on. */
static lince_status zeros_for(struct building *b, int32_t i, li_vid *out)
{
    const struct li_value *target = &b->g->values[b->targets[i]];
    const struct li_shape shape = i < b->t->count ? li_store_get(b->g->store, target->resource)->shape : target->shape;
    const char *name = li_arena_printf(&b->arena, b->err, "training/zeros/%d", (int)i);
    return name ? li_ops_fill(b->g, name, LINCE_FLOAT32, &shape, 0, out, b->err) : LINCE_ENOMEM;
}

static lince_status set_outputs(struct building *b, li_vid flat)
{
    size_t room = GIVEN + (size_t)b->count + 1;
    li_vid *outputs = li_arena_alloc(&b->arena, room * sizeof *outputs, b->err);
    int count = GIVEN;
    if (!outputs) {
        return LINCE_ENOMEM;
    }
    memcpy(outputs, b->g->outputs, GIVEN * sizeof *outputs);
    if (flat >= 0) {
        outputs[count++] = flat;
    }
    for (int32_t i = 0; b->t->give && i < b->count; i++) {
        LI_TRY(b->grads[i] < 0 ? zeros_for(b, i, &b->grads[i]) : LINCE_OK);
        outputs[count++] = b->grads[i];
    }
    return li_graph_set_outputs(b->g, outputs, count, b->err);
}

static lince_status build(struct building *b, const struct li_graph *from, const struct li_env *env)
{
    li_vid flat = LI_NONE;
    LI_TRY(check_whole(from, b->err));
    LI_TRY(check_targets(b->t, from, b->err));
    LI_TRY(check_weights(b->t, from, b->err));
    LI_TRY(find_targets(b, from));
    if (b->t->update || b->t->give) {
        LI_TRY(differentiate(b, env));
    }
    if (b->t->keep_statistics) {
        drop_statistics(b->g, from->node_count);
    }
    if (b->t->update) {
        LI_TRY(update_all(b, &flat));
    }
    return set_outputs(b, flat);
}

lince_status li_training_stage(struct li_graph **out, const struct li_graph *from, void *context,
                               const struct li_env *env, lince_error *err)
{
    struct building b = {.t = context, .err = err};
    li_arena_init(&b.arena, env->mem, 0);
    lince_status st = build(&b, from, env);
    li_arena_free(&b.arena);
    if (st) {
        li_graph_free(b.g);
        return st;
    }
    *out = b.g;
    return LINCE_OK;
}
