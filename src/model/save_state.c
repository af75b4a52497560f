/*
 * Nodes of graph_def that restore the variables from a checkpoint, and save them into one.
 *
 * layers: graphs of files
 */
#include "model/draft.h"

#include <string.h>

/* The variables that are written, by number. */
struct variables {
    int32_t *number, *type;
    lince_string *key, *slice;
    size_t count;
};

static lince_status find(struct variables *v, const struct li_saving *s)
{
    struct li_draft *d = s->draft;
    size_t n = (size_t)s->kept.objects;
    v->number = li_arena_alloc(&d->arena, n * sizeof *v->number, d->err);
    v->type = li_arena_alloc(&d->arena, n * sizeof *v->type, d->err);
    v->key = li_arena_alloc(&d->arena, n * sizeof *v->key, d->err);
    v->slice = li_arena_calloc(&d->arena, n, sizeof *v->slice, d->err);
    if (!v->number || !v->type || !v->key || !v->slice) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < s->kept.objects; i++) {
        if (s->key[i]) {
            v->number[v->count] = i;
            v->type[v->count] = d->object[s->kept.object[i]]->variable->dtype;
            v->key[v->count++] = (lince_string){s->key[i], strlen(s->key[i])};
        }
    }
    return LINCE_OK;
}

static void strings(struct li_out *graph, const char *name, const lince_string *text, size_t count)
{
    struct li_tensor tensor = {.dtype = LINCE_STRING,
                               .shape = {.rank = 1, .dim = {(int64_t)count}},
                               .data = (void *)(uintptr_t)text,
                               .size_bytes = count * sizeof *text};
    li_node_const(graph, LI_IN_GRAPH, name, &tensor);
}

struct names {
    const char *keys, *slices, *read, *written;
};

static lince_status restore(struct li_saving *s, struct li_out *graph, const struct li_saver *saver,
                            const struct variables *v, const struct names *name, struct li_out *group)
{
    size_t at = li_node_open(graph, LI_IN_GRAPH, "RestoreV2", name->read);
    li_node_input(graph, "%s", saver->filename);
    li_node_input(graph, "%s", name->keys);
    li_node_input(graph, "%s", name->slices);
    li_attr_types_out(graph, "dtypes", v->type, v->count);
    li_out_close(graph, at);
    for (size_t i = 0; i < v->count; i++) {
        const char *assign;
        LI_TRY(li_save_node_name(s, "restore/AssignVariableOp", &assign));
        at = li_node_open(graph, LI_IN_GRAPH, "AssignVariableOp", assign);
        li_out_text(graph, 3, s->node[v->number[i]]);
        li_node_input(graph, "%s:%zu", name->read, i);
        li_attr_type_out(graph, "dtype", v->type[i]);
        li_out_close(graph, at);
        li_node_input(group, "^%s", assign);
    }
    return LINCE_OK;
}

static lince_status save(struct li_saving *s, struct li_out *graph, const struct li_saver *saver,
                         const struct variables *v, const struct names *name)
{
    struct li_out values;
    li_out_init(&values, s->draft->mem, s->draft->err);
    lince_status st = LINCE_OK;
    for (size_t i = 0; i < v->count && !st; i++) {
        const char *read;
        st = li_save_node_name(s, "save/ReadVariableOp", &read);
        if (!st) {
            li_node_read(graph, LI_IN_GRAPH, read, s->node[v->number[i]], v->type[i]);
            li_node_input(&values, "%s", read);
        }
    }
    size_t at = li_node_open(graph, LI_IN_GRAPH, "SaveV2", name->written);
    li_node_input(graph, "%s", saver->filename);
    li_node_input(graph, "%s", name->keys);
    li_node_input(graph, "%s", name->slices);
    li_out_raw(graph, (struct li_bytes){values.data, values.len});
    li_attr_types_out(graph, "dtypes", v->type, v->count);
    li_out_close(graph, at);
    st = st ? st : values.status;
    li_out_free(&values);
    return st;
}

static lince_status name_nodes(struct li_saving *s, struct li_saver *saver, struct names *name)
{
    LI_TRY(li_save_node_name(s, "saver_filename", &saver->filename));
    LI_TRY(li_save_node_name(s, "save/control_dependency", &saver->save));
    LI_TRY(li_save_node_name(s, "restore_all", &saver->restore));
    LI_TRY(li_save_node_name(s, "init", &saver->init));
    LI_TRY(li_save_node_name(s, "saver/tensor_names", &name->keys));
    LI_TRY(li_save_node_name(s, "saver/shape_and_slices", &name->slices));
    LI_TRY(li_save_node_name(s, "restore/RestoreV2", &name->read));
    return li_save_node_name(s, "save/SaveV2", &name->written);
}

static lince_status write_nodes(struct li_saving *s, struct li_out *graph, struct li_saver *saver, struct li_out *group)
{
    struct variables v = {0};
    struct names name;
    LI_TRY(find(&v, s));
    LI_TRY(name_nodes(s, saver, &name));
    size_t at = li_node_open(graph, LI_IN_GRAPH, "Placeholder", saver->filename);
    li_attr_type_out(graph, "dtype", LINCE_STRING);
    li_attr_shape_out(graph, "shape", &(struct li_shape){.rank = 0});
    li_out_close(graph, at);
    if (v.count) {
        strings(graph, name.keys, v.key, v.count);
        strings(graph, name.slices, v.slice, v.count);
        LI_TRY(restore(s, graph, saver, &v, &name, group));
        LI_TRY(save(s, graph, saver, &v, &name));
    }
    at = li_node_open(graph, LI_IN_GRAPH, "NoOp", saver->restore);
    li_out_raw(graph, (struct li_bytes){group->data, group->len});
    li_out_close(graph, at);
    at = li_node_open(graph, LI_IN_GRAPH, "Identity", saver->save);
    li_node_input(graph, "%s", saver->filename);
    if (v.count) {
        li_node_input(graph, "^%s", name.written);
    }
    li_attr_type_out(graph, "T", LINCE_STRING);
    li_out_close(graph, at);
    return group->status;
}

lince_status li_save_state(struct li_saving *s, struct li_out *graph, struct li_saver *saver)
{
    struct li_out group;
    li_out_init(&group, s->draft->mem, s->draft->err);
    lince_status st = write_nodes(s, graph, saver, &group);
    li_out_free(&group);
    return st ? st : li_save_fills(s, graph, saver->init);
}
