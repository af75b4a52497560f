/* Bodies from FunctionDefs, each unpacked when it is first needed. */
#include "model/special.h"

#include <stdlib.h>
#include <string.h>

struct name {
    const char *text;
    size_t len;
    int32_t place; /* of a part; -1 - i: of argument i */
};

struct maker {
    struct li_model *model;
    const Tf__FunctionDef *def;
    const Tf__OpDef *signature;
    struct li_body *body;
    struct li_arena *arena;  /* the model's */
    struct li_arena scratch; /* of this function's resolving */
    struct name *names;      /* of arguments and nodes, sorted */
    size_t name_count;
    lince_error *err;
};

/* ---- Names ---- */

static int compare_entries(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = li_compare_names(x->text, x->len, y->text, y->len);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static lince_status check_name(const char *name, lince_error *err)
{
    if (strlen(name) > LI_MAX_NAME) {
        return li_fail(err, LINCE_ELIMIT, "a name has %zu bytes, the limit is %d", strlen(name), LI_MAX_NAME);
    }
    return LINCE_OK;
}

static lince_status sort_names(struct maker *m)
{
    qsort(m->names, m->name_count, sizeof *m->names, compare_entries);
    for (size_t i = 1; i < m->name_count; i++) {
        const struct name *a = &m->names[i - 1], *b = &m->names[i];
        if (li_compare_names(a->text, a->len, b->text, b->len) == 0) {
            return li_fail(m->err, LINCE_EINVAL, "two nodes or arguments have the name \"%.200s\"", b->text);
        }
    }
    return LINCE_OK;
}

static lince_status index_names(struct maker *m)
{
    size_t n = 0;
    m->names = li_arena_alloc(&m->scratch, (m->signature->n_input_arg + m->def->n_node_def) * sizeof *m->names, m->err);
    if (!m->names) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < m->body->args; i++) {
        const char *name = m->signature->input_arg[i]->name;
        LI_TRY(check_name(name, m->err));
        m->names[n++] = (struct name){name, strlen(name), -1 - i};
    }
    for (int32_t i = 0; i < m->body->parts; i++) {
        const char *name = m->def->node_def[i]->name;
        LI_TRY(check_name(name, m->err));
        m->names[n++] = (struct name){name, strlen(name), i};
    }
    m->name_count = n;
    return sort_names(m);
}

static const struct name *find_name(const struct maker *m, const char *text, size_t len)
{
    size_t low = 0, high = m->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = li_compare_names(m->names[middle].text, m->names[middle].len, text, len);
        if (!order) {
            return &m->names[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* ---- Sources ---- */

/* A decimal number below 2^20 and nothing else; -1 otherwise. */
static int32_t small_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 7 && !text[digits] ? (int32_t)strtol(text, NULL, 10) : -1;
}

/* "arg", "arg:0", "node:output:index", "node:output", "^node". who reads it, for messages. */
static lince_status resolve(struct maker *m, const char *text, const char *who, struct li_source *out)
{
    const char *start = text + (*text == '^');
    size_t len = strcspn(start, ":");
    const struct name *name = find_name(m, start, len);
    const char *rest = start + len + (start[len] == ':');
    *out = (struct li_source){.control = *text == '^'};
    if (!name) {
        return li_fail(m->err, LINCE_EINVAL, "%.200s reads \"%.200s\", and there is no such node or argument", who,
                       text);
    }
    out->node = name->place < 0 ? LI_NONE : name->place;
    out->index = name->place < 0 ? -1 - name->place : 0;
    if (out->control || name->place < 0) {
        return *rest && (out->control || strcmp(rest, "0") != 0)
                   ? li_fail(m->err, LINCE_EINVAL, "%.200s reads \"%.200s\", which makes no sense", who, text)
                   : LINCE_OK;
    }
    out->output = rest;
    out->output_len = (int32_t)LI_MIN(strcspn(rest, ":"), (size_t)LI_MAX_NAME);
    out->whole = !rest[out->output_len];
    if (!out->whole) {
        out->index = small_number(rest + out->output_len + 1);
    }
    if (!out->output_len || out->index < 0) {
        return li_fail(m->err, LINCE_EINVAL, "%.200s reads \"%.200s\"; wanted NODE:OUTPUT:INDEX", who, text);
    }
    return LINCE_OK;
}

/* ---- Parts ---- */

/* "node:k" or "arg:0", k among all that the node gives; false: it is of another function, or nothing here. */
static bool resolve_captured(const struct maker *m, const Tf__CapturedTensor *captured, struct li_source *out)
{
    size_t len = strcspn(captured->name, ":");
    const struct name *name = find_name(m, captured->name, len);
    int32_t number = captured->name[len] ? small_number(captured->name + len + 1) : -1;
    if (!name || number < 0 || strcmp(captured->concrete_function, m->body->name) != 0) {
        return false;
    }
    *out = name->place < 0 ? (struct li_source){.node = LI_NONE, .index = -1 - name->place}
                           : (struct li_source){.node = name->place, .index = number};
    return true;
}

/* All that the gradient saved for the part captures here; or nothing of it, where something is not here. */
static lince_status add_saved(struct maker *m, struct li_part *part)
{
    const char *type = li_attrs_text(part, LI_GRADIENT_TYPE, &m->scratch, m->err), *function;
    LI_TRY(type ? li_registered_find(&function, m->model, type, m->err) : LINCE_ENOMEM);
    const Tf__SavedConcreteFunction *saved = function ? li_object_concrete(m->model, function) : NULL;
    if (!saved) {
        return LINCE_OK;
    }
    size_t nin = (size_t)part->nin;
    struct li_source *in = li_arena_alloc(m->arena, (nin + saved->n_bound_inputs) * sizeof *in, m->err);
    if (!in) {
        return LINCE_ENOMEM;
    }
    memcpy(in, part->in, nin * sizeof *in);
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        const Tf__CapturedTensor *captured = li_registered_captured(m->model, saved, i);
        if (captured && !resolve_captured(m, captured, &in[nin++])) {
            return LINCE_OK;
        }
    }
    part->saved = (int32_t)nin - part->nin;
    part->nin = (int32_t)nin;
    part->in = in;
    return LINCE_OK;
}

static lince_status fill_part(struct maker *m, struct li_part *part, const Tf__NodeDef *node)
{
    *part = li_special_part(node);
    part->in = li_arena_alloc(m->arena, node->n_input * sizeof *part->in, m->err);
    if (!part->in) {
        return LINCE_ENOMEM;
    }
    for (size_t k = 0; k < node->n_input; k++) {
        LI_TRY(resolve(m, node->input[k], node->name, &part->in[part->nin++]));
    }
    return li_attrs_has(part, LI_GRADIENT_TYPE) ? add_saved(m, part) : LINCE_OK;
}

static lince_status fill_parts(struct maker *m)
{
    for (int32_t i = 0; i < m->body->parts; i++) {
        LI_TRY(fill_part(m, &m->body->part[i], m->def->node_def[i]));
    }
    return LINCE_OK;
}

static struct li_port port_of(const Tf__OpDef__ArgDef *arg)
{
    return (struct li_port){arg->name, arg->type, *arg->number_attr || *arg->type_list_attr};
}

static int compare_returns(const void *a, const void *b)
{
    return strcmp((*(Tf__StringEntry *const *)a)->key, (*(Tf__StringEntry *const *)b)->key);
}

static lince_status fill_results(struct maker *m)
{
    const Tf__FunctionDef *def = m->def;
    Tf__StringEntry **sorted = li_arena_alloc(&m->scratch, def->n_ret * sizeof *sorted, m->err);
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    if (def->n_ret) {
        memcpy(sorted, def->ret, def->n_ret * sizeof *sorted);
        qsort(sorted, def->n_ret, sizeof *sorted, compare_returns);
    }
    for (int32_t i = 0; i < m->body->results; i++) {
        m->body->result[i] = port_of(m->signature->output_arg[i]);
        Tf__StringEntry key = {.key = m->signature->output_arg[i]->name}, *wanted = &key, **found;
        LI_TRY(check_name(key.key, m->err));
        found = def->n_ret ? bsearch(&wanted, sorted, def->n_ret, sizeof *sorted, compare_returns) : NULL;
        if (!found) {
            return li_fail(m->err, LINCE_EINVAL, "its result \"%.200s\" is returned by no node", key.key);
        }
        LI_TRY(resolve(m, (*found)->value, "its result", &m->body->ret[i]));
    }
    return LINCE_OK;
}

/*
 * What the function does whether or not anything reads it. Of one that has no such list TensorFlow runs what is read.
 */
static lince_status mark_effects(struct maker *m)
{
    for (size_t i = 0; i < m->def->n_control_ret; i++) {
        const char *text = m->def->control_ret[i]->value;
        const struct name *name = find_name(m, text, strlen(text));
        if (!name) {
            return li_fail(m->err, LINCE_EINVAL, "its effect \"%.200s\" is of no node", text);
        }
        if (name->place >= 0) {
            m->body->part[name->place].effect = true;
        }
    }
    return LINCE_OK;
}

static lince_status fill(struct maker *m)
{
    for (int32_t i = 0; i < m->body->args; i++) {
        m->body->arg[i] = port_of(m->signature->input_arg[i]);
    }
    LI_TRY(index_names(m));
    LI_TRY(fill_parts(m));
    LI_TRY(fill_results(m));
    return mark_effects(m);
}

static lince_status make(struct li_body **out, struct li_model *model, const struct li_proto_item *item,
                         lince_error *err)
{
    static const Tf__OpDef nothing = TF__OP_DEF__INIT;
    struct maker m = {.model = model, .arena = &model->arena, .err = err};
    LI_TRY(li_proto_function(&m.def, item, m.arena, err));
    m.signature = m.def->signature ? m.def->signature : &nothing;
    LI_TRY(check_name(m.signature->name, err));
    LI_TRY(li_body_new(&m.body, m.def->n_node_def, m.signature->n_input_arg, m.signature->n_output_arg, m.arena, err));
    m.body->name = m.signature->name;
    li_arena_init(&m.scratch, model->mem, 0);
    lince_status st = fill(&m);
    li_arena_free(&m.scratch);
    LI_TRY(st);
    *out = m.body;
    return li_lower(out, model, err);
}

lince_status li_body_of_function(struct li_body **out, struct li_model *model, const char *name, lince_error *err)
{
    const struct li_proto_item *item = li_proto_find(&model->meta->functions, name);
    *out = NULL;
    if (!item) {
        return LINCE_OK;
    }
    struct li_body **slot = &model->function[item - model->meta->functions.item], *body = *slot;
    if (!body) {
        LI_TRY(make(&body, model, item, err));
        model->unpacked += body->size;
        *slot = body;
    }
    *out = body;
    return LINCE_OK;
}
