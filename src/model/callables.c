/*
 * What can be called: functions of the root object, its callable sub-objects, its signatures, its losses; and their
 * traces.
 */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct li_model *model;
    struct li_callable *to;
    lince_error *err;
};

/* ---- Traces ---- */

static lince_status read_result(struct li_trace *t, const Tf__StructuredValue *value, struct li_arena *arena,
                                lince_error *err)
{
    struct li_arg *result = li_arena_calloc(arena, 1, sizeof *result, err);

    if (!result) {
        return LINCE_ENOMEM;
    }
    t->result = result; /* all zero is None: a function that returns nothing */
    result->input = LI_NONE;
    if (value && value->kind_case) {
        LI_TRY(li_value_read(result, value, "its result", arena, err));
    }
    return li_result_leaves(t, arena, err);
}

static lince_status read_arguments(struct li_trace *t, const Tf__StructuredValue *value, struct li_arena *arena,
                                   lince_error *err)
{
    struct li_arg *both = li_arena_calloc(arena, 1, sizeof *both, err);

    if (!both) {
        return LINCE_ENOMEM;
    }
    if (value && value->kind_case) {
        LI_TRY(li_value_read(both, value, "its arguments", arena, err));
    }
    if (both->kind != LI_ARG_TUPLE || both->count != 2 || both->child[0].kind != LI_ARG_TUPLE ||
        both->child[1].kind != LI_ARG_DICT) {
        return li_fail(err, LINCE_EINVAL, "its arguments are no pair of a tuple and a dict");
    }
    t->args = &both->child[0];
    t->kwargs = &both->child[1];
    return li_value_specs((const struct li_arg *[]){t->args, t->kwargs}, 2, &t->spec, &t->spec_count, arena, err);
}

static lince_status check_captures(const struct li_model *m, const Tf__SavedConcreteFunction *saved, lince_error *err)
{
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        if (saved->bound_inputs[i] < 0 || saved->bound_inputs[i] >= m->object_count) {
            return li_fail(err, LINCE_EINVAL, "it captures object %d, the graph has %d", saved->bound_inputs[i],
                           m->object_count);
        }
    }
    return LINCE_OK;
}

static lince_status read_trace_parts(struct li_trace *t, const struct reader *r)
{
    struct li_arena *arena = &r->model->arena;
    const Tf__SavedConcreteFunction *saved = li_object_concrete(r->model, t->function);

    if (!saved) {
        return li_fail(r->err, LINCE_EINVAL, "the object graph has no such concrete function");
    }
    t->saved = saved;
    LI_TRY(check_captures(r->model, saved, r->err));
    LI_TRY(read_arguments(t, saved->canonicalized_input_signature, arena, r->err));
    return read_result(t, saved->output_signature, arena, r->err);
}

static lince_status read_traces(const struct reader *r, char *const *functions, size_t count)
{
    struct li_trace *list = li_arena_calloc(&r->model->arena, count, sizeof *list, r->err);

    if (!list) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        list[i].function = functions[i];
        lince_status st = read_trace_parts(&list[i], r);
        if (st) {
            return li_prefix(r->err, st, "trace \"%.200s\"", functions[i]);
        }
    }
    r->to->trace = list;
    r->to->trace_count = count;
    return LINCE_OK;
}

/* What needs the parameters too, which a bare function reads after its trace. */
static lince_status write_texts(const struct reader *r)
{
    for (size_t i = 0; i < r->to->trace_count; i++) {
        LI_TRY(li_spec_paths((struct li_trace *)&r->to->trace[i], r->to, &r->model->arena, r->err));
        LI_TRY(li_trace_text((struct li_trace *)&r->to->trace[i], r->to, &r->model->arena, r->err));
    }
    return LINCE_OK;
}

/* ---- Callables ---- */

static lince_status read_function(const struct reader *r, const Tf__SavedFunction *function)
{
    LI_TRY(li_spec_read(r->to, function->function_spec, &r->model->arena, r->err));
    return read_traces(r, function->concrete_functions, function->n_concrete_functions);
}

static lince_status check_keywords(const Tf__SavedBareConcreteFunction *bare, size_t specs, lince_error *err)
{
    if (bare->n_argument_keywords != specs) {
        return li_fail(err, LINCE_EINVAL, "it names %zu arguments, its trace takes %zu tensors",
                       bare->n_argument_keywords, specs);
    }
    for (size_t i = 0; i < bare->n_argument_keywords; i++) {
        if (strlen(bare->argument_keywords[i]) > LI_MAX_NAME) {
            return li_fail(err, LINCE_ELIMIT, "the name of argument %zu has %zu bytes, the limit is %d", i,
                           strlen(bare->argument_keywords[i]), LI_MAX_NAME);
        }
    }
    return LINCE_OK;
}

/* A signature with one input takes it by position too, whatever the file says. */
static lince_status read_bare(const struct reader *r, const Tf__SavedBareConcreteFunction *bare, bool signature)
{
    struct li_callable *c = r->to;
    int64_t allowed = bare->allowed_positional_arguments;

    c->bare = true;
    LI_TRY(read_traces(r, &bare->concrete_function_name, 1));
    LI_TRY(check_keywords(bare, c->trace[0].spec_count, r->err));
    struct li_parameter *list = li_arena_calloc(&r->model->arena, bare->n_argument_keywords, sizeof *list, r->err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    c->parameter = list;
    c->parameter_count = bare->n_argument_keywords;
    c->positional = allowed < 0 ? 0 : LI_MIN((size_t)allowed, c->parameter_count);
    if (signature) {
        c->positional = c->parameter_count == 1 ? 1 : 0;
    }
    c->positional_count = c->positional;
    for (size_t i = 0; i < c->parameter_count; i++) {
        list[i].name = bare->argument_keywords[i];
        list[i].keyword_only = i >= c->positional;
    }
    return LINCE_OK;
}

/* The function that calling this object runs, or LI_NONE. */
static int32_t function_of(const struct li_model *m, int32_t object)
{
    switch (m->object[object]->kind_case) {
    case TF__SAVED_OBJECT__KIND_FUNCTION:
    case TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION:
        return object;
    case TF__SAVED_OBJECT__KIND_USER_OBJECT: {
        int32_t call = li_object_child(m, object, "__call__");
        bool found = call != LI_NONE && (m->object[call]->kind_case == TF__SAVED_OBJECT__KIND_FUNCTION ||
                                         m->object[call]->kind_case == TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION);
        return found ? call : LI_NONE;
    }
    default:
        return LI_NONE;
    }
}

/* function: what function_of() gave. */
static lince_status read_callable(struct li_model *m, struct li_callable *to, const char *name, int32_t function,
                                  bool signature, lince_error *err)
{
    const struct reader r = {m, to, err};
    const Tf__SavedObject *o = m->object[function];

    *to = (struct li_callable){.model = m, .name = name, .object = function};
    lince_status st = o->kind_case == TF__SAVED_OBJECT__KIND_FUNCTION
                          ? read_function(&r, o->function)
                          : read_bare(&r, o->bare_concrete_function, signature);
    st = st ? st : write_texts(&r);
    return st ? li_prefix(err, st, "function \"%.200s\"", name) : LINCE_OK;
}

static lince_status add_callable(struct li_model *m, const char *name, int32_t function, bool signature,
                                 lince_error *err)
{
    LI_TRY(read_callable(m, &m->callable[m->callable_count], name, function, signature, err));
    m->callable_count++;
    return LINCE_OK;
}

struct child {
    const char *name;
    size_t place;
};

/* By name; of equal names, the last first. */
static int compare_children(const void *a, const void *b)
{
    const struct child *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : (x->place < y->place) - (x->place > y->place);
}

/* By child, whether it is an attribute: the last of a name is, those before it were replaced. */
static lince_status find_attributes(const struct li_model *m, int32_t object, bool **out, lince_error *err)
{
    const Tf__SavedObject *o = m->object[object];
    bool *is = li_calloc(m->mem, o->n_children + 1, sizeof *is, err);
    struct child *sorted = is ? li_calloc(m->mem, o->n_children + 1, sizeof *sorted, err) : NULL;

    if (!sorted) {
        li_free(m->mem, is);
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < o->n_children; i++) {
        sorted[i] = (struct child){o->children[i]->local_name, i};
    }
    qsort(sorted, o->n_children, sizeof *sorted, compare_children);
    for (size_t i = 0; i < o->n_children; i++) {
        is[sorted[i].place] = !i || strcmp(sorted[i].name, sorted[i - 1].name);
    }
    li_free(m->mem, sorted);
    *out = is;
    return LINCE_OK;
}

/* Those of the root's children whose being callable says that they are functions, or else objects with a `__call__`. */
static lince_status add_children(struct li_model *m, const bool *is_attribute, bool functions, lince_error *err)
{
    const Tf__SavedObject *root = m->object[0];

    for (size_t i = 0; i < root->n_children; i++) {
        int32_t child = root->children[i]->node_id, function = function_of(m, child);
        if (function == LI_NONE || (function == child) != functions || child == 0 ||
            !strcmp(root->children[i]->local_name, "__call__") || !is_attribute[i]) {
            continue;
        }
        LI_TRY(add_callable(m, root->children[i]->local_name, function, false, err));
    }
    return LINCE_OK;
}

static lince_status add_signatures(struct li_model *m, const bool *is_attribute, int32_t map, lince_error *err)
{
    const Tf__SavedObject *o = m->object[map];

    for (size_t i = 0; i < o->n_children; i++) {
        int32_t function = function_of(m, o->children[i]->node_id);
        if (function == LI_NONE || !is_attribute[i]) {
            continue;
        }
        const char *name = li_arena_printf(&m->arena, err, "signatures.%s", o->children[i]->local_name);
        if (!name) {
            return LINCE_ENOMEM;
        }
        LI_TRY(add_callable(m, name, function, true, err));
    }
    return LINCE_OK;
}

static lince_status open_losses(struct li_model *m, lince_error *err)
{
    int32_t object = li_object_child(m, 0, "regularization_losses"), *elements = NULL;
    int64_t count = -1;

    if (object != LI_NONE) {
        LI_TRY(li_object_list(m, object, "regularization_losses", &elements, &count, &m->arena, err));
    }
    if (count < 0) {
        return LINCE_OK;
    }
    m->loss = li_arena_calloc(&m->arena, (size_t)count, sizeof *m->loss, err);
    if (!m->loss) {
        return LINCE_ENOMEM;
    }
    m->loss_count = 0;
    for (int64_t i = 0; i < count; i++) {
        int32_t function = elements[i] == LI_NONE ? LI_NONE : function_of(m, elements[i]);
        if (function == LI_NONE) {
            return li_fail(err, LINCE_EINVAL, "regularization loss %lld is %s, wanted a function", (long long)i,
                           elements[i] == LI_NONE ? "missing" : li_object_kind(m->object[elements[i]]));
        }
        const char *name = li_arena_printf(&m->arena, err, "regularization_losses.%lld", (long long)i);
        if (!name) {
            return LINCE_ENOMEM;
        }
        LI_TRY(read_callable(m, &m->loss[i], name, function, false, err));
        m->loss_count++;
    }
    return LINCE_OK;
}

static lince_status make_room(struct li_model *m, int32_t signatures, lince_error *err)
{
    size_t n = m->object[0]->n_children + 1, s = signatures == LI_NONE ? 0 : m->object[signatures]->n_children;

    if (n > LI_MAX_ATTRIBUTES || s > LI_MAX_ATTRIBUTES) {
        return li_fail(err, LINCE_ELIMIT, "the root object has %zu attributes and %zu signatures, the limit is %d",
                       n - 1, s, LI_MAX_ATTRIBUTES);
    }
    m->callable = li_arena_calloc(&m->arena, n + s, sizeof *m->callable, err);
    return m->callable ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status open_children(struct li_model *m, lince_error *err)
{
    bool *is_attribute;

    LI_TRY(find_attributes(m, 0, &is_attribute, err));
    lince_status st = add_children(m, is_attribute, true, err);
    st = st ? st : add_children(m, is_attribute, false, err);
    li_free(m->mem, is_attribute);
    return st;
}

static lince_status open_signatures(struct li_model *m, int32_t map, lince_error *err)
{
    bool *is_attribute;

    LI_TRY(find_attributes(m, map, &is_attribute, err));
    lince_status st = add_signatures(m, is_attribute, map, err);
    li_free(m->mem, is_attribute);
    return st;
}

lince_status li_callables_open(struct li_model *m, lince_error *err)
{
    int32_t call = li_object_child(m, 0, "__call__"), signatures = li_object_child(m, 0, "signatures");

    LI_TRY(make_room(m, signatures, err));
    if (call != LI_NONE && function_of(m, call) != LI_NONE) {
        LI_TRY(add_callable(m, "__call__", function_of(m, call), false, err));
    }
    LI_TRY(open_children(m, err));
    if (signatures != LI_NONE) {
        LI_TRY(open_signatures(m, signatures, err));
    }
    return open_losses(m, err);
}

/* ---- Looking up ---- */

size_t li_model_callable_count(const struct li_model *m)
{
    return m->callable_count;
}

struct li_callable *li_model_callable_at(struct li_model *m, size_t i)
{
    return i < m->callable_count ? &m->callable[i] : NULL;
}

lince_status li_model_callable(struct li_model *m, const char *name, struct li_callable **out, lince_error *err)
{
    char list[1024];
    struct li_text text = {list, sizeof list, 0};

    name = name ? name : "__call__";
    list[0] = '\0';
    for (size_t i = 0; i < m->callable_count; i++) {
        if (!strcmp(m->callable[i].name, name)) {
            *out = &m->callable[i];
            return LINCE_OK;
        }
        li_text_add(&text, "%s%s", i ? ", " : "", m->callable[i].name);
    }
    return li_fail(err, LINCE_ENOENT, "the model has no callable \"%.200s\"; it has %s", name,
                   m->callable_count ? list : "none");
}

int64_t li_model_loss_count(const struct li_model *m)
{
    return m->loss_count;
}

struct li_callable *li_model_loss(struct li_model *m, size_t i)
{
    return (int64_t)i < m->loss_count ? &m->loss[i] : NULL;
}
