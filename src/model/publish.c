/* A new SavedModel around an opened one: the objects of its root. */
#include "model/publish.h"

#include <string.h>

/* ---- Checks ---- */

static lince_status check_head(const struct li_publication *what, lince_error *err)
{
    const struct li_head *head = what->head;
    if (head && (head->features < 1 || head->classes < 1 || head->features > INT32_MAX || head->classes > INT32_MAX)) {
        return li_fail(err, LINCE_EINVAL, "a head of %lld features and %lld classes; 1 or more are wanted of both",
                       (long long)head->features, (long long)head->classes);
    }
    if (head && !(head->dropout >= 0 && head->dropout < 1)) {
        return li_fail(err, LINCE_EINVAL, "a dropout rate of %g, wanted 0 or more and less than 1", head->dropout);
    }
    if (head && !(head->l1 >= 0 && head->l2 >= 0 && head->l1 < 1e30 && head->l2 < 1e30)) {
        return li_fail(err, LINCE_EINVAL, "L1 and L2 factors of %g and %g, wanted 0 or more", head->l1, head->l2);
    }
    if (what->labels && (!head || (int64_t)what->labels != head->classes)) {
        return li_fail(err, LINCE_EINVAL, "%zu labels, the new head has %lld classes", what->labels,
                       head ? (long long)head->classes : 0);
    }
    return LINCE_OK;
}

static lince_status check_images(const struct li_publication *what, lince_error *err)
{
    for (int i = 0; i < 3; i++) {
        if (!(what->std[i] > 0 && what->std[i] < 1e30F && what->mean[i] > -1e30F && what->mean[i] < 1e30F)) {
            return li_fail(err, LINCE_EINVAL, "mean %g and standard deviation %g of channel %d make no sense",
                           (double)what->mean[i], (double)what->std[i], i);
        }
    }
    if (!what->height != !what->width || what->height < 0 || what->width < 0 || what->height > LI_MAX_IMAGE_SIDE ||
        what->width > LI_MAX_IMAGE_SIDE) {
        return li_fail(err, LINCE_EINVAL, "images of %dx%d pixels; sides of 1 to %d are possible", what->height,
                       what->width, LI_MAX_IMAGE_SIDE);
    }
    return LINCE_OK;
}

/* ---- Labels ---- */

static lince_status join_labels(struct li_publishing *p)
{
    const struct li_publication *what = p->what;
    size_t len = 0;
    for (size_t i = 0; i < what->labels; i++) {
        if (strchr(what->label[i], '\n')) {
            return li_fail(p->draft.err, LINCE_EINVAL,
                           "label %zu has a line break, the file of labels takes one line each", i);
        }
        len += strlen(what->label[i]) + 1;
    }
    char *text = li_arena_alloc(&p->draft.arena, len + 1, p->draft.err), *at = text;
    if (!text) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < what->labels; i++) {
        at = stpcpy(at, what->label[i]);
        *at++ = '\n';
    }
    p->draft.labels = (struct li_bytes){(const uint8_t *)text, len};
    return LINCE_OK;
}

static lince_status add_labels(struct li_publishing *p, int32_t root)
{
    int32_t asset;
    if (!p->what->labels) {
        return LINCE_OK;
    }
    LI_TRY(join_labels(p));
    LI_TRY(li_draft_asset(&p->draft, &asset));
    li_draft_child(&p->draft, root, "labels", asset);
    return LINCE_OK;
}

/* ---- The head ---- */

/* A name that no variable of the model has. */
static lince_status free_name(struct li_publishing *p, const char *wanted, const char **out)
{
    struct li_draft *d = &p->draft;
    const struct li_model *m = d->model;
    struct li_names names = {0};
    const char *ignored;
    for (int32_t i = 0; i < m->object_count; i++) {
        bool variable = m->object[i]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE;
        if (variable && !li_names_have(&names, m->object[i]->variable->name)) {
            LI_TRY(li_names_take(&names, m->object[i]->variable->name, &d->arena, &ignored, d->err));
        }
    }
    return li_names_take(&names, wanted, &d->arena, out, d->err);
}

static lince_status add_variable(struct li_publishing *p, const char *wanted, const float *data, int rank,
                                 const int64_t *dim, int32_t *out)
{
    struct li_tensor value = {.dtype = LINCE_FLOAT32, .shape = {.rank = rank}, .data = (void *)(uintptr_t)data};
    const char *name;
    memcpy(value.shape.dim, dim, (size_t)rank * sizeof *dim);
    LI_TRY(li_shape_bytes(&value.shape, LINCE_FLOAT32, &value.size_bytes, p->draft.err));
    LI_TRY(free_name(p, wanted, &name));
    return li_draft_add_variable(&p->draft, name, &value, out);
}

static lince_status add_head(struct li_publishing *p)
{
    const struct li_head *head = p->what->head;
    if (!head) {
        return LINCE_OK;
    }
    LI_TRY(
        add_variable(p, "head/kernel", head->kernel, 2, (const int64_t[]){head->features, head->classes}, &p->kernel));
    return add_variable(p, "head/bias", head->bias, 1, &head->classes, &p->bias);
}

/* ---- Lists ---- */

/* The body's list, of what is used, then (of `variables`) what only functions know of, then the head. */
static lince_status variable_list(struct li_publishing *p, const char *name, bool all, int32_t *out)
{
    struct li_draft *d = &p->draft;
    int32_t from = li_object_child(d->model, 0, name), *element = NULL;
    int64_t count = 0;
    size_t n = 0;
    if (from != LI_NONE) {
        LI_TRY(li_object_list(d->model, from, name, &element, &count, &d->arena, d->err));
    }
    int32_t *list = li_arena_alloc(&d->arena, ((size_t)LI_MAX(count, 0) + p->kept_count + 2) * sizeof *list, d->err);
    bool *listed = li_arena_calloc(&d->arena, (size_t)d->model->object_count, sizeof *listed, d->err);
    if (!list || !listed) {
        return LINCE_ENOMEM;
    }
    for (int64_t i = 0; i < count; i++) {
        if (p->is_kept[element[i]] && !listed[element[i]]) {
            listed[element[i]] = true;
            list[n++] = element[i];
        }
    }
    for (size_t i = 0; all && i < p->kept_count; i++) {
        if (!listed[p->kept[i]]) {
            list[n++] = p->kept[i];
        }
    }
    if (p->what->head) {
        list[n++] = p->kernel;
        list[n++] = p->bias;
    }
    return li_draft_list(d, list, n, out);
}

/* A loss of variables that are gone would train nothing. */
static bool is_of_kept(const struct li_publishing *p, const struct li_callable *loss)
{
    const Tf__SavedConcreteFunction *saved = loss->trace_count ? loss->trace[0].saved : NULL;
    for (size_t i = 0; saved && i < saved->n_bound_inputs; i++) {
        int32_t object = saved->bound_inputs[i];
        if (p->draft.object[object]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE && !p->is_kept[object]) {
            return false;
        }
    }
    return true;
}

static lince_status loss_list(struct li_publishing *p, int32_t *out)
{
    struct li_draft *d = &p->draft;
    const struct li_model *m = d->model;
    size_t n = 0;
    int32_t *list = li_arena_alloc(&d->arena, ((size_t)LI_MAX(m->loss_count, 0) + 1) * sizeof *list, d->err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    for (int64_t i = 0; i < m->loss_count; i++) {
        if (is_of_kept(p, &m->loss[i])) {
            list[n++] = m->loss[i].object;
        }
    }
    if (p->what->head && (p->what->head->l1 > 0 || p->what->head->l2 > 0)) {
        LI_TRY(li_head_loss(p, &list[n++]));
    }
    return li_draft_list(d, list, n, out);
}

/* ---- A root of its own ---- */

static lince_status add_lists(struct li_publishing *p, int32_t root)
{
    int32_t list;
    LI_TRY(variable_list(p, "variables", true, &list));
    li_draft_child(&p->draft, root, "variables", list);
    LI_TRY(variable_list(p, "trainable_variables", false, &list));
    li_draft_child(&p->draft, root, "trainable_variables", list);
    LI_TRY(loss_list(p, &list));
    li_draft_child(&p->draft, root, "regularization_losses", list);
    return LINCE_OK;
}

static lince_status add_head_object(struct li_publishing *p, int32_t root)
{
    int32_t head;
    if (!p->what->head) {
        return LINCE_OK;
    }
    LI_TRY(li_draft_container(&p->draft, "_generic_user_object", 2, &head));
    li_draft_child(&p->draft, head, "kernel", p->kernel);
    li_draft_child(&p->draft, head, "bias", p->bias);
    li_draft_child(&p->draft, root, "head", head);
    return LINCE_OK;
}

static lince_status add_signatures(struct li_publishing *p, int32_t root)
{
    int32_t map;
    LI_TRY(li_draft_container(&p->draft, "signature_map", 2, &map));
    li_draft_child(&p->draft, root, "signatures", map);
    return p->serving.function ? li_serve(p, map, true, li_serves_bytes(p)) : LINCE_OK;
}

/* The body stays an object with all that it could do, unless it was cut: then it is gone but for what is used. */
static lince_status new_root(struct li_publishing *p)
{
    struct li_draft *d = &p->draft;
    int32_t root, call;
    size_t objects = (size_t)d->model->object_count;
    p->is_kept = li_arena_calloc(&d->arena, objects, sizeof *p->is_kept, d->err);
    p->kept = li_arena_alloc(&d->arena, objects * sizeof *p->kept, d->err);
    if (!p->is_kept || !p->kept) {
        return LINCE_ENOMEM;
    }
    LI_TRY(add_head(p));
    LI_TRY(li_wrap(p, &call));
    LI_TRY(li_draft_container(d, "_generic_user_object", 8, &root));
    d->root = root;
    LI_TRY(add_lists(p, root));
    LI_TRY(add_labels(p, root));
    LI_TRY(add_head_object(p, root));
    if (!p->what->cut) {
        li_draft_child(d, root, "body", 0);
    }
    li_draft_child(d, root, "__call__", call);
    return add_signatures(p, root);
}

/* ---- The root that there is ---- */

static lince_status find_serving(struct li_publishing *p)
{
    const struct li_callable *c = p->callable;
    const struct li_trace *found = NULL;
    for (size_t i = 0; i < c->trace_count && !found; i++) {
        bool images = c->trace[i].spec_count && c->trace[i].spec[0]->kind == LI_ARG_SPEC;
        found = images && !li_trace_is_training(c, &c->trace[i]) ? &c->trace[i] : NULL;
    }
    return found ? li_callee_of(&p->serving, &p->draft, found)
                 : li_fail(p->draft.err, LINCE_EUNSUPPORTED, "%s has no trace that takes a tensor, without training",
                           c->name);
}

static lince_status same_root(struct li_publishing *p)
{
    struct li_draft *d = &p->draft;
    int32_t map = li_object_child(d->model, 0, "signatures");
    Tf__SavedObject *copy;
    LI_TRY(find_serving(p));
    bool images = true, bytes = li_serves_bytes(p);
    if (map != LI_NONE) {
        images = images && li_object_child(d->model, map, "serving_default") == LI_NONE;
        bytes = bytes && li_object_child(d->model, map, "serving_bytes") == LI_NONE;
    }
    if (!images && !bytes) {
        return li_fail(d->err, LINCE_EINVAL, "it has these signatures already, so there is nothing to do");
    }
    if (map == LI_NONE) {
        LI_TRY(li_draft_container(d, "signature_map", 2, &map));
        LI_TRY(li_draft_copy(d, 0, 1, &copy));
        li_draft_child(d, 0, "signatures", map);
    } else {
        LI_TRY(li_draft_copy(d, map, 2, &copy));
    }
    return li_serve(p, map, images, bytes);
}

static bool changes(const struct li_publication *what)
{
    bool changed = what->cut || what->head;
    for (int i = 0; i < 3; i++) {
        changed = changed || what->mean[i] != 0 || what->std[i] != 1;
    }
    return changed;
}

static lince_status publish(struct li_publishing *p, const char *path)
{
    const struct li_publication *what = p->what;
    if (what->callable->object == LI_NONE) {
        return li_fail(p->draft.err, LINCE_EUNSUPPORTED, "%s is no function of the object graph", what->callable->name);
    }
    LI_TRY(changes(what) ? new_root(p) : same_root(p));
    return li_draft_save(&p->draft, path, what->overwrite);
}

lince_status li_publish(struct li_model *m, const char *path, const struct li_publication *what, lince_error *err)
{
    struct li_publishing p = {.what = what, .callable = what->callable};
    LI_TRY(check_head(what, err));
    LI_TRY(check_images(what, err));
    lince_status st = li_draft_init(&p.draft, m, err);
    st = st ? st : publish(&p, path);
    if (st == LINCE_ENOMEM && p.draft.arena.limited) {
        st = li_prefix(err, LINCE_ELIMIT, "what is made of it is too large for its file");
    }
    li_draft_free(&p.draft);
    return st;
}
