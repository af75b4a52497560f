/*
 * What can be called in a model of TensorFlow 1: its signatures, each a piece of one graph between tensors that it
 * names.
 */
#include "model/section.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct li_model *model;
    const char *key;
    lince_error *err;
};

/* ---- Maps ---- */

struct entry {
    const Tf__TensorInfoEntry *entry;
    size_t place;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->entry->key, y->entry->key);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Sorted by key; of equal keys the last counts. Into the model's arena, which the texts of the file outlive. */
static lince_status sort(const struct reader *r, Tf__TensorInfoEntry *const *entries, size_t count, struct entry **out,
                         size_t *n)
{
    struct entry *sorted = li_arena_calloc(&r->model->arena, count, sizeof *sorted, r->err);
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct entry){entries[i], i};
        if (strlen(entries[i]->key) > LI_MAX_NAME) {
            return li_fail(r->err, LINCE_ELIMIT, "a name has %zu bytes, the limit is %d", strlen(entries[i]->key),
                           LI_MAX_NAME);
        }
    }
    qsort(sorted, count, sizeof *sorted, compare_entries);
    *n = 0;
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count || strcmp(sorted[i].entry->key, sorted[i + 1].entry->key) != 0;
        sorted[*n] = sorted[i];
        *n += last;
    }
    *out = sorted;
    return LINCE_OK;
}

/* ---- Tensors ---- */

enum { REFERENCE = 100 }; /* on top of the dtype of what a reference refers to */

static lince_status read_info(const struct reader *r, const Tf__TensorInfoEntry *entry, struct li_arg *out,
                              const char **tensor, struct li_port *port)
{
    static const Tf__TensorInfo empty = TF__TENSOR_INFO__INIT;
    const Tf__TensorInfo *info = entry->value ? entry->value : &empty;
    int32_t dtype = info->dtype > REFERENCE ? info->dtype - REFERENCE : info->dtype;
    if (info->encoding_case != TF__TENSOR_INFO__ENCODING_NAME) {
        return li_fail(r->err, LINCE_EUNSUPPORTED, "\"%.200s\" is no dense tensor", entry->key);
    }
    *tensor = info->name;
    *port = (struct li_port){.name = entry->key, .type = dtype};
    LI_TRY(li_value_spec(out, dtype, info->tensor_shape, entry->key, "its tensors", r->err));
    return out->kind == LI_ARG_SPEC ? LINCE_OK
                                    : li_fail(r->err, LINCE_EUNSUPPORTED, "\"%.200s\" is %s", entry->key, out->text);
}

/* A dict of specs, the tensors they are and how ports of a body call them. */
static lince_status read_tensors(const struct reader *r, Tf__TensorInfoEntry *const *entries, size_t count,
                                 struct li_arg *dict, const char ***tensors, struct li_port **ports)
{
    struct li_arena *arena = &r->model->arena;
    struct entry *sorted = NULL;
    size_t n = 0;
    LI_TRY(sort(r, entries, count, &sorted, &n));
    *dict = (struct li_arg){.kind = LI_ARG_DICT, .input = LI_NONE, .count = n};
    dict->child = li_arena_calloc(arena, n, sizeof *dict->child, r->err);
    dict->name = li_arena_calloc(arena, n, sizeof *dict->name, r->err);
    *tensors = li_arena_calloc(arena, n, sizeof **tensors, r->err);
    *ports = li_arena_calloc(arena, n, sizeof **ports, r->err);
    if (!dict->child || !dict->name || !*tensors || !*ports) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        dict->name[i] = sorted[i].entry->key;
        LI_TRY(read_info(r, sorted[i].entry, &dict->child[i], &(*tensors)[i], &(*ports)[i]));
    }
    return LINCE_OK;
}

/* ---- Callables ---- */

static lince_status read_trace(const struct reader *r, const Tf__SignatureDef *def, struct li_trace *t)
{
    struct li_arena *arena = &r->model->arena;
    struct li_section *s = li_arena_calloc(arena, 1, sizeof *s, r->err);
    struct li_arg *all = li_arena_calloc(arena, 3, sizeof *all, r->err);
    if (!s || !all) {
        return LINCE_ENOMEM;
    }
    struct li_arg *args = &all[0], *kwargs = &all[1], *result = &all[2];
    *args = (struct li_arg){.kind = LI_ARG_TUPLE, .input = LI_NONE};
    LI_TRY(read_tensors(r, def->inputs, def->n_inputs, kwargs, &s->feed, &s->arg));
    LI_TRY(read_tensors(r, def->outputs, def->n_outputs, result, &s->fetch, &s->result));
    for (size_t i = 0; i < result->count; i++) {
        result->child[i].text = NULL; /* the dict names them */
    }
    *t = (struct li_trace){.function = r->key, .args = args, .kwargs = kwargs, .result = result, .section = s};
    s->name = r->key;
    s->feeds = kwargs->count;
    s->fetches = result->count;
    LI_TRY(li_value_specs((const struct li_arg *[]){kwargs}, 1, &t->spec, &t->spec_count, arena, r->err));
    return li_result_leaves(t, arena, r->err);
}

/* Each part of the result is one leaf, in the same order. */
const char *li_trace_tensor(const struct li_trace *trace, size_t leaf)
{
    return trace->section && leaf < trace->section->fetches ? trace->section->fetch[leaf] : NULL;
}

static lince_status read_parameters(const struct reader *r, struct li_callable *c)
{
    const struct li_arg *kwargs = c->trace->kwargs;
    struct li_parameter *list = li_arena_calloc(&r->model->arena, kwargs->count, sizeof *list, r->err);
    if (!list) {
        return LINCE_ENOMEM;
    }
    c->parameter = list;
    c->parameter_count = kwargs->count;
    c->positional = c->positional_count = kwargs->count == 1 ? 1 : 0;
    for (size_t i = 0; i < kwargs->count; i++) {
        list[i] = (struct li_parameter){.name = kwargs->name[i], .keyword_only = kwargs->count != 1};
    }
    return LINCE_OK;
}

static lince_status read_signature(const struct reader *r, const Tf__SignatureDef *def, struct li_callable *c)
{
    struct li_trace *t = li_arena_calloc(&r->model->arena, 1, sizeof *t, r->err);
    if (strlen(r->key) > LI_MAX_NAME) {
        return li_fail(r->err, LINCE_ELIMIT, "its name has %zu bytes, the limit is %d", strlen(r->key), LI_MAX_NAME);
    }
    *c = (struct li_callable){.model = r->model,
                              .object = LI_NONE,
                              .bare = true,
                              .name = li_arena_printf(&r->model->arena, r->err, "signatures.%s", r->key)};
    if (!t || !c->name) {
        return LINCE_ENOMEM;
    }
    LI_TRY(read_trace(r, def, t));
    c->trace = t;
    c->trace_count = 1;
    LI_TRY(read_parameters(r, c));
    LI_TRY(li_spec_paths(t, c, &r->model->arena, r->err));
    return li_trace_text(t, c, &r->model->arena, r->err);
}

/* Some entries are no signatures: they name what initializes the model, or trains it. */
static bool is_callable(const char *key)
{
    return strcmp(key, "__saved_model_init_op") != 0 && strcmp(key, "__saved_model_train_op") != 0;
}

/* An entry is the one that counts when none after it has its key. */
static bool is_last(const Tf__MetaGraphDef *def, size_t i)
{
    for (size_t k = i + 1; k < def->n_signature_def; k++) {
        if (strcmp(def->signature_def[k]->key, def->signature_def[i]->key) == 0) {
            return false;
        }
    }
    return true;
}

lince_status li_signatures_open(struct li_model *m, lince_error *err)
{
    static const Tf__SignatureDef empty = TF__SIGNATURE_DEF__INIT;
    const Tf__MetaGraphDef *def = m->meta->def;
    if (def->n_signature_def > LI_MAX_SIGNATURES) {
        return li_fail(err, LINCE_ELIMIT, "%zu signatures, the limit is %d", def->n_signature_def, LI_MAX_SIGNATURES);
    }
    m->callable = li_arena_calloc(&m->arena, def->n_signature_def, sizeof *m->callable, err);
    if (!m->callable) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < def->n_signature_def; i++) {
        const struct reader r = {m, def->signature_def[i]->key, err};
        if (!is_callable(r.key) || !is_last(def, i)) {
            continue;
        }
        const Tf__SignatureDef *signature = def->signature_def[i]->value;
        lince_status st = read_signature(&r, signature ? signature : &empty, &m->callable[m->callable_count]);
        if (st) {
            return li_prefix(err, st, "signature \"%.200s\"", r.key);
        }
        m->callable_count++;
    }
    return LINCE_OK;
}
