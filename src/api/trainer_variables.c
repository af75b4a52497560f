/* Which variables a trainer trains, the slots beside them, and its state by name. */
#include "trainer.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

/* ---- Choosing ---- */

struct choosing {
    struct lince_trainer *t;
    const struct li_model *model;
    bool *listed;     /* by variable of the model: among trainable_variables */
    int32_t unlisted; /* that match, and are not asked for */
    lince_error *err;
};

/* Without ":0". */
static const char *plain_name(struct lince_trainer *t, const char *name, lince_error *err)
{
    size_t length = strlen(name);
    return li_arena_strndup(&t->arena, name, length > 2 && strcmp(name + length - 2, ":0") == 0 ? length - 2 : length,
                            err);
}

static bool matches(const struct lince_trainer *t, const char *name)
{
    return !t->options.trainable || fnmatch(t->options.trainable, name, 0) == 0;
}

static lince_status add(struct lince_trainer *t, const char *name, int32_t resource, int64_t index, bool listed,
                        lince_error *err)
{
    const struct li_resource *r = li_store_get(t->state.store, resource);
    if (r->dtype != LINCE_FLOAT32 || r->kind != LI_VARIABLE) {
        return li_fail(err, LINCE_EUNSUPPORTED, "variable \"%s\" is %s; only float32 is trained", name,
                       li_dtype_name(r->dtype));
    }
    t->variables[t->count] = (struct li_trained){.name = name, .resource = resource};
    t->origin[t->count++] = (struct li_trainer_variable){index, listed};
    return LINCE_OK;
}

static lince_status consider(struct choosing *c, int32_t index, bool listed)
{
    struct lince_trainer *t = c->t;
    const struct li_variable *v = li_model_variable(c->model, (size_t)index);
    const char *name = plain_name(t, v->name, c->err);
    LI_TRY(name ? LINCE_OK : LINCE_ENOMEM);
    if (!matches(t, name)) {
        return LINCE_OK;
    }
    if (!listed && (!v->trainable || !t->options.unlisted)) {
        c->unlisted += v->trainable; /* what is no statistic, counter or table of the model's own */
        return LINCE_OK;
    }
    return add(t, name, v->resource, index, listed, c->err);
}

/* TensorFlow 1 has no list of an object's; the flag of a variable is what its collection says. */
static bool is_listed(const struct choosing *c, const struct li_list *list, size_t i)
{
    return c->listed[i] || (!list->indices && li_model_variable(c->model, i)->trainable);
}

static lince_status choose_body(struct choosing *c, struct li_list list)
{
    for (size_t i = 0; i < list.count; i++) {
        c->listed[list.indices[i]] = true;
        LI_TRY(consider(c, list.indices[i], true));
    }
    for (size_t i = 0; i < li_model_variable_count(c->model); i++) {
        LI_TRY(c->listed[i] ? LINCE_OK : consider(c, (int32_t)i, is_listed(c, &list, i)));
    }
    if (c->t->count == 0 && !c->t->options.head_classes) {
        return li_fail(c->err, LINCE_EINVAL,
                       "no variable to train: of the %zu that the model lists as trainable none matches \"%s\"; of the "
                       "others %d do (`unlisted` trains them too)",
                       list.count, c->t->options.trainable ? c->t->options.trainable : "*", (int)c->unlisted);
    }
    return LINCE_OK;
}

/* ---- The head ---- */

/* What the first trace gives for an image; 0: it does not say. */
static int64_t features_of(const struct lince_trainer *t)
{
    const struct li_callable *c = t->callable;
    for (size_t i = 0; c && i < c->trace_count; i++) {
        for (size_t k = 0; k < c->trace[i].leaf_count; k++) {
            const struct li_result_leaf *leaf = &c->trace[i].leaf[k];
            const char *wanted = t->options.output             ? t->options.output
                                 : c->trace[i].leaf_count == 1 ? leaf->path
                                                               : "default";
            if (strcmp(leaf->path, wanted) == 0 && leaf->output != LI_NONE && leaf->value->shape.rank == 2) {
                return LI_MAX(leaf->value->shape.dim[1], 0);
            }
        }
    }
    return 0;
}

/* A number in [-1, 1) that is a function of seed and place. */
static float noise(uint64_t seed, uint64_t i)
{
    uint64_t bits = li_hash(seed, &i, sizeof i);
    return (float)((double)(bits >> 40) / (double)(1 << 23) - 1);
}

/* Keras's GlorotUniform: within sqrt(6 / (in + out)). */
static lince_status fill_kernel(struct lince_trainer *t, int64_t features, int64_t classes, lince_error *err)
{
    size_t count = (size_t)(features * classes);
    float *data = li_calloc(t->model->mem, count, sizeof *data, err);
    float limit = (float)sqrt(6.0 / (double)(features + classes));
    LI_TRY(data ? LINCE_OK : LINCE_ENOMEM);
    for (size_t i = 0; i < count; i++) {
        data[i] = limit * noise(t->options.seed, i);
    }
    lince_status st = li_store_write(t->state.store, t->head.kernel, data, count * sizeof *data, err);
    li_free(t->model->mem, data);
    return st;
}

static lince_status add_head(struct lince_trainer *t, lince_error *err)
{
    int64_t classes = t->options.head_classes, features = t->options.head_features;
    features = features ? features : features_of(t);
    if (features == 0) {
        return li_fail(err, LINCE_EINVAL,
                       "the head's number of features is not known from the traces: head_features is "
                       "wanted");
    }
    const struct li_shape kernel = {2, {features, classes}}, bias = {1, {classes}};
    LI_TRY(li_state_add(&t->state, "head/kernel", LINCE_FLOAT32, &kernel, 0, &t->head.kernel, err));
    LI_TRY(li_state_add(&t->state, "head/bias", LINCE_FLOAT32, &bias, 0, &t->head.bias, err));
    LI_TRY(fill_kernel(t, features, classes, err));
    LI_TRY(add(t, "head/kernel", t->head.kernel, -1, true, err));
    return add(t, "head/bias", t->head.bias, -1, true, err);
}

/* ---- Slots ---- */

static lince_status add_slots(struct lince_trainer *t, lince_error *err)
{
    struct li_slot slots[LI_STEP_SLOTS];
    int each = li_optimizer_slots(&t->optimizer, slots);
    t->written = li_arena_calloc(&t->arena, (size_t)t->count * (size_t)(1 + each) + 1, sizeof *t->written, err);
    LI_TRY(t->written ? LINCE_OK : LINCE_ENOMEM);
    t->written[t->written_count++] = t->iterations;
    for (int32_t i = 0; i < t->count; i++) {
        struct li_trained *v = &t->variables[i];
        t->written[t->written_count++] = v->resource;
        for (int k = 0; k < each; k++) {
            const char *name = li_arena_printf(&t->arena, err, "%s/%s", v->name, slots[k].name);
            LI_TRY(name ? LINCE_OK : LINCE_ENOMEM);
            LI_TRY(li_state_add(&t->state, name, LINCE_FLOAT32, &li_store_get(t->state.store, v->resource)->shape,
                                slots[k].start, &v->slot[k], err));
            t->written[t->written_count++] = v->slot[k];
        }
    }
    return LINCE_OK;
}

lince_status li_trainer_choose(struct lince_trainer *t, lince_error *err)
{
    const struct li_shape scalar = {.rank = 0};
    struct choosing c = {.t = t, .model = t->model->model, .err = err};
    size_t most = li_model_variable_count(c.model) + 3;
    t->variables = li_arena_calloc(&t->arena, most, sizeof *t->variables, err);
    t->origin = li_arena_calloc(&t->arena, most, sizeof *t->origin, err);
    c.listed = li_arena_calloc(&t->arena, most, sizeof *c.listed, err);
    LI_TRY(t->variables && t->origin && c.listed ? LINCE_OK : LINCE_ENOMEM);
    LI_TRY(li_state_add(&t->state, "iterations", LINCE_INT64, &scalar, 0, &t->iterations, err));
    if (!t->options.frozen_body && t->callable) {
        LI_TRY(choose_body(&c, li_model_list(c.model, LI_LIST_TRAINABLE)));
    }
    LI_TRY(t->options.head_classes ? add_head(t, err) : LINCE_OK);
    return add_slots(t, err);
}

/* ---- Telling ---- */

size_t lince_trainer_variable_count(const lince_trainer *trainer)
{
    return trainer ? (size_t)trainer->count : 0;
}

lince_status lince_trainer_variable(const lince_trainer *trainer, size_t index, lince_trained_info *info,
                                    lince_error *err)
{
    LI_NEED("lince_trainer_variable", trainer);
    LI_NEED("lince_trainer_variable", info);
    if (index >= (size_t)trainer->count) {
        return li_fail(err, LINCE_EINVAL, "trained variable %zu of %d", index, (int)trainer->count);
    }
    const struct li_trained *v = &trainer->variables[index];
    const struct li_resource *r = li_store_get(trainer->state.store, v->resource);
    lince_trained_info full = {.name = v->name,
                               .variable = trainer->origin[index].index,
                               .listed = trainer->origin[index].listed,
                               .rank = r->shape.rank};
    memcpy(full.dims, r->shape.dim, (size_t)r->shape.rank * sizeof full.dims[0]);
    return LI_FILL(lince_trained_info, info, &full, err);
}

size_t lince_trainer_state_count(const lince_trainer *trainer)
{
    return trainer ? (size_t)trainer->state.count : 0;
}

static lince_status item_of(const struct lince_trainer *t, size_t index, int32_t *resource, lince_error *err)
{
    if (index >= (size_t)t->state.count) {
        return li_fail(err, LINCE_EINVAL, "state %zu of %d", index, (int)t->state.count);
    }
    *resource = t->state.items[index].resource;
    return LINCE_OK;
}

lince_status lince_trainer_state(const lince_trainer *trainer, size_t index, lince_state_info *info, lince_error *err)
{
    int32_t resource = 0;
    LI_NEED("lince_trainer_state", trainer);
    LI_NEED("lince_trainer_state", info);
    LI_TRY(item_of(trainer, index, &resource, err));
    const struct li_resource *r = li_store_get(trainer->state.store, resource);
    lince_state_info full = {.name = trainer->state.items[index].name, .dtype = r->dtype, .rank = r->shape.rank};
    memcpy(full.dims, r->shape.dim, (size_t)r->shape.rank * sizeof full.dims[0]);
    LI_TRY(li_shape_bytes(&r->shape, r->dtype, &full.size_bytes, err));
    return LI_FILL(lince_state_info, info, &full, err);
}

lince_status lince_trainer_state_read(lince_trainer *trainer, size_t index, void *data, size_t size_bytes,
                                      lince_error *err)
{
    int32_t resource = 0;
    LI_NEED("lince_trainer_state_read", trainer);
    LI_NEED("lince_trainer_state_read", data);
    LI_TRY(item_of(trainer, index, &resource, err));
    return li_store_read(trainer->state.store, resource, data, size_bytes, err);
}

lince_status lince_trainer_state_write(lince_trainer *trainer, size_t index, const void *data, size_t size_bytes,
                                       lince_error *err)
{
    int32_t resource = 0;
    LI_NEED("lince_trainer_state_write", trainer);
    LI_NEED("lince_trainer_state_write", data);
    LI_TRY(item_of(trainer, index, &resource, err));
    return li_store_write(trainer->state.store, resource, data, size_bytes, err);
}
