/*
 * Signatures for TensorFlow Serving: a placeholder for each input, a call, and the table that names both.
 *
 * layers: graphs of files
 */
#include "model/draft.h"

#include <stdio.h>
#include <string.h>

enum { META_SIGNATURE = 5, KEY = 1, VALUE = 2 };
enum { SIGNATURE_INPUTS = 1, SIGNATURE_OUTPUTS = 2, SIGNATURE_METHOD = 3 };

/* What a signature takes and gives. */
struct parts {
    const char *key, *function;
    char *const *keyword;
    const struct li_arg *const *input;
    size_t inputs;
    const struct li_arg *result; /* a dict */
};

static void tensor_info(struct li_out *out, uint32_t field, const char *key, const char *node, size_t output,
                        const struct li_arg *spec)
{
    char text[LI_MAX_NAME + 32];
    snprintf(text, sizeof text, "%s:%zu", node, output);
    size_t entry = li_out_open(out, field);
    li_out_text(out, KEY, key);
    size_t info = li_out_open(out, VALUE);
    li_out_text(out, 1, text);
    li_out_int(out, 2, spec->dtype);
    li_shape_out(out, 3, &spec->shape);
    li_out_close(out, info);
    li_out_close(out, entry);
}

static lince_status write_inputs(struct li_saving *s, const struct parts *p, struct li_out *graph, struct li_out *defs,
                                 const char **node, int32_t *type)
{
    for (size_t i = 0; i < p->inputs; i++) {
        const char *wanted = li_arena_printf(&s->draft->arena, s->draft->err, "%s_%s", p->key, p->keyword[i]);
        if (!wanted) {
            return LINCE_ENOMEM;
        }
        LI_TRY(li_save_node_name(s, wanted, &node[i]));
        type[i] = p->input[i]->dtype;
        size_t at = li_node_open(graph, LI_IN_GRAPH, "Placeholder", node[i]);
        li_attr_type_out(graph, "dtype", type[i]);
        li_attr_shape_out(graph, "shape", &p->input[i]->shape);
        li_out_close(graph, at);
        tensor_info(defs, SIGNATURE_INPUTS, p->keyword[i], node[i], 0, p->input[i]);
    }
    return LINCE_OK;
}

static lince_status write_call(struct li_saving *s, const struct parts *p, struct li_out *graph, struct li_out *defs)
{
    struct li_draft *d = s->draft;
    const char **node = li_arena_alloc(&d->arena, (p->inputs + 1) * sizeof *node, d->err);
    int32_t *type = li_arena_alloc(&d->arena, (p->inputs + p->result->count + 1) * sizeof *type, d->err);
    const char *call;
    if (!node || !type) {
        return LINCE_ENOMEM;
    }
    LI_TRY(write_inputs(s, p, graph, defs, node, type));
    LI_TRY(li_save_node_name(s, "StatefulPartitionedCall", &call));
    for (size_t i = 0; i < p->result->count; i++) {
        type[p->inputs + i] = p->result->child[i].dtype;
        tensor_info(defs, SIGNATURE_OUTPUTS, p->result->name[i], call, i, &p->result->child[i]);
    }
    li_out_text(defs, SIGNATURE_METHOD, "tensorflow/serving/predict");
    return li_save_call(s, graph, call, p->function, node, type, p->inputs, type + p->inputs, p->result->count);
}

static bool all_specs(const struct li_arg *result)
{
    bool all = result->kind == LI_ARG_DICT;
    for (size_t i = 0; all && i < result->count; i++) {
        all = result->child[i].kind == LI_ARG_SPEC;
    }
    return all;
}

/* *p->result stays NULL when the object is no signature that Serving could call. */
static lince_status read_parts(struct parts *p, const struct li_draft *d, const Tf__SavedObject *o,
                               struct li_arena *arena)
{
    const Tf__SavedBareConcreteFunction *bare = o->bare_concrete_function;
    const Tf__SavedConcreteFunction *concrete = li_draft_concrete(d, bare->concrete_function_name);
    struct li_arg *both = li_arena_calloc(arena, 2, sizeof *both, d->err);
    if (!both) {
        return LINCE_ENOMEM;
    }
    if (!concrete || !concrete->canonicalized_input_signature || !concrete->output_signature) {
        return LINCE_OK;
    }
    LI_TRY(li_value_read(&both[0], concrete->canonicalized_input_signature, "its arguments", arena, d->err));
    LI_TRY(li_value_read(&both[1], concrete->output_signature, "its result", arena, d->err));
    const struct li_arg *arguments = both;
    LI_TRY(li_value_specs(&arguments, 1, &p->input, &p->inputs, arena, d->err));
    p->function = bare->concrete_function_name;
    p->keyword = bare->argument_keywords;
    p->result = all_specs(&both[1]) && bare->n_argument_keywords == p->inputs ? &both[1] : NULL;
    return LINCE_OK;
}

static lince_status write_signature(struct li_saving *s, const char *key, const Tf__SavedObject *o,
                                    struct li_out *graph, struct li_out *defs)
{
    struct parts p = {.key = key};
    if (o->kind_case != TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION) {
        return LINCE_OK;
    }
    lince_status st = read_parts(&p, s->draft, o, &s->draft->arena);
    if (st || !p.result) {
        return st ? li_prefix(s->draft->err, st, "signature \"%.200s\"", key) : LINCE_OK;
    }
    size_t entry = li_out_open(defs, META_SIGNATURE);
    li_out_text(defs, KEY, key);
    size_t value = li_out_open(defs, VALUE);
    st = write_call(s, &p, graph, defs);
    li_out_close(defs, value);
    li_out_close(defs, entry);
    return st;
}

lince_status li_save_signatures(struct li_saving *s, struct li_out *graph, struct li_out *defs)
{
    const struct li_draft *d = s->draft;
    const Tf__SavedObject *root = d->object[d->root], *map = NULL;
    for (size_t i = 0; i < root->n_children; i++) {
        bool is_map = strcmp(root->children[i]->local_name, "signatures") == 0;
        map = is_map ? d->object[root->children[i]->node_id] : map;
    }
    for (size_t i = 0; map && i < map->n_children; i++) {
        const char *key = map->children[i]->local_name;
        LI_TRY(write_signature(s, key, d->object[map->children[i]->node_id], graph, defs));
    }
    return LINCE_OK;
}
