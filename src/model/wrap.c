/*
 * `__call__` of a new model: for each trace of the body a function that calls it between what maps [0, 1] to what it
 * wants and the head. A body that knows no training gets the argument, with a trace each for False and True.
 */
#include "model/publish.h"

#include <stdio.h>
#include <string.h>

/* A model with more traces was made to be large. */
enum { MAX_TRACES = 256 };

struct wrapping {
    struct li_publishing *p;
    char **name; /* new functions, in the order of the traces */
    size_t names;
    bool adds_training;
    bool single; /* traces that give one tensor are there, so others are left out */
};

/* ---- What a trace takes and gives ---- */

static lince_status check_images(const struct li_publishing *p, const struct li_trace *t)
{
    const struct li_arg *images = t->spec_count ? t->spec[0] : NULL;
    for (size_t i = 0; i < t->spec_count; i++) {
        images = t->spec[i]->kind == LI_ARG_SPEC ? images : NULL;
    }
    const struct li_shape *shape = images ? &images->shape : NULL;
    bool fits = images && images->kind == LI_ARG_SPEC && images->dtype == LINCE_FLOAT32 &&
                (shape->rank < 0 || (shape->rank == 4 && (shape->dim[3] == 3 || shape->dim[3] < 0)));
    return fits ? LINCE_OK
                : li_fail(p->draft.err, LINCE_EUNSUPPORTED,
                          "its trace takes no float32 images [batch, height, width, 3] first: %.1000s", t->text);
}

static lince_status check_features(const struct li_publishing *p, const struct li_trace *t, const struct li_arg *spec)
{
    const struct li_head *head = p->what->head;
    const struct li_shape *shape = &spec->shape;
    bool matrix = spec->dtype == LINCE_FLOAT32 && (shape->rank < 0 || shape->rank == 2);
    if (!matrix) {
        return li_fail(p->draft.err, LINCE_EUNSUPPORTED, "its result is no float32 matrix [batch, features]: %.1000s",
                       t->text);
    }
    if (head && shape->rank == 2 && shape->dim[1] >= 0 && shape->dim[1] != head->features) {
        return li_fail(p->draft.err, LINCE_EINVAL, "the head takes %lld features, the body gives %lld: %.1000s",
                       (long long)head->features, (long long)shape->dim[1], t->text);
    }
    return LINCE_OK;
}

/* What the new function gives. */
static struct li_arg result_spec(const struct li_publishing *p, const struct li_arg *features)
{
    struct li_arg spec = {.kind = LI_ARG_SPEC, .dtype = LINCE_FLOAT32, .input = LI_NONE, .shape = features->shape};
    if (p->what->head) {
        spec.shape = (struct li_shape){.rank = 2,
                                       .dim = {spec.shape.rank == 2 ? spec.shape.dim[0] : -1, p->what->head->classes}};
    }
    return spec;
}

/* ---- One function ---- */

static lince_status note_captures(struct li_publishing *p, const struct li_callee *c)
{
    for (size_t i = 0; i < c->captures; i++) {
        int32_t object = c->captured[i];
        bool variable = p->draft.object[object]->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE;
        if (variable && !p->is_kept[object]) {
            p->is_kept[object] = true;
            p->kept[p->kept_count++] = object;
        }
    }
    return LINCE_OK;
}

/* What the callee captures, then the head. */
static lince_status captures_of(struct li_made *made, const struct li_publishing *p, const struct li_callee *c)
{
    made->captures = c->captures + (p->what->head ? 2 : 0);
    made->captured = li_arena_alloc(&made->draft->arena, made->captures * sizeof *made->captured, made->draft->err);
    if (!made->captured) {
        return LINCE_ENOMEM;
    }
    if (c->captures) {
        memcpy(made->captured, c->captured, c->captures * sizeof *made->captured);
    }
    if (p->what->head) {
        made->captured[c->captures] = p->kernel;
        made->captured[c->captures + 1] = p->bias;
    }
    return LINCE_OK;
}

static lince_status spec_names(struct li_made *made, const struct li_trace *t)
{
    const char **name = li_arena_alloc(&made->draft->arena, t->spec_count * sizeof *name, made->draft->err);
    if (!name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < t->spec_count; i++) {
        name[i] = t->spec[i]->text ? t->spec[i]->text : t->spec_path[i];
    }
    made->spec = t->spec;
    made->specs = t->spec_count;
    made->spec_name = name;
    return LINCE_OK;
}

static bool maps_range(const struct li_publication *what)
{
    bool plain = true;
    for (int i = 0; i < 3; i++) {
        plain = plain && what->mean[i] == 0 && what->std[i] == 1;
    }
    return !plain;
}

/* The call of the body, its images mapped first. */
static lince_status call_body(struct li_made *made, const struct li_publishing *p, const struct li_callee *c)
{
    struct li_draft *d = made->draft;
    const char **input = li_arena_alloc(&d->arena, made->specs * sizeof *input, d->err);
    int32_t *type = li_arena_alloc(&d->arena, (made->specs + c->results) * sizeof *type, d->err);
    if (!input || !type) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < made->specs; i++) {
        input[i] = li_arena_printf(&d->arena, d->err, "input_%zu", i);
        type[i] = made->spec[i]->dtype;
        if (!input[i]) {
            return LINCE_ENOMEM;
        }
    }
    for (size_t i = 0; i < c->results; i++) {
        type[made->specs + i] = c->result[i]->dtype;
    }
    if (maps_range(p->what)) {
        li_range_nodes(&made->out, input[0], p->what->mean, p->what->std);
        input[0] = LI_RANGE_RESULT;
    }
    li_made_call(made, "body", c->function, input, made->specs, type, c->captures, type + made->specs, c->results);
    return LINCE_OK;
}

static lince_status fill(struct li_made *made, struct li_publishing *p, const struct li_callee *c, int32_t answer,
                         bool training, Tf__StructuredValue *arguments)
{
    char features[64], kernel[32], bias[32];
    const char *from = features;
    struct li_arg *spec = li_arena_alloc(&made->draft->arena, sizeof *spec, made->draft->err);
    if (!spec) {
        return LINCE_ENOMEM;
    }
    *spec = result_spec(p, c->result[answer]);
    const struct li_arg *result = spec;
    LI_TRY(call_body(made, p, c));
    snprintf(features, sizeof features, "body:output:%d", answer);
    if (p->what->head) {
        snprintf(kernel, sizeof kernel, "capture_%zu", c->captures);
        snprintf(bias, sizeof bias, "capture_%zu", c->captures + 1);
        li_head_nodes(&made->out, p->what->head, features, kernel, bias, training);
        from = LI_HEAD_RESULT;
    }
    return li_made_close(made, &from, &result, 1, arguments,
                         li_draft_spec(made->draft, "", LINCE_FLOAT32, &spec->shape));
}

/* What signatures call: the first function that is not for training. */
static lince_status keep_serving(struct li_publishing *p, const struct li_made *made, const struct li_callee *c,
                                 int32_t answer)
{
    struct li_draft *d = &p->draft;
    struct li_arg *spec = li_arena_alloc(&d->arena, sizeof *spec, d->err);
    const struct li_arg **result = li_arena_alloc(&d->arena, sizeof *result, d->err);
    const char **name = li_arena_alloc(&d->arena, sizeof *name, d->err);
    if (!spec || !result || !name) {
        return LINCE_ENOMEM;
    }
    *spec = result_spec(p, c->result[answer]);
    *result = spec;
    *name = "";
    p->serving = (struct li_callee){c->trace, made->name, made->captured, made->captures, result, name, 1};
    return LINCE_OK;
}

static lince_status wrap_as(struct wrapping *w, const struct li_callee *c, int32_t answer, bool training,
                            Tf__StructuredValue *arguments)
{
    struct li_made made = {0};
    struct li_publishing *p = w->p;
    if (!arguments) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_made_open(&made, &p->draft, "call"));
    lince_status st = captures_of(&made, p, c);
    st = st ? st : spec_names(&made, c->trace);
    st = st ? st : fill(&made, p, c, answer, training, arguments);
    li_made_free(&made);
    LI_TRY(st);
    w->name[w->names++] = (char *)(uintptr_t)made.name;
    return !training && !p->serving.function ? keep_serving(p, &made, c, answer) : LINCE_OK;
}

/* ---- All traces ---- */

/* Of a signature: its one tensor by position, as a function has it. */
static Tf__StructuredValue *arguments_of(struct li_publishing *p, const struct li_trace *t)
{
    struct li_draft *d = &p->draft;
    const Tf__SavedConcreteFunction *saved = t->saved;
    if (!p->callable->bare) {
        return saved->canonicalized_input_signature;
    }
    const struct li_arg *spec = t->spec[0];
    Tf__StructuredValue *one = li_draft_spec(d, spec->text ? spec->text : "", spec->dtype, &spec->shape);
    Tf__StructuredValue *both[] = {one ? li_draft_sequence(d, &one, 1) : NULL, li_draft_dict(d, NULL, NULL, 0)};
    return both[0] && both[1] ? li_draft_sequence(d, both, 2) : NULL;
}

static lince_status wrap_trace(struct wrapping *w, const struct li_trace *t)
{
    struct li_publishing *p = w->p;
    struct li_draft *d = &p->draft;
    struct li_callee callee;
    LI_TRY(li_callee_of(&callee, d, t));
    int32_t answer = li_callee_answer(&callee, p->what->output);
    if (answer == LI_NONE || (w->single && callee.results != 1)) {
        return LINCE_OK;
    }
    if (p->what->cut) {
        LI_TRY(li_cut(&callee, d, (size_t)answer));
        answer = 0;
    }
    LI_TRY(check_images(p, t));
    LI_TRY(check_features(p, t, callee.result[answer]));
    LI_TRY(note_captures(p, &callee));
    Tf__StructuredValue *arguments = arguments_of(p, t);
    if (w->adds_training && arguments && !li_draft_is_call(arguments)) {
        return li_fail(d->err, LINCE_EUNSUPPORTED, "trace \"%.200s\" takes a named tuple of arguments", t->function);
    }
    if (!w->adds_training) {
        return wrap_as(w, &callee, answer, li_trace_is_training(p->callable, t), arguments);
    }
    LI_TRY(wrap_as(w, &callee, answer, false, arguments ? li_draft_with_bool(d, arguments, false) : NULL));
    return wrap_as(w, &callee, answer, true, li_draft_with_bool(d, arguments, true));
}

static bool has_training(const struct li_callable *c)
{
    for (size_t i = 0; i < c->parameter_count; i++) {
        if (strcmp(c->parameter[i].name, "training") == 0) {
            return true;
        }
    }
    return false;
}

static lince_status make_spec(const struct wrapping *w, Tf__FunctionSpec **out)
{
    const struct li_callable *c = w->p->callable;
    struct li_draft *d = &w->p->draft;
    if (c->bare && c->parameter_count != 1) {
        return li_fail(d->err, LINCE_EUNSUPPORTED, "signature %s takes %zu tensors, wanted images alone", c->name,
                       c->parameter_count);
    }
    *out = c->bare ? li_draft_function_spec(d, c->parameter[0].name) : d->object[c->object]->function->function_spec;
    if (!*out) {
        return LINCE_ENOMEM;
    }
    return w->adds_training ? li_draft_with_training(d, *out, out) : LINCE_OK;
}

lince_status li_wrap(struct li_publishing *p, int32_t *out)
{
    const struct li_callable *c = p->callable;
    struct wrapping w = {.p = p, .adds_training = !has_training(c)};
    Tf__FunctionSpec *spec;
    if (c->trace_count > MAX_TRACES) {
        return li_fail(p->draft.err, LINCE_ELIMIT, "%s has %zu traces, the limit is %d", c->name, c->trace_count,
                       MAX_TRACES);
    }
    LI_TRY(make_spec(&w, &spec));
    w.name = li_arena_alloc(&p->draft.arena, 2 * c->trace_count * sizeof *w.name, p->draft.err);
    if (!w.name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < c->trace_count; i++) {
        w.single = w.single || (c->trace[i].leaf_count == 1 && c->trace[i].leaf[0].output != LI_NONE);
    }
    for (size_t i = 0; i < c->trace_count; i++) {
        lince_status st = wrap_trace(&w, &c->trace[i]);
        if (st) {
            return li_prefix(p->draft.err, st, "%s", c->name);
        }
    }
    if (!w.names) {
        return li_fail(p->draft.err, LINCE_EINVAL, "%s: no trace of it gives %s%.200s", c->name,
                       p->what->output ? "" : "one tensor, or one that stands out",
                       p->what->output ? p->what->output : "");
    }
    return li_draft_callable(&p->draft, w.name, w.names, spec, out);
}
